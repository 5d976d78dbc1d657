"""How sure a difference between two nets is that were asked about the same cells."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import t as student

CONFIDENCE = 0.95
RESAMPLINGS = 10_000


@dataclass(frozen=True)
class Difference:
    """A difference with its 95 % interval; the interval is None where it cannot be had (one piece)."""

    mean: float
    interval: tuple[float, float] | None


def corrected_t(differences: np.ndarray, test_to_train: float) -> Difference:
    """Return the mean difference over folds, with the corrected resampled t interval.

    Folds share training cells, so their differences are not independent: the variance of the mean is
    (1/J + n_test/n_train) s^2 instead of s^2/J. Nadeau and Bengio, "Inference for the generalization error",
    Machine Learning 52 (2003).

    Parameters
    ----------
    differences
        (J,) one a fold.
    test_to_train
        n_test / n_train.
    """
    count = len(differences)
    mean = float(differences.mean())
    if count < 2:
        return Difference(mean, None)
    error = float(differences.std(ddof=1)) * np.sqrt(1 / count + test_to_train)
    reach = float(student.ppf((1 + CONFIDENCE) / 2, count - 1)) * error
    return Difference(mean, (mean - reach, mean + reach))


def paired_bootstrap(labels: np.ndarray, gains: np.ndarray, seed: int = 0) -> Difference:
    """Return the difference in balanced accuracy over cells, with the percentile bootstrap interval.

    Cells are drawn again within their class, each with both nets' answers. What another training would have
    changed is not in this interval.

    Parameters
    ----------
    labels
        (n,) class of each cell.
    gains
        (n,) right by the first net minus right by the second, -1 to 1 (the mean over repeats).
    """
    generator = np.random.default_rng(seed)
    classes = np.unique(labels)
    drawn = np.zeros(RESAMPLINGS)
    mean = 0.0
    for label in classes:
        members = gains[labels == label]
        mean += float(members.mean()) / len(classes)
        # Drawing n cells again is drawing how often each distinct gain comes.
        values, counts = np.unique(members, return_counts=True)
        often = generator.multinomial(len(members), counts / len(members), size=RESAMPLINGS)
        drawn += often @ values / len(members) / len(classes)
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Difference(mean, (float(low), float(high)))
