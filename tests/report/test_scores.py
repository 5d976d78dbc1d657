"""Precision, recall, F1 and their intervals."""

import tracemalloc

import numpy as np
import pytest

from sparseattn.learn.metrics import classification_report, wilson_interval
from sparseattn.report.reliability import reliability_bins
from sparseattn.report.scores import score_classes

NAMES = ("a", "b", "c")


def some_answers(count: int = 200, seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    random = np.random.default_rng(seed)
    known = random.integers(0, 3, count)
    probabilities = random.dirichlet((1, 1, 1), count)
    probabilities[np.arange(count), known] += random.uniform(0, 1.2, count)
    probabilities /= probabilities.sum(axis=1, keepdims=True)
    return known, probabilities.argmax(axis=1), probabilities


def test_figures_are_those_of_the_evaluation() -> None:
    known, answered, probabilities = some_answers()
    expected = classification_report(known, probabilities, NAMES)["per_class"]
    for one in score_classes(known, answered, NAMES).per_class:
        assert one.precision == pytest.approx(expected[one.name]["precision"])
        assert one.recall == pytest.approx(expected[one.name]["recall"])
        assert one.f1 == pytest.approx(expected[one.name]["f1"])
        assert one.recall_interval == pytest.approx(expected[one.name]["recall_interval"])
        assert one.precision_interval == pytest.approx(wilson_interval(one.hits, one.answered))
        assert one.f1_interval[0] < one.f1 < one.f1_interval[1]


def test_the_f1_interval_holds_the_truth_about_as_often_as_it_says() -> None:
    """400 small experiments with a known truth: recall 0.8 in each of two classes, so F1 is 0.8."""
    random = np.random.default_rng(1)
    held = 0
    for seed in range(400):
        known = random.integers(0, 2, 60)
        answered = np.where(random.uniform(size=60) < 0.8, known, 1 - known)
        low, high = score_classes(known, answered, ("a", "b"), seed=seed).per_class[0].f1_interval
        held += low <= 0.8 <= high
    assert 0.91 <= held / 400 <= 0.98


def test_a_flawless_class_is_not_said_to_be_certain() -> None:
    known = np.array([0] * 12 + [1] * 3)
    scores = score_classes(known, known, NAMES)
    assert scores.per_class[0].f1 == 1
    low, high = scores.per_class[0].f1_interval
    share = wilson_interval(12, 12)[0]
    assert (low, high) == (pytest.approx(2 * share / (1 + share)), 1)
    assert scores.balanced_accuracy_interval[0] < 1
    absent = scores.per_class[2]
    assert (absent.precision, absent.recall, absent.f1, absent.f1_interval) == (None, None, None, None)


def test_alike_cells_of_a_donor_widen_the_interval() -> None:
    """Ten donors, each all right or all wrong: 200 cells tell no more than ten do."""
    known = np.zeros(200, dtype=np.int64)
    known[100:] = 1
    donors = [f"donor {i // 10}" for i in range(200)]
    wrong = np.isin(np.arange(200) // 10, (3, 8, 13))
    answered = np.where(wrong, 1 - known, known)
    by_cell = score_classes(known, answered, ("a", "b"))
    by_donor = score_classes(known, answered, ("a", "b"), groups=donors)
    assert (by_cell.resampled, by_donor.resampled) == ("cells", "groups")
    width = [np.ptp(one.per_class[0].f1_interval) for one in (by_cell, by_donor)]
    assert width[1] > 2 * width[0]
    few = score_classes(known, answered, ("a", "b"), groups=["one"] * 100 + ["two"] * 100)
    assert few.resampled == "cells"


def test_same_seed_same_interval() -> None:
    known, answered, _ = some_answers()
    assert score_classes(known, answered, NAMES, seed=3) == score_classes(known, answered, NAMES, seed=3)
    assert score_classes(known, answered, NAMES, seed=3) != score_classes(known, answered, NAMES, seed=4)


def test_the_bins_are_those_of_the_calibration_error() -> None:
    known, answered, probabilities = some_answers()
    bins = reliability_bins(probabilities.max(axis=1), answered == known)
    error = sum(one.n * abs(one.confidence - one.accuracy) for one in bins) / len(known)
    assert error == pytest.approx(classification_report(known, probabilities, NAMES)["ece"])
    assert sum(one.n for one in bins) == len(known)
    assert all(one.low <= one.confidence <= one.high for one in bins)


def test_a_thousand_classes_take_no_gigabytes() -> None:
    random = np.random.default_rng(0)
    known, answered = random.integers(0, 1000, (2, 4000))
    names = [f"class {number}" for number in range(1000)]
    tracemalloc.start()
    scores = score_classes(known, answered, names, groups=[f"donor {row % 7}" for row in range(4000)])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert scores.resampled == "groups" and len(scores.per_class) == 1000
    assert peak < 400 << 20
