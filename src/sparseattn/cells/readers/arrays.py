""".npy and .npz arrays, without pickle; pixels are read through memory maps.

An .npz holds its cells in the member that is asked for, else in ``images``, or in the only member that has
two or more axes; a member ``labels`` may hold the class of each cell. Members ``data`` and ``bg_data`` alone
are a hologram and one without cells, as qpretrieve's examples have them. A member is unpacked to a temporary
file when first read.
"""

from __future__ import annotations

import shutil
import tempfile
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.origin import shown
from sparseattn.cells.readers.layouts import Axes, given_axes, guessed_axes
from sparseattn.cells.readers.maps import mapped
from sparseattn.cells.readers.phase.recorded import RecordedPhase
from sparseattn.cells.readers.pictures import RGB_NAMES
from sparseattn.names import LONGEST_NAME
from sparseattn.npy_header import NpyHeader, opened_npz, read_npy_header

SUFFIXES = frozenset({".npy", ".npz"})

IMAGES, LABELS = "images", "labels"
HOLOGRAM, EMPTY_HOLOGRAM = "data", "bg_data"

_LARGE, _MOST_PACKED = 1 << 30, 100
"""Bytes, and a factor: images that are larger are not packed more tightly."""


@dataclass(frozen=True)
class _Npy:
    path: Path
    header: NpyHeader
    axes: Axes
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        at = self.header
        array = mapped(self.path, self.changed, at.dtype.str, at.offset, at.shape, at.fortran)
        return self.axes.pick(array, row)


@dataclass(frozen=True)
class _Npz:
    path: Path
    member: str
    axes: Axes
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        return self.axes.pick(_unpacked(self.path, self.member, self.changed), row)


@lru_cache(maxsize=4)
def _unpacked(path: Path, member: str, changed: int) -> npt.NDArray[Any]:
    """Return a memory map of a temporary copy of a member; the copy goes with the map."""
    with opened_npz(path) as archive, archive.open(member) as packed, tempfile.TemporaryFile() as copy:
        about = archive.getinfo(member)
        if about.file_size > max(_LARGE, _MOST_PACKED * about.compress_size):
            raise OSError(f"{about.compress_size:,} bytes of it would become {about.file_size:,}")
        if about.file_size > shutil.disk_usage(tempfile.gettempdir()).free // 2:
            raise OSError(f"there is no room to unpack it in {tempfile.gettempdir()}")
        shutil.copyfileobj(packed, copy)
        copy.flush()
        copy.seek(0)
        at = read_npy_header(copy)
        return np.memmap(copy, at.dtype, "r", at.offset, at.shape, "F" if at.fortran else "C")


def open_array(path: Path, *, layout: str | None, one_cell: bool, dataset: str | None) -> list[CellFile]:
    """Describe an array file from its header.

    Parameters
    ----------
    path
        An .npy or .npz file.
    layout
        Which axis is which, or None: from the shape.
    one_cell
        Whether the file lies in a folder of files that are one cell each.
    dataset
        Which member of an .npz holds the cells.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    if path.suffix.lower() == ".npz":
        return _open_npz(path, layout, one_cell, dataset)
    with path.open("rb") as stream:
        header = read_npy_header(stream)
    if path.stat().st_size < header.offset + header.size:
        raise ValueError("it is truncated")
    axes = _axes(header, layout, one_cell)
    return [_file(_Npy(path, header, axes, path.stat().st_mtime_ns), axes, header)]


def _open_npz(path: Path, layout: str | None, one_cell: bool, dataset: str | None) -> list[CellFile]:
    headers = {}
    with opened_npz(path) as archive:
        for name in archive.namelist():
            with archive.open(name) as stream:
                headers[name.removesuffix(".npy")] = read_npy_header(stream)
    images = [name for name, header in headers.items() if len(header.shape) >= 2]
    changed = path.stat().st_mtime_ns
    if dataset is None and sorted(images) == sorted((HOLOGRAM, EMPTY_HOLOGRAM)):
        return _open_holograms(path, headers, layout, one_cell, changed)
    if dataset is not None:
        member = dataset if dataset in images else None
    else:
        member = IMAGES if IMAGES in images else images[0] if len(images) == 1 else None
    if member is None:
        listed = ", ".join(map(shown, headers))
        raise ValueError(
            f"it holds the arrays {listed}; name the one with the cells {IMAGES!r}, or say which by dataset= "
            f"(--dataset)"
        )
    header = headers[member]
    axes = _axes(header, layout, one_cell)
    source = _Npz(path, f"{member}.npy", axes, changed)
    labels = None
    if LABELS in headers:
        said = headers[LABELS]
        text = said.dtype.kind == "U" and said.dtype.itemsize <= 4 * LONGEST_NAME
        if said.shape != (axes.cells or 1,) or not (text or said.dtype.kind in "iu"):
            raise ValueError(
                f"its {LABELS!r} must hold one text or whole number a cell, of up to {LONGEST_NAME} letters"
            )
        with np.load(path, allow_pickle=False) as archive:
            labels = tuple(str(label) or None for label in archive[LABELS])
    return [_file(source, axes, header, labels)]


def _open_holograms(
    path: Path, headers: dict[str, NpyHeader], layout: str | None, one_cell: bool, changed: int
) -> list[CellFile]:
    sources = []
    for name in (HOLOGRAM, EMPTY_HOLOGRAM):
        axes = _axes(headers[name], layout, one_cell)
        sources.append((_Npz(path, f"{name}.npy", axes, changed), axes))
    (source, axes), (empty, empty_axes) = sources
    if empty_axes.cell_shape != axes.cell_shape:
        raise ValueError(f"its {EMPTY_HOLOGRAM} is of another size than its {HOLOGRAM}")
    file = _file(source, axes, headers[HOLOGRAM])
    return [replace(file, phase=RecordedPhase("hologram", reference=empty))]


def _axes(header: NpyHeader, layout: str | None, one_cell: bool) -> Axes:
    if layout is not None:
        return given_axes(header.shape, layout)
    return guessed_axes(header.shape, one_cell=one_cell)


def _file(
    source: _Npy | _Npz, axes: Axes, header: NpyHeader, labels: tuple[str | None, ...] | None = None
) -> CellFile:
    colour = axes.names.endswith("C") and axes.channels == 3
    return CellFile(
        source,
        axes.cells,
        axes.channels,
        axes.cell_shape,
        header.dtype,
        RGB_NAMES if colour else None,
        labels,
        axes=axes,
    )
