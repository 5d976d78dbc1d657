"""How good the answers are: accuracy of several kinds, calibration, confusion.

Plain numpy: torchmetrics takes seconds to import. The tests compare every figure with it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

CALIBRATION_BINS = 15
"""Equal bins of the confidence, by which calibration is measured and drawn."""

_NORMAL_QUANTILE_95 = 1.959963984540054


def classification_report(
    labels: ArrayLike, probabilities: ArrayLike, class_names: Sequence[str]
) -> dict[str, Any]:
    """Compare probabilities with what is known.

    Parameters
    ----------
    labels : array_like
        (n,) integers, the known class of each cell as an index into ``class_names``.
    probabilities : array_like
        (n, classes) of the same cells.
    class_names : sequence of str
        Names in the order of the columns.

    Returns
    -------
    dict
        JSON values, shares in 0..1; a figure that cannot be had is None:

        - ``n``: cells; ``classes``: the names.
        - ``accuracy``: share of cells whose most probable class is the known one.
        - ``balanced_accuracy``: mean recall over the classes that occur among the labels (Brodersen et al.
          2010, "The balanced accuracy and its posterior distribution").
        - ``macro_f1``: mean F1 = 2 TP / (2 TP + FP + FN) over the classes that occur or were answered.
        - ``ece``: expected calibration error, the mean distance between confidence and accuracy in 15 equal
          bins of the confidence, weighted by their cells (Guo et al. 2017, "On calibration of modern neural
          networks").
        - ``per_class``: by name: ``precision``, ``recall``, ``recall_interval`` (95 %, `wilson_interval`),
          ``f1``, ``support`` (cells of the class).
        - ``confusion``: counts; rows are the known, columns the answered classes.

    Raises
    ------
    ValueError
        Where the shapes do not fit, or a label is not an index of a class.
    """
    known = np.asarray(labels, dtype=np.int64)
    shares = np.asarray(probabilities, dtype=np.float64)
    classes = len(class_names)
    if known.ndim != 1 or shares.shape != (len(known), classes):
        raise ValueError(
            f"labels {known.shape} and probabilities {shares.shape} do not fit {classes} classes"
        )
    if len(known) and not (known.min() >= 0 and known.max() < classes):
        raise ValueError(f"labels must lie in 0..{classes - 1}")

    answered = shares.argmax(axis=1) if len(known) else np.zeros(0, dtype=np.int64)
    confusion = np.zeros((classes, classes), dtype=np.int64)
    np.add.at(confusion, (known, answered), 1)
    hits = np.diag(confusion)
    support = confusion.sum(axis=1)
    answers = confusion.sum(axis=0)
    recall = _ratio(hits, support)
    precision = _ratio(hits, answers)
    f1 = _ratio(2 * hits, support + answers)
    return {
        "n": len(known),
        "classes": list(class_names),
        "accuracy": _mean(known == answered),
        "balanced_accuracy": _mean(recall[support > 0]),
        "macro_f1": _mean(f1[support + answers > 0]),
        "ece": _calibration_error(shares, known == answered),
        "per_class": {
            name: {
                "precision": _plain(precision[i]),
                "recall": _plain(recall[i]),
                "recall_interval": wilson_interval(int(hits[i]), int(support[i])),
                "f1": _plain(f1[i]),
                "support": int(support[i]),
            }
            for i, name in enumerate(class_names)
        },
        "confusion": confusion.tolist(),
    }


def wilson_interval(hits: int, trials: int) -> list[float] | None:
    """Return the 95 % score interval of a share, or None without trials.

    Wilson 1927, "Probable inference, the law of succession, and statistical inference": with z = 1.96,
    (p + z^2 / 2n +- z sqrt(p (1 - p) / n + z^2 / 4n^2)) / (1 + z^2 / n).
    """
    if trials == 0:
        return None
    share, square = hits / trials, _NORMAL_QUANTILE_95**2
    centre = share + square / (2 * trials)
    reach = _NORMAL_QUANTILE_95 * np.sqrt(share * (1 - share) / trials + square / (4 * trials**2))
    low, high = (centre - reach) / (1 + square / trials), (centre + reach) / (1 + square / trials)
    return [max(0.0, float(low)), min(1.0, float(high))]


def calibration_interval(labels: ArrayLike, probabilities: ArrayLike) -> list[float] | None:
    """Return the 95 % interval of ``ece`` of `classification_report` over cells; None without cells."""
    known, shares = np.asarray(labels), np.asarray(probabilities, dtype=np.float64)
    if not len(known):
        return None
    right = shares.argmax(axis=1) == known

    def error(rows: NDArray[np.int64]) -> float:
        return _calibration_error(shares[rows], right[rows]) or 0.0

    return bootstrap_interval(error, len(known))


def bootstrap_interval(
    statistic: Callable[[NDArray[np.int64]], float], cells: int, *, draws: int = 2000, seed: int = 0
) -> list[float]:
    """Return the 95 % interval of a figure: percentiles over cells that are drawn again.

    Parameters
    ----------
    statistic : callable
        The figure of some rows (n,), each of which may be there several times.
    cells : int
        Number of rows to draw from and to draw.
    draws, seed : int
        How often, and the seed of the drawing.
    """
    generator = np.random.default_rng(seed)
    drawn = [statistic(generator.integers(cells, size=cells)) for _ in range(draws)]
    low, high = np.percentile(drawn, [2.5, 97.5])
    return [float(low), float(high)]


def _calibration_error(probabilities: NDArray[np.float64], right: NDArray[np.bool_]) -> float | None:
    if len(right) == 0:
        return None
    confidence = probabilities.max(axis=1)
    bins = np.minimum((confidence * CALIBRATION_BINS).astype(np.int64), CALIBRATION_BINS - 1)
    gaps = np.bincount(bins, weights=confidence - right, minlength=CALIBRATION_BINS)
    return float(np.abs(gaps).sum() / len(right))


def _ratio(part: NDArray[np.int64], whole: NDArray[np.int64]) -> NDArray[np.float64]:
    out = np.full(len(whole), np.nan)
    np.divide(part, whole, out=out, where=whole > 0)
    return out


def _mean(values: NDArray[Any]) -> float | None:
    return float(values.mean()) if len(values) else None


def _plain(value: np.float64) -> float | None:
    return float(value) if np.isfinite(value) else None
