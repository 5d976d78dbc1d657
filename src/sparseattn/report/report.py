"""All that a report says, as plain data; how it looks is left to `figures`, `tables` and `document`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.drift import Drift, check_drift
from sparseattn.errors import InputError
from sparseattn.explain.compartments import Compartments, OwnOutlines
from sparseattn.explain.general import GeneralLook, look_in_general
from sparseattn.learn.history import History
from sparseattn.learn.metrics import classification_report
from sparseattn.names import some_names
from sparseattn.report.attention import ClassAttention, mean_attention
from sparseattn.report.fractions import Fractions, class_fractions, sample_rows
from sparseattn.report.judged import Choice, Judged, choose_judged
from sparseattn.report.methods import library_versions, methods_paragraph
from sparseattn.report.reliability import ReliabilityBin, reliability_bins
from sparseattn.report.scores import Scores, score_classes
from sparseattn.report.shortcuts import shortcut_warnings
from sparseattn.report.trust import assess_pixels

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.explain.assessment import Assessment
    from sparseattn.predictions import Predictions

FEW_CELLS = 10
"""Below so many judged cells of a class its intervals span a large part of 0..1, and it is said."""

NO_CLASS_KNOWN = (
    "No cell has a class that the model knows, so nothing is said about how often it is right: label some "
    "cells to see it."
)


@dataclass(frozen=True, eq=False)
class Judgement:
    """How the answers compare with known classes.

    Attributes
    ----------
    cells : Judged
        Which cells were compared, and how far that can be trusted.
    metrics : dict
        What `learn.metrics.classification_report` says of them.
    scores : Scores
        Precision, recall and F1 with intervals.
    reliability : tuple of ReliabilityBin
        Confidence against accuracy.
    """

    cells: Judged
    metrics: dict[str, Any]
    scores: Scores
    reliability: tuple[ReliabilityBin, ...]

    @property
    def confusion(self) -> NDArray[np.int64]:
        """(classes, classes) counts; rows are the known, columns the answered classes."""
        return np.array(self.metrics["confusion"], dtype=np.int64)


@dataclass(frozen=True, eq=False)
class Report:
    """How good a model is, and what it found.

    Attributes
    ----------
    predictions : Predictions
        The answers that the report is of.
    judgement : Judgement or None
        None where no cell has a class that the model knows.
    fractions : Fractions
        Class fractions of samples and conditions, of all cells.
    attention : tuple of ClassAttention
        Mean image and attention of each class; empty where it was not asked for.
    general : GeneralLook or None
        What the model looks at in general; None where it was not asked for.
    shortcuts : tuple of str
        Sentences of warning where the frame of the pictures gives classes away, or the model goes by it;
        empty where it was not asked for.
    trust : Assessment or None
        Tests of the selected pixels; None where they were not asked for.
    drift : tuple of Drift
        One a sample of cells that had no part in training; empty where it was not asked for.
    history : History
        How the model was trained.
    channels : tuple of str
        Of the mean images.
    modality : str
        How the cells were imaged.
    grid_pixels : int
        Pixels of the net's grid, of which k are selected; 0 where the model is not at hand.
    methods : str
        A paragraph for a paper.
    notes : tuple of str
        What a reader of the figures must know.
    versions : dict
        Of the libraries that made the report.
    """

    predictions: Predictions
    judgement: Judgement | None
    fractions: Fractions
    attention: tuple[ClassAttention, ...]
    general: GeneralLook | None
    shortcuts: tuple[str, ...]
    trust: Assessment | None
    drift: tuple[Drift, ...]
    history: History
    channels: tuple[str, ...]
    modality: str
    grid_pixels: int
    methods: str
    notes: tuple[str, ...]
    versions: dict[str, str]

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes."""
        return self.predictions.classes


def make_report(
    classifier: Classifier,
    predictions: Predictions,
    *,
    judge_by: Choice = "auto",
    sample_column: str | None = None,
    condition_column: str | None = None,
    compartments: Compartments | None = None,
    with_attention: bool = True,
    with_drift: bool = True,
    with_shortcuts: bool = True,
    with_trust: bool = False,
    seed: int = 0,
    notes: Sequence[str] = (),
    on_progress: Callable[[str, int, int], None] | None = None,
) -> Report:
    """Put a report together.

    Parameters
    ----------
    classifier : Classifier
        The model.
    predictions : Predictions
        What it answers; the known classes are the labels of their cells.
    judge_by : str
        Which cells with known classes are compared; see `judged.choose_judged`.
    sample_column, condition_column : str, optional
        See `fractions.class_fractions`.
    compartments : Compartments, optional
        Of the cells of the predictions, row by row; the cells' own outlines, read or guessed, where they are
        not given.
    with_attention, with_drift, with_shortcuts : bool
        Whether the images of some cells are looked at again, which takes seconds.
    with_trust : bool
        Whether the selected pixels are tested, which takes ten seconds and more.
    seed : int
        Of the bootstrap.
    notes : sequence of str
        What else a reader must know, such as how the judged cells were chosen.
    on_progress : callable, optional
        Called with what is being done, how many cells are done, and of how many; what it raises ends it.

    Returns
    -------
    Report

    Raises
    ------
    InputError
        Where the predictions are of another model, there is no such column, or no cell to judge by of the
        kind that was asked for.
    """
    if predictions.model_hash != classifier.model_hash:
        raise InputError("these answers are of another model; classify the cells with this one first")
    judged = choose_judged(predictions, judge_by)
    judgement = None if judged is None else _judge(predictions, judged, seed)
    fractions = class_fractions(predictions, sample_column=sample_column, condition_column=condition_column)
    drift: list[Drift] = []
    if with_drift:
        for name, rows in _new_samples(predictions, fractions.sample_column):
            drift.append(
                check_drift(
                    classifier,
                    predictions.subset(rows),
                    sample=name,
                    on_batch=_named(on_progress, "comparing samples with the training cells"),
                )
            )
    attention: tuple[ClassAttention, ...] = ()
    general = None
    if with_attention:
        attention = mean_attention(
            classifier, predictions, on_batch=_named(on_progress, "averaging images and attention")
        )
        general = look_in_general(
            classifier,
            predictions,
            compartments=compartments or OwnOutlines(classifier, predictions.cells),
            on_batch=_named(on_progress, "looking at the selected pixels"),
        )
    shortcuts: tuple[str, ...] = ()
    if with_shortcuts:
        shortcuts = shortcut_warnings(classifier, predictions)
    trust = None
    if with_trust:
        trust = assess_pixels(
            classifier,
            predictions if judged is None else predictions.subset(judged.rows),
            on_step=_named(on_progress, "testing the selected pixels"),
        )
    scores = None if judgement is None else judgement.scores
    return Report(
        predictions=predictions,
        judgement=judgement,
        fractions=fractions,
        attention=attention,
        general=general,
        shortcuts=shortcuts,
        trust=trust,
        drift=tuple(drift),
        history=classifier.history,
        channels=classifier.prepare.channels,
        modality=classifier.modality,
        grid_pixels=classifier.prepare.size**2,
        methods=methods_paragraph(classifier, predictions, judged, scores, fractions, seed),
        notes=(*_notes(classifier, predictions, judgement), *notes),
        versions=library_versions(),
    )


