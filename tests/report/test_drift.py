"""Samples like the training cells do not warn; samples that differ do, in a plain sentence."""

import re
from dataclasses import replace

import numpy as np
import pytest

from sparseattn.drift import LEAST_CELLS, LEVEL, check_drift
from sparseattn.learn.prototypes import Prototypes


@pytest.fixture(scope="module")
def classifier(model):
    return model.classifier


def kinds(drift) -> set[str]:
    return {check.kind for check in drift.checks if check.warns}


def test_samples_like_the_training_cells_rarely_warn(classifier, cells_like_these) -> None:
    """20 samples: with the level at 0.01 a sample, more than two that warn would be a fault."""
    warned = 0
    for seed in range(20):
        predictions = classifier.predict(cells_like_these(60, seed=100 + seed))
        drift = check_drift(classifier, predictions, sample="new")
        assert {check.kind for check in drift.checks} == {
            "scores", "unlike", "feature", "brightness", "fraction",
        }  # fmt: skip
        warned += bool(drift.warnings)
    assert warned <= 2


def test_brighter_images_warn_in_the_units_of_the_files(classifier, cells_like_these) -> None:
    predictions = classifier.predict(cells_like_these(60, brightness=1400))
    drift = check_drift(classifier, predictions, sample="day 2")
    assert "brightness" in kinds(drift)
    sentence = next(text for text in drift.warnings if "brighter in dapi" in text)
    assert "“day 2”" in sentence and sentence.endswith(".")
    now, usual = re.search(r": (\S+) on average, against (\S+)\.$", sentence).groups()
    assert float(now) - float(usual) == pytest.approx(400, abs=25)


def test_images_of_another_kind_warn(classifier, cells_like_these) -> None:
    random = np.random.default_rng(5)
    images = random.integers(0, 4000, (40, 2, 20, 24)).astype(np.uint16)
    cells = type(cells_like_these(1)).from_array(images, channels=("dapi", "actin"), modality="fluorescence")
    drift = check_drift(classifier, classifier.predict(cells))
    assert {"scores", "unlike", "feature"} <= kinds(drift)
    assert drift.unlike > 0.5
    assert any("these cells look unlike all" in sentence for sentence in drift.warnings)


def test_other_class_fractions_give_one_sentence(classifier, cells_like_these) -> None:
    predictions = classifier.predict(cells_like_these(80))
    usual = np.array(classifier.history.validation["confusion"]).sum(axis=0)
    rare = int(usual.argmin())
    shares = np.full_like(predictions.probabilities, 0.05)
    shares[:, rare] = 0.9
    drift = check_drift(classifier, replace(predictions, probabilities=shares), sample="s")
    sentences = [text for text in drift.warnings if "makes up" in text]
    assert len(sentences) == 1
    assert sentences[0].startswith(f"{classifier.classes[rare].capitalize()} makes up 100 % of")


def test_few_cells_are_not_judged(classifier, cells_like_these) -> None:
    drift = check_drift(classifier, classifier.predict(cells_like_these(LEAST_CELLS - 1)), sample="s")
    assert drift.checks == () and drift.warnings == ()
    assert "20 cells are needed" in drift.notes[0]


def test_a_small_difference_does_not_warn_however_sure_it_is(classifier, cells_like_these) -> None:
    sparse = replace(classifier, prototypes=Prototypes.none(2, classifier.prepare.size))
    drift = check_drift(sparse, sparse.predict(cells_like_these(300, brightness=1030)))
    shift = [check for check in drift.checks if check.kind == "brightness"]
    assert all(check.effect < check.threshold for check in shift)
    assert min(check.p_adjusted for check in shift) < LEVEL
    assert "brightness" not in kinds(drift)


def test_p_values_are_corrected_for_all_checks(classifier, cells_like_these) -> None:
    checks = check_drift(classifier, classifier.predict(cells_like_these(60, brightness=1100))).checks
    ordered = sorted(checks, key=lambda check: check.p)
    largest = 0.0
    for rank, check in enumerate(ordered):
        largest = max(largest, min(1.0, check.p * (len(checks) - rank)))
        assert check.p_adjusted == pytest.approx(largest)


def test_at_another_k_images_are_not_compared_by_score(classifier, cells_like_these) -> None:
    drift = check_drift(classifier, classifier.predict(cells_like_these(40), k=100))
    assert {check.kind for check in drift.checks} == {"brightness", "fraction"}
    assert "100 selected pixels" in drift.notes[0]


def test_a_model_that_keeps_little_is_compared_with_what_there_is(classifier, cells_like_these) -> None:
    bare = replace(
        classifier,
        prototypes=Prototypes.none(2, classifier.prepare.size),
        history=replace(classifier.history, validation={}),
    )
    drift = check_drift(bare, bare.predict(cells_like_these(60, brightness=1400)))
    assert {check.kind for check in drift.checks} == {"scores", "unlike", "feature", "brightness"}
    assert "brightness" in kinds(drift)
    assert any("too few validation answers" in note for note in drift.notes)


def test_it_can_be_stopped(classifier, cells_like_these) -> None:
    def stop(done: int, total: int) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        check_drift(classifier, classifier.predict(cells_like_these(40)), on_batch=stop)
