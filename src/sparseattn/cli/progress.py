"""How far a training is, or a count of cells, on stderr."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sparseattn.cli.output import percent, print_notes

if TYPE_CHECKING:
    from sparseattn.learn.history import EpochRecord

Style = Literal["bar", "json", "none", "stdout"]

_LINE_SECONDS = 10.0


@contextmanager
def epoch_reporter(style: Style) -> Iterator[Callable[[EpochRecord], None]]:
    """Give a function that reports an epoch: a bar on a terminal, a line elsewhere, JSON, or nothing."""
    if style == "bar" and sys.stderr.isatty():
        with _bar() as report:
            yield report
    elif style == "none":
        yield lambda record: None
    elif style == "stdout":
        yield lambda record: print(json.dumps(record.to_json()), flush=True)
    elif style == "json":
        yield lambda record: _print(json.dumps(record.to_json()))
    else:
        yield lambda record: _print(f"epoch {record.epoch}/{record.epochs}  {_figures(record)}")


@contextmanager
def _bar() -> Iterator[Callable[[EpochRecord], None]]:
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (TextColumn("epoch"), MofNCompleteColumn(), BarColumn(), TextColumn("{task.description}"))
    with Progress(*columns, console=Console(stderr=True)) as progress:
        task = progress.add_task("starting", total=None)

        def report(record: EpochRecord) -> None:
            print_notes()
            progress.update(task, total=record.epochs, completed=record.epoch, description=_figures(record))

        yield report


@contextmanager
def cell_reporter(doing: str) -> Iterator[Callable[[int, int], None]]:
    """Give a function that takes the cells done and all: a bar on a terminal, now and then a line elsewhere.

    Cells that were done when it is first called do not count for the speed.
    """
    began: list[tuple[int, float]] = []

    def figures(done: int, total: int) -> str:
        first, since = began[0]
        seconds = time.monotonic() - since
        if done == first or not seconds:
            return f"{done:,} of {total:,} cells"
        speed = (done - first) / seconds
        left = round((total - done) / speed)
        return (
            f"{done:,} of {total:,} cells  {speed:,.0f} a second  "
            f"{left // 3600}:{left // 60 % 60:02d}:{left % 60:02d} left"
        )

    if sys.stderr.isatty():
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn

        columns = (TextColumn(doing), BarColumn(), TextColumn("{task.description}"))
        with Progress(*columns, console=Console(stderr=True)) as progress:
            task = progress.add_task("starting", total=None)

            def draw(done: int, total: int) -> None:
                if not began:
                    began.append((done, time.monotonic()))
                print_notes()
                progress.update(task, total=total, completed=done, description=figures(done, total))

            yield draw
        return
    said = [-_LINE_SECONDS]

    def say(done: int, total: int) -> None:
        if not began:
            began.append((done, time.monotonic()))
        if done == total or time.monotonic() - said[0] >= _LINE_SECONDS:
            said[0] = time.monotonic()
            _print(f"{doing}: {figures(done, total)}")

    yield say


def _figures(record: EpochRecord) -> str:
    parts = [f"loss {record.loss:.3f}"]
    if record.validation_loss is not None:
        parts.append(f"validation loss {record.validation_loss:.3f}")
    if record.validation_balanced_accuracy is not None:
        parts.append(f"balanced accuracy {percent(record.validation_balanced_accuracy)}")
    parts.append(f"k {record.k} ({percent(record.pixel_fraction)})")
    seconds = round(record.eta_seconds)
    parts.append(f"{seconds // 60}:{seconds % 60:02d} left")
    return "  ".join(parts)


def _print(line: str) -> None:
    print_notes()
    print(line, file=sys.stderr, flush=True)
