"""A label log's file and what is known of it in memory: every change is written first, and then holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sparseattn.cells.labels.file import damaged, open_label_file, readable_errors
from sparseattn.cells.labels.history import LabelHistory
from sparseattn.cells.labels.records import RESERVED, LabelClass, LabelEvent
from sparseattn.cells.labels.sides import is_set_aside
from sparseattn.cells.origin import shown
from sparseattn.errors import InputError
from sparseattn.writing import replaced_file

_WRONG = {
    "classes": "typeof(class) != 'integer' OR class < 1 OR typeof(name) != 'text' "
    "OR typeof(colour) NOT IN ('text', 'null') OR typeof(key) NOT IN ('integer', 'null')",
    "events": "typeof(action) != 'integer' OR typeof(annotator) != 'text' OR typeof(time) != 'text' "
    "OR CASE kind WHEN 'label' THEN typeof(cell) != 'text' OR typeof(class) NOT IN ('integer', 'null') "
    "OR class < 1 OR typeof(origin) != 'text' OR typeof(picked) != 'text' "
    "ELSE typeof(undo_of) != 'integer' END",
    "set_aside": "typeof(cell) != 'text'",
}
"""What no row of a table that was written here is: SQLite keeps values of any type in any column."""


class LabelStore:
    """An open label file.

    A second program may add to the same file: what it added is seen at the next question, and is not taken
    back by an undo here as long as both are open. Where the file cannot be reached any more, what was known
    last is known still, and nothing can be written.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool) -> None:
        self._path, self._connection, self._read_only = path, connection, read_only
        self._seen = -1
        self._history = LabelHistory()
        self._file = _identity(path)
        self._refresh()
        self._at_opening = self._next_action() - 1
        self._own: set[int] = set()  # actions since then

    @property
    def now(self) -> LabelHistory:
        """What holds now, also by what another program has written."""
        with suppress(InputError):  # a drive that is gone, a moment in which another program writes
            self._follow()
            self._refresh()
        return self._history

    def next_to(self, kind: Literal["undo", "redo"]) -> int | None:
        """Return the action that would be taken back, None where there is none."""
        return self._next_to(kind, self.now)

    def close(self) -> None:
        """Close the file; what was written is on disk already."""
        self._connection.close()

    def copy(self, path: Path) -> None:
        """Write a whole copy of the file; see `LabelLog.copy`."""
        with replaced_file(path) as draft, readable_errors(path):
            target = sqlite3.connect(draft)
            try:
                self._connection.backup(target)
            finally:
                target.close()

    def write_classes(
        self, change: Callable[[LabelHistory], Mapping[int, LabelClass]], removed: bool = False
    ) -> None:
        """Add, change or remove classes, all or none: those that follow from what holds now."""
        if not change(self.now):
            return
        with self._writing() as (connection, now):
            classes = change(self._history)  # another program may have added one meanwhile
            for number, one in classes.items():
                connection.execute(
                    "INSERT INTO classes(time, class, name, colour, key, removed) VALUES (?, ?, ?, ?, ?, ?)",
                    (now, number, one.name, one.colour, one.key, removed),
                )
        for number, one in classes.items():
            self._history.set_class(number, one, removed)

    def add(self, events: Sequence[LabelEvent], sides: Mapping[str, bool] | None = None) -> None:
        """Write labels as one action; `sides` says of moved cells whether they are set aside."""
        new_sides: dict[str, bool] = {}
        with self._writing() as (connection, now):
            action = self._next_action()
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
                if event.class_number is not None and event.cell not in self._history.set_aside:
                    new_sides[event.cell] = (sides or {}).get(event.cell, is_set_aside(event))
                    connection.execute(
                        "INSERT INTO set_aside(cell, tests, event) VALUES (?, ?, ?)",
                        (event.cell, new_sides[event.cell], cursor.lastrowid),
                    )
        self._own.add(action)
        self._history.add(action, written, new_sides)

    def take_back(self, kind: Literal["undo", "redo"]) -> tuple[str, ...]:
        """Write that the last action is undone or done again; return its cells, none where there is none."""
        if self.next_to(kind) is None:
            return ()
        with self._writing() as (connection, now):
            # Asked once nobody else can write: another program may have undone it meanwhile.
            of = self._next_to(kind, self._history)
            if of is None:
                return ()
            action = self._next_action()
            connection.execute(
                "INSERT INTO events(time, action, kind, undo_of) VALUES (?, ?, ?, ?)", (now, action, kind, of)
            )
        self._own.add(action)
        return self._history.take_back(kind, action, of)

    def _next_to(self, kind: Literal["undo", "redo"], history: LabelHistory) -> int | None:
        return history.undoable(self._is_ours) if kind == "undo" else history.redoable(self._is_ours)

    def _is_ours(self, action: int) -> bool:
        """Whether an action was here when the file was opened, or is of this program."""
        return action <= self._at_opening or action in self._own

    def _next_action(self) -> int:
        query = "SELECT action FROM events ORDER BY number DESC LIMIT 1"  # they only grow
        last = self._connection.execute(query).fetchone()
        return int(last[0]) + 1 if last else 1

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, str]]:
        """Give the file and the time for one transaction: on disk when it ends, or not there at all."""
        if self._read_only:
            raise InputError(
                f"the label file {shown(self._path)} may not be written to; copy it to where you may write"
            )
        self._follow()
        with readable_errors(self._path):
            self._connection.execute("BEGIN IMMEDIATE")
            try:
                self._refresh()
                yield self._connection, datetime.now(UTC).isoformat(timespec="milliseconds")
                self._connection.execute("COMMIT")
            except BaseException:
                with suppress(sqlite3.Error):
                    self._connection.execute("ROLLBACK")
                raise

    def _follow(self) -> None:
        """Go on with the file that lies there now, where it holds all that was known here.

        An open file that was removed, or replaced by another program that keeps folders alike, can still be
        written to, and all that were lost.

        Raises
        ------
        InputError
            Where there is no file, or another one.
        """
        there = _identity(self._path)
        if there == self._file:
            return
        if there is None:
            raise InputError(
                f"the label file {shown(self._path)} is gone, perhaps with its drive; bring it back and "
                "label the cell again, or save a copy of the labels elsewhere and open that"
            )
        connection, read_only = open_label_file(self._path, self._read_only)
        last = "SELECT number, time, action, kind, cell, class FROM events "
        with readable_errors(self._path):
            ours = self._connection.execute(f"{last} ORDER BY number DESC LIMIT 1").fetchone()
            theirs = ours and connection.execute(f"{last} WHERE number = ?", ours[:1]).fetchone()
        if ours != theirs:
            connection.close()
            raise InputError(
                f"the label file {shown(self._path)} was replaced by another while it was open; save a copy "
                "of the labels elsewhere, then open the cells again"
            )
        self._connection.close()
        self._connection, self._read_only, self._file, self._seen = connection, read_only, there, -1

    def _refresh(self) -> None:
        """Read the file anew where another program has changed it."""
        with readable_errors(self._path):
            (version,) = self._connection.execute("PRAGMA data_version").fetchone()
            if version != self._seen:
                self._history = self._read()
                self._seen = version

    def _read(self) -> LabelHistory:
        query = self._connection.execute
        for table, wrong in _WRONG.items():
            if query(f"SELECT 1 FROM {table} WHERE {wrong} LIMIT 1").fetchone():
                raise damaged(self._path)
        classes = query(
            "SELECT class, name, colour, key, removed FROM current_classes WHERE class > ?", (len(RESERVED),)
        )
        events = query(
            "SELECT action, kind, cell, class, origin, annotator, picked, time, undo_of "
            "FROM events ORDER BY number"
        )
        try:
            return LabelHistory.of(
                (
                    (number, LabelClass(name, colour, key), bool(gone))
                    for number, name, colour, key, gone in classes
                ),
                {cell: bool(tests) for cell, tests in query("SELECT cell, tests FROM set_aside")},
                (
                    (kind, action, LabelEvent(action, *told) if kind == "label" else undo_of)
                    for action, kind, *told, undo_of in events
                ),
            )
        except (LookupError, StopIteration):  # of an action or a class that is not there
            raise damaged(self._path) from None


def _identity(path: Path) -> tuple[int, int] | None:
    """Return what tells one file from another that takes its place; None where there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_dev, found.st_ino
