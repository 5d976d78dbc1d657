"""The warning that the size of the images gives the class away."""

import numpy as np
import pytest

from sparseattn.cells import size_predicts_class

RNG = np.random.default_rng(0)


def shapes(
    means: dict[str, tuple[float, float]], count: int, spread: float
) -> tuple[list[tuple[int, int]], list[str]]:
    sizes, labels = [], []
    for name, mean in means.items():
        sizes += [tuple(np.maximum(2, RNG.normal(mean, spread)).astype(int)) for _ in range(count)]
        labels += [name] * count
    return sizes, labels


@pytest.mark.parametrize(
    ("means", "spread"),
    [
        ({"a": (40, 40), "b": (60, 60)}, 4),  # crop size
        ({"a": (40, 40), "b": (40, 41)}, 0),  # one pixel, but always
        ({"a": (40, 60), "b": (60, 40)}, 6),  # padding
        ({"a": (40, 40), "b": (40, 40), "c": (40, 40), "d": (80, 80)}, 3),  # one class of several
    ],
)
def test_planted_sizes_are_seen(means: dict[str, tuple[float, float]], spread: float) -> None:
    warning = size_predicts_class(*shapes(means, 40, spread))
    assert warning is not None
    assert "size of the images alone predicts the class" in warning


def test_a_class_of_two_sizes_around_another_is_seen() -> None:
    sizes = [(40, 40), (80, 80)] * 30 + [(60, 60)] * 60
    assert size_predicts_class(sizes, ["a"] * 60 + ["b"] * 60) is not None


def test_a_class_that_is_cut_out_more_tightly_is_named() -> None:
    """Two sizes among seven classes: the others cannot be told apart by it."""
    labels = [f"class {number}" for number in range(7) for _ in range(40)]
    tight = [name == "class 3" if place % 20 else name != "class 3" for place, name in enumerate(labels)]
    sizes = [(30, 30) if which else (36, 36) for which in tight]
    warning = size_predicts_class(sizes, labels)
    assert warning is not None and "alone tells class 3 from all other classes" in warning


@pytest.mark.parametrize("seed", range(20))
def test_chance_raises_no_alarm(seed: int) -> None:
    rng = np.random.default_rng(seed)
    sizes = [tuple(pair) for pair in rng.integers(30, 60, (150, 2))]
    assert size_predicts_class(sizes, list(rng.choice(["a", "b", "c"], 150, p=[0.7, 0.2, 0.1]))) is None


@pytest.mark.parametrize(
    ("sizes", "labels"),
    [
        ([(40, 40)] * 60, ["a", "b"] * 30),
        ([(40, 40), (60, 60)] * 30, ["a"] * 60),
        ([(40, 40), (60, 60)] * 30, [None] * 60),
        ([(40, 40), (60, 60)], ["a", "b"]),
        ([], []),
    ],
)
def test_where_nothing_can_be_said_nothing_is_said(
    sizes: list[tuple[int, int]], labels: list[str | None]
) -> None:
    assert size_predicts_class(sizes, labels) is None
