"""Which cells teach and which judge: decided once for each cell, by a hash, and kept."""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet

Side = Literal["train", "validation", "test"]
SIDES: tuple[Side, ...] = get_args(Side)
_ALONG_THE_HASH: tuple[Side, ...] = ("test", "validation", "train")
_UNGROUPED = "no grouping known: figures may be optimistic"


@dataclass(frozen=True)
class Split:
    """The side of every labelled cell.

    Attributes
    ----------
    sides : dict[str, Side]
        Side by cell id.
    grouped : bool
        Whether groups (donor, sample, field) were known and kept apart.
    note : str or None
        What a reader of the figures must know.
    """

    sides: dict[str, Side]
    grouped: bool
    note: str | None

    def indices(self, ids: Sequence[str], side: Side) -> NDArray[np.int64]:
        """Return where in ``ids`` the cells of one side are, ascending."""
        return np.array([i for i, name in enumerate(ids) if self.sides.get(name) == side], dtype=np.int64)

    def to_json(self) -> dict[str, Any]:
        """Return the split as JSON values: the ids of each side."""
        listed: dict[str, Any] = {side: [] for side in SIDES}
        for name, side in self.sides.items():
            listed[side].append(name)
        return {
            **{side: sorted(names) for side, names in listed.items()},
            "grouped": self.grouped,
            "note": self.note,
        }

    @classmethod
    def from_json(cls, split: Mapping[str, Any]) -> Split:
        """Rebuild a split.

        Raises
        ------
        InputError
            Where a field is missing, unknown or of the wrong kind, or an id has two sides.
        """
        if set(split) != {*SIDES, "grouped", "note"}:
            raise InputError(f"a split must hold {', '.join(SIDES)}, grouped and note")
        if not isinstance(split["grouped"], bool) or not isinstance(split["note"], str | None):
            raise InputError("a split's 'grouped' must be true or false and its 'note' text or null")
        sides: dict[str, Side] = {}
        for side in SIDES:
            names = split[side]
            if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
                raise InputError(f"a split's {side!r} must be a list of cell ids")
            for name in names:
                if name in sides:
                    raise InputError(f"a split names the cell {name!r} twice")
                sides[name] = side
        return cls(sides, split["grouped"], split["note"])


def make_split(
    cells: CellSet,
    *,
    validation: float = 0.2,
    test: float = 0.0,
    known: Split | None = None,
    taught: Collection[str] = (),
) -> Split:
    """Decide the side of every labelled cell.

    A hash of the cell's group, or of its content where no group is known, is a number in 0..1 that says the
    side, so cells added later change nothing for the others, and identical copies stay together. Chance alone
    could leave a small class without validation cells: in each class every side gets at least half of its
    share, and at least one cell; the cells whose numbers lie nearest to the border are moved for it.

    Parameters
    ----------
    cells : CellSet
        Cells without a label get no side.
    validation, test : float
        Shares, in 0..1.
    known : Split, optional
        An earlier split; it wins for the cells that it names, and new cells of a group follow the known ones.
    taught : collection of str
        Classes that a model knows already: a single new cell of them is welcome, and is trained on.

    Returns
    -------
    Split
        Of the labelled cells of ``cells``.

    Raises
    ------
    InputError
        With fewer than two classes, a class of one image (or copies of one), or shares that leave nothing
        for training.
    """
    if not (0 < validation < 1 and 0 <= test < 1 and validation + test < 1):
        raise InputError(
            f"the shares for validation ({validation:g}) and test ({test:g}) must lie between 0 and 1 "
            "and leave some cells for training"
        )
    labelled = [index for index, label in enumerate(cells.labels) if label is not None]
    ids = [cells.ids[index] for index in labelled]
    labels = [cast(str, cells.labels[index]) for index in labelled]
    _check_classes(ids, labels, taught)

    groups = [cells.groups[index] for index in labelled]
    shares: dict[Side, float] = {"test": test, "validation": validation, "train": 1 - validation - test}
    decided = _decided(ids, groups, known)
    sides = _Units(ids, labels, groups, shares).sides(decided)
    if not any(groups):
        return Split(sides, False, _UNGROUPED)
    if "validation" not in sides.values():
        singly = _Units(ids, labels, [None] * len(ids), shares).sides(decided)
        return Split(singly, False, "too few groups to keep them apart: figures may be optimistic")
    apart, note = _note_on_groups(labels, groups, [sides[name] for name in ids])
    return Split(sides, apart, note)


