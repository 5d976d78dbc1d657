"""Stored prototypes."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.learn.prototypes import choose_prototypes


def some_cells(n=60, channels=2, size=6):
    random = np.random.default_rng(3)
    images = random.normal(size=(n, channels, size, size)).astype(np.float32) * [[[1]], [[50]]]
    return images.astype(np.float32), np.arange(n) % 3, random.normal(size=(n, 5))


def test_each_class_keeps_so_many_and_they_are_training_cells():
    images, labels, features = some_cells()
    kept = choose_prototypes(images, labels, features, count=4)
    assert np.bincount(kept.labels).tolist() == [4, 4, 4]
    half_a_step = kept.step[:, None, None] * 0.51
    for image, label in zip(*kept.decode(), strict=True):
        same = np.all(np.abs(images[labels == label] - image) <= half_a_step, axis=(1, 2, 3))
        assert same.sum() == 1


def test_the_chosen_stand_for_their_class_better_than_chance():
    images, labels, features = some_cells(200)
    images[:, 0] = np.arange(200)[:, None, None]
    kept = choose_prototypes(images, labels, features, count=8)
    chosen = np.rint(kept.decode()[0][:, 0, 0, 0]).astype(int)  # steps are below one, so this is exact
    random = np.random.default_rng(0)

    def error(rows, label):
        return np.linalg.norm(features[rows].mean(axis=0) - features[labels == label].mean(axis=0))

    for label in range(3):
        members = np.flatnonzero(labels == label)
        by_chance = [error(random.choice(members, 8, replace=False), label) for _ in range(50)]
        assert error(chosen[kept.labels == label], label) < np.median(by_chance) / 2


@given(st.integers(0, 30))
def test_no_class_gives_more_than_it_has(count):
    images, labels, features = some_cells(30)
    assert len(choose_prototypes(images, labels, features, count=count)) == 3 * min(count, 10)


def test_only_the_given_rows_are_chosen():
    images, labels, features = some_cells()
    images[:, 0] = np.arange(60)[:, None, None]
    kept = choose_prototypes(images, labels, features, np.arange(10, 20), count=2)
    assert np.all((kept.decode()[0][:, 0] > 9.9) & (kept.decode()[0][:, 0] < 19.1))


def test_a_constant_channel_survives():
    images, labels, features = some_cells()
    images[:, 1] = 7
    np.testing.assert_array_equal(choose_prototypes(images, labels, features, count=2).decode()[0][:, 1], 7)


@pytest.mark.parametrize("channels", [1, 3])
def test_none_is_empty(channels):
    images = np.zeros((4, channels, 5, 5), np.float32)
    kept = choose_prototypes(images, [0, 0, 1, 1], np.zeros((4, 2)), count=0)
    assert len(kept) == 0
    assert kept.decode()[0].shape == (0, channels, 5, 5)
