"""Folds: every cell is asked about once a repeat, classes are shared out evenly, nothing is on two sides."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.datasets import NMNIST, Dataset
from benchmarks.folds import FOLDS, make_fold
from sparseattn.cells import CellSet
from sparseattn.errors import InputError


def cells_of(counts: list[int], known_test: np.ndarray | None = None) -> Dataset:
    labels = [f"class {i:02}" for i, count in enumerate(counts) for _ in range(count)]
    images = np.arange(len(labels), dtype=np.float32)[:, None, None, None] * np.ones((2, 4, 4), np.float32)
    cells = CellSet.from_array(images, channels=("off", "on"), labels=labels)
    return Dataset("made up", NMNIST, cells, known_test)


@given(st.lists(st.integers(10, 40), min_size=2, max_size=5), st.integers(0, 5))
def test_every_cell_is_asked_about_once_a_repeat_and_classes_are_even(counts: list[int], repeat: int) -> None:
    dataset = cells_of(counts)
    folds = [make_fold(dataset, repeat, fold) for fold in range(FOLDS)]
    asked = np.concatenate([fold.test for fold in folds])
    assert sorted(asked) == list(range(sum(counts)))
    for fold in folds:
        together = np.concatenate([fold.train, fold.validation, fold.test])
        assert sorted(together) == list(range(sum(counts)))
        for label, count in enumerate(counts):
            tested = int((dataset.labels[fold.test] == label).sum())
            assert tested in (count // FOLDS, -(-count // FOLDS))
            assert (dataset.labels[fold.train] == label).any()
            assert (dataset.labels[fold.validation] == label).any()
    assert max(len(fold.test) for fold in folds) - min(len(fold.test) for fold in folds) <= 1


def test_folds_are_the_same_each_time_and_others_in_another_repeat() -> None:
    dataset = cells_of([20, 30])
    assert np.array_equal(make_fold(dataset, 0, 1).test, make_fold(dataset, 0, 1).test)
    assert not np.array_equal(make_fold(dataset, 0, 1).test, make_fold(dataset, 1, 1).test)


def test_a_test_part_that_came_with_the_data_is_kept() -> None:
    known = np.arange(50) % 4 == 0
    dataset = cells_of([20, 30], known)
    folds = [make_fold(dataset, 0, fold) for fold in range(2)]
    for fold in folds:
        assert np.array_equal(fold.test, np.flatnonzero(known))
    assert not np.array_equal(folds[0].validation, folds[1].validation)


@pytest.mark.parametrize(("repeat", "fold"), [(0, FOLDS), (0, -1), (-1, 0)])
def test_a_fold_that_is_not_there_is_refused(repeat: int, fold: int) -> None:
    with pytest.raises(InputError, match="no fold"):
        make_fold(cells_of([20, 30]), repeat, fold)