def report_without_model(
    predictions: Predictions, *, judge_by: Choice = "auto", seed: int = 0, notes: Sequence[str] = ()
) -> Report:
    """Put together what answers say by themselves, where the model that gave them is not at hand.

    Parameters
    ----------
    predictions, judge_by, seed, notes
        As of `make_report`.

    Raises
    ------
    InputError
        As of `make_report`.
    """
    judged = choose_judged(predictions, judge_by)
    judgement = None if judged is None else _judge(predictions, judged, seed)
    return Report(
        predictions=predictions,
        judgement=judgement,
        fractions=class_fractions(predictions),
        attention=(),
        general=None,
        shortcuts=(),
        trust=None,
        drift=(),
        history=History(),
        channels=(),
        modality="unknown",
        grid_pixels=0,
        methods="",
        notes=(*_notes(None, predictions, judgement), *notes),
        versions=library_versions(),
    )


def _judge(predictions: Predictions, judged: Judged, seed: int) -> Judgement:
    probabilities = predictions.probabilities[judged.rows]
    answered = probabilities.argmax(axis=1)
    groups = predictions.cells.groups
    return Judgement(
        cells=judged,
        metrics=classification_report(judged.known, probabilities, predictions.classes),
        scores=score_classes(
            judged.known,
            answered,
            predictions.classes,
            groups=[groups[row] for row in judged.rows],
            seed=seed,
        ),
        reliability=reliability_bins(probabilities.max(axis=1), answered == judged.known),
    )


def _new_samples(
    predictions: Predictions, sample_column: str | None
) -> Sequence[tuple[str, NDArray[np.int64]]]:
    """Return the samples of which no cell taught or validated the model: only these can drift."""
    seen = np.array([side in ("train", "validation") for side in predictions.sides])
    samples = sample_rows(predictions, sample_column)
    return [
        ("" if sample_column is None else sample, rows)
        for sample, rows in samples.items()
        if not seen[rows].any()
    ]


def _named(
    on_progress: Callable[[str, int, int], None] | None, what: str
) -> Callable[[int, int], None] | None:
    return None if on_progress is None else lambda done, total: on_progress(what, done, total)


def _notes(
    classifier: Classifier | None, predictions: Predictions, judgement: Judgement | None
) -> tuple[str, ...]:
    notes = [f"{note[:1].upper()}{note[1:]}." for note in predictions.notes]
    if judgement is None:
        notes.append(NO_CLASS_KNOWN)
    unknown = sorted({str(label) for label in predictions.cells.classes} - set(predictions.classes))
    if unknown:
        count = sum(label in unknown for label in predictions.human_label)
        notes.append(
            f"{count} cells are labelled {some_names(unknown)}, which the model does not know: they are not "
            "judged."
        )
    if judgement is not None:
        few = [one.name for one in judgement.scores.per_class if one.support < FEW_CELLS]
        if few:
            notes.append(
                f"Fewer than {FEW_CELLS} of the judged cells are {some_names(few)}: the figures of "
                f"{'this class' if len(few) == 1 else 'these classes'} are uncertain, as the intervals show."
            )
        side = judgement.cells.side
        if classifier is not None and side in ("test", "validation") and classifier.split.note:
            notes.append(f"{classifier.split.note[:1].upper()}{classifier.split.note[1:]}.")
    if classifier is not None and predictions.k != classifier.k:
        notes.append(
            f"{predictions.k} pixels were selected in each cell; the model learned that {classifier.k} are "
            "enough, and its in-distribution score is made for that number."
        )
    if predictions.skipped:
        first = predictions.skipped[0]
        notes.append(
            f"{len(predictions.skipped)} cells could not be read and are left out; the first: "
            f"{first.origin}: {first.reason.rstrip('.')}."
        )
    return tuple(notes)
