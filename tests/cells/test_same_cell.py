"""A cell is known again by its place when a field is segmented anew."""

from math import pi

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.cells.same_cell import LEAST_OVERLAP, CellKey, match_cells, moved_ids, overlap

FIELD = "0123456789abcdef"

KEYS = st.builds(
    CellKey, st.just(FIELD), st.integers(0, 1), st.integers(0, 60), st.integers(0, 60), st.integers(1, 900)
)


@given(KEYS)
def test_a_key_is_read_back_from_its_text(key: CellKey) -> None:
    assert CellKey.parse(str(key)) == key
    assert CellKey.parse(f"{key}-2") == key


@pytest.mark.parametrize("text", ["", FIELD, f"{FIELD}-2", f"{FIELD}p0y1x2a0", f"{FIELD}p0y1x2", "p0y1x2a3"])
def test_other_ids_hold_no_key(text: str) -> None:
    assert CellKey.parse(text) is None


@given(KEYS, KEYS)
def test_overlap_is_a_share_and_does_not_depend_on_the_order(one: CellKey, two: CellKey) -> None:
    share = overlap(one, two)
    assert 0 <= share <= 1 + 1e-9
    assert share == pytest.approx(overlap(two, one))
    assert overlap(one, one) == pytest.approx(1)
    if one.plane != two.plane:
        assert share == 0


@pytest.mark.parametrize("distance", [0, 5, 12, 19, 25])
def test_overlap_is_that_of_the_discs(distance: int) -> None:
    y, x = np.mgrid[-40:40:0.05, -40:60:0.05]
    one, two = np.hypot(y, x) < 12, np.hypot(y, x - distance) < 8
    keys = [CellKey(FIELD, 0, 0, place, round(pi * r * r)) for place, r in ((0, 12), (distance, 8))]
    assert overlap(*keys) == pytest.approx((one & two).sum() / (one | two).sum(), abs=0.01)


@settings(max_examples=100)
@given(st.lists(KEYS, max_size=12), st.lists(KEYS, max_size=12))
def test_pairs_are_one_to_one_and_no_better_pair_is_left(old: list[CellKey], new: list[CellKey]) -> None:
    pairs = match_cells(old, new)
    assert len(set(pairs.values())) == len(pairs)
    shares = {i: overlap(old[i], new[j]) for i, j in pairs.items()}
    assert all(share >= LEAST_OVERLAP for share in shares.values())
    by_new = {j: shares[i] for i, j in pairs.items()}
    for i, one in enumerate(old):
        for j, two in enumerate(new):
            share = overlap(one, two)
            # a pair that was not made would have had to break a better one, or is none
            assert share < LEAST_OVERLAP or max(shares.get(i, 0), by_new.get(j, 0)) >= share - 1e-9


PLACES = st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20, unique=True)


@settings(max_examples=100)
@given(PLACES, st.data())
def test_what_was_said_of_cells_follows_them_through_another_segmentation(
    places: list[tuple[int, int]], data: st.DataObject
) -> None:
    """Cells 40 pixels apart, found again up to 3 pixels away, a fifth larger or smaller, in any order."""
    shift, growth = st.integers(-3, 3), st.floats(0.8, 1.25)
    old = [CellKey(FIELD, 0, 40 * y + 9, 40 * x + 9, 500) for y, x in places]
    new = [
        CellKey(FIELD, 0, key.y + data.draw(shift), key.x + data.draw(shift), round(500 * data.draw(growth)))
        for key in old
    ]
    order = data.draw(st.permutations(range(len(new))))
    gone = data.draw(st.sets(st.sampled_from(range(len(new)))))
    ids = [str(new[i]) for i in order if i not in gone]
    moved = moved_ids([str(key) for key in old], ids)
    expected = {
        str(one): str(two)
        for i, (one, two) in enumerate(zip(old, new, strict=True))
        if i not in gone and one != two
    }
    assert moved == expected


def test_cells_of_other_images_and_cells_with_their_own_label_are_left_alone() -> None:
    here, there = CellKey(FIELD, 0, 10, 10, 300), CellKey("f" * 16, 0, 10, 10, 300)
    near = CellKey(FIELD, 0, 11, 10, 310)
    assert moved_ids([str(there), "0" * 16], [str(here)]) == {}
    assert moved_ids([str(here)], [str(near)]) == {str(here): str(near)}
    assert moved_ids([str(here), str(near)], [str(near)]) == {}
    assert moved_ids([str(here)], [str(here)]) == {}


def test_what_was_said_last_of_a_cell_holds() -> None:
    """A cell has three ids, by three segmentations; each was labelled, or its label moved on."""
    one, two, three = (str(CellKey(FIELD, 0, 50 + d, 50, 300 + 5 * d)) for d in range(3))
    assert moved_ids([one, two], [three]) == {two: three}
    assert moved_ids([two, one], [three]) == {one: three}
    assert moved_ids([one, two], [one]) == {two: one}  # the first segmentation again
    assert moved_ids([two, one], [one]) == {}


def test_ten_thousand_cells_are_matched_quickly() -> None:
    keys = [CellKey(FIELD, 0, 30 * y, 30 * x, 400) for y in range(100) for x in range(100)]
    moved = [CellKey(FIELD, 0, key.y + 2, key.x - 1, 420) for key in reversed(keys)]
    pairs = match_cells(keys, moved)
    assert pairs == {i: 9999 - i for i in range(10_000)}
