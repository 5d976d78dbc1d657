"""``sparseattn watch``."""

from __future__ import annotations

import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.options import parse_channel_names
from sparseattn.cli.output import note, print_facts, print_json, print_notes
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_new_files
from sparseattn.cli.stdin_words import StdinWords

if TYPE_CHECKING:
    from sparseattn.cells.modality import Modality
    from sparseattn.scale.watch.watching import Watched

_LINE_SECONDS = 10.0


@reads_new_files
def watch(
    model: shared.ModelPath,
    folder: Annotated[Path, typer.Argument(help="Folder that the instrument writes to.", show_default=False)],
    output: Annotated[
        Path, typer.Option("-o", "--output", help="Table that grows (.csv).", show_default=False)
    ],
    pixels: shared.PixelsOption = None,
    poll: Annotated[
        float | None,
        typer.Option(min=0.1, help="Look every so many seconds: for network drives, which tell nothing."),
    ] = None,
    settle: Annotated[
        float, typer.Option(min=0, help="Seconds without a change after which a file counts as complete.")
    ] = 1.0,
    idle: Annotated[
        float | None, typer.Option(min=0, help="End when no file came for so many seconds. [never]")
    ] = None,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    device: shared.Device = "auto",
    engine: shared.Engine = "auto",
    obey_stdin: shared.EndsByStdin = False,
    as_json: shared.Json = False,
) -> None:
    """Classify cells as an instrument writes them: a row a cell, until Ctrl-C.

    Files that are there are done first. Started again with the same table, it goes on: none is missed, none
    is done twice.
    """
    classifier = load_model(model)
    k = None if pixels is None else shared.parse_pixels(pixels, classifier.prepare.size**2)
    options = options.for_model(model)

    from sparseattn.scale.watch.watching import WatchSettings
    from sparseattn.scale.watch.watching import watch as watch_folder

    reading: dict[str, Any] = {
        "layout": options.layout,
        "channel_names": parse_channel_names(options.channel_names),
        "modality": cast("Modality | None", options.modality),
        **options.reading.arguments(),
    }
    settings = WatchSettings(
        k=k,
        device=device,
        engine=engine,
        force=force,
        poll_seconds=poll,
        settle_seconds=settle,
        idle_seconds=idle,
    )
    words = StdinWords() if obey_stdin else None
    with _until_told() as told:
        watched = watch_folder(
            classifier,
            folder,
            output,
            settings,
            reading=reading,
            on_rows=_reporter(folder),
            should_stop=lambda: told.is_set() or (words is not None and words.said_to_end()),
        )
    facts = {
        "table": output,
        "files": watched.files,
        "cells": watched.cells,
        "errors": watched.errors,
        "before": watched.before,
        "p50_ms": watched.latency_ms(50),
        "p99_ms": watched.latency_ms(99),
    }
    if as_json:
        print_json(facts)
        return
    print_facts(
        [
            ("table", output),
            ("files", f"{watched.files:,}, and {watched.before:,} before"),
            ("cells", f"{watched.cells:,}"),
            ("errors", watched.errors or None),
            ("from file to row", _latencies(watched) or None),
        ]
    )


@contextmanager
def _until_told() -> Iterator[threading.Event]:
    """Give what is set by Ctrl-C, or by the signal that ends services: what is begun is finished then."""
    told = threading.Event()
    before = {one: signal.signal(one, lambda *_: told.set()) for one in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield told
    finally:
        for one, what in before.items():
            signal.signal(one, what)


def _reporter(folder: Path) -> Any:
    """Return what says on stderr now and then what was done."""
    said = {"when": 0.0, "files": -1}

    def report(watched: Watched) -> None:
        now = time.monotonic()
        if said["files"] < 0:
            note(f"Watching {folder}; Ctrl-C ends.")
        elif watched.files == said["files"] or now - said["when"] < _LINE_SECONDS:
            return
        else:
            note(f"{watched.files:,} files, {watched.cells:,} cells{_after(watched)}")
        said.update(when=now, files=watched.files)
        print_notes()
        sys.stderr.flush()

    return report


def _after(watched: Watched) -> str:
    latencies = _latencies(watched)
    return f"; {latencies}" if latencies else ""


def _latencies(watched: Watched) -> str:
    half, most = watched.latency_ms(50), watched.latency_ms(99)
    return "" if half is None or most is None else f"half within {half:.1f} ms, 99 % within {most:.1f} ms"
