"""Whether a confidence of 80 % is right in 80 % of the cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparseattn.learn.metrics import CALIBRATION_BINS, wilson_interval


@dataclass(frozen=True)
class ReliabilityBin:
    """The cells whose confidence lies in one of the bins by which the calibration error is measured.

    Attributes
    ----------
    low, high : float
        Limits of the confidence.
    n : int
        Cells; at least 1.
    confidence, accuracy : float
        Their mean confidence, and the share of them that is right.
    interval : tuple of float
        95 % of the accuracy, Wilson's score interval.
    """

    low: float
    high: float
    n: int
    confidence: float
    accuracy: float
    interval: tuple[float, float]


def reliability_bins(
    confidence: NDArray[np.floating], right: NDArray[np.bool_]
) -> tuple[ReliabilityBin, ...]:
    """Sort (n,) confidences into bins; bins without cells are left out.

    The mean distance between ``confidence`` and ``accuracy``, weighted by ``n``, is the expected calibration
    error of `learn.metrics.classification_report`.
    """
    places = np.minimum((confidence.astype(np.float64) * CALIBRATION_BINS).astype(int), CALIBRATION_BINS - 1)
    bins = []
    for place in np.unique(places):
        inside = places == place
        hits, count = int(right[inside].sum()), int(inside.sum())
        interval = wilson_interval(hits, count)
        assert interval is not None
        bins.append(
            ReliabilityBin(
                low=int(place) / CALIBRATION_BINS,
                high=(int(place) + 1) / CALIBRATION_BINS,
                n=count,
                confidence=float(confidence[inside].astype(np.float64).mean()),
                accuracy=hits / count,
                interval=(interval[0], interval[1]),
            )
        )
    return tuple(bins)
