"""Whether the size of the images gives the class away."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

_FOLDS = 5
_BINS = 8
_FEWEST = 5
"""Classes with fewer cells are left out: too few to judge."""
_ALARM = 0.25
"""Warn from this share of the way from chance to certainty."""
_ALARM_OF_ONE = 0.85
"""Balanced accuracy of one class against all others from which on it is named."""


def size_predicts_class(cells_shapes: Sequence[tuple[int, int]], labels: Sequence[str | None]) -> str | None:
    """Say so when height, width and aspect of the images alone predict the class.

    A net then learns the crop or the padding instead of the cell. The judge is naive Bayes over binned
    height, width and aspect with equal priors, cross-validated in 5 folds. It warns when its balanced
    accuracy is a quarter of the way from chance to certainty or more, and more than four standard errors
    (binomial, at chance) above chance; and when it tells one class of several from all others together with a
    balanced accuracy of 0.85, and as surely.

    Parameters
    ----------
    cells_shapes
        (H, W) of each cell, as `CellSet.shapes` gives them.
    labels
        Class of each cell; cells with None are left out.

    Returns
    -------
    str or None
        One sentence, or None when there is nothing to warn of.
    """
    names = np.array([label or "" for label in labels])
    classes, counts = np.unique(names[names != ""], return_counts=True)
    classes, counts = classes[counts >= _FEWEST], counts[counts >= _FEWEST]
    if len(classes) < 2:
        return None
    kept = np.isin(names, classes)
    target = np.searchsorted(classes, names[kept])
    height, width = np.asarray(cells_shapes, dtype=np.float64).reshape(-1, 2)[kept].T
    if (height == height[0]).all() and (width == width[0]).all():
        return None
    bins = np.stack([_binned(height), _binned(width), _binned(height / width)])

    fold = np.empty(len(target), np.int64)  # within each class in turn, so that each fold has every class
    for label in range(len(classes)):
        fold[target == label] = np.arange(counts[label]) % _FOLDS
    predicted = np.empty_like(target)
    for held in range(_FOLDS):
        predicted[fold == held] = _naive_bayes(
            bins[:, fold != held], target[fold != held], bins[:, fold == held], len(classes)
        )
    recall = np.bincount(target[predicted == target], minlength=len(classes)) / counts
    balanced, chance = float(recall.mean()), 1 / len(classes)
    error = float(np.sqrt((chance * (1 - chance) / counts).sum())) / len(classes)
    if balanced >= chance + max(_ALARM * (1 - chance), 4 * error):
        return _warning("predicts the class", balanced, chance)
    for label, name in enumerate(classes):
        refused = float((predicted[target != label] != label).mean())
        accuracy = (recall[label] + refused) / 2
        error = 0.5 * float(np.sqrt(0.25 / counts[label] + 0.25 / (counts.sum() - counts[label])))
        if accuracy >= max(_ALARM_OF_ONE, 0.5 + 4 * error):
            return _warning(f"tells {name} from all other classes", accuracy, 0.5)
    return None


def _warning(what: str, accuracy: float, chance: float) -> str:
    return (
        f"The size of the images alone {what} (balanced accuracy {accuracy:.2f}, chance {chance:.2f}): a net "
        "may learn the crop instead of the cell; cut all cells with the same window, whatever their class."
    )


def _binned(values: npt.NDArray[np.float64]) -> npt.NDArray[np.int64]:
    edges = np.unique(np.quantile(values, np.linspace(0, 1, _BINS + 1)[1:-1]))
    return np.searchsorted(edges, values, side="right") + np.searchsorted(edges, values, side="left")


def _naive_bayes(
    bins: npt.NDArray[np.int64], target: npt.NDArray[np.int64], asked: npt.NDArray[np.int64], classes: int
) -> npt.NDArray[np.int64]:
    """Return the likeliest class of each column of `asked`; ties are drawn, so that they gain nothing."""
    score = np.random.default_rng(0).uniform(0, 1e-6, (classes, asked.shape[1]))
    for known, wanted in zip(bins, asked, strict=True):
        table = np.ones((classes, 2 * _BINS))
        np.add.at(table, (target, known), 1)
        score += np.log(table / table.sum(axis=1, keepdims=True))[:, wanted]
    return np.asarray(score.argmax(axis=0), dtype=np.int64)
