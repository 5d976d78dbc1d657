"""Which cells to label, and which answers to believe."""

import numpy as np
import pytest

from sparseattn.learn.acquire import acceptable, calibrate, most_telling, most_typical
from sparseattn.learn.effort import USUAL_EPOCHS, epochs_for, usual_epochs


def test_uncertain_cells_come_first() -> None:
    sure, unsure = [0.98, 0.01, 0.01], [0.4, 0.35, 0.25]
    probabilities = np.array([sure] * 40 + [unsure] * 4)
    features = np.random.default_rng(0).normal(size=(44, 8))
    features /= np.linalg.norm(features, axis=1, keepdims=True)
    assert set(most_telling(probabilities, features, 4)) == {40, 41, 42, 43}


def test_chosen_cells_differ_from_each_other() -> None:
    """Twenty copies of one unsure cell, and two others: labelling a copy of the first teaches nothing."""
    directions = np.eye(3)
    features = np.concatenate([np.repeat(directions[:1], 20, axis=0), directions[1:]])
    chosen = most_telling(np.full((22, 4), 0.25), features, 3)
    assert len({0 if row < 20 else int(row) for row in chosen}) == 3


def test_distances_are_those_of_the_gradients() -> None:
    """The second cell drawn must be as the written-out embeddings say."""
    random = np.random.default_rng(1)
    probabilities = random.dirichlet(np.ones(3), 6)
    features = random.normal(size=(6, 4))
    errors = probabilities - np.eye(3)[probabilities.argmax(1)]
    gradients = np.einsum("nc,nd->ncd", errors, features).reshape(6, -1)
    first = int(np.argmax(np.square(gradients).sum(1)))
    weight = np.minimum(np.square(gradients - gradients[first]).sum(1), np.square(gradients).sum(1))
    weight /= weight.sum()
    drawn = np.array([most_telling(probabilities, features, 2, seed=seed) for seed in range(600)])
    assert set(drawn[:, 0]) == {first}
    found = np.bincount(drawn[:, 1], minlength=6) / 600
    np.testing.assert_allclose(found, weight, atol=0.07)


@pytest.mark.parametrize(("cells", "count", "expected"), [(3, 5, 3), (3, 0, 0), (0, 4, 0)])
def test_as_many_as_there_are(cells: int, count: int, expected: int) -> None:
    chosen = most_telling(np.full((cells, 2), 0.5), np.ones((cells, 3)), count)
    assert len(chosen) == expected == len(set(chosen))


def test_typical_cells_are_one_of_each_kind_the_commonest_first() -> None:
    random = np.random.default_rng(0)
    centres = np.eye(3) * 10
    kind = np.repeat([0, 1, 2], [10, 40, 20])
    features = centres[kind] + random.normal(size=(70, 3))
    for seed in range(5):
        chosen = most_typical(features, 3, seed=seed)
        assert list(kind[chosen]) == [1, 2, 0]
        for row in chosen:
            of_kind = features[kind == kind[row]]
            distances = np.square(of_kind - of_kind.mean(0)).sum(1)
            assert np.square(features[row] - of_kind.mean(0)).sum() == pytest.approx(distances.min())


@pytest.mark.parametrize(("cells", "count", "expected"), [(3, 5, 3), (3, 0, 0), (0, 4, 0), (9, 4, 4)])
def test_as_many_typical_ones_as_there_are(cells: int, count: int, expected: int) -> None:
    chosen = most_typical(np.ones((cells, 2)), count)
    assert len(chosen) == expected == len(set(chosen))


def too_sure(count: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Answers whose logits are three times too large."""
    random = np.random.default_rng(seed)
    logits = random.normal(0, 2, (count, 4))
    right = np.exp(logits) / np.exp(logits).sum(1, keepdims=True)
    labels = np.array([random.choice(4, p=row) for row in right])
    shown = np.exp(3 * logits)
    return shown / shown.sum(1, keepdims=True), labels


def test_the_temperature_undoes_what_makes_a_model_too_sure() -> None:
    probabilities, labels = too_sure(4000)
    calibration = calibrate(probabilities, labels)
    assert calibration.temperature == pytest.approx(3, rel=0.1)
    calibrated = calibration.apply(probabilities)
    assert calibrated.max(1).mean() == pytest.approx((calibrated.argmax(1) == labels).mean(), abs=0.02)
    np.testing.assert_allclose(calibrated.sum(1), 1)


def test_few_cells_move_it_little_and_none_not_at_all() -> None:
    probabilities, labels = too_sure(3)
    assert 0.5 < calibrate(probabilities, labels).temperature < 3
    assert calibrate(np.zeros((0, 4)), []).temperature == 1
    assert calibrate(np.zeros((0, 4)), []).lowest_confidence(0.5) is None


def test_the_lowest_confidence_is_shown_to_hold() -> None:
    probabilities, labels = too_sure(4000)
    calibration = calibrate(probabilities, labels)
    level = calibration.lowest_confidence(0.9)
    fresh, known = too_sure(4000, seed=5)
    accepted = acceptable(fresh, np.ones(4000), calibration, level)
    assert 100 < len(accepted) < 4000
    assert (fresh[accepted].argmax(1) == known[accepted]).mean() >= 0.88
    few = calibrate(probabilities[:12], labels[:12])
    assert few.lowest_confidence(0.95) is None  # twelve cells cannot show it, right as they may be


def test_nothing_out_of_distribution_is_accepted() -> None:
    probabilities = np.array([[0.999, 0.001]] * 3)
    sound = calibrate(np.array([[0.9, 0.1]] * 9 + [[0.1, 0.9]]), [0] * 10)
    assert acceptable(probabilities, [0.5, 0.04, 0.01], sound, 0.5).tolist() == [0]


def test_few_cells_get_more_passes_and_never_too_many() -> None:
    assert epochs_for(5000, goes_on=False) == usual_epochs(5000, 32) == USUAL_EPOCHS
    assert usual_epochs(320, 32) == 200  # 2,000 steps
    assert epochs_for(40, goes_on=False) > epochs_for(400, goes_on=False) > 12
    assert epochs_for(100, goes_on=True, new_classes=2) > epochs_for(100, goes_on=True)
    assert epochs_for(1, goes_on=False) == 120 and epochs_for(10**6, goes_on=True) == 12
