"""``Catalogue``: the cells of a source in their order, and their ids."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cached_property
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile, recorded_source
from sparseattn.cells.origin import Origin
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet


class Catalogue:
    """The cells of a source in their order, and their ids, computed when first asked.

    Subsets share the catalogue, so that a cell keeps its id in each of them.

    Attributes
    ----------
    files
        What the headers say.
    file_of, row_of
        (n,) of each cell: which of the files holds it, and its row there.
    """

    def __init__(self, files: Sequence[CellFile], parts: Sequence[CellSet] | None = None) -> None:
        self.files = tuple(files)
        self._parts = parts
        if parts is None:
            counts = [1 if file.cells is None else file.cells for file in files]
            self.file_of = np.repeat(np.arange(len(files)), counts)
            self.row_of = np.concatenate(
                [np.arange(n) + file.first for n, file in zip(counts, files, strict=True)] or [np.arange(0)]
            )
        else:
            offsets = np.cumsum([0] + [len(part._catalogue.files) for part in parts])
            self.file_of = np.concatenate(
                [
                    part._catalogue.file_of[part._positions] + n
                    for part, n in zip(parts, offsets, strict=False)
                ]
            )
            self.row_of = np.concatenate([part._catalogue.row_of[part._positions] for part in parts])

    def detached(self, positions: npt.NDArray[np.int64]) -> Catalogue:
        """Return a catalogue of some cells alone, in this order: small, to be sent to another process.

        Of cells with equal content the second is ``...-2`` here, whatever its name is among all.
        """
        files: list[CellFile] = []
        file_of, row_of = self.file_of[positions], self.row_of[positions]
        follows = (file_of[1:] == file_of[:-1]) & (row_of[1:] == row_of[:-1] + 1)
        borders = [0, *(np.flatnonzero(~follows) + 1).tolist(), len(positions)] if len(positions) else [0]
        for start, stop in pairwise(borders):
            file = self.files[file_of[start]]
            run = None if file.cells is None else stop - start
            files.append(replace(file, cells=run, first=int(row_of[start]), labels=None, columns=None))
        return Catalogue(files)

    def fingerprint(self, positions: npt.NDArray[np.int64]) -> str:
        """Return 32 hex digits that change with the files, as far as their headers and times tell."""
        digest = hashlib.blake2b(digest_size=16)
        file_of, row_of = self.file_of[positions], self.row_of[positions]
        there, places = np.unique(file_of, return_inverse=True)
        seen: dict[Path, str] = {}  # a file may be described in many parts
        for number in there:
            file = self.files[number]
            path = file.source.path
            if path not in seen:
                seen[path] = f"{os.fspath(path)!r} {_written(path)}"
            digest.update(f"{seen[path]} {file.channels} {file.shape} {file.dtype} {file.cells}\n".encode())
        digest.update(np.ascontiguousarray(places, np.int64).tobytes())
        digest.update(np.ascontiguousarray(row_of, np.int64).tobytes())
        return digest.hexdigest()

    def origin(self, position: int) -> Origin:
        """Return the file of a cell, and its row in it."""
        file = self.files[self.file_of[position]]
        return Origin(file.source.path, None if file.cells is None else int(self.row_of[position]))

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """The name of each cell."""
        if self._parts is not None:
            return tuple(unique_names(name for part in self._parts for name in part.ids))
        return tuple(unique_names(self._digest(position) for position in range(len(self.file_of))))

    def _digest(self, position: int) -> str:
        """Hash a file that is one cell as it lies on disk, a row of a stack by its pixels and its index."""
        file, row = self.files[self.file_of[position]], int(self.row_of[position])
        if file.name_of is not None:
            name: str = file.name_of(row)
            return name
        if file.cells is None:
            try:
                with file.source.path.open("rb") as stream:
                    return hashlib.file_digest(stream, lambda: hashlib.blake2b(digest_size=8)).hexdigest()
            except OSError as error:
                raise InputError(
                    f"{self.origin(position)} can no longer be read: {error.strerror}."
                ) from None
        try:
            pixels = recorded_source(file.source).read(row)
            content = pixels.astype(pixels.dtype.newbyteorder("<")).tobytes()
        except Exception:
            content = b"unreadable"  # a bad cell still needs a name to be reported by
        return hashlib.blake2b(content + f"#{row}".encode(), digest_size=8).hexdigest()


def _written(path: Path) -> list[tuple[int, int]]:
    """Return the size of a file and when it was written (ns); of a store the same of its headers."""
    marks = [path / mark for mark in ("zarr.json", ".zarray", ".zgroup")] if path.is_dir() else [path]
    found = []
    for mark in marks:
        with suppress(OSError):
            said = mark.stat()
            found.append((said.st_size, said.st_mtime_ns))
    return found


def unique_names(names: Iterable[str], seen: set[str] | None = None) -> Iterator[str]:
    """Yield the names, the second of two equal ones with ``-2``, the third with ``-3``, and so on.

    ``seen`` are names that are taken already; those that are yielded join them.
    """
    seen = set() if seen is None else seen
    for name in names:
        stem, unique, number = name.partition("-")[0], name, 1
        while unique in seen:
            number += 1
            unique = f"{stem}-{number}"
        seen.add(unique)
        yield unique
