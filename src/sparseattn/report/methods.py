"""A paragraph for the methods section of a paper."""

from __future__ import annotations

import platform
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING

from sparseattn.names import some_names

if TYPE_CHECKING:
    from sparseattn.cells import Prepare
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions
    from sparseattn.report.fractions import Fractions
    from sparseattn.report.judged import Judged
    from sparseattn.report.scores import Scores

LIBRARIES = ("napari-sparseattn", "torch", "numpy")


def methods_paragraph(
    classifier: Classifier,
    predictions: Predictions,
    judged: Judged | None,
    scores: Scores | None,
    fractions: Fractions,
    seed: int,
) -> str:
    """Return what was done, with versions, seeds, sizes, split, k and fingerprints, as plain text."""
    return " ".join(
        [
            _model(classifier),
            _training(classifier),
            _split(classifier),
            _use(classifier, predictions),
            *([] if judged is None or scores is None else [_judging(judged, scores, seed)]),
            *_fractions(fractions),
            _versions(),
        ]
    )


def library_versions() -> dict[str, str]:
    """Return the version of each library that matters, and of Python."""
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # a source tree on the path, not installed
            found[name] = "not installed"
    return {**found, "Python": platform.python_version()}


def _model(classifier: Classifier) -> str:
    prepare, config = classifier.prepare, classifier.net.config
    parameters = sum(one.numel() for one in classifier.net.parameters())
    size = f"{prepare.size} x {prepare.size} pixels"
    how = (
        f"resized to {size} (anti-aliased, aspect kept, padded)"
        if prepare.policy == "resize"
        else f"{_resampled(prepare)}cropped or padded about their centre to {size}"
    )
    modality = "" if classifier.modality == "unknown" else f"{classifier.modality} "
    return (
        f"Single {modality}cell images were classified into {len(classifier.classes)} classes "
        f"({some_names(classifier.classes, 40)}) by a sparse attention network (SparseAttnNet; "
        f"{parameters:,} parameters, selectable squares of {config.cell_size} x {config.cell_size} pixels "
        f"with windows of {config.window} x {config.window}). Images "
        f"({_listed('channel', prepare.channels)}) were {how} and standardised by the mean and standard "
        "deviation of each channel over the training cells."
    )


def _resampled(prepare: Prepare) -> str:
    pixel = prepare.grid_pixel_um or prepare.pixel_size_um
    return "" if pixel is None else f"brought to {pixel:.4g} µm a pixel, "


def _training(classifier: Classifier) -> str:
    history = classifier.history
    if not history.epochs:
        return "The model file keeps no history of its training."
    options = history.options
    last = history.epochs[-1]
    known = [
        (f"{name} {options[key]:g}")
        for name, key in (
            ("batch size", "batch_size"),
            ("learning rate", "learning_rate"),
            ("weight decay", "weight_decay"),
            ("label smoothing", "label_smoothing"),
        )
        if isinstance(options.get(key), int | float)
    ]
    details = f" ({', '.join(known)})" if known else ""
    seed = "no recorded seed" if history.seed is None else f"seed {history.seed}"
    versions = ", ".join(f"{name} {number}" for name, number in sorted(history.versions.items()))
    return (
        f"It was trained for {last.epoch} epochs with AdamW{details}, {seed}"
        f"{f', with {versions}' if versions else ''}; fingerprint of the training data "
        f"{history.fingerprint or 'not recorded'}."
    )


def _split(classifier: Classifier) -> str:
    sides = list(classifier.split.sides.values())
    counts = [
        f"{sides.count(side)} {name}"
        for side, name in (("train", "training"), ("validation", "validation"), ("test", "test"))
        if side in sides
    ]
    if not counts:
        return "The model file keeps no record of the split."
    grouped = (
        "keeping groups (donor, sample or field) together"
        if classifier.split.grouped
        else "by class, without known groups"
    )
    return f"The labelled cells were divided into {_and(counts)} cells {grouped}."


def _use(classifier: Classifier, predictions: Predictions) -> str:
    pixels = classifier.prepare.size**2
    chosen = (
        "as learned in training"
        if predictions.k == classifier.k
        else f"set by hand; {classifier.k} were learned"
    )
    skipped = len(predictions.skipped)
    left_out = f"; {skipped} that could not be read were left out" if skipped else ""
    return (
        f"Each class was computed from k = {predictions.k} selected pixels of {pixels} "
        f"({100 * predictions.k / pixels:.1f} %, {chosen}) and the windows around them, for "
        f"{len(predictions):,} cells{left_out}. Model {predictions.model_hash}."
    )


def _judging(judged: Judged, scores: Scores, seed: int) -> str:
    drawn = "cells" if scores.resampled == "cells" else "groups (donors, samples or fields)"
    return (
        f"{judged.statement} Intervals are 95 %: Wilson's score interval for accuracy, precision and recall; "
        f"for F1 and balanced accuracy percentiles of a bootstrap over {drawn} (2,000 draws, seed {seed}), "
        "or Wilson's interval where no answer, or every answer, was wrong. The calibration error is over 15 "
        "equal bins of the confidence."
    )


def _fractions(fractions: Fractions) -> list[str]:
    if fractions.sample_column is None:
        return []
    text = (
        f"Class fractions were computed for each of {len(fractions.samples)} samples (column "
        f"{fractions.sample_column!r}) from the predicted classes, with Wilson's 95 % intervals"
    )
    if fractions.conditions:
        text += ", and averaged over samples, each counting the same, with 95 % intervals by Student's t"
    return [text + "."]


def _versions() -> str:
    listed = ", ".join(f"{name} {number}" for name, number in library_versions().items())
    return f"Report made with {listed}."


def _listed(noun: str, names: tuple[str, ...]) -> str:
    return f"{noun}{'' if len(names) == 1 else 's'} {', '.join(names)}"


def _and(parts: list[str]) -> str:
    return parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
