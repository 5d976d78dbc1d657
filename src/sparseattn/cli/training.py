"""What `train` and `finetune` share: prepare, run, stop, save, sum up."""

from __future__ import annotations

import os
import sys
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

import typer

from sparseattn.cli.options import parse_pixels
from sparseattn.cli.output import (
    drop_notes,
    note,
    percent,
    pixels_and_percent,
    print_facts,
    print_json,
    print_notes,
)
from sparseattn.cli.progress import Style, epoch_reporter
from sparseattn.cli.source_options import SourceOptions
from sparseattn.cli.sources import open_labelled, report_skipped, test_cells
from sparseattn.cli.stdin_words import StdinWords
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.origin import Skipped
    from sparseattn.classifier import Classifier
    from sparseattn.learn.history import EpochRecord
    from sparseattn.learn.options import Precision, TrainingOptions
    from sparseattn.learn.split import Side, Split

Pixels = float | Literal["auto", "controller"]

_MOST_CUES = 3
"""Classes that the frame gives away, of which it is said: with more it is the way of imaging in all."""


def training_options(
    *, pixels: Pixels, epochs: int | None, seed: int, precision: Precision
) -> TrainingOptions:
    """Return the options of a run; those not given on the command line are the library's."""
    from sparseattn.learn.options import TrainingOptions

    options = TrainingOptions(pixels=pixels, seed=seed, precision=precision)
    return options if epochs is None else replace(options, epochs=epochs)


def training_pixels(text: str, size: int) -> Pixels:
    """Return ``auto`` and ``controller`` as they are, and a number of pixels as a share of the net's grid."""
    if text == "auto":
        return "auto"
    if text == "controller":
        return "controller"
    return parse_pixels(text, size**2) / size**2


def open_sides(
    data: Path, val: Path | None, source: SourceOptions, validation: float, start: Classifier | None = None
) -> tuple[CellSet, Split]:
    """Open the cells to train on and decide which of them judge; warn of what makes the figures doubtful."""
    from sparseattn.cells import size_predicts_class
    from sparseattn.cells.frame_check import frame_cues
    from sparseattn.learn.split import make_split

    cells = open_labelled(data, source)
    tests = _tests(cells, source, start)
    if val is None:
        known, taught = (None, ()) if start is None else (start.split, start.classes)
        teachers = cells.subset([i for i, name in enumerate(cells.ids) if name not in tests])
        split = make_split(teachers, validation=validation, known=known, taught=taught)
        split = replace(split, sides={**split.sides, **dict.fromkeys(tests, "test")})
    else:
        cells, split = _with_validation_cells(cells, open_labelled(val, source))
    report_skipped(cells.skipped)
    if split.note:
        note(f"Note: {split.note}.")
    warning = size_predicts_class(cells.shapes, cells.labels)
    if warning:
        note(f"Warning: {warning}")
    for cue in frame_cues(cells)[:_MOST_CUES]:
        note(f"Warning: {cue.warning}")
    return cells, split


@dataclass(frozen=True)
class Trained:
    """A finished training: its model and where it lies, how many cells were left out, how long it took."""

    classifier: Classifier
    output: Path
    skipped: int
    seconds: float


def train_and_save(
    cells: CellSet,
    output: Path,
    *,
    progress: Style,
    options: TrainingOptions,
    resume: bool,
    obey_stdin: bool = False,
    **fit_arguments: Any,
) -> Trained:
    """Train and save the model; Ctrl-C leaves a checkpoint.

    A run that obeys stdin leaves none: the program that began it can begin another. Of several processes
    (`torchrun`) the first speaks and saves; the others end here.
    """
    from sparseattn.learn.fit import fit

    checkpoint = output.with_name(output.name + ".checkpoint")
    if resume and not checkpoint.exists():
        note(f"There is no checkpoint {checkpoint}; training starts from the beginning.")
    skipped: list[Skipped] = []
    words = StdinWords() if obey_stdin else None
    is_first = "TORCHELASTIC_RUN_ID" not in os.environ or os.environ["RANK"] == "0"
    seconds = 0.0

    def report(record: EpochRecord) -> None:
        nonlocal seconds
        seconds = record.seconds
        on_epoch(record)

    try:
        with epoch_reporter(progress if is_first else "none") as on_epoch:
            classifier = fit(
                cells,
                options=options,
                checkpoint=None if words else checkpoint,
                resume=resume,
                on_epoch=words.checking(report) if words else report,
                should_stop=words.said_stop if words else None,
                on_skip=skipped.append,
                **fit_arguments,
            )
    except KeyboardInterrupt:
        if not checkpoint.exists():
            raise
        print_notes()
        print(
            "sparseattn: interrupted; the same command with --resume goes on from the last epoch",
            file=sys.stderr,
        )
        raise typer.Exit(130) from None
    if not is_first:
        drop_notes()
        raise typer.Exit
    report_skipped(skipped)
    classifier.save(output)
    checkpoint.unlink(missing_ok=True)
    return Trained(classifier, output, len(cells.skipped) + len(skipped), seconds)


def summary(trained: Trained) -> dict[str, Any]:
    """Return what a finished training has to say, as JSON values."""
    classifier = trained.classifier
    grid_pixels = classifier.prepare.size**2
    history = classifier.history
    return {
        "model": trained.output,
        "model_hash": classifier.model_hash,
        "classes": classifier.classes,
        "channels": classifier.prepare.channels,
        "epochs": len(history.epochs),
        "seconds": trained.seconds,
        "k": classifier.k,
        "pixel_fraction": classifier.k / grid_pixels,
        "validation": history.validation,
        "skipped": trained.skipped,
        "split_note": classifier.split.note,
    }


def print_summary(report: dict[str, Any], classifier: Classifier, *, as_json: bool) -> None:
    """Print the summary as JSON, or as what a person wants to know first."""
    if as_json:
        print_json(report)
        return
    validation = report["validation"]
    print_facts(
        [
            ("model", report["model"]),
            ("validation cells", validation.get("n")),
            ("accuracy", _share(validation.get("accuracy"))),
            ("balanced accuracy", _share(validation.get("balanced_accuracy"))),
            ("selected pixels", pixels_and_percent(classifier.k, classifier.prepare.size**2)),
            ("skipped", report["skipped"] or None),
        ]
    )


def _share(value: float | None) -> str | None:
    return None if value is None else percent(value)


def _tests(cells: CellSet, source: SourceOptions, start: Classifier | None) -> set[str]:
    """Return the cells set aside for testing, but for those that a model to go on from has learned from."""
    sides = {} if start is None else start.split.sides
    aside = test_cells(source)
    return {name for name in cells.ids if name in aside and sides.get(name) in (None, "test")}


def _with_validation_cells(cells: CellSet, judges: CellSet) -> tuple[CellSet, Split]:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.learn.split import Split

    shared = len(set(cells.ids) & set(judges.ids))
    if shared:
        raise InputError(
            f"{shared} cells of --val are also among the cells to train on; keep each on one side"
        )
    joined = CellSet.concatenate([cells, judges])
    sides = ["train"] * len(cells) + ["validation"] * len(judges)
    given = dict(zip(joined.ids, cast("list[Side]", sides), strict=True))
    return joined, Split(given, grouped=False, note="the validation cells are those of --val")
