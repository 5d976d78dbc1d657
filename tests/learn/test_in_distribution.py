"""The in-distribution score, on features whose distribution is known."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import kstest

from sparseattn.errors import InputError
from sparseattn.learn.in_distribution import InDistribution, fit_in_distribution


def some_features(random, n, width=8):
    """Three classes of a common, stretched spread."""
    labels = np.arange(n) % 3
    centres = np.eye(3, width) * 10
    return centres[labels] + random.normal(size=(n, width)) * np.linspace(0.5, 3, width), labels


@pytest.fixture(scope="module")
def fitted() -> InDistribution:
    random = np.random.default_rng(0)
    features, labels = some_features(random, 600)
    return fit_in_distribution(features, labels, some_features(random, 400)[0])


def test_cells_like_the_held_out_ones_spread_evenly(fitted):
    scores = fitted.score(some_features(np.random.default_rng(1), 400)[0])
    assert kstest(scores, "uniform").statistic < 0.12


def test_cells_like_none_score_near_zero(fitted):
    far = np.full((5, 8), 100.0)
    np.testing.assert_allclose(fitted.score(far), 1 / 401)
    between_the_classes = np.array([[5.0, 5.0, 5.0, 0, 0, 0, 0, 30.0]])
    assert fitted.score(between_the_classes) < 0.01


def test_the_centre_of_a_class_scores_one(fitted):
    np.testing.assert_array_equal(fitted.score(fitted.means), 1)


def test_the_distance_is_mahalanobis(fitted):
    """A step along the wide axis is less strange than the same step along the narrow one."""
    wide, narrow = fitted.means[[2, 2]] + np.eye(8)[[7, 3]] * 5
    assert fitted.score([wide])[0] > fitted.score([narrow])[0]


@given(st.integers(2, 30), st.integers(1, 12), st.sampled_from([0.0, 1e-8, 1.0, 1e6]))
def test_few_cells_or_constant_features_still_give_scores(n, width, spread):
    random = np.random.default_rng(n)
    features = random.normal(size=(n, width)) * spread
    fitted = fit_in_distribution(features, np.arange(n) % 2, features[:1])
    scores = fitted.score(features)
    assert np.all((scores > 0) & (scores <= 1))


def test_a_feature_that_is_not_a_number_scores_lowest(fitted):
    assert fitted.score(np.full((1, 8), np.nan))[0] == pytest.approx(1 / 401)


def test_without_held_out_cells_there_is_no_score():
    with pytest.raises(InputError, match="held-out"):
        fit_in_distribution(np.zeros((4, 2)), [0, 0, 1, 1], np.zeros((0, 2)))
