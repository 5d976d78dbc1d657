"""The commands together, and what becomes of an error."""

from __future__ import annotations

import errno
import os
import sys
import traceback
from typing import Annotated

import typer
from typer.main import get_command

from sparseattn.cli.bench import bench
from sparseattn.cli.calibrate import calibrate
from sparseattn.cli.evaluate import evaluate
from sparseattn.cli.explain import explain
from sparseattn.cli.export import export
from sparseattn.cli.finetune import finetune
from sparseattn.cli.info import info
from sparseattn.cli.output import drop_notes, one_line, print_notes
from sparseattn.cli.pack import pack
from sparseattn.cli.predict import predict
from sparseattn.cli.report import report
from sparseattn.cli.segment import segment
from sparseattn.cli.simulate import simulate
from sparseattn.cli.train import train
from sparseattn.cli.watch import watch
from sparseattn.errors import InputError

INTERNAL, USAGE, INTERRUPTED = 1, 2, 130

_NO_MEMORY = (
    "there is not enough memory for this; close other programs, raise the limit (ulimit -v), or give fewer "
    "or smaller images"
)
_MEMORY_WORDS = (
    "failed to map segment",
    "allocate memory",
    "not enough memory",
    "bad_alloc",
    "create a primitive",
)
"""What torch, its oneDNN and the loader of libraries say."""

# No rich markup: drawing help and errors with rich takes longer than all the rest of a start.
app = typer.Typer(
    name="sparseattn",
    help="Classify single cells by sparse attention, and see the pixels that decided.",
    epilog="Every command takes --help, and --debug, which shows where an internal error happened.",
    add_completion=False,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
)
for command in (
    simulate,
    info,
    segment,
    pack,
    train,
    finetune,
    calibrate,
    evaluate,
    predict,
    watch,
    explain,
    report,
    export,
    bench,
):
    app.command()(command)


def _print_version(wanted: bool) -> None:
    if wanted:
        from sparseattn import __version__

        print(f"sparseattn {__version__}")
        raise typer.Exit


@app.callback()
def _before_commands(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Take what may stand before a command."""


def main(arguments: list[str] | None = None) -> None:
    """Run the command line and end the process.

    Exit status: 0 done; 2 wrong usage or input, with one line on stderr; 1 an error of ours; 130 interrupted.
    """
    # OpenMP's threads spin while they wait. Where another program holds a core, as napari may beside a
    # training, that made training four times slower; asleep at once they gain nothing from a second core. To
    # spin briefly trains 1.3 times quicker on two idle cores, and 1.5 times slower where one is taken. torch
    # reads both when imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    os.environ.setdefault("GOMP_SPINCOUNT", "1000")
    arguments = sys.argv[1:] if arguments is None else list(arguments)
    debug = "--debug" in arguments
    sys.exit(run([word for word in arguments if word != "--debug"], debug=debug))


def run(arguments: list[str], *, debug: bool = False) -> int:
    """Run one command and return its exit status."""
    drop_notes()
    try:
        with get_command(app).make_context("sparseattn", arguments or ["--help"]) as context:
            context.command.invoke(context)
            print_notes()
            sys.stdout.flush()
    except typer.Exit as ending:
        return int(ending.exit_code)
    except (KeyboardInterrupt, typer.Abort):
        return _fail("interrupted", INTERRUPTED)
    except BrokenPipeError:  # the reader, say `head`, has had enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except InputError as error:
        return _fail(str(error), USAGE)
    except Exception as error:
        return _fail_by(error, debug)
    return 0


def _fail_by(error: Exception, debug: bool) -> int:
    """Say what went wrong, and return the exit status."""
    if _wants_memory(error) and not debug:
        return _fail(_NO_MEMORY, USAGE)
    if isinstance(error, OSError):  # a disk that is full or gone, a file that may not be read
        if debug or error.strerror is None:
            return _internal(error, debug)
        return _fail(f"{error.filename or 'the disk'}: {error.strerror}", USAGE)
    if hasattr(error, "format_message"):  # of click, which Typer either carries within or depends on
        return _fail(f"{error.format_message()} See sparseattn --help.", USAGE)
    return _internal(error, debug)


def _wants_memory(error: Exception) -> bool:
    """Whether an error says, in whichever way, that the system gave no memory."""
    if isinstance(error, MemoryError) or (isinstance(error, OSError) and error.errno == errno.ENOMEM):
        return True
    said = str(error).lower()
    return isinstance(error, (ImportError, RuntimeError)) and any(words in said for words in _MEMORY_WORDS)


def _fail(message: str, status: int) -> int:
    print(f"sparseattn: {one_line(message)}", file=sys.stderr)
    return status


def _internal(error: Exception, debug: bool) -> int:
    if debug:
        traceback.print_exception(error)
        return INTERNAL
    what = f"internal error: {type(error).__name__}: {error}"
    return _fail(f"{one_line(what)[:300]}; run again with --debug for the traceback", INTERNAL)
