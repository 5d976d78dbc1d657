"""Many small files packed into one store: see `sparseattn.cells.readers.packed` for what is in it.

The store is made beside its place and moved there when every cell was read back from the disk and found
equal. What was done so far is in a journal, so that a pack that was broken off goes on.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from sparseattn.cells.catalogue import unique_names
from sparseattn.cells.cell_file import MaskedSource
from sparseattn.cells.origin import Skipped
from sparseattn.cells.readers.packed import ABOUT, FORMAT, IMAGES, MASKS, SAMPLE, TABLE_FILE
from sparseattn.errors import CellError, InputError
from sparseattn.scale.journal import Journal
from sparseattn.scale.one_writer import NAME as IN_USE
from sparseattn.scale.one_writer import only_writer
from sparseattn.scale.parts import Part, parts_of
from sparseattn.scale.pixels import check_zarr
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    import pyarrow as pa

    from sparseattn.cells import CellSet

JOURNAL = "packed.jsonl"
SUFFIX = ".zarr"

_CHUNK_BYTES = 4 << 20
_SHARD_BYTES = 64 << 20
_MOST_CELLS = 8192
"""A shard, one file, is what is compressed and checked at once; a chunk in it is what is read at once."""

Pixels = npt.NDArray[Any]


@dataclass(frozen=True)
class Packed:
    """A store that is whole.

    Attributes
    ----------
    path
        Where it is.
    cells
        How many cells it has, those among them that could not be read included.
    errors
        These, and why.
    files
        How many files hold the pixels.
    bytes_on_disk, bytes_of_pixels
        Its size, and that of the pixels before they were compressed.
    """

    path: Path
    cells: int
    errors: tuple[Skipped, ...]
    files: int
    bytes_on_disk: int
    bytes_of_pixels: int


def pack(cells: CellSet, path: Path, *, on_cells: Callable[[int, int], None] | None = None) -> Packed:
    """Pack cells into a store that `open_cells` opens with the same ids, labels, samples and channels.

    Cells of different sizes share the store. A cell that cannot be read keeps its place, and says so when it
    is read. Where cells have masks, these are packed with them.

    Parameters
    ----------
    cells : CellSet
        Of one type of number.
    path : Path
        Of the store; must end in ``.zarr`` and not be there.
    on_cells : callable, optional
        Called with the number of cells that are packed, and of all.

    Raises
    ------
    InputError
        Where zarr is not installed, the store is there already, the types of number differ, what was begun
        is of other cells, or the disk cannot be written to or does not give back what was written.
    """
    check_zarr()
    if path.suffix.lower() != SUFFIX:
        raise InputError(f"cells are packed into a Zarr store; let the name {path} end in {SUFFIX}")
    if path.exists():
        raise InputError(f"{path} is there already; give another name, or remove it")
    dtype = _one_dtype(cells)
    draft = path.with_name(f".{path.name}.partial")
    try:
        draft.mkdir(exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot write {path}: {error.strerror}; choose another folder") from None
    with only_writer(draft):
        with Journal(draft / JOURNAL) as journal:
            _check_begun(journal, cells, path, draft)
            packing = _Packing(cells, draft, dtype, journal)
            try:
                packing.finish(on_cells or (lambda *_: None))
            except OSError as error:
                raise InputError(
                    f"cannot write {path}: {error.strerror or error}; what is packed is kept: make room and "
                    "start again"
                ) from None
            errors = packing.errors()
        (draft / JOURNAL).unlink()
    with suppress(OSError):
        (draft / IN_USE).unlink()
    os.replace(draft, path)
    shards = [file for file in (path / IMAGES / "c").rglob("*") if file.is_file()]
    sizes = [file.stat().st_size for file in path.rglob("*") if file.is_file()]
    pixels = sum(len(cells.channels) * height * width for height, width in cells.shapes) * dtype.itemsize
    return Packed(path, len(cells), errors, len(shards), sum(sizes), pixels)


def _one_dtype(cells: CellSet) -> np.dtype[Any]:
    kinds = {
        np.dtype(np.uint8) if file.dtype.kind == "b" else file.dtype.newbyteorder("=") for file in cells.files
    }
    if len(kinds) > 1:
        names = ", ".join(sorted(kind.name for kind in kinds))
        raise InputError(f"the cells are of different types of number ({names}); pack each type by itself")
    return kinds.pop()


def _check_begun(journal: Journal, cells: CellSet, path: Path, draft: Path) -> None:
    """See that what was begun is of these cells; begin where nothing was."""
    fingerprint = cells.fingerprint()
    if not journal.lines:
        journal.write({"cells": fingerprint})
    elif journal.lines[0].get("cells") != fingerprint:
        raise InputError(
            f"packing to {path} was begun with other cells, or they have changed since; remove {draft}, or "
            "give another name"
        )


@dataclass(frozen=True)
class _Packing:
    cells: CellSet
    folder: Path
    dtype: np.dtype[Any]
    journal: Journal

    def finish(self, report: Callable[[int, int], None]) -> None:
        """Pack what is missing, then write what says what the cells are."""
        shards = parts_of(len(self.cells), self._sizes()[1])
        done = {line["shard"] for line in self.journal.lines if "shard" in line}
        images, masks = self._images(), self._masks()
        count = sum(len(shard) for shard in shards if shard.number in done)
        report(count, len(self.cells))
        with ThreadPoolExecutor(min(8, max(2, os.cpu_count() or 1))) as pool:
            for shard in shards:
                if shard.number in done:
                    continue
                self._pack(shard, images, masks, pool)
                count += len(shard)
                report(count, len(self.cells))
        self._write_table(self._sizes()[1])
        self._write_about()

    def errors(self) -> tuple[Skipped, ...]:
        """Return the cells that could not be read."""
        starts = {shard.number: shard.start for shard in parts_of(len(self.cells), self._sizes()[1])}
        return tuple(
            Skipped(str(self.cells.origin(starts[line["shard"]] + int(row))), reason)
            for line in sorted((one for one in self.journal.lines if "shard" in one), key=_number)
            for row, reason in line["errors"].items()
        )

    def _sizes(self) -> tuple[int, int]:
        """Return the cells of a chunk and of a shard."""
        cell = int(np.prod(self._shape()[1:])) * self.dtype.itemsize
        chunk = _power_of_two(_CHUNK_BYTES // cell, _MOST_CELLS)
        return chunk, max(chunk, _power_of_two(_SHARD_BYTES // cell, _MOST_CELLS))

    def _shape(self) -> tuple[int, int, int, int]:
        heights, widths = zip(*set(self.cells.shapes), strict=True)
        return len(self.cells), len(self.cells.channels), max(heights), max(widths)

    @property
    def _masked(self) -> bool:
        """Whether any cell may have a mask."""
        return any(isinstance(file.source, MaskedSource) for file in self.cells.files)

    def _images(self) -> Any:
        # Shuffled, float images are a fifth smaller and read a quarter sooner than by zstd alone.
        return self._array(IMAGES, self._shape(), self.dtype, "shuffle")

    def _masks(self) -> Any:
        """Return the array of the masks; None where there are none."""
        count, _, *sides = self._shape()
        return self._array(MASKS, (count, 1, *sides), np.dtype(bool), "bitshuffle") if self._masked else None

    def _array(
        self,
        name: str,
        shape: tuple[int, ...],
        dtype: np.dtype[Any],
        shuffle: Literal["shuffle", "bitshuffle"],
    ) -> Any:
        import zarr
        from zarr.codecs import BloscCodec, Crc32cCodec

        if (self.folder / name / "zarr.json").exists():
            return zarr.open_array(str(self.folder / name), mode="r+")
        zarr.open_group(str(self.folder), mode="a")
        chunk, shard = self._sizes()
        return zarr.create_array(
            str(self.folder / name),
            shape=shape,
            dtype=dtype,
            chunks=(chunk, *shape[1:]),
            shards=(shard, *shape[1:]),
            compressors=[
                BloscCodec(cname="zstd", clevel=3, shuffle=shuffle),
                Crc32cCodec(),  # damage is noticed when a chunk is read
            ],
            dimension_names=("n", "c", "y", "x"),
            overwrite=True,
        )

    def _pack(self, shard: Part, images: Any, masks: Any, pool: ThreadPoolExecutor) -> None:
        part = self.cells.detached(np.arange(shard.start, shard.stop))
        place = slice(shard.start, shard.stop)
        block = np.zeros((len(shard), *self._shape()[1:]), self.dtype)
        own = np.zeros((len(shard), 1, *block.shape[2:]), bool) if self._masked else None
        errors: dict[int, str] = {}

        def put(row: int) -> str:
            try:
                pixels = part.read(row)
            except CellError as error:
                errors[row] = str(error)
                return ""
            block[row, :, : pixels.shape[1], : pixels.shape[2]] = pixels
            if own is not None and (mask := part.mask(row)) is not None:
                own[row, 0, : mask.shape[0], : mask.shape[1]] = mask
            return _checksum(pixels)

        sums = list(pool.map(put, range(len(shard))))
        images[place] = block
        _sync(self.folder / IMAGES / "c" / str(shard.number))
        if own is not None:
            masks[place] = own
            _sync(self.folder / MASKS / "c" / str(shard.number))
        back = images[place]
        same = own is None or np.array_equal(masks[place], own)
        for row, (height, width) in enumerate(part.shapes):
            if row not in errors and (not same or _checksum(back[row, :, :height, :width]) != sums[row]):
                raise InputError(
                    f"{part.origin(row)} came back from the disk otherwise than it was written; "
                    "is the disk sound?"
                )
        self.journal.write(
            {
                "shard": shard.number,
                "ids": part.ids,
                "checksums": sums,
                "errors": {str(row): errors[row] for row in sorted(errors)},
            }
        )

    def _write_table(self, rows_a_group: int) -> None:
        import pyarrow.parquet as parquet

        with replaced_file(self.folder / TABLE_FILE) as draft:
            parquet.write_table(self._table(), draft, compression="zstd", row_group_size=rows_a_group)

    def _table(self) -> pa.Table:
        import pyarrow as pa

        from sparseattn.cells.columns import LazyColumn
        from sparseattn.export.tables import text_column

        lines = sorted((line for line in self.journal.lines if "shard" in line), key=_number)
        cells = self.cells
        columns: dict[str, Any] = {
            "id": pa.array(list(unique_names(name for line in lines for name in line["ids"]))),
            "label": pa.array(text_column(cells.labels), pa.string()),
            "error": pa.array(
                [line["errors"].get(str(row)) for line in lines for row in range(len(line["ids"]))],
                pa.string(),
            ),
            "height": pa.array([height for height, _ in cells.shapes], pa.int32()),
            "width": pa.array([width for _, width in cells.shapes], pa.int32()),
            "pixel_size_um": pa.array(cells.pixel_sizes_um, pa.float64()),
            "checksum": pa.array([one for line in lines for one in line["checksums"]]),
        }
        for name in cells.column_names:
            values: Any = cells.column(name)
            columns[SAMPLE + name] = (
                pa.array(values.values) if isinstance(values, LazyColumn) else _told(values)
            )
        return pa.table(columns)

    def _write_about(self) -> None:
        import zarr

        cells = self.cells
        about: Any = {
            "format": FORMAT,
            "channels": list(cells.channels),
            "modality": cells.modality,
            "unit": cells.unit,
            "events": None if cells.events is None else cells.events.to_json(),
            "masks": self._masked,
        }
        zarr.open_group(str(self.folder), mode="r+").attrs[ABOUT] = about


def _told(values: Any) -> pa.Array:
    """Return a column of samples: of numbers where all are, else of text."""
    import pandas as pd
    import pyarrow as pa

    from sparseattn.export.tables import plain_column

    plain = plain_column(pd.Series(values, dtype=object))
    return pa.array(plain, pa.string() if plain.dtype == object else None, from_pandas=True)


def _number(line: dict[str, Any]) -> int:
    number: int = line["shard"]
    return number


def _power_of_two(most: int, limit: int) -> int:
    return 1 << max(0, min(most, limit).bit_length() - 1)


def _checksum(pixels: Pixels) -> str:
    little = np.ascontiguousarray(pixels, pixels.dtype.newbyteorder("<"))
    return hashlib.blake2b(little.data, digest_size=8).hexdigest()


def _sync(folder: Path) -> None:
    """See that the files in a folder are on the disk."""
    for file in folder.rglob("*"):
        if file.is_file():
            with file.open("rb+") as written:
                os.fsync(written.fileno())
