"""The label log: every label that was ever given, and which cells are set aside for testing.

Events are only added, never changed; what holds now follows from them.
"""

from __future__ import annotations

import csv
import hashlib
import re
import sqlite3
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Literal, Self, cast, get_args

from sparseattn.cells.cellset import CellSet, shown
from sparseattn.cells.label_file import RESERVED, open_label_file, readable_errors
from sparseattn.cells.tables import read_table
from sparseattn.errors import InputError
from sparseattn.writing import replaced_file

LabelOrigin = Literal["hand", "bulk", "imported"]
"""Who said so: a person, a model whose answer was accepted, or a table."""

Picked = Literal["hand", "random", "uncertain", "bulk"]
"""How the cell came to be labelled: chosen by a person, at random, as most uncertain, or among many."""

UNSURE, EXCLUDE = RESERVED

TEST_SHARE = 0.2
"""Share of the cells labelled by hand that are set aside for testing."""

LABEL_KEYS = tuple(range(1, 10))

_LONGEST_NAME = 80


@dataclass(frozen=True)
class LabelClass:
    """A class that cells can be given.

    Attributes
    ----------
    name : str
        Distinct among the classes, whatever the case of its letters.
    colour : str or None
        ``#rrggbb``; None where none was chosen.
    key : int or None
        The key, 1 to 9, that gives it.
    """

    name: str
    colour: str | None = None
    key: int | None = None


@dataclass(frozen=True)
class Label:
    """What holds now for one cell.

    Attributes
    ----------
    cell : str
        Id of the cell.
    name : str
        Its class, or ``unsure`` or ``exclude``.
    origin, picked
        See `LabelOrigin` and `Picked`.
    annotator : str
        Who labelled it; may be empty.
    time : str
        When, ISO 8601 in UTC.
    set_aside : bool
        Whether the cell is kept out of training for ever, to test with.
    """

    cell: str
    name: str
    origin: LabelOrigin
    annotator: str
    picked: Picked
    time: str
    set_aside: bool

    @property
    def is_class(self) -> bool:
        """Whether the cell has a class."""
        return self.name not in RESERVED

    @property
    def tests(self) -> bool:
        """Whether the cell tests models: set aside, and its class given by a person."""
        return self.set_aside and self.is_class and self.origin != "bulk"


@dataclass(frozen=True)
class _Event:
    """One label of one cell as it was written; `class_number` is None where a label was taken away."""

    action: int
    cell: str
    class_number: int | None
    origin: LabelOrigin
    annotator: str
    picked: Picked
    time: str