class _Units:
    """What moves between the sides as one: a group, or the copies of one image."""

    def __init__(
        self,
        ids: Sequence[str],
        labels: Sequence[str],
        groups: Sequence[str | None],
        shares: Mapping[Side, float],
    ) -> None:
        self.shares = shares
        self.members: dict[str, list[str]] = defaultdict(list)
        self.classes: dict[str, set[str]] = defaultdict(set)
        self.of_class: dict[str, set[str]] = defaultdict(set)
        for name, label, group in zip(ids, labels, groups, strict=True):
            unit = _unit(name, group)
            self.members[unit].append(name)
            self.classes[unit].add(label)
            self.of_class[label].add(unit)
        self.place = {unit: _hash_fraction(unit) for unit in self.members}

    def sides(self, decided: Mapping[str, Side]) -> dict[str, Side]:
        """Return the side of every member, given those of the cells that are decided already."""
        side: dict[str, Side] = {}
        fixed = set()
        for unit, names in self.members.items():
            earlier = {decided[name] for name in names if name in decided}
            if len(earlier) == 1:
                side[unit] = earlier.pop()
                fixed.add(unit)
            else:
                side[unit] = self._by_hash(unit)
        balanced: set[str] = set()
        for label in sorted(self.of_class, key=lambda label: (len(self.of_class[label]), label)):
            self._balance(label, side, fixed, balanced)
            balanced.add(label)
        members = {name: side[unit] for unit, names in self.members.items() for name in names}
        return {**members, **decided}

    def _by_hash(self, unit: str) -> Side:
        border = 0.0
        for side in _ALONG_THE_HASH[:-1]:
            border += self.shares[side]
            if self.place[unit] < border:
                return side
        return "train"

    def _least(self, count: int) -> dict[Side, int]:
        """Return how many of a class's ``count`` units each side must have."""
        least: dict[Side, int] = {"train": 1, "validation": 0, "test": 0}
        if count >= 2:
            least["validation"] = max(1, int(count * self.shares["validation"] / 2))
        if count >= 3 and self.shares["test"] > 0:
            least["test"] = max(1, int(count * self.shares["test"] / 2))
        rest = count - least["validation"] - least["test"]
        least["train"] = max(1, min(rest, int(count * (1 - 1.5 * (1 - self.shares["train"])))))
        return least

    def _balance(self, label: str, side: dict[str, Side], fixed: set[str], balanced: set[str]) -> None:
        """Move units of one class until every side has its least; no side of a balanced class is emptied."""
        units = sorted(self.of_class[label], key=lambda unit: self.place[unit])
        least = self._least(len(units))
        present = {side[unit] for unit in units if unit in fixed}
        if present:  # an earlier split has set the shares: only see to it that no side is empty
            least = {one: int(needed > 0 and one not in present) for one, needed in least.items()}
        free = [unit for unit in units if unit not in fixed]
        for wanted in SIDES:
            while sum(side[unit] == wanted for unit in free) < least[wanted]:
                unit = self._nearest(wanted, free, side, least, balanced - {label})
                if unit is None:
                    break
                side[unit] = wanted

    def _nearest(
        self, wanted: Side, free: Sequence[str], side: Mapping[str, Side], least: Mapping[Side, int],
        balanced: set[str],
    ) -> str | None:  # fmt: skip
        """Return the unit nearest to the wanted side, from the side that has most to spare."""
        count = Counter(side[unit] for unit in free)
        for source in sorted(SIDES, key=lambda one: least[one] - count[one]):
            if source == wanted or count[source] <= least[source]:
                continue
            spared = [
                unit
                for unit in free
                if side[unit] == source and (wanted == "train" or self._is_spared(unit, side, balanced))
            ]
            if spared:
                below = _ALONG_THE_HASH.index(wanted) < _ALONG_THE_HASH.index(source)
                return spared[0] if below else spared[-1]
        return None

    def _is_spared(self, unit: str, side: Mapping[str, Side], balanced: set[str]) -> bool:
        """Whether every balanced class of the unit has another unit on the unit's side."""
        return all(
            any(side[other] == side[unit] for other in self.of_class[label] if other != unit)
            for label in self.classes[unit] & balanced
        )


