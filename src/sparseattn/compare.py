"""Two models beside each other, on the same cells that neither has learned from."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.learn.metrics import classification_report, wilson_interval

if TYPE_CHECKING:
    from sparseattn.predictions import Predictions


@dataclass(frozen=True)
class ClassFigures:
    """How one model does in one class: shares in 0..1, 95 % intervals (Wilson), None without cells."""

    recall: float | None
    recall_interval: list[float] | None
    precision: float | None
    precision_interval: list[float] | None


@dataclass(frozen=True)
class ChangedCell:
    """A cell that the two models answer differently."""

    cell: str
    index: int
    known: str | None
    old: str
    new: str


@dataclass(frozen=True, eq=False)
class Comparison:
    """What two models answer for the same cells.

    Attributes
    ----------
    asked : int
        Cells that both models answered for.
    classes : tuple of str
        Of either model and of the known classes, sorted.
    cells : int
        Cells of known class that judge both.
    left_out : int
        Cells of known class that do not, since one of the models has learned from them.
    old, new : dict
        Reports on the judging cells, as `learn.metrics.classification_report`; the columns are ``classes``.
    old_figures, new_figures : dict
        By class.
    support : dict
        Judging cells of each class.
    accuracy_difference : tuple
        New minus old accuracy and its 95 % interval, None without cells.
    changed : tuple of ChangedCell
        Of all the cells that both models were asked about; first those of known class.
    """

    asked: int
    classes: tuple[str, ...]
    cells: int
    left_out: int
    old: dict[str, Any]
    new: dict[str, Any]
    old_figures: dict[str, ClassFigures]
    new_figures: dict[str, ClassFigures]
    support: dict[str, int]
    accuracy_difference: tuple[float, tuple[float, float]] | None
    changed: tuple[ChangedCell, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the comparison as JSON values."""
        difference = self.accuracy_difference
        return {
            "asked": self.asked,
            "cells": self.cells,
            "left_out": self.left_out,
            "classes": list(self.classes),
            "old": self.old,
            "new": self.new,
            "accuracy_difference": None if difference is None else difference[0],
            "accuracy_difference_interval": None if difference is None else list(difference[1]),
            "changed": [vars(one) for one in self.changed],
        }


def compare(old: Predictions, new: Predictions, known: Mapping[str, str]) -> Comparison:
    """Compare two models on cells of known class.

    A cell that is on the training or validation side of either model does not judge: it would favour the one
    that has learned from it.

    Parameters
    ----------
    old, new : Predictions
        Of the same cells; those that only one could read are passed over.
    known : mapping
        Cell id to class, of the cells that are set aside for testing.
    """
    row_of = {name: row for row, name in enumerate(new.ids)}
    shared = [(row, row_of[name]) for row, name in enumerate(old.ids) if name in row_of]
    ids = [old.ids[row] for row, _ in shared]
    answers = [(str(old.predicted[a]), str(new.predicted[b])) for a, b in shared]
    judging, left_out = [], 0
    for place, (a, b) in enumerate(shared):
        if ids[place] in known:
            if {old.sides[a], new.sides[b]} & {"train", "validation"}:
                left_out += 1
            else:
                judging.append(place)
    classes = tuple(sorted({*old.classes, *new.classes, *(known[ids[place]] for place in judging)}))
    code = {name: number for number, name in enumerate(classes)}
    labels = np.array([code[known[ids[place]]] for place in judging], dtype=np.int64)
    reports = [
        classification_report(
            labels, _spread(predictions, [shared[place][which] for place in judging], code), classes
        )
        for which, predictions in enumerate((old, new))
    ]
    hits = np.array([[answer == known[ids[p]] for answer in answers[p]] for p in judging], dtype=bool)
    changed = [
        ChangedCell(ids[place], int(new.indices[shared[place][1]]), known.get(ids[place]), before, after)
        for place, (before, after) in enumerate(answers)
        if before != after
    ]
    changed.sort(key=lambda one: (one.known is None, one.index))
    return Comparison(
        asked=len(shared),
        classes=classes,
        cells=len(judging),
        left_out=left_out,
        old=reports[0],
        new=reports[1],
        old_figures=_figures(reports[0]),
        new_figures=_figures(reports[1]),
        support={name: figures["support"] for name, figures in reports[1]["per_class"].items()},
        accuracy_difference=paired_difference(hits[:, 0], hits[:, 1]) if len(hits) else None,
        changed=tuple(changed),
    )


def paired_difference(old: NDArray[np.bool_], new: NDArray[np.bool_]) -> tuple[float, tuple[float, float]]:
    """Return how much more often the new answers are right than the old ones, with the 95 % interval.

    Newcombe 1998, "Improved confidence intervals for the difference between binomial proportions based on
    paired data", method 10: the two Wilson intervals, squared and added with the correlation of the pairs. It
    stays sensible with a handful of cells.

    Parameters
    ----------
    old, new : ndarray
        (n,) bool, whether each answer is right; n at least 1.
    """
    count = len(old)
    both = int((old & new).sum())
    only_old, only_new = int((old & ~new).sum()), int((~old & new).sum())
    neither = count - both - only_old - only_new
    p_old, p_new = (both + only_old) / count, (both + only_new) / count
    low_old, high_old = wilson_interval(both + only_old, count) or (0.0, 1.0)
    low_new, high_new = wilson_interval(both + only_new, count) or (0.0, 1.0)
    spread = (both + only_old) * (only_new + neither) * (both + only_new) * (only_old + neither)
    agreement: float = both * neither - only_old * only_new
    if agreement > 0:  # the paper's continuity correction
        agreement = max(agreement - count / 2, 0)
    correlation = agreement / sqrt(spread) if spread else 0.0
    difference = p_new - p_old
    down, up = (p_new - low_new, high_old - p_old), (high_new - p_new, p_old - low_old)
    reach_down, reach_up = (
        sqrt(max(one**2 + other**2 - 2 * correlation * one * other, 0.0)) for one, other in (down, up)
    )
    return difference, (max(-1.0, difference - reach_down), min(1.0, difference + reach_up))


def _figures(report: dict[str, Any]) -> dict[str, ClassFigures]:
    confusion = np.array(report["confusion"], dtype=np.int64)
    answers = confusion.sum(axis=0)
    return {
        name: ClassFigures(
            one["recall"],
            one["recall_interval"],
            one["precision"],
            wilson_interval(int(confusion[number, number]), int(answers[number])),
        )
        for number, (name, one) in enumerate(report["per_class"].items())
    }


def _spread(predictions: Predictions, rows: list[int], code: Mapping[str, int]) -> NDArray[np.float64]:
    """Return the probabilities of some rows with a column for every class, 0 where the model knows it not."""
    wide = np.zeros((len(rows), len(code)))
    wide[:, [code[name] for name in predictions.classes]] = predictions.probabilities[rows]
    return wide
