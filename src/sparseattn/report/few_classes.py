"""Which classes are drawn where a model has too many for one picture."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, TypeVar

import numpy as np

if TYPE_CHECKING:
    from sparseattn.report.fractions import Fractions
    from sparseattn.report.report import Judgement, Report

MOST_CLASSES = 40
"""In one picture: of a thousand the names alone would take a square of nine metres."""

Value = TypeVar("Value")


def largest_classes(report: Report, most: int = MOST_CLASSES) -> list[int]:
    """Return the places, ascending, of the classes that most cells are known or answered as."""
    counts = np.bincount(report.predictions.probabilities.argmax(axis=1), minlength=len(report.classes))
    if report.judgement is not None:
        counts = counts + report.judgement.confusion.sum(axis=1)
    return sorted(np.argsort(-counts, kind="stable")[:most].tolist())


def of_largest_classes(report: Report) -> Report:
    """Return a report whose judgement, fractions, attention and looks are of the largest classes alone."""
    places = largest_classes(report)
    if len(places) == len(report.classes):
        return report
    names = {report.classes[place] for place in places}
    general = report.general
    if general is not None:
        general = replace(general, classes=tuple(one for one in general.classes if one.name in names))
    return replace(
        report,
        judgement=None if report.judgement is None else _judgement_of(report.judgement, places),
        fractions=_fractions_of(report.fractions, places),
        attention=tuple(one for one in report.attention if one.name in names),
        general=general,
    )


def _judgement_of(judgement: Judgement, places: Sequence[int]) -> Judgement:
    confusion = judgement.confusion[np.ix_(places, places)]
    return replace(
        judgement,
        metrics={**judgement.metrics, "confusion": confusion.tolist()},
        scores=replace(judgement.scores, per_class=_at(judgement.scores.per_class, places)),
    )


def _fractions_of(fractions: Fractions, places: Sequence[int]) -> Fractions:
    return replace(
        fractions,
        classes=_at(fractions.classes, places),
        samples=tuple(
            replace(
                one,
                counts=_at(one.counts, places),
                fractions=_at(one.fractions, places),
                intervals=_at(one.intervals, places),
            )
            for one in fractions.samples
        ),
        conditions=tuple(
            replace(
                one,
                means=_at(one.means, places),
                intervals=None if one.intervals is None else _at(one.intervals, places),
            )
            for one in fractions.conditions
        ),
    )


def _at(values: Sequence[Value], places: Sequence[int]) -> tuple[Value, ...]:
    return tuple(values[place] for place in places)
