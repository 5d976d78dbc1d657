"""Intervals of paired differences."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import ttest_1samp

from benchmarks.scores import balanced_accuracy
from benchmarks.statistics import corrected_t, paired_bootstrap


@given(st.lists(st.floats(-0.2, 0.2), min_size=3, max_size=10, unique=True))
def test_without_shared_cells_the_corrected_t_is_the_plain_one(differences: list[float]) -> None:
    values = np.array(differences)
    plain = ttest_1samp(values, 0).confidence_interval(0.95)
    found = corrected_t(values, test_to_train=0.0)
    assert found.interval is not None
    assert np.allclose(found.interval, (plain.low, plain.high))
    wider = corrected_t(values, test_to_train=0.25).interval
    assert wider is not None
    assert wider[1] - wider[0] == pytest.approx(
        (plain.high - plain.low) * np.sqrt(1 + 0.25 * len(values)), rel=1e-6
    )


def test_one_fold_has_no_interval() -> None:
    assert corrected_t(np.array([0.1]), 0.25).interval is None


def test_the_bootstrap_is_of_balanced_accuracy() -> None:
    generator = np.random.default_rng(3)
    labels = np.repeat([0, 1, 2], [200, 50, 10])
    one = np.where(generator.random(260) < 0.9, labels, 0)
    other = np.where(generator.random(260) < 0.7, labels, 0)
    gains = (one == labels).astype(float) - (other == labels)
    found = paired_bootstrap(labels, gains)
    assert found.mean == pytest.approx(balanced_accuracy(labels, one) - balanced_accuracy(labels, other))
    assert found.interval is not None
    low, high = found.interval
    assert low < found.mean < high
    # The spread of a mean of independent draws, class by class.
    spread = np.sqrt(sum(gains[labels == c].var() / (labels == c).sum() for c in range(3))) / 3
    assert high - low == pytest.approx(2 * 1.96 * spread, rel=0.1)


def test_equal_answers_differ_by_nothing() -> None:
    found = paired_bootstrap(np.array([0, 0, 1]), np.zeros(3))
    assert (found.mean, found.interval) == (0.0, (0.0, 0.0))
