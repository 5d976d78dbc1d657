"""The label log: every label that was ever given, and which cells are set aside for testing.

Events are only added, never changed; what holds now follows from them.
"""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Self, get_args

from sparseattn.cells.labels.classes import added, changed, taken_over
from sparseattn.cells.labels.file import open_label_file
from sparseattn.cells.labels.history import LabelHistory
from sparseattn.cells.labels.records import (
    RESERVED,
    Label,
    LabelClass,
    LabelEvent,
    LabelOrigin,
    Picked,
    checked_name,
)
from sparseattn.cells.labels.store import LabelStore
from sparseattn.cells.labels.tables import read_labels, write_labels
from sparseattn.cells.origin import shown
from sparseattn.errors import InputError


class LabelLog:
    """The labels in one file; made by `LabelLog.open`.

    A second program may add to the same file: what it added is seen at the next question.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool) -> None:
        self.path = path
        self.read_only = read_only
        self._store = LabelStore(path, connection, read_only)

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
        self._store.close()

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
        return self._now.labels

    def current(self) -> dict[str, str]:
        """Return the class of every cell that has one, or ``unsure`` or ``exclude``, by id."""
        return {cell: label.name for cell, label in self.labels.items()}

    @property
    def spoken_of(self) -> tuple[str, ...]:
        """Ids of the cells that got a label, or lost it; what was said last stands last."""
        return self._now.spoken_of

    @property
    def classes(self) -> tuple[LabelClass, ...]:
        """The classes, in the order in which they were added."""
        return tuple(self._now.kept.values())

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
        return self._store.next_to("undo") is not None and not self.read_only

    @property
    def can_redo(self) -> bool:
        """Whether there is an undone action to do again."""
        return self._store.next_to("redo") is not None and not self.read_only

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
        numbers = {name: self._number_of(name) for name in set(labels.values())}
        self._store.add(
            [
                LabelEvent(0, cell, numbers[name], origin, annotator, picked, "")
                for cell, name in labels.items()
            ]
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
            LabelEvent(0, new, self._number_of(one.name), one.origin, one.annotator, one.picked, "")
            for one, new in moved
        ]
        for old, new in names.items():
            last = self._now.last(old)
            if last is not None and last.class_number is None and new in labels:
                events.append(replace(last, cell=new))
        if events:
            self._store.add(events, {new: one.set_aside for one, new in moved})

    def take_from(self, other: LabelLog) -> int:
        """Take over the labels of cells of which nothing was ever said here, as one action.

        What was set aside there is set aside here. Classes that are not there are added, with their colours.

        Parameters
        ----------
        other : LabelLog
            A log of the same cells that was kept elsewhere.

        Returns
        -------
        int
            How many cells were labelled.

        Raises
        ------
        InputError
            Where the file cannot be written.
        """
        found = [label for cell, label in other.labels.items() if not self._now.knows(cell)]
        used = {label.name for label in found}
        known = {one.name for one in self.classes}
        self.take_classes(one for one in other.classes if one.name in used - known)
        if found:
            self._store.add(
                [
                    LabelEvent(
                        0, one.cell, self._number_of(one.name), one.origin, one.annotator, one.picked, ""
                    )
                    for one in found
                ],
                {one.cell: one.set_aside for one in found},
            )
        return len(found)

    def undo(self) -> tuple[str, ...]:
        """Take back the last action that stands; return the cells that it had labelled.

        What another program has added since this one opened the file is not taken back.
        """
        return self._store.take_back("undo")

    def redo(self) -> tuple[str, ...]:
        """Do again what was undone last, unless something was labelled since; return its cells."""
        return self._store.take_back("redo")

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
        self._store.write_classes(lambda now: added(now, name, colour, key))

    def change_class(
        self, name: str, *, to: str | None = None, colour: str | None = None, key: int | None = None
    ) -> None:
        """Rename a class (its labels go with it), give it another colour or another key.

        Raises
        ------
        InputError
            As `add_class`; where there is no class ``name``.
        """
        number = self._class_number(name)
        self._store.write_classes(lambda now: changed(now, number, to, colour, key))

    def take_classes(self, classes: Iterable[LabelClass]) -> None:
        """Add the classes that are not there, and give those that are their colours and keys; all at once.

        A key of a class that is not among them stays with it.

        Raises
        ------
        InputError
            Where a new class has a name that cannot be one, or the file cannot be written.
        """
        wanted = tuple(classes)
        self._store.write_classes(lambda now: taken_over(now, wanted))

    def remove_class(self, name: str) -> None:
        """Remove a class; its cells count as unlabelled until a class of this name is added again.

        Raises
        ------
        InputError
            Where there is no class ``name``.
        """
        number = self._class_number(name)
        self._store.write_classes(
            lambda now: {number: replace(now.kept[number], key=None)} if number in now.kept else {},
            removed=True,
        )

    # Tables and copies

    def export_csv(self, path: Path) -> None:
        """Write the labels as they are now: id, class, origin, annotator, picked, time, set_aside.

        Raises
        ------
        InputError
            Where the file cannot be written.
        """
        write_labels(self.labels.values(), path)

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
        found = read_labels(path, find, annotator)
        known = {one.name for one in self.classes}
        new = [name for name in dict.fromkeys(one.name for one in found) if name not in (*known, *RESERVED)]
        for name in new:
            checked_name(name, self.classes)
        for name in new:
            self.add_class(name)
        self._store.add(
            [
                LabelEvent(0, one.cell, self._number_of(one.name), one.origin, one.annotator, one.picked, "")
                for one in found
            ]
        )
        return len(found)

    def copy(self, path: Path) -> None:
        """Write a whole copy of the log, also while another program adds to it.

        Raises
        ------
        InputError
            Where the copy cannot be written.
        """
        self._store.copy(path)

    # Within

    @property
    def _now(self) -> LabelHistory:
        """What holds now, also by what another program has written."""
        return self._store.now

    def _number_of(self, name: str | None) -> int | None:
        if name is None:
            return None
        return RESERVED.index(name) + 1 if name in RESERVED else self._class_number(name)

    def _class_number(self, name: str) -> int:
        for number, one in self._now.kept.items():
            if one.name == name:
                return number
        raise InputError(f"there is no class {shown(name)!r}; add it first")


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
