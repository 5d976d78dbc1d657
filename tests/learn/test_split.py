"""Splits: what is promised of them for any set of cells."""

from collections import defaultdict
from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.errors import InputError
from sparseattn.learn.split import Split, make_split, stratified_folds


@dataclass(frozen=True)
class Cells:
    """The three columns of a CellSet that a split looks at."""

    ids: tuple[str, ...]
    labels: tuple[str | None, ...]
    groups: tuple[str | None, ...]


def some_cells(labels, groups=None, first=0):
    ids = tuple(f"{first + i:016x}" for i in range(len(labels)))
    return Cells(ids, tuple(labels), tuple(groups) if groups else (None,) * len(labels))


def sides_by(cells, split, column):
    found = defaultdict(set)
    for name, value in zip(cells.ids, getattr(cells, column), strict=True):
        if value is not None and name in split.sides:
            found[value].add(split.sides[name])
    return found


counts = st.lists(st.integers(2, 40), min_size=2, max_size=6)
shares = st.sampled_from([(0.2, 0.0), (0.2, 0.2), (0.05, 0.05), (0.5, 0.1), (0.3, 0.0)])


@given(counts, shares, st.integers(0, 2**40))
def test_every_class_has_cells_on_both_sides(counts, shares, first):
    labels = [f"c{i}" for i, count in enumerate(counts) for _ in range(count)]
    cells = some_cells(labels, first=first)
    split = make_split(cells, validation=shares[0], test=shares[1])
    assert set(split.sides) == set(cells.ids)
    for name, sides in sides_by(cells, split, "labels").items():
        assert {"train", "validation"} <= sides, name
        if shares[1] and labels.count(name) > 2:
            assert "test" in sides


@given(st.integers(100, 400), st.integers(0, 2**40))
def test_the_shares_are_about_kept(count, first):
    cells = some_cells(["a"] * count + ["b"] * count, first=first)
    split = make_split(cells)
    for half in (cells.ids[:count], cells.ids[count:]):
        assert 0.1 * count - 1 <= len(split.indices(half, "validation")) <= 0.3 * count + 1


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.sampled_from([None, *"pqrstuvw"])), min_size=4, max_size=60)
)
def test_a_group_is_never_on_both_sides(pairs):
    pairs = [*pairs, ("a", None), ("a", None), ("b", None), ("b", None), ("c", "p"), ("c", "q")]
    labels, groups = zip(*pairs, strict=True)
    cells = some_cells(labels, groups)
    split = make_split(cells)
    assert split.grouped
    assert all(len(sides) == 1 for sides in sides_by(cells, split, "groups").values())
    assert all("train" in sides for sides in sides_by(cells, split, "labels").values())
    assert "validation" in split.sides.values()


def test_added_cells_change_no_side():
    labels = ["a", "b"] * 200
    before = make_split(some_cells(labels[:300]))
    after = make_split(some_cells(labels))
    assert all(after.sides[name] == side for name, side in before.sides.items())


@given(counts)
def test_a_known_split_wins(counts):
    labels = [f"c{i}" for i, count in enumerate(counts) for _ in range(count)]
    cells = some_cells(labels)
    known = Split(dict.fromkeys(cells.ids[::2], "train"), False, None)
    split = make_split(cells, known=known)
    assert all(split.sides[name] == "train" for name in known.sides)
    for name, sides in sides_by(cells, split, "labels").items():
        assert "validation" in sides, name


def test_new_cells_of_a_known_group_follow_it():
    cells = some_cells("ab" * 20, ["p"] * 10 + ["q"] * 10 + ["r"] * 10 + ["s"] * 10)
    known = Split({cells.ids[0]: "validation", cells.ids[12]: "train"}, True, None)
    split = make_split(cells, known=known)
    assert {split.sides[name] for name in cells.ids[:10]} == {"validation"}
    assert {split.sides[name] for name in cells.ids[10:20]} == {"train"}


def test_copies_of_an_image_stay_together():
    plain = some_cells("ab" * 30)
    copies = tuple(f"{name}-2" for name in plain.ids)
    both = Cells(plain.ids + copies, plain.labels * 2, (None,) * 120)
    split = make_split(both)
    assert all(split.sides[name] == split.sides[f"{name}-2"] for name in plain.ids)
    alone = make_split(Cells(copies, plain.labels, (None,) * 60), known=make_split(plain))
    assert all(split.sides[name] == side for name, side in alone.sides.items())


