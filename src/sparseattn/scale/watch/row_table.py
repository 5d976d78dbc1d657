"""A CSV file that grows a row a cell; what was written survives any end, and no file is noted twice."""

from __future__ import annotations

import csv
import hashlib
import io
import os
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from sparseattn.cells.catalogue import unique_names
from sparseattn.cells.origin import shown
from sparseattn.csv_text import guarded, unguarded
from sparseattn.errors import InputError
from sparseattn.scale.watch.arrived import Arrived

SOURCE, MODIFIED, ID, HASH = "source", "modified_ns", "id", "model_hash"

Row = Sequence[object]


class RowTable:
    """The table of a watched folder.

    A row that a crash cut off is taken away when the table is opened again, and so are the rows of the last
    file where that has several cells and is still there: they may not be all.

    Parameters
    ----------
    path : Path
        Made where it is not there.
    columns : sequence of str
        Its columns, `SOURCE`, `MODIFIED`, `ID` and `HASH` among them.
    model_hash : str
        Of the model whose answers it holds.

    Raises
    ------
    InputError
        Where the file is another table, or of another model, or cannot be written.
    """

    def __init__(self, path: Path, columns: Sequence[str], model_hash: str) -> None:
        self._path, self._columns = path, tuple(columns)
        self._known: set[int] = set()
        self._ids: set[str] = set()
        try:
            self._handle = os.open(path, os.O_RDWR | os.O_CREAT | getattr(os, "O_BINARY", 0), 0o666)
        except OSError as error:
            raise InputError(f"cannot write {path}: {error.strerror}; give another file") from None
        try:
            self._read(model_hash)
        except BaseException:
            os.close(self._handle)
            raise

    def __len__(self) -> int:
        """Return how many files are noted."""
        return len(self._known)

    def knows(self, file: Arrived) -> bool:
        """Whether a file is noted as it is."""
        return _key(shown(file.path), file.modified_ns) in self._known

    def name(self, ids: Iterable[str]) -> list[str]:
        """Return the ids of cells that are to be noted: of equal cells the second is ``...-2``."""
        return list(unique_names(ids, self._ids))

    def append(self, rows: Sequence[Row], files: Iterable[Arrived]) -> None:
        """Write all rows of some files; they are on the disk when this returns.

        Raises
        ------
        InputError
            Where they cannot be written.
        """
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerows([[_cell(value) for value in row] for row in rows])
        self._write(text.getvalue().encode())
        self._known.update(_key(shown(file.path), file.modified_ns) for file in files)

    def close(self) -> None:
        """Give the file free."""
        os.close(self._handle)

    def __enter__(self) -> RowTable:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _write(self, data: bytes) -> None:
        try:
            rest = memoryview(data)
            while rest:
                rest = rest[os.write(self._handle, rest) :]
            os.fsync(self._handle)
        except OSError as error:
            raise InputError(f"cannot write {self._path}: {error.strerror}; what is written stays") from None

    def _read(self, model_hash: str) -> None:
        """Take note of what is noted, a row at a time, and cut off what is not whole."""
        end = 0
        several = _Several()
        with open(self._handle, "rb", closefd=False) as stream:
            for line in stream:
                if not line.endswith(b"\n"):
                    break
                row = next(csv.reader([line.decode(errors="replace").rstrip("\n")]))
                if end == 0:
                    self._check_header(row)
                else:
                    self._take(row, end, several, model_hash)
                end += len(line)
        if several.is_there():
            end = several.begins
            self._known.discard(_key(several.path, several.modified_ns))
            self._ids -= several.ids
        os.ftruncate(self._handle, end)
        os.lseek(self._handle, end, os.SEEK_SET)
        if end == 0:
            text = io.StringIO()
            csv.writer(text, lineterminator="\n").writerow(list(map(guarded, self._columns)))
            self._write(text.getvalue().encode())

    def _check_header(self, row: Sequence[str]) -> None:
        if list(row) != list(map(guarded, self._columns)):
            raise InputError(f"{self._path} is another table, or of other classes; give another file")

    def _take(self, row: Sequence[str], begins: int, several: _Several, model_hash: str) -> None:
        said = dict(zip(self._columns, map(unguarded, row), strict=False))
        if len(row) != len(self._columns) or not said[MODIFIED].isdigit():
            raise InputError(f"{self._path} is damaged; give another file")
        if said[HASH] != model_hash:
            raise InputError(f"{self._path} holds answers of another model; give another file")
        stem, mark, number = said[SOURCE].rpartition("#")
        modified = int(said[MODIFIED])
        if mark and number.isdigit():
            several.add(stem, modified, said[ID], begins)
        else:
            several.forget()
        self._known.add(_key(several.path or said[SOURCE], modified))
        self._ids.add(said[ID])


@dataclass
class _Several:
    """The rows of the last file, where it has several cells: they may not be all."""

    path: str = ""
    modified_ns: int = 0
    begins: int = 0
    ids: set[str] = field(default_factory=set)

    def add(self, path: str, modified_ns: int, name: str, begins: int) -> None:
        if (path, modified_ns) != (self.path, self.modified_ns):
            self.path, self.modified_ns, self.begins, self.ids = path, modified_ns, begins, set()
        self.ids.add(name)

    def forget(self) -> None:
        self.path = ""

    def is_there(self) -> bool:
        """Tell whether there is such a file, which can be done again."""
        try:
            return bool(self.path) and Path(self.path).stat().st_mtime_ns == self.modified_ns
        except OSError:
            return False


def _key(source: str, modified_ns: int) -> int:
    """Return a number that stands for a file as it is: of a million files names would fill the memory."""
    said = f"{source}\0{modified_ns}".encode()
    return int.from_bytes(hashlib.blake2b(said, digest_size=8).digest(), "big")


def _cell(value: object) -> object:
    if value is None:
        return ""
    return guarded(value) if isinstance(value, str) else value
