"""The report against torchmetrics and scipy, and at its edges."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import binomtest

from sparseattn.learn.metrics import classification_report, wilson_interval


def some_answers(seed, n=200, classes=4, sure=1.0):
    random = np.random.default_rng(seed)
    labels = random.integers(0, classes, n)
    logits = random.normal(size=(n, classes)) * sure
    logits[np.arange(n), labels] += sure
    shares = np.exp(logits)
    return labels, shares / shares.sum(axis=1, keepdims=True)


@pytest.mark.parametrize("seed", range(3))
def test_the_figures_are_those_of_torchmetrics(seed):
    metrics = pytest.importorskip("torchmetrics.functional.classification")
    labels, probabilities = some_answers(seed)
    report = classification_report(labels, probabilities, list("abcd"))
    target, predicted = torch.tensor(labels), torch.tensor(probabilities)

    def theirs(name, **options):
        return getattr(metrics, name)(predicted, target, num_classes=4, **options)

    assert report["n"] == 200
    assert report["accuracy"] == pytest.approx(float(theirs("multiclass_accuracy", average="micro")))
    assert report["balanced_accuracy"] == pytest.approx(float(theirs("multiclass_accuracy", average="macro")))
    assert report["macro_f1"] == pytest.approx(float(theirs("multiclass_f1_score", average="macro")))
    assert report["ece"] == pytest.approx(float(theirs("multiclass_calibration_error", n_bins=15)), abs=1e-6)
    assert report["confusion"] == theirs("multiclass_confusion_matrix").tolist()
    for name in ("precision", "recall", "f1_score"):
        ours = [report["per_class"][letter][name.removesuffix("_score")] for letter in "abcd"]
        assert ours == pytest.approx(theirs(f"multiclass_{name}", average="none").tolist())


@given(st.integers(0, 300), st.integers(0, 300))
def test_the_interval_is_wilsons(hits, misses):
    interval = wilson_interval(hits, hits + misses)
    if hits + misses == 0:
        assert interval is None
    else:
        theirs = binomtest(hits, hits + misses).proportion_ci(method="wilson")
        assert interval == pytest.approx([theirs.low, theirs.high], abs=1e-9)


@given(st.integers(0, 30), st.integers(1, 5), st.integers(0, 2**31))
def test_the_report_is_json_without_nan(n, classes, seed):
    labels, probabilities = some_answers(seed, n, classes)
    report = classification_report(labels, probabilities, [f"c{i}" for i in range(classes)])
    assert json.loads(json.dumps(report, allow_nan=False)) == report
    assert np.sum(report["confusion"]) == n


def test_a_class_that_does_not_occur_is_left_out_of_the_means():
    report = classification_report([0, 1], [[0.9, 0.1, 0.0], [0.2, 0.8, 0.0]], ["a", "b", "c"])
    assert report["balanced_accuracy"] == report["macro_f1"] == 1.0
    assert report["per_class"]["c"] == {
        "precision": None, "recall": None, "recall_interval": None, "f1": None, "support": 0,
    }  # fmt: skip


def test_rows_of_the_confusion_are_the_known_classes():
    report = classification_report([0, 0, 1], [[0.1, 0.9], [0.8, 0.2], [0.3, 0.7]], ["a", "b"])
    assert report["confusion"] == [[1, 1], [0, 1]]


def test_sure_and_right_is_calibrated_and_sure_and_wrong_is_not():
    certain = np.eye(2)[[0, 1, 0, 1]]
    assert classification_report([0, 1, 0, 1], certain, ["a", "b"])["ece"] == 0.0
    assert classification_report([1, 0, 1, 0], certain, ["a", "b"])["ece"] == 1.0


@pytest.mark.parametrize(
    ("labels", "probabilities"),
    [([0], [[0.5, 0.5], [1, 0]]), ([2], [[0.5, 0.5]]), ([-1], [[0.5, 0.5]]), ([0], [[1.0]])],
)
def test_what_does_not_fit_is_refused(labels, probabilities):
    with pytest.raises(ValueError, match=r"fit|lie"):
        classification_report(labels, probabilities, ["a", "b"])
