"""``sparseattn evaluate``."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from sparseattn.cli import explanations as explaining
from sparseattn.cli import options as shared
from sparseattn.cli.masks import MaskNames, Masks
from sparseattn.cli.models import load_model
from sparseattn.cli.output import (
    listed,
    note,
    percent,
    pixels_and_percent,
    print_facts,
    print_json,
    print_table,
)
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_labelled, report_notes, report_skipped
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet

OTHER = "other"


@reads_cells
def evaluate(
    model: shared.ModelPath,
    data: shared.DataPath,
    pixels: shared.PixelsOption = None,
    side: Annotated[
        Literal["train", "validation", "test", "all"],
        typer.Option(help="Only the cells that were on this side when the model was trained."),
    ] = "all",
    other: Annotated[
        bool, typer.Option("--other", help="Count classes that the model does not know as its class 'other'.")
    ] = False,
    error_rate: Annotated[
        float | None,
        typer.Option(help="See how often sets of classes at this error rate hold the known class."),
    ] = None,
    explanations: explaining.Explanations = False,
    peers: explaining.Peers = False,
    masks: Masks = None,
    mask_names: MaskNames = None,
    most_cells: explaining.MostCells = 100,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    batch_size: shared.BatchSize = 256,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Compare a model's answers with known classes."""
    if not explanations and (peers or masks is not None or mask_names is not None):
        raise InputError("--peers, --masks and --mask-names are for --explanations; give it as well")
    options = options.for_model(model)
    cells = open_labelled(data, options)

    from dataclasses import asdict

    import numpy as np

    from sparseattn.learn.metrics import calibration_interval, classification_report, wilson_interval
    from sparseattn.report.reliability import reliability_bins

    classifier = load_model(model)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    cells = _judged(cells, classifier.classes, other=other)
    sides = classifier.split.sides
    if side != "all":
        cells = cells.subset([i for i, name in enumerate(cells.ids) if sides.get(name) == side])
        if not len(cells):
            raise InputError(
                f"no cell of {data} was on the {side} side when {model} was trained; leave --side away"
            )
    predictions = classifier.predict(
        cells, k=k, batch_size=batch_size, strict=options.strict, device=device, force=force
    )
    skipped = [*cells.skipped, *predictions.skipped]
    report_skipped(skipped)
    report_notes(predictions.notes)
    known = [classifier.classes.index(str(label)) for label in predictions.cells.labels]
    predicted = predictions.probabilities.argmax(axis=1)
    seen = Counter(predictions.sides)
    report: dict[str, Any] = {
        **classification_report(known, predictions.probabilities, classifier.classes),
        "ece_interval": calibration_interval(known, predictions.probabilities),
        "reliability": [
            asdict(one) for one in reliability_bins(predictions.confidence, predicted == np.array(known))
        ],
        "temperature": None if classifier.scale is None else classifier.scale.temperature,
        "k": k,
        "pixel_fraction": k / grid_pixels,
        "side": side,
        "in_training": seen["train"],
        "in_validation": seen["validation"],
        "skipped": len(skipped),
        "notes": predictions.notes,
        "model_hash": classifier.model_hash,
    }
    if error_rate is not None:
        sets = classifier.prediction_sets(predictions, error_rate)
        hits = sets[np.arange(len(known)), known]
        report["sets"] = {
            "error_rate": error_rate,
            "coverage": float(hits.mean()),
            "coverage_interval": wilson_interval(int(hits.sum()), len(hits)),
            "mean_size": float(sets.sum(axis=1).mean()),
        }
    if report["in_training"] and side != "train":
        note(
            f"Warning: {report['in_training']} of {report['n']} cells taught this model, so the figures "
            "flatter it; give other cells, or --side validation."
        )
    if explanations:
        report["explanations"] = explaining.assess(
            classifier,
            predictions,
            data,
            k=k,
            peers=peers,
            masks=masks,
            mask_names=mask_names,
            most_cells=most_cells,
            device=device,
        )
    if as_json:
        print_json(report)
        return
    _print_report(report, grid_pixels)
    if explanations:
        print()
        explaining.print_assessment(report["explanations"])


def _judged(cells: CellSet, classes: tuple[str, ...], *, other: bool) -> CellSet:
    """Leave out cells without a class, and see that the model knows the classes of the others."""
    labelled = [row for row, label in enumerate(cells.labels) if label is not None]
    if len(labelled) < len(cells):
        note(f"{len(cells) - len(labelled)} cells without a class are left out.")
        cells = cells.subset(labelled)
    unknown = [name for name in cells.classes if name not in classes]
    if not unknown:
        return cells
    if not other:
        raise InputError(
            f"the model does not know {listed(unknown)}; it knows {listed(classes)} "
            "(--other counts unknown classes as its class 'other')"
        )
    if OTHER not in classes:
        raise InputError(f"the model has no class 'other' to count {listed(unknown)} as; leave --other away")
    return cells.with_labels([OTHER if label in unknown else label for label in cells.labels])


def _print_report(report: dict[str, Any], grid_pixels: int) -> None:
    low, high = report["ece_interval"]
    print_facts(
        [
            ("cells", report["n"]),
            ("accuracy", percent(report["accuracy"])),
            ("balanced accuracy", percent(report["balanced_accuracy"])),
            ("macro F1", f"{report['macro_f1']:.3f}"),
            ("calibration error", f"{report['ece']:.3f} (95 % {low:.3f} to {high:.3f})"),
            ("sets hold the class", _coverage(report.get("sets"))),
            ("selected pixels", pixels_and_percent(report["k"], grid_pixels)),
            ("skipped", report["skipped"] or None),
        ]
    )
    print()
    print_table(
        ("class", "cells", "recall", "precision", "F1"),
        [
            (name, str(row["support"]), *(_figure(row[key]) for key in ("recall", "precision", "f1")))
            for name, row in report["per_class"].items()
        ],
    )


def _coverage(sets: dict[str, Any] | None) -> str | None:
    if sets is None:
        return None
    low, high = sets["coverage_interval"]
    return (
        f"{percent(sets['coverage'])} (95 % {percent(low)} to {percent(high)}) at an error rate of "
        f"{percent(sets['error_rate'])}, {sets['mean_size']:.2f} classes on average"
    )


def _figure(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}"