def test_cells_without_a_label_have_no_side():
    split = make_split(some_cells(["a", "a", None, "b", "b"]))
    assert len(split.sides) == 4


def test_the_note_says_that_no_grouping_is_known():
    assert make_split(some_cells("aabb")).note == "no grouping known: figures may be optimistic"
    grouped = make_split(some_cells("ab" * 8, [f"donor {i // 4}" for i in range(16)]))
    assert grouped.grouped and grouped.note is None


def test_one_group_cannot_be_kept_apart_and_is_said():
    split = make_split(some_cells("ab" * 8, ["field"] * 16))
    assert not split.grouped
    assert "too few groups" in split.note


def test_a_class_of_one_group_is_trained_and_the_note_names_it():
    split = make_split(some_cells("ababab" + "cc", ["p", "p", "q", "q", "r", "r", "s", "s"]))
    assert split.sides[f"{6:016x}"] == "train"
    assert split.note == "no validation cells for c: give them from more groups"


@pytest.mark.parametrize(
    ("labels", "sentence"),
    [
        ("aab", "class 'b' has one image; give at least two"),
        ("aaa", "only the class 'a' was found"),
        ([None, None], "no cell has a class"),
    ],
)
def test_too_few_cells_are_refused(labels, sentence):
    with pytest.raises(InputError, match=sentence):
        make_split(some_cells(labels))


def test_a_class_that_is_known_already_may_come_with_one_image():
    cells = some_cells("abb")
    assert make_split(cells, taught=["a"]).sides[cells.ids[0]] == "train"
    assert set(make_split(some_cells("bb"), taught=["a"]).sides.values()) == {"train", "validation"}
    with pytest.raises(InputError, match="class 'a' has one image"):
        make_split(cells, taught=["b"])


def test_copies_of_one_image_are_one_image():
    cells = Cells(("0a", "0b", "0c", "0c-2"), ("x", "x", "y", "y"), (None,) * 4)
    with pytest.raises(InputError, match="class 'y' has one image, in 2 copies"):
        make_split(cells)


@pytest.mark.parametrize(
    ("validation", "test"), [(0.0, 0.0), (1.0, 0.0), (0.5, 0.5), (0.2, -0.1), (float("nan"), 0.0)]
)
def test_shares_without_sense_are_refused(validation, test):
    with pytest.raises(InputError, match="shares"):
        make_split(some_cells("aabb"), validation=validation, test=test)


def test_json_gives_the_same_split():
    split = make_split(some_cells("ab" * 20), test=0.2)
    assert Split.from_json(split.to_json()) == split


@pytest.mark.parametrize(
    "change",
    [{"train": "x"}, {"train": [1]}, {"validation": ["x"]}, {"grouped": 1}, {"note": 3}, {"more": 1}],
)
def test_json_without_sense_is_refused(change):
    good = {"train": ["x"], "validation": ["y"], "test": [], "grouped": False, "note": None}
    with pytest.raises(InputError, match="split"):
        Split.from_json({**good, **change})


@given(counts, st.integers(2, 5), st.integers(0, 1000))
def test_folds_are_a_stratified_partition(counts, folds, seed):
    labels = np.array([f"c{i}" for i, count in enumerate(counts) for _ in range(count)])
    pairs = stratified_folds(labels.tolist(), None, folds, seed)
    assert len(pairs) == folds
    assert sorted(np.concatenate([test for _, test in pairs]).tolist()) == list(range(len(labels)))
    for train, test in pairs:
        assert sorted([*train, *test]) == list(range(len(labels)))
        for i, count in enumerate(counts):
            assert abs((labels[test] == f"c{i}").sum() - count / folds) < 1


@given(st.integers(0, 100))
def test_folds_keep_groups_whole(seed):
    random = np.random.default_rng(seed)
    groups = random.choice(list("pqrstuvw"), 80).tolist()
    labels = random.choice(list("ab"), 80).tolist()
    for train, test in stratified_folds(labels, groups, 4, seed):
        assert not {groups[i] for i in train} & {groups[i] for i in test}


def test_folds_differ_between_seeds_and_not_within_one():
    first, again, other = (
        stratified_folds(["a", "b"] * 20, None, 2, seed)[0][1].tolist() for seed in (1, 1, 2)
    )
    assert first == again != other


@pytest.mark.parametrize(("labels", "folds"), [("aab", 2), ("aabb", 1)])
def test_folds_that_cannot_be_are_refused(labels, folds):
    with pytest.raises(InputError):
        stratified_folds(list(labels), None, folds, 0)
