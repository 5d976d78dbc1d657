"""Fractions of the classes in each sample, and in each condition over its samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.learn.metrics import wilson_interval

if TYPE_CHECKING:
    from sparseattn.predictions import Predictions

SAMPLE_COLUMNS = ("sample", "well", "donor")
CONDITION_COLUMNS = ("condition", "treatment", "group")
ALL_CELLS = "all cells"
ALL_SAMPLES = "all samples"

Interval = tuple[float, float]


@dataclass(frozen=True)
class SampleFractions:
    """What the cells of one sample were called.

    Attributes
    ----------
    sample : str
        Its name; "all cells" where no samples are known.
    condition : str or None
        What was done to it, where that is known.
    n : int
        Cells.
    counts : tuple of int
        Cells that were given each class.
    fractions : tuple of float
        The same, divided by ``n``.
    intervals : tuple of (float, float)
        95 %, Wilson's score interval: how far the cells of this sample determine each fraction.
    """

    sample: str
    condition: str | None
    n: int
    counts: tuple[int, ...]
    fractions: tuple[float, ...]
    intervals: tuple[Interval, ...]


@dataclass(frozen=True)
class ConditionFractions:
    """Mean fractions over the samples of one condition.

    Attributes
    ----------
    condition : str
        Its name; "all samples" where no conditions are known.
    samples : int
        How many samples.
    means : tuple of float
        Mean fraction of each class; every sample counts the same.
    intervals : tuple of (float, float) or None
        95 %, Student's t over the samples, cut off at 0 and 1; None for a single sample.
    """

    condition: str
    samples: int
    means: tuple[float, ...]
    intervals: tuple[Interval, ...] | None


@dataclass(frozen=True)
class Fractions:
    """Fractions of the answered classes.

    Attributes
    ----------
    classes : tuple of str
        The order of all counts and fractions.
    sample_column, condition_column : str or None
        The sample columns that name the samples and conditions; None where there is none.
    samples : tuple of SampleFractions
        In the order of their first cells.
    conditions : tuple of ConditionFractions
        Of the conditions, or of all samples together where there are several and no condition is known.
    """

    classes: tuple[str, ...]
    sample_column: str | None
    condition_column: str | None
    samples: tuple[SampleFractions, ...]
    conditions: tuple[ConditionFractions, ...]


def class_fractions(
    predictions: Predictions, *, sample_column: str | None = None, condition_column: str | None = None
) -> Fractions:
    """Count the answered classes in each sample.

    Parameters
    ----------
    predictions : Predictions
        All its cells count, whether their class is known or not; the answers are not corrected for errors.
    sample_column, condition_column : str, optional
        Sample columns of the cells. Where they are not given, the first of sample, well and donor, and the
        first of condition, treatment and group, that the cells have.

    Raises
    ------
    InputError
        Where there is no such column.
    """
    sample_column = _column(predictions, sample_column, SAMPLE_COLUMNS)
    condition_column = _column(predictions, condition_column, CONDITION_COLUMNS)
    count = len(predictions)
    names = _texts(predictions, sample_column) or [ALL_CELLS] * count
    conditions: list[str | None] = [*_texts(predictions, condition_column)] or [None] * count
    answered = predictions.probabilities.argmax(axis=1)
    samples = []
    for rows in _rows_of_each(names, conditions):
        sample, condition = names[rows[0]], conditions[rows[0]]
        counts = np.bincount(answered[rows], minlength=len(predictions.classes)).tolist()
        samples.append(
            SampleFractions(
                sample=sample,
                condition=condition,
                n=len(rows),
                counts=tuple(counts),
                fractions=tuple(one / len(rows) for one in counts),
                intervals=tuple(_wilson(one, len(rows)) for one in counts),
            )
        )
    return Fractions(
        classes=predictions.classes,
        sample_column=sample_column,
        condition_column=condition_column,
        samples=tuple(samples),
        conditions=_over_samples(samples, known=condition_column is not None),
    )


def sample_rows(predictions: Predictions, sample_column: str | None) -> dict[str, NDArray[np.int64]]:
    """Return the rows of each sample, in the order of their first cells; one sample without a column."""
    names = _texts(predictions, sample_column) or [ALL_CELLS] * len(predictions)
    return {names[rows[0]]: rows for rows in _rows_of_each(names)}


def _rows_of_each(*columns: Sequence[str | None]) -> list[NDArray[np.int64]]:
    """Return the rows of each combination of texts, in the order of their first ones."""
    codes: NDArray[np.int64] = np.zeros(len(columns[0]), np.int64)
    for column in columns:
        places: dict[str | None, int] = {}
        own = np.fromiter((places.setdefault(text, len(places)) for text in column), np.int64, len(codes))
        codes = codes * len(places) + own
    _, firsts, codes = np.unique(codes, return_index=True, return_inverse=True)
    order = np.argsort(codes, kind="stable")
    groups = np.split(order, np.cumsum(np.bincount(codes, minlength=len(firsts)))[:-1])
    return [groups[place] for place in np.argsort(firsts)]


def mean_interval(values: NDArray[np.float64]) -> NDArray[np.float64] | None:
    """Return the 95 % interval (2, ...) of the mean of (n, ...) values by Student's t; None where n is 1."""
    from scipy.stats import t  # half a second

    if len(values) < 2:
        return None
    mean = values.mean(axis=0)
    reach = t.ppf(0.975, len(values) - 1) * values.std(axis=0, ddof=1) / np.sqrt(len(values))
    return np.stack([mean - reach, mean + reach])


def _over_samples(samples: Sequence[SampleFractions], *, known: bool) -> tuple[ConditionFractions, ...]:
    if not known and len(samples) < 2:
        return ()
    groups: dict[str, list[SampleFractions]] = {}
    for one in samples:
        groups.setdefault(one.condition or ALL_SAMPLES, []).append(one)
    conditions = []
    for name, members in groups.items():
        fractions = np.array([one.fractions for one in members])
        interval = mean_interval(fractions)
        limits = None
        if interval is not None:
            low, high = interval.clip(0, 1).tolist()
            limits = tuple(zip(low, high, strict=True))
        conditions.append(
            ConditionFractions(name, len(members), tuple(fractions.mean(axis=0).tolist()), limits)
        )
    return tuple(conditions)


def _column(predictions: Predictions, wanted: str | None, usual: Sequence[str]) -> str | None:
    if wanted is None:
        return next((name for name in usual if predictions.cells.column(name) is not None), None)
    if predictions.cells.column(wanted) is None:
        there = ", ".join(map(str, predictions.samples.columns)) or "none"
        raise InputError(f"the cells have no sample column {wanted!r}; they have: {there}")
    return wanted


def _texts(predictions: Predictions, column: str | None) -> list[str]:
    """Return a sample column as text, "unknown" where a cell has none; empty without a column."""
    values = None if column is None else predictions.cells.column(column)
    if values is None:
        return []
    return ["unknown" if v is None or v != v or v == "" else str(v) for v in values]


def _wilson(hits: int, trials: int) -> Interval:
    interval = wilson_interval(hits, trials)
    assert interval is not None
    return interval[0], interval[1]
