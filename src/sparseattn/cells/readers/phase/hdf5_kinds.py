"""The kinds of HDF5 that phase comes in: qpimage's, and qpformat's raw pictures."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.hdf5 import Hdf5Numbered, check_chunks, is_image, number_attribute
from sparseattn.cells.readers.phase.qpformat_kinds import qpformat_kind
from sparseattn.cells.readers.phase.recorded import RecordedPhase
from sparseattn.phase.settings import Values

_RAW = {"file_format", "imaging_modality"}
"""Attributes of qpformat's raw pictures. What they say is not read, since HDF5 ends the program on damaged
text: QLSI pictures are told from holograms by their pitch term, without which they cannot be used."""

_PITCH = "qlsi_pitch_term"

_QPIMAGE = {
    "": "SinglePhaseQpimageHDF5",
    "qpi_0": "SeriesPhaseQpimageHDF5",
    "qpseries/qpi_0": "SeriesPhaseQpimageSubjoinedHDF5",
}
"""Where the first image lies, and what qpformat calls such files."""


@dataclass(frozen=True)
class _Qpimage:
    """Phase in radians, its background taken off, of a file that qpimage wrote."""

    path: Path
    format: str
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        if self.path.stat().st_mtime_ns != self.changed:
            raise OSError("it has changed since it was opened")
        kind = qpformat_kind(self.format)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            image = kind(self.path).get_qpimage(row)
            return np.asarray(image.pha, np.float32).reshape(image.shape[-2:])[None]


def open_phase_hdf5(path: Path, file: Any, changed: int) -> list[CellFile] | None:
    """Describe a file of a known kind; None where it is of another.

    Parameters
    ----------
    path
        Of the file.
    file
        The file, open and sure to name no other.
    changed
        Its time of change.

    Raises
    ------
    ValueError
        Where it is of a known kind and damaged.
    """
    if set(file.attrs) >= _RAW and "0" in file:
        return _raw_pictures(path, file, changed)
    for place, name in _QPIMAGE.items():
        node = file.get(place) if place else file
        if node is not None and "qpimage version" in node.attrs and "phase" in node and "amplitude" in node:
            return [_qpimage(path, node, name, changed)]
    return None


def _raw_pictures(path: Path, file: Any, changed: int) -> list[CellFile]:
    names = tuple(sorted((name for name in file if name.isdigit()), key=int))
    first = file[names[0]]
    pitch = number_attribute(first, _PITCH)
    reference = Hdf5Numbered(path, ("reference",), changed) if "reference" in file else None
    values: Values = "hologram" if pitch is None else "qlsi"
    recorded = RecordedPhase(values, _scaled(first, "wavelength", 1e9), reference, pitch)
    return _numbered(path, file, names, changed, recorded, _scaled(first, "pixel size", 1e6))


def _numbered(
    path: Path,
    file: Any,
    names: tuple[str, ...],
    changed: int,
    recorded: RecordedPhase,
    pixel_size_um: float | None,
) -> list[CellFile]:
    """Describe pictures that are a dataset each: together where they are of one size and kind."""
    for name in names:
        if not is_image(file[name]) or len(file[name].shape) != 2:
            raise ValueError(f"its picture {name} is no image")
        check_chunks(file[name])
    kinds = {(file[name].shape, file[name].dtype) for name in names}
    parts = [(names, 0)] if len(kinds) == 1 else [((name,), number) for number, name in enumerate(names)]
    return [
        CellFile(
            _Offset(Hdf5Numbered(path, part, changed), first) if first else Hdf5Numbered(path, part, changed),
            None if len(names) == 1 else len(part),
            1,
            tuple(file[part[0]].shape),
            file[part[0]].dtype,
            first=first,
            phase=recorded,
            pixel_size_um=pixel_size_um,
        )
        for part, first in parts
    ]


@dataclass(frozen=True)
class _Offset:
    """A source whose first row has a number other than 0."""

    source: Hdf5Numbered
    first: int

    @property
    def path(self) -> Path:
        return self.source.path

    def read(self, row: int) -> npt.NDArray[Any]:
        return self.source.read(row - self.first)


def _qpimage(path: Path, node: Any, name: str, changed: int) -> CellFile:
    raw = node.get("phase/raw")
    if raw is None or not is_image(raw) or raw.dtype.kind != "f":
        raise ValueError("it is of qpimage's kind, and has no phase")
    check_chunks(raw)
    qpformat_kind(name)  # is it there?
    series = name.startswith("Series")
    count = sum(item.startswith("qpi_") for item in node.parent) if series else None
    recorded = RecordedPhase("radians", _scaled(node, "wavelength", 1e9))
    return CellFile(
        _Qpimage(path, name, changed),
        count,
        1,
        tuple(raw.shape[-2:]),
        np.dtype(np.float32),
        phase=recorded,
        pixel_size_um=_scaled(node, "pixel size", 1e6),
    )


def _scaled(node: Any, name: str, factor: float) -> float | None:
    number = number_attribute(node, name)
    return None if number is None else round(number * factor, 9)
