"""Look at files in processes that may take so much time and memory and no more."""

import multiprocessing
import os
import resource
import signal
import time
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.fuzz.kinds import Kind
from benchmarks.fuzz.look import look

SECONDS, BYTES = 10, 2 << 30

_LOADED = (
    "bioio_czi",
    "bioio_lif",
    "bioio_nd2",
    "faery",
    "h5py",
    "hdf5plugin",
    "pandas",
    "qpformat",
    "qpretrieve",
    "scipy.io",
    "skimage.draw",
    "sparseattn.cells.marks",
    "sparseattn.cells.measure",
    "sparseattn.events.passages",
    "tifffile",
    "zarr",
)


@dataclass(frozen=True)
class Outcome:
    """What became of a file.

    Attributes
    ----------
    what
        "read", "refused", or what was wrong.
    seconds
        Time.
    mebibytes
        Peak of the memory above what the libraries take.
    """

    what: str
    seconds: float
    mebibytes: float

    @property
    def is_fault(self) -> bool:
        """Whether it is neither read nor refused."""
        return self.what not in ("read", "refused")


def load_libraries() -> None:
    """Load them once: what they take of time and memory is not the files' doing."""
    for module in _LOADED:
        import_module(module)


def look_at(paths: Sequence[Path], kind: Kind) -> list[Outcome]:
    """Look at files one after the other in a forked process; where it dies of one, another goes on."""
    outcomes: list[Outcome] = []
    context = multiprocessing.get_context("fork")
    while len(outcomes) < len(paths):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=_child, args=(paths[len(outcomes) :], kind, theirs))
        process.start()
        theirs.close()
        begun: float | None = None
        try:
            while True:
                answer = mine.recv()
                if isinstance(answer, Outcome):
                    outcomes.append(answer)
                    begun = None
                else:
                    begun = time.monotonic()
        except EOFError:
            process.join()
        if begun is not None:
            late = process.exitcode == -signal.SIGALRM
            what = f"took over {SECONDS} s" if late else f"the process died: {process.exitcode}"
            outcomes.append(Outcome(what, time.monotonic() - begun, 0))
        elif len(outcomes) < len(paths) and process.exitcode:
            raise RuntimeError(f"the process did not begin: {process.exitcode}")
    return outcomes


def _child(paths: Sequence[Path], kind: Kind, answers: Connection) -> None:
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)  # libraries talk
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    for path in paths:
        answers.send("begin")
        signal.alarm(SECONDS)
        begun = time.monotonic()
        try:
            what = look(path, kind)
        except BaseException as error:  # a panic of Rust is no Exception
            what = f"{type(error).__name__}: {error}"[:300]
        signal.alarm(0)
        seconds = time.monotonic() - begun
        peak = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024
        answers.send(Outcome(what, seconds, peak))
    answers.close()