class LabelLog:
    """The labels in one file; made by `LabelLog.open`.

    A second program may add to the same file: what it added is seen at the next question.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._connection = connection
        self._seen = -1
        self._classes: dict[int, LabelClass] = {}
        self._removed: set[int] = set()
        self._set_aside: dict[str, bool] = {}
        self._events: dict[str, list[_Event]] = {}
        self._labels: dict[str, Label] = {}
        self._cells_of: dict[int, tuple[str, ...]] = {}
        self._done: list[int] = []  # actions that stand
        self._undone: set[int] = set()
        self._to_redo: list[tuple[int, int]] = []  # an undone action, and the undo
        self._refresh()

    @classmethod
    def open(cls, path: str | Path, *, read_only: bool = False) -> Self:
        """Open a label log, or make one where there is no file.

        Parameters
        ----------
        path : str or Path
            The file.
        read_only : bool
            Change nothing. A file that may not be written to is opened so in any case.

        Raises
        ------
        InputError
            Where the file is no label log, was written by a newer version, is damaged or locked, or cannot be
            made.
        """
        path = Path(path).expanduser().absolute()
        connection, read_only = open_label_file(path, read_only)
        try:
            return cls(path, connection, read_only)
        except BaseException:
            connection.close()
            raise

    def close(self) -> None:
        """Close the file; what was written is on disk already."""
        self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # What holds now

    @property
    def labels(self) -> Mapping[str, Label]:
        """The label of every cell that has one, by id."""
        self._refresh()
        return self._labels

    def current(self) -> dict[str, str]:
        """Return the class of every cell that has one, or ``unsure`` or ``exclude``, by id."""
        return {cell: label.name for cell, label in self.labels.items()}

    @property
    def spoken_of(self) -> tuple[str, ...]:
        """Ids of the cells that got a label, or lost it; what was said last stands last."""
        self._refresh()
        last = {cell: event.action for cell in self._events if (event := self._last(cell)) is not None}
        return tuple(sorted(last, key=last.__getitem__))

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        """The classes, in the order in which they were added."""
        self._refresh()
        return tuple(self._classes[number] for number in sorted(self._kept()))

    @property
    def counts(self) -> dict[str, int]:
        """How many cells each class has now, the unsure and the excluded too; 0 for a class without cells."""
        found = Counter(label.name for label in self.labels.values())
        return {name: found[name] for name in (*(one.name for one in self.classes), *RESERVED)}

    @property
    def test_cells(self) -> frozenset[str]:
        """Ids of the labelled cells that test models and never teach them."""
        return frozenset(label.cell for label in self.labels.values() if label.tests)

    @property
    def can_undo(self) -> bool:
        """Whether there is an action to undo."""
        self._refresh()
        return bool(self._done) and not self.read_only

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone action to do again."""
        self._refresh()
        return bool(self._to_redo) and not self.read_only

    def class_of(self, cells: Sequence[str], *, with_test_cells: bool = True) -> list[str | None]:
        """Return the class of each cell; None for one that has none or, if so asked, is set aside."""
        labels = self.labels
        found = (labels.get(cell) for cell in cells)
        return [
            label.name
            if label is not None and label.is_class and (with_test_cells or not label.set_aside)
            else None
            for label in found
        ]

    # What changes it

    def label(
        self,
        cells: Sequence[str],
        name: str | None,
        *,
        origin: LabelOrigin = "hand",
        picked: Picked = "hand",
        annotator: str = "",
    ) -> None:
        """Give cells a class; it is on disk when this returns, and is undone as one action.

        Parameters
        ----------
        cells : sequence of str
            Ids.
        name : str or None
            A class, ``unsure`` or ``exclude``; None takes the labels away.
        origin, picked
            See `LabelOrigin` and `Picked`. Cells first labelled by hand, and not picked as uncertain, have
            the chance `TEST_SHARE` of being set aside for testing; it is decided once for each cell.
        annotator : str
            Who labels.

        Raises
        ------
        InputError
            Where there is no such class, or the file cannot be written.
        """
        self.label_each(dict.fromkeys(cells, name), origin=origin, picked=picked, annotator=annotator)

    def label_each(
        self,
        labels: Mapping[str, str | None],
        *,
        origin: LabelOrigin = "hand",
        picked: Picked = "hand",
        annotator: str = "",
    ) -> None:
        """Give every cell a class of its own, as one action; see `label`."""
        if origin not in get_args(LabelOrigin) or picked not in get_args(Picked):
            raise ValueError(f"no such origin {origin!r} or way of picking {picked!r}")
        if not labels:
            return
        self._refresh()
        numbers = {name: self._number_of(name) for name in set(labels.values())}
        self._add(
            [_Event(0, cell, numbers[name], origin, annotator, picked, "") for cell, name in labels.items()]
        )

    def move(self, names: Mapping[str, str]) -> None:
        """Give labels to cells that have new ids, as one action; what was set aside stays set aside.

        A label that was taken away from the old id is taken away from the new one too.

        Parameters
        ----------
        names : mapping
            Old id to new id, as `sparseattn.cells.same_cell.moved_ids` finds them. Old ids of which nothing
            was said are passed over.
        """
        labels = self.labels
        moved = [(labels[old], new) for old, new in names.items() if old in labels]
        events = [
            _Event(0, new, self._number_of(one.name), one.origin, one.annotator, one.picked, "")
            for one, new in moved
        ]
        for old, new in names.items():
            last = self._last(old)
            if last is not None and last.class_number is None and new in labels:
                events.append(replace(last, cell=new))
        if events:
            self._add(events, {new: one.set_aside for one, new in moved})

    def undo(self) -> tuple[str, ...]:
        """Take back the last action that stands; return the cells that it had labelled."""
        return self._take_back("undo")

    def redo(self) -> tuple[str, ...]:
        """Do again what was undone last, unless something was labelled since; return its cells."""
        return self._take_back("redo")

    def add_class(self, name: str, colour: str | None = None, key: int | None = None) -> None:
        """Add a class; one that was removed comes back with the labels that it had.

        Parameters
        ----------
        name : str
            Up to 80 characters.
        colour : str, optional
            ``#rrggbb``.
        key : int, optional
            1 to 9; the first that is free where it is not given.

        Raises
        ------
        InputError
            Where there is such a class, the name cannot be one, or the key is another class's.
        """
        self._refresh()
        name = self._checked_name(name, but=None)
        free = [one for one in LABEL_KEYS if one not in {c.key for c in self.classes}]
        key = self._checked_key(key, but=None) if key is not None else (free[0] if free else None)
        earlier = [number for number in self._removed if self._classes[number].name == name]
        number = earlier[0] if earlier else max(self._classes, default=len(RESERVED)) + 1
        self._write_class(number, LabelClass(name, _checked_colour(colour), key))

    def change_class(
        self, name: str, *, to: str | None = None, colour: str | None = None, key: int | None = None
    ) -> None:
        """Rename a class (its labels go with it), give it another colour or another key.

        Raises
        ------
        InputError
            As `add_class`; where there is no class ``name``.
        """
        self._refresh()
        number = self._class_number(name)
        changed = self._classes[number]
        if to is not None:
            changed = replace(changed, name=self._checked_name(to, but=number))
        if colour is not None:
            changed = replace(changed, colour=_checked_colour(colour))
        if key is not None:
            changed = replace(changed, key=self._checked_key(key, but=number))
        if changed != self._classes[number]:
            self._write_class(number, changed)

    def remove_class(self, name: str) -> None:
        """Remove a class; its cells count as unlabelled until a class of this name is added again.

        Raises
        ------
        InputError
            Where there is no class ``name``.
        """
        self._refresh()
        number = self._class_number(name)
        self._write_class(number, replace(self._classes[number], key=None), removed=True)

    # Tables and copies

    def export_csv(self, path: Path) -> None:
        """Write the labels as they are now: id, class, origin, annotator, picked, time, set_aside.

        Raises
        ------
        InputError
            Where the file cannot be written.
        """
        labels = self.labels
        with replaced_file(path) as draft, draft.open("w", encoding="utf-8", newline="") as stream:
            table = csv.writer(stream)
            table.writerow(("id", "class", "origin", "annotator", "picked", "time", "set_aside"))
            for label in labels.values():
                row = (label.cell, label.name, label.origin, label.annotator, label.picked, label.time)
                table.writerow((*row, "yes" if label.set_aside else "no"))

    def import_csv(
        self,
        path: Path,
        find: Callable[[str], Sequence[str]] | None = None,
        *,
        annotator: str = "",
    ) -> int:
        """Take over the labels of a table with the columns id and class, as one action; all or none.

        A table that was exported keeps its origins, ways of picking and annotators: labels that were accepted
        in bulk stay so. The others count as given by a person elsewhere. New classes are added.

        Parameters
        ----------
        path : Path
            CSV in UTF-8; separated by comma, semicolon or tab.
        find : callable, optional
            Returns the ids of the cells that an entry of the column id names; without it that is the id.
        annotator : str
            Of the labels for which the table has none.

        Returns
        -------
        int
            How many cells were labelled.

        Raises
        ------
        InputError
            Where the table cannot be used, a cell has two classes in it, or ``find`` knows none of an id.
        """
        table = read_table(path)
        missing = [name for name in ("id", "class") if name not in table.columns]
        if missing:
            raise InputError(f"the table {shown(path)} has no column {' and no column '.join(missing)}")
        chosen: dict[str, tuple[int, dict[str, str]]] = {}
        for line, values in table.rows:
            row = dict(zip(table.columns, values, strict=True))
            cells = [row["id"]] if find is None else find(row["id"])
            if not cells or not row["id"]:
                raise InputError(
                    f"the table {shown(path)} names no known cell in line {line}: {shown(row['id'])!r}; "
                    "an id is that of a cell, or the name of its file"
                )
            if not row["class"]:
                raise InputError(f"the table {shown(path)} has an empty class in line {line}")
            for cell in cells:
                if cell in chosen and chosen[cell][1]["class"] != row["class"]:
                    raise InputError(
                        f"the table {shown(path)} gives the cell {shown(row['id'])!r} two classes, in lines "
                        f"{chosen[cell][0]} and {line}; leave one"
                    )
                chosen[cell] = (line, row)
        self._refresh()
        names = dict.fromkeys(row["class"] for _, row in chosen.values())
        known = {self._classes[number].name for number in self._kept()}
        new = [name for name in names if name not in known and name not in RESERVED]
        for name in new:
            self._checked_name(name, but=None)
        for name in new:
            self.add_class(name)
        events = [
            _Event(
                0, cell, self._number_of(row["class"]),
                cast(LabelOrigin, _one_of(row.get("origin"), ("bulk",), "imported")),
                row.get("annotator") or annotator,
                cast(Picked, _one_of(row.get("picked"), get_args(Picked), "hand")),
                "",
            )
            for cell, (_, row) in chosen.items()
        ]  # fmt: skip
        self._add(events)
        return len(events)

    def copy(self, path: Path) -> None:
        """Write a whole copy of the log, also while another program adds to it.

        Raises
        ------
        InputError
            Where the copy cannot be written.
        """
        with replaced_file(path) as draft, readable_errors(self.path):
            target = sqlite3.connect(draft)
            try:
                self._connection.backup(target)
            finally:
                target.close()

    # Within

    def _kept(self) -> Collection[int]:
        return [number for number in self._classes if number not in self._removed]

    def _number_of(self, name: str | None) -> int | None:
        if name is None:
            return None
        return RESERVED.index(name) + 1 if name in RESERVED else self._class_number(name)

    def _class_number(self, name: str) -> int:
        for number in self._kept():
            if self._classes[number].name == name:
                return number
        raise InputError(f"there is no class {shown(name)!r}; add it first")

    def _checked_name(self, name: str, but: int | None) -> str:
        name = " ".join(name.split())
        if not name:
            raise InputError("the name of the class is empty; type one")
        if len(name) > _LONGEST_NAME:
            raise InputError(f"the name of the class is longer than {_LONGEST_NAME} characters; shorten it")
        if name.casefold() in RESERVED:
            raise InputError(
                f"{name!r} is not a class but a state that every cell can have; choose another name"
            )
        for number in self._kept():
            if number != but and self._classes[number].name.casefold() == name.casefold():
                raise InputError(
                    f"there is a class {self._classes[number].name!r} already; choose another name"
                )
        return name

    def _checked_key(self, key: int, but: int | None) -> int:
        if key not in LABEL_KEYS:
            raise InputError(f"the key {key} is none of 1 to 9")
        for number in self._kept():
            if number != but and self._classes[number].key == key:
                raise InputError(
                    f"the key {key} belongs to {self._classes[number].name!r}; choose another key"
                )
        return key

    def _write_class(self, number: int, label_class: LabelClass, removed: bool = False) -> None:
        with self._writing() as (connection, now):
            connection.execute(
                "INSERT INTO classes(time, class, name, colour, key, removed) VALUES (?, ?, ?, ?, ?, ?)",
                (now, number, label_class.name, label_class.colour, label_class.key, removed),
            )
        self._classes[number] = label_class
        self._removed = self._removed - {number} if not removed else self._removed | {number}
        for cell, events in self._events.items():  # the names in the labels, and whether they count
            if any(event.class_number == number for event in events):
                self._settle(cell)

    def _add(self, events: Sequence[_Event], sides: Mapping[str, bool] | None = None) -> None:
        """Write labels as one action; `sides` says of moved cells whether they are set aside."""
        new_sides: dict[str, bool] = {}
        with self._writing() as (connection, now):
            action = self._next_action(connection)
            written = [replace(event, action=action, time=now) for event in events]
            for event in written:
                cursor = connection.execute(
                    "INSERT INTO events(time, action, kind, cell, class, origin, annotator, picked) "
                    "VALUES (?, ?, 'label', ?, ?, ?, ?, ?)",
                    (
                        now,
                        action,
                        event.cell,
                        event.class_number,
                        event.origin,
                        event.annotator,
                        event.picked,
                    ),
                )
                if event.class_number is not None and event.cell not in self._set_aside:
                    new_sides[event.cell] = (sides or {}).get(event.cell, _is_set_aside(event))
                    connection.execute(
                        "INSERT INTO set_aside(cell, tests, event) VALUES (?, ?, ?)",
                        (event.cell, new_sides[event.cell], cursor.lastrowid),
                    )
        self._set_aside.update(new_sides)
        for event in written:
            self._events.setdefault(event.cell, []).append(event)
            self._settle(event.cell)
        self._cells_of[action] = tuple(event.cell for event in written)
        self._done.append(action)
        self._to_redo.clear()

    def _take_back(self, kind: Literal["undo", "redo"]) -> tuple[str, ...]:
        self._refresh()
        if not (self._done if kind == "undo" else self._to_redo):
            return ()
        with self._writing() as (connection, now):
            of = self._done[-1] if kind == "undo" else self._to_redo[-1][1]
            action = self._next_action(connection)
            connection.execute(
                "INSERT INTO events(time, action, kind, undo_of) VALUES (?, ?, ?, ?)", (now, action, kind, of)
            )
        return self._replay(kind, action, of)

    def _replay(self, kind: str, action: int, of: int) -> tuple[str, ...]:
        """Follow an undo or redo in memory; return the cells that it concerns."""
        if kind == "undo":
            self._done = [one for one in self._done if one != of]
            self._undone.add(of)
            self._to_redo.append((of, action))
            target = of
        else:
            target = next(label for label, undo in self._to_redo if undo == of)
            self._to_redo = [pair for pair in self._to_redo if pair[1] != of]
            self._undone.discard(target)
            self._done.append(target)
        cells = self._cells_of.get(target, ())
        for cell in cells:
            self._settle(cell)
        return cells

    def _last(self, cell: str) -> _Event | None:
        """Return what was said last of a cell, and not undone."""
        events = reversed(self._events.get(cell, []))
        return next((event for event in events if event.action not in self._undone), None)

    def _settle(self, cell: str) -> None:
        """Work out what holds for one cell."""
        last = self._last(cell)
        number = last.class_number if last is not None else None
        if last is None or number is None or number in self._removed:
            self._labels.pop(cell, None)
            return
        name = RESERVED[number - 1] if number <= len(RESERVED) else self._classes[number].name
        self._labels[cell] = Label(
            cell, name, last.origin, last.annotator, last.picked, last.time, self._set_aside.get(cell, False)
        )

    @staticmethod
    def _next_action(connection: sqlite3.Connection) -> int:
        (last,) = connection.execute("SELECT coalesce(max(action), 0) FROM events").fetchone()
        return int(last) + 1

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, str]]:
        """Give the file and the time for one transaction: on disk when it ends, or not there at all."""
        if self.read_only:
            raise InputError(
                f"the label file {shown(self.path)} may not be written to; copy it to where you may write"
            )
        with readable_errors(self.path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._refresh()
                yield self._connection, datetime.now(UTC).isoformat(timespec="milliseconds")
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _refresh(self) -> None:
        """Read the file anew where another program has changed it."""
        with readable_errors(self.path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                self._read()
                self._seen = version

    def _read(self) -> None:
        query = self._connection.execute
        for held in (self._classes, self._removed, self._events, self._cells_of, self._labels, self._undone):
            held.clear()
        self._done.clear()
        self._to_redo.clear()
        for number, name, colour, key, removed in query(
            "SELECT class, name, colour, key, removed FROM current_classes WHERE class > ?", (len(RESERVED),)
        ):
            self._classes[number] = LabelClass(name, colour, key)
            if removed:
                self._removed.add(number)
        self._set_aside = {cell: bool(tests) for cell, tests in query("SELECT cell, tests FROM set_aside")}
        members: dict[int, list[str]] = {}
        takes_back: list[tuple[str, int, int]] = []
        for action, kind, cell, number, origin, annotator, picked, time, undo_of in query(
            "SELECT action, kind, cell, class, origin, annotator, picked, time, undo_of "
            "FROM events ORDER BY number"
        ):
            if kind == "label":
                self._events.setdefault(cell, []).append(
                    _Event(action, cell, number, origin, annotator, picked, time)
                )
                if action not in members:
                    members[action] = []
                    takes_back.append(("label", action, 0))
                members[action].append(cell)
            else:
                takes_back.append((kind, action, undo_of))
        for kind, action, undo_of in takes_back:
            if kind == "label":
                self._done.append(action)
                self._to_redo.clear()
            else:
                self._replay(kind, action, undo_of)
        self._cells_of = {action: tuple(cells) for action, cells in members.items()}
        for cell in self._events:
            self._settle(cell)


def labelled_by(cells: CellSet, log: LabelLog) -> CellSet:
    """Return the cells with the log's labels over their own.

    Cells that are unsure, to be excluded, or set aside and yet not fit to test with, have no label.
    """
    labels = log.labels

    def of(cell: str, own: str | None) -> str | None:
        label = labels.get(cell)
        if label is None:
            return own
        return label.name if label.is_class and label.set_aside == label.tests else None

    return cells.with_labels([of(*pair) for pair in zip(cells.ids, cells.labels, strict=True)])


def default_log_path(source: Path) -> Path:
    """Return where the labels of a source lie unless the user says otherwise: beside its files.

    Parameters
    ----------
    source : Path
        A folder of cells (the log lies in it; readers pass over names that begin with ``_``), or a file or
        Zarr store (the log lies next to it).
    """
    if source.is_dir() and source.suffix != ".zarr":
        return source / "_labels.sqlite"
    return source.with_name(f"_{source.name}.labels.sqlite")


def _is_set_aside(event: _Event) -> bool:
    """Whether a cell whose first label this is tests for ever.

    The hash is another one than that which splits training from validation, else these would be drawn from
    what it leaves. Copies of one image have one content, and one side.
    """
    if event.origin == "bulk" or event.picked in ("uncertain", "bulk"):
        return False
    content = event.cell.split("-", 1)[0]
    digest = hashlib.blake2b(content.encode(), digest_size=8, person=b"set aside").digest()
    return int.from_bytes(digest, "big") / 2**64 < TEST_SHARE


def _one_of(value: str | None, known: Sequence[str], default: str) -> str:
    return value if value is not None and value in known else default


def _checked_colour(colour: str | None) -> str | None:
    if colour is not None and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise InputError(f"{colour!r} is no colour; give one such as #0072b2")
    return colour
