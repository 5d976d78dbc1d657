"""How far a training is, on stderr."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Literal

from sparseattn.cli.output import percent, print_notes

if TYPE_CHECKING:
    from sparseattn.learn.history import EpochRecord

Style = Literal["bar", "json", "none", "stdout"]


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
