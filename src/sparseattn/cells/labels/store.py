"""A label log's file and what is known of it in memory: every change is written first, and then holds."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Literal

from sparseattn.cells.labels.file import damaged, readable_errors
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

    A second program may add to the same file: what it added is seen at the next question.
    """

    def __init__(self, path: Path, connection: sqlite3.Connection, read_only: bool) -> None:
        self._path, self._connection, self._read_only = path, connection, read_only
        self._seen = -1
        self._history = LabelHistory()
        self._refresh()

    @property
    def now(self) -> LabelHistory:
        """What holds now, also by what another program has written."""
        self._refresh()
        return self._history

    def close(self) -> None:
        """Close the file; what was written is on disk already."""
        self._connection.close()

    def copy(self, path: Path) -> None:
        """Write a whole copy of the file; see `LabelLog.copy`."""
        with replaced_file(path) as draft, readable_errors(self._path):
            target = sqlite3.connect(draft)
            try:
                self._connection.backup(target)
            finally:
                target.close()

    def write_classes(self, classes: Mapping[int, LabelClass], removed: bool = False) -> None:
        """Add, change or remove classes, all or none."""
        if not classes:
            return
        with self._writing() as (connection, now):
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
                if event.class_number is not None and event.cell not in self._history.set_aside:
                    new_sides[event.cell] = (sides or {}).get(event.cell, is_set_aside(event))
                    connection.execute(
                        "INSERT INTO set_aside(cell, tests, event) VALUES (?, ?, ?)",
                        (event.cell, new_sides[event.cell], cursor.lastrowid),
                    )
        self._history.add(action, written, new_sides)

    def take_back(self, kind: Literal["undo", "redo"]) -> tuple[str, ...]:
        """Write that the last action is undone or done again; return its cells, none where there is none."""
        if (self.now.undoable if kind == "undo" else self.now.redoable) is None:
            return ()
        with self._writing() as (connection, now):
            # Asked once nobody else can write: another program may have undone it meanwhile.
            of = self._history.undoable if kind == "undo" else self._history.redoable
            if of is None:
                return ()
            action = self._next_action(connection)
            connection.execute(
                "INSERT INTO events(time, action, kind, undo_of) VALUES (?, ?, ?, ?)", (now, action, kind, of)
            )
        return self._history.take_back(kind, action, of)

    @staticmethod
    def _next_action(connection: sqlite3.Connection) -> int:
        (last,) = connection.execute("SELECT coalesce(max(action), 0) FROM events").fetchone()
        return int(last) + 1

    @contextmanager
    def _writing(self) -> Iterator[tuple[sqlite3.Connection, str]]:
        """Give the file and the time for one transaction: on disk when it ends, or not there at all."""
        if self._read_only:
            raise InputError(
                f"the label file {shown(self._path)} may not be written to; copy it to where you may write"
            )
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
