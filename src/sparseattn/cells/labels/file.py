"""The file of the label log: its tables, how it is opened, and what may be wrong with it.

It has a rollback journal and is synchronised in full, so that a kill or a power cut at any moment loses at
most the event that was being written, and so that it can lie on a network drive. It is one file.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from sparseattn.cells.labels.records import RESERVED
from sparseattn.cells.origin import shown
from sparseattn.errors import InputError

_APPLICATION = 0x53414C47  # "SALG"
_FORMAT = 1
_SECONDS_TO_WAIT = 0.5  # for another program that writes; the window must not hang

_SCHEMA = """
CREATE TABLE classes(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    class INTEGER NOT NULL,
    name TEXT NOT NULL,
    colour TEXT,
    key INTEGER,
    removed INTEGER NOT NULL DEFAULT 0
);
CREATE TABLE events(
    number INTEGER PRIMARY KEY AUTOINCREMENT,
    time TEXT NOT NULL,
    action INTEGER NOT NULL,
    kind TEXT NOT NULL CHECK (kind IN ('label', 'undo', 'redo')),
    cell TEXT,
    class INTEGER,
    origin TEXT,
    annotator TEXT NOT NULL DEFAULT '',
    picked TEXT,
    undo_of INTEGER
);
CREATE INDEX events_by_cell ON events(cell);
CREATE TABLE set_aside(cell TEXT PRIMARY KEY, tests INTEGER NOT NULL, event INTEGER NOT NULL);
CREATE VIEW current_classes AS
    SELECT class, name, colour, key, removed, max(number) AS number FROM classes GROUP BY class;
CREATE VIEW undone_actions AS
    SELECT undo_of AS action FROM events AS undo WHERE kind = 'undo'
    AND NOT EXISTS (SELECT 1 FROM events AS redo WHERE redo.kind = 'redo' AND redo.undo_of = undo.action);
CREATE VIEW current_labels AS
    SELECT cell, current_classes.name AS class, origin, annotator, picked, time, tests FROM (
        SELECT cell, class, origin, annotator, picked, time, max(number) FROM events
        WHERE kind = 'label' AND action NOT IN (SELECT action FROM undone_actions) GROUP BY cell
    ) AS last JOIN current_classes USING (class) JOIN set_aside USING (cell)
    WHERE NOT current_classes.removed;