def stratified_folds(
    labels: Sequence[str], groups: Sequence[str | None] | None, folds: int, seed: int
) -> list[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Deal the cells into folds that hold each class in the same share; repeat with other seeds.

    Groups stay whole: those whose classes are spread least evenly are dealt first, each to the fold that
    it leaves most even, the rule of scikit-learn's ``StratifiedGroupKFold``. A cell without a group is one
    of its own.

    Parameters
    ----------
    labels : sequence of str
        Class of each of the n cells.
    groups : sequence of (str or None), optional
        Group of each cell.
    folds : int
        At least 2.
    seed : int
        Of the shuffling.

    Returns
    -------
    list of (ndarray, ndarray)
        ``folds`` pairs (train, test) of ascending int64 indices; the test sides are a partition of the cells.

    Raises
    ------
    InputError
        With fewer than two folds, or a class with fewer cells (or groups) than two.
    """
    if folds < 2:
        raise InputError(f"{folds} folds make no comparison; ask for at least two")
    names, coded = np.unique(np.asarray(labels), return_inverse=True)
    own = [None] * len(coded) if groups is None else groups
    units = [f"group {group}" if group is not None else f"cell {i}" for i, group in enumerate(own)]
    unit_names, unit_of = np.unique(np.asarray(units), return_inverse=True)
    counts = np.zeros((len(unit_names), len(names)), dtype=np.int64)
    np.add.at(counts, (unit_of, coded), 1)
    for name, held in zip(names, (counts > 0).sum(axis=0), strict=True):
        if held < 2:
            raise InputError(f"class {str(name)!r} has one image or group; give at least two")

    shuffled = np.random.default_rng(seed).permutation(len(unit_names))
    order = shuffled[np.argsort(-counts[shuffled].std(axis=1), kind="stable")]
    share = counts.sum(axis=0)
    dealt = np.zeros((folds, len(names)))
    fold_of_unit = np.empty(len(unit_names), dtype=np.int64)
    for unit in order:
        spread = np.empty(folds)
        for fold in range(folds):
            dealt[fold] += counts[unit]
            spread[fold] = (dealt / share).std(axis=0).mean()
            dealt[fold] -= counts[unit]
        least = np.flatnonzero(np.isclose(spread, spread.min()))
        fold_of_unit[unit] = least[np.argmin(dealt[least].sum(axis=1))]
        dealt[fold_of_unit[unit]] += counts[unit]
    fold_of_cell = fold_of_unit[unit_of]
    return [
        (np.flatnonzero(fold_of_cell != fold), np.flatnonzero(fold_of_cell == fold)) for fold in range(folds)
    ]


def _check_classes(ids: Sequence[str], labels: Sequence[str], taught: Collection[str]) -> None:
    classes = sorted(set(labels))
    if len({*classes, *taught}) < 2 or not classes:
        found = f"only the class {classes[0]!r} was found" if classes else "no cell has a class"
        raise InputError(f"{found}; give cells of at least two classes")
    counts = Counter(labels)
    distinct = Counter(
        label for _, label in {(_content(name), label) for name, label in zip(ids, labels, strict=True)}
    )
    for name in sorted(set(classes) - set(taught)):
        if counts[name] < 2:
            raise InputError(f"class {name!r} has one image; give at least two")
        if distinct[name] < 2:
            raise InputError(f"class {name!r} has one image, in {counts[name]} copies; give at least two")


def _decided(ids: Sequence[str], groups: Sequence[str | None], known: Split | None) -> dict[str, Side]:
    """Return the sides that an earlier split says, also of copies of the images that it names."""
    if known is None:
        return {}
    by_content = {_content(name): side for name, side in known.sides.items()}
    decided = {
        name: by_content[_content(name)]
        for name, group in zip(ids, groups, strict=True)
        if group is None and _content(name) in by_content
    }
    return {**decided, **{name: known.sides[name] for name in ids if name in known.sides}}


def _note_on_groups(
    labels: Sequence[str], groups: Sequence[str | None], sides: Sequence[Side]
) -> tuple[bool, str | None]:
    """Return whether all groups are kept apart, and what a reader of the figures must know."""
    sides_of_group: dict[str, set[Side]] = defaultdict(set)
    sides_of_class: dict[str, set[Side]] = defaultdict(set)
    for label, group, side in zip(labels, groups, sides, strict=True):
        sides_of_class[label].add(side)
        if group is not None:
            sides_of_group[group].add(side)
    if any(len(found) > 1 for found in sides_of_group.values()):
        return False, "groups are on both sides, as in the earlier split: figures may be optimistic"
    unjudged = sorted(label for label, found in sides_of_class.items() if "validation" not in found)
    if unjudged:
        return True, f"no validation cells for {', '.join(unjudged)}: give them from more groups"
    if None in groups:
        return True, "the group of some cells is not known: figures may be optimistic"
    return True, None


def _unit(name: str, group: str | None) -> str:
    return f"cell {_content(name)}" if group is None else f"group {group}"


def _content(name: str) -> str:
    """Return the part of an id that comes from the pixels; copies of one image share it."""
    return name.split("-", 1)[0]


def _hash_fraction(unit: str) -> float:
    digest = hashlib.blake2b(unit.encode(), digest_size=8).digest()
    return int.from_bytes(digest, "big") / 2**64
