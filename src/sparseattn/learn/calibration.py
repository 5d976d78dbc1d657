"""Confidence that means something: a temperature of the logits, and sets of classes at an error rate."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from sparseattn.errors import InputError

TEMPERATURES = (0.05, 20.0)
"""Between which a temperature is sought; a model file may hold no other."""

_PRIOR_CELLS = 4.0
_FINE = 1e-12


@dataclass(frozen=True)
class ConfidenceScale:
    """What a model file keeps of the validation cells, so that its confidence can be believed.

    Attributes
    ----------
    temperature : float
        Logits are divided by it (Guo et al. 2017, "On calibration of modern neural networks"): above 1 for a
        model that is too sure of itself.
    surprise : ndarray
        (n,) float32, ascending: 1 less the calibrated probability of the known class, of each validation
        cell.
    """

    temperature: float
    surprise: NDArray[np.float32]

    def __post_init__(self) -> None:
        """Refuse what no fit gives: it may come from a file.

        Raises
        ------
        InputError
            If a number is out of its range.
        """
        low, high = TEMPERATURES
        if type(self.temperature) is not float or not low <= self.temperature <= high:
            raise InputError(f"its temperature is {self.temperature!r}; it must lie in {low} to {high}")
        scores = self.surprise
        ascends = scores.ndim == 1 and scores.size > 0 and bool((np.diff(scores) >= 0).all())
        if not ascends or scores[0] < 0 or scores[-1] > 1:
            raise InputError("the scores of its validation cells do not ascend from 0 to 1")

    @property
    def smallest_error_rate(self) -> float:
        """The smallest error rate that so many validation cells can promise."""
        return 1 / (len(self.surprise) + 1)

    def sets(self, probabilities: ArrayLike, error_rate: float) -> NDArray[np.bool_]:
        """Return which classes a cell may be of: at most ``error_rate`` of the sets miss the right one.

        Split conformal prediction (Sadinle, Lei and Wasserman 2019, "Least ambiguous set-valued classifiers
        with bounded error levels"): the promise holds on average over cells drawn like the validation cells,
        whatever the model is worth. A set always holds the most probable class.

        Parameters
        ----------
        probabilities : array_like
            (n, classes), calibrated: what the model answers.
        error_rate : float
            Between 0 and 1.

        Returns
        -------
        ndarray
            (n, classes) bool. All classes where the validation cells are too few for so small an error rate.

        Raises
        ------
        InputError
            If ``error_rate`` is not between 0 and 1.
        """
        if not 0 < error_rate < 1:
            raise InputError(f"the error rate is {error_rate}; give a number between 0 and 1, such as 0.1")
        shares = np.asarray(probabilities, dtype=np.float64)
        count = len(self.surprise)
        place = math.ceil((count + 1) * (1 - error_rate))
        if place > count:
            return np.ones(shares.shape, dtype=bool)
        inside = 1 - shares <= float(self.surprise[place - 1]) + 1e-6
        inside[np.arange(len(shares)), shares.argmax(axis=1)] = True
        return inside


def fit_scale(probabilities: ArrayLike, labels: ArrayLike) -> ConfidenceScale | None:
    """Fit temperature and scores on cells that the model was not taught with; None without cells.

    Parameters
    ----------
    probabilities : array_like
        (n, classes), not calibrated.
    labels : array_like
        (n,) integers, the known classes.
    """
    shares = np.asarray(probabilities, dtype=np.float64)
    known = np.asarray(labels, dtype=np.int64)
    if not len(known):
        return None
    temperature = fit_temperature(shares, known)
    fitted = tempered(shares, temperature)
    surprise = np.sort(1 - fitted[np.arange(len(known)), known]).clip(0, 1)
    return ConfidenceScale(temperature, surprise.astype(np.float32))


def fit_temperature(probabilities: NDArray[np.float64], labels: NDArray[np.int64]) -> float:
    """Return the temperature of the highest likelihood.

    Few cells say little: the fit is drawn to 1 as if four cells more had asked for it, by a normal prior on
    the logarithm. Without cells it is 1.

    Parameters
    ----------
    probabilities, labels
        As of `fit_scale`.
    """
    from scipy.optimize import minimize_scalar

    if not len(labels):
        return 1.0
    rows = np.arange(len(labels))

    def cost(logarithm: float) -> float:
        fitted = tempered(probabilities, float(np.exp(logarithm)))[rows, labels]
        return float(-np.log(np.maximum(fitted, _FINE)).sum() + _PRIOR_CELLS * logarithm**2 / 2)

    low, high = np.log(TEMPERATURES)
    found = minimize_scalar(cost, bounds=(low, high), method="bounded")
    return float(np.exp(found.x))


def tempered(probabilities: NDArray[np.float64], temperature: float) -> NDArray[np.float64]:
    """Return (n, classes) probabilities whose logits are divided by a temperature."""
    logits = np.log(np.maximum(probabilities, _FINE)) / temperature
    logits -= logits.max(axis=1, keepdims=True)
    exponentials = np.exp(logits)
    result: NDArray[np.float64] = exponentials / exponentials.sum(axis=1, keepdims=True)
    return result