"""
_FOREVER = """
CREATE TRIGGER {table}_{verb} BEFORE {verb} ON {table}
BEGIN SELECT raise(ABORT, 'the label log is only added to'); END;
"""


_LONGEST_TEXT = 1 << 20
"""Bytes of a text in the file, and of a statement in its schema."""


def open_label_file(path: Path, read_only: bool) -> tuple[sqlite3.Connection, bool]:
    """Open the file of a label log, or make it where there is none; return whether it may only be read.

    Raises
    ------
    InputError
        Where the file is no label log, was written by a newer version, is damaged or locked, or cannot be
        made.
    """
    there = path.exists()
    if path.is_dir():
        raise InputError(f"{shown(path)} is a folder; give the name of a label file")
    if not there and (read_only or not path.parent.is_dir()):
        raise InputError(f"there is no label file {shown(path)}; check the name")
    if there:
        _check_header(path)
        read_only = read_only or not _is_writable(path)
    mode = "ro" if read_only else "rwc"
    with readable_errors(path):
        connection = sqlite3.connect(
            f"{path.as_uri()}?mode={mode}", uri=True, timeout=_SECONDS_TO_WAIT, isolation_level=None
        )
        connection.setlimit(sqlite3.SQLITE_LIMIT_LENGTH, _LONGEST_TEXT)
        try:
            _prepare(connection, path, read_only)
        except BaseException:
            connection.close()
            if not there and path.exists() and not path.stat().st_size:
                path.unlink()  # a disk that is full: nothing was begun
            raise
    return connection, read_only


def _check_header(path: Path) -> None:
    try:
        with path.open("rb") as stream:
            start = stream.read(16)
    except OSError as error:
        raise InputError(f"the label file {shown(path)} cannot be read: {error.strerror}") from None
    if start and start != b"SQLite format 3\0":
        raise InputError(
            f"{shown(path)} is not a label file; choose another file, or another name for a new one"
        )


def _is_writable(path: Path) -> bool:
    try:
        with path.open("rb+"):
            return os.access(path.parent, os.W_OK)  # for the journal
    except OSError:
        return False


def _prepare(connection: sqlite3.Connection, path: Path, read_only: bool) -> None:
    """Check what is there, or make the tables; see to it that nothing is lost."""
    connection.execute("BEGIN")  # another program may be making the file at this moment
    (tables,) = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
    (application,) = connection.execute("PRAGMA application_id").fetchone()
    (version,) = connection.execute("PRAGMA user_version").fetchone()
    connection.execute("COMMIT")
    if tables and application != _APPLICATION:
        raise InputError(
            f"{shown(path)} is a database of another program; choose another file, or a new name"
        )
    if tables and version > _FORMAT:
        raise InputError(
            f"the label file {shown(path)} was written by a newer version; update napari-sparseattn"
        )
    if tables and _schema_of(connection) != _own_schema():
        raise InputError(
            f"{shown(path)} is not a label file as this program makes it; take a copy of it, or a new name"
        )
    if read_only:
        if not tables:
            raise InputError(f"the label file {shown(path)} is empty and may not be written to")
        return
    connection.execute("PRAGMA journal_mode = DELETE")
    connection.execute("PRAGMA synchronous = FULL")
    if tables:
        return
    connection.execute("BEGIN IMMEDIATE")
    try:
        if not connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]:
            _make_tables(connection)
            for number, name in enumerate(RESERVED, start=1):
                connection.execute(
                    "INSERT INTO classes(time, class, name) VALUES (?, ?, ?)",
                    (datetime.now(UTC).isoformat(timespec="milliseconds"), number, name),
                )
            connection.execute(f"PRAGMA application_id = {_APPLICATION}")
            connection.execute(f"PRAGMA user_version = {_FORMAT}")
        connection.execute("COMMIT")
    except BaseException:
        with suppress(sqlite3.Error):
            connection.execute("ROLLBACK")
        raise


def _make_tables(connection: sqlite3.Connection) -> None:
    for statement in _statements():
        connection.execute(statement)


def _schema_of(connection: sqlite3.Connection) -> set[tuple[str, str, str | None]]:
    """Return what a file defines: its views and triggers would run whenever it is read or written to."""
    return set(connection.execute("SELECT type, name, sql FROM sqlite_master"))


@cache
def _own_schema() -> set[tuple[str, str, str | None]]:
    with closing(sqlite3.connect(":memory:")) as connection:
        _make_tables(connection)
        return _schema_of(connection)


def _statements() -> list[str]:
    triggers = [
        _FOREVER.format(table=table, verb=verb).strip()
        for table in ("classes", "events", "set_aside")
        for verb in ("UPDATE", "DELETE")
    ]
    return [part.strip() for part in _SCHEMA.split(";\n") if part.strip()] + triggers


def damaged(path: Path) -> InputError:
    """Return the error that says so."""
    return InputError(f"the label file {shown(path)} is damaged; take the last copy of it")


@contextmanager
def readable_errors(path: Path) -> Iterator[None]:
    """Say in one sentence what SQLite could not do."""
    try:
        yield
    except sqlite3.Error as error:
        name = getattr(error, "sqlite_errorname", "") or ""
        if name.startswith(("SQLITE_BUSY", "SQLITE_LOCKED")):
            what = "is being written to by another program; try again"
        elif name.startswith("SQLITE_IOERR"):
            what = "cannot be reached: its drive may be gone; bring it back and label the cell again"
        elif name.startswith("SQLITE_READONLY"):
            what = "may not be written to; copy it to where you may write"
        elif name.startswith("SQLITE_FULL"):
            what = "cannot be written to: the disk is full; make room and try again"
        elif name.startswith(("SQLITE_NOTADB", "SQLITE_CORRUPT")):
            raise damaged(path) from None
        elif name.startswith("SQLITE_CANTOPEN"):
            what = "cannot be opened or made there; choose another folder"
        else:
            what = f"cannot be used ({error}); choose another file"
        raise InputError(f"the label file {shown(path)} {what}") from None
