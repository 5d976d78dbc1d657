"""Two models on the same cells: who judges, and how sure the difference is."""

import numpy as np
import pytest

from sparseattn.cells import CellSet
from sparseattn.compare import compare, paired_difference
from sparseattn.predictions import Predictions


def cells(count: int) -> CellSet:
    pixels = np.arange(count * 16, dtype=np.uint16).reshape(count, 1, 4, 4)
    return CellSet.from_array(pixels, channels=("c",))


def answers(given: str, classes: str = "ab", sides: dict[int, str] | None = None) -> Predictions:
    """Predictions whose most probable classes are the letters."""
    probabilities = np.full((len(given), len(classes)), 0.1 / (len(classes) - 1), np.float32)
    for row, letter in enumerate(given):
        probabilities[row, classes.index(letter)] = 0.9
    return Predictions(
        cells=cells(len(given)),
        indices=np.arange(len(given)),
        classes=tuple(classes),
        probabilities=probabilities,
        in_distribution=np.ones(len(given), np.float32),
        k=9,
        sides=tuple((sides or {}).get(row) for row in range(len(given))),
        model_hash="0" * 32,
        skipped=(),
    )


def known(letters: str) -> dict[str, str]:
    return {
        name: letter for name, letter in zip(cells(len(letters)).ids, letters, strict=True) if letter != "-"
    }


def test_figures_and_changes() -> None:
    old, new = answers("aabbab"), answers("acccab", classes="abc")
    found = compare(old, new, known("aabcb-"))
    assert found.classes == ("a", "b", "c") and found.asked == 6 and found.cells == 5 and found.left_out == 0
    assert found.support == {"a": 2, "b": 2, "c": 1}
    assert found.old["accuracy"] == 3 / 5 and found.new["accuracy"] == 2 / 5
    assert found.old["confusion"] == [[2, 0, 0], [1, 1, 0], [0, 1, 0]]
    assert found.new_figures["c"].recall == 1 and found.new_figures["c"].precision == pytest.approx(1 / 3)
    assert found.old_figures["c"].recall == 0 and found.old_figures["c"].precision is None
    low, high = found.old_figures["a"].recall_interval
    assert 0.3 < low < 0.35 and high == 1  # two of two says little
    assert [(one.index, one.known, one.old, one.new) for one in found.changed] == [
        (1, "a", "a", "c"), (2, "b", "b", "c"), (3, "c", "b", "c")
    ]  # fmt: skip
    difference, (lower, upper) = found.accuracy_difference
    assert difference == pytest.approx(-0.2) and lower < -0.5 and upper > 0.2
    assert found.to_json()["accuracy_difference"] == difference


def test_cells_that_either_has_learned_from_do_not_judge() -> None:
    found = compare(
        answers("aabb", sides={0: "train", 1: "test"}),
        answers("abbb", sides={2: "validation"}),
        known("aabb"),
    )
    assert found.cells == 2 and found.left_out == 2 and found.new["accuracy"] == 0.5


def test_no_cell_judges() -> None:
    found = compare(answers("ab"), answers("ba"), {})
    assert found.cells == 0 and found.accuracy_difference is None
    assert found.new["accuracy"] is None and len(found.changed) == 2


def test_the_interval_of_newcombe_s_paper() -> None:
    """Table II of the paper, method 10: 36, 12, 2, 0 of 50 pairs; and its cells without a difference."""
    old = np.array([1] * 36 + [0] * 2 + [1] * 12 + [0] * 0, dtype=bool)
    new = np.array([1] * 36 + [1] * 2 + [0] * 12 + [0] * 0, dtype=bool)
    difference, (low, high) = paired_difference(new, old)
    assert difference == pytest.approx(0.2)
    assert low == pytest.approx(0.0569, abs=5e-4) and high == pytest.approx(0.3404, abs=5e-4)


def test_the_interval_covers() -> None:
    random = np.random.default_rng(0)
    held = 0
    for _ in range(400):
        both = random.random(40)
        old, new = both < 0.7, (both < 0.6) | (random.random(40) < 0.5)
        _, (low, high) = paired_difference(old, new)
        held += low <= (0.6 + 0.4 * 0.5) - 0.7 <= high
    assert held / 400 > 0.92
