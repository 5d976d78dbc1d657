"""Precision, recall and F1 of each class, with 95 % intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparseattn.learn.metrics import wilson_interval

Interval = tuple[float, float]
DRAWS = 2000
LEAST_GROUPS = 5
"""Fewer groups (donors, samples, fields) say too little of how groups differ to be drawn from."""

_TAILS = (2.5, 97.5)


@dataclass(frozen=True)
class ClassScore:
    """How well one class is told.

    Attributes
    ----------
    name : str
        The class.
    support, answered, hits : int
        Cells of the class, cells that were given it, and cells where both are so.
    precision, recall, f1 : float or None
        In 0..1; None where there is nothing to count.
    precision_interval, recall_interval : tuple of float or None
        95 %, Wilson's score interval.
    f1_interval : tuple of float or None
        95 %, percentiles of a bootstrap; where the class had no error or no hit, which leaves a bootstrap
        nothing to draw, Wilson's interval of J = TP / (TP + FP + FN), of which F1 = 2 J / (1 + J).
    """

    name: str
    support: int
    answered: int
    hits: int
    precision: float | None
    precision_interval: Interval | None
    recall: float | None
    recall_interval: Interval | None
    f1: float | None
    f1_interval: Interval | None


@dataclass(frozen=True)
class Scores:
    """How well the classes are told, one by one and together.

    Attributes
    ----------
    per_class : tuple of ClassScore
        In the order of the model's classes.
    accuracy_interval : tuple of float
        95 %, Wilson's score interval.
    balanced_accuracy_interval, macro_f1_interval : tuple of float
        95 %, percentiles of the same bootstrap; where no cell is wrong, Wilson's interval of the accuracy.
    resampled : str
        What the bootstrap drew: "cells" or "groups".
    """

    per_class: tuple[ClassScore, ...]
    accuracy_interval: Interval
    balanced_accuracy_interval: Interval
    macro_f1_interval: Interval
    resampled: str


def score_classes(
    known: NDArray[np.int64],
    answered: NDArray[np.int64],
    names: Sequence[str],
    *,
    groups: Sequence[str | None] | None = None,
    seed: int = 0,
) -> Scores:
    """Score the answers.

    Parameters
    ----------
    known, answered : ndarray
        (n,) int64, indices of ``names``; n is at least 1.
    names : sequence of str
        The classes.
    groups : sequence of (str or None), optional
        Donor, sample or field of each cell. Where all are known and there are at least five, the bootstrap
        draws groups instead of cells: cells of one group are alike, and drawing them one by one would make
        the intervals too narrow (Field and Welsh 2007, "Bootstrapping clustered data"). Wilson's intervals
        take every cell for itself all the same.
    seed : int
        Of the bootstrap's 2,000 draws.

    Returns
    -------
    Scores
    """
    counts = _counts(known, answered, len(names))
    hits, support, answers = counts.hits[0], counts.support[0], counts.answers[0]
    drawn, resampled = _draw(known, answered, len(names), groups, np.random.default_rng(seed))
    drawn_f1 = _ratio(2 * drawn.hits, drawn.support + drawn.answers)
    accuracy = _wilson(int(hits.sum()), len(known))
    per_class = []
    for i, name in enumerate(names):
        tp, given, got = int(hits[i]), int(support[i]), int(answers[i])
        per_class.append(
            ClassScore(
                name=name,
                support=given,
                answered=got,
                hits=tp,
                precision=tp / got if got else None,
                precision_interval=_wilson(tp, got) if got else None,
                recall=tp / given if given else None,
                recall_interval=_wilson(tp, given) if given else None,
                f1=2 * tp / (given + got) if given + got else None,
                f1_interval=_f1_interval(tp, given, got, drawn_f1[:, i]),
            )
        )
    flawless = int(hits.sum()) == len(known)
    return Scores(
        per_class=tuple(per_class),
        accuracy_interval=accuracy,
        balanced_accuracy_interval=accuracy if flawless else _spread(_mean_recall(drawn)),
        macro_f1_interval=accuracy if flawless else _spread(np.nanmean(drawn_f1, axis=1)),
        resampled=resampled,
    )


@dataclass(frozen=True, eq=False)
class _Counts:
    """(draws, classes) int64: right answers, known cells and answers of each class.

    The confusions that they are the sums of are never there: with a thousand classes each has a million
    numbers.
    """

    hits: NDArray[np.int64]
    support: NDArray[np.int64]
    answers: NDArray[np.int64]


def _counts(
    known: NDArray[np.int64],
    answered: NDArray[np.int64],
    classes: int,
    times: NDArray[np.int64] | None = None,
) -> _Counts:
    """Count pairs of a known and an answered class, each so many ``times``: (draws, pairs), or once."""
    times = np.ones((1, len(known)), dtype=np.int64) if times is None else times
    right = known == answered
    return _Counts(
        _sums(times[:, right], known[right], classes),
        _sums(times, known, classes),
        _sums(times, answered, classes),
    )


def _sums(times: NDArray[np.int64], of: NDArray[np.int64], classes: int) -> NDArray[np.int64]:
    sums = np.zeros((classes, len(times)), dtype=np.int64)
    np.add.at(sums, of, times.T)
    return sums.T


def _draw(
    known: NDArray[np.int64],
    answered: NDArray[np.int64],
    classes: int,
    groups: Sequence[str | None] | None,
    random: np.random.Generator,
) -> tuple[_Counts, str]:
    """Return the counts of resampled cells or groups."""
    pairs, member = np.unique(known * classes + answered, return_inverse=True)
    drawn_as = (pairs // classes, pairs % classes, classes)
    if groups is not None and None not in groups:
        places = {name: place for place, name in enumerate(sorted(map(str, set(groups))))}
        group = np.fromiter((places[str(name)] for name in groups), np.int64, len(known))
        number = len(places)
        if number >= LEAST_GROUPS:
            parts = np.zeros((number, len(pairs)), dtype=np.int64)
            np.add.at(parts, (group, member), 1)
            times = random.multinomial(number, np.full(number, 1 / number), size=DRAWS)
            return _counts(*drawn_as, times @ parts), "groups"
    shares = np.bincount(member) / len(known)
    return _counts(*drawn_as, random.multinomial(len(known), shares, size=DRAWS)), "cells"


def _mean_recall(counts: _Counts) -> NDArray[np.float64]:
    means: NDArray[np.float64] = np.nanmean(_ratio(counts.hits, counts.support), axis=1)
    return means


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    out = np.full(whole.shape, np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _f1_interval(hits: int, support: int, answers: int, drawn: NDArray[np.float64]) -> Interval | None:
    union = support + answers - hits
    if not union:
        return None
    if hits in (0, union):
        low, high = _wilson(hits, union)
        return 2 * low / (1 + low), 2 * high / (1 + high)
    return _spread(drawn[np.isfinite(drawn)])


def _spread(values: NDArray[np.float64]) -> Interval:
    low, high = np.percentile(values, _TAILS)
    return float(low), float(high)


def _wilson(hits: int, trials: int) -> Interval:
    interval = wilson_interval(hits, trials)
    assert interval is not None
    return interval[0], interval[1]
