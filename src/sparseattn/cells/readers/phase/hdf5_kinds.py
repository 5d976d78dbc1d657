"""The kinds of HDF5 that phase comes in: qpimage's, qpformat's raw pictures, HyperSpy's holograms."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from math import isfinite
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cellset import CellFile
from sparseattn.cells.readers.hdf5 import Hdf5Numbered, check_chunks, is_image
from sparseattn.cells.readers.phase.qpformat_kinds import qpformat_kind
from sparseattn.cells.readers.phase.recorded import RecordedPhase
from sparseattn.phase.settings import Values

_RAW: dict[str, Values] = {
    "off-axis holography": "hologram",
    "quadriwave lateral shearing interferometry": "qlsi",
}


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
    kind = _text(file.attrs.get("file_format"))
    if kind == "qpformat" and (values := _RAW.get(_text(file.attrs.get("imaging_modality")))):
        return _raw_pictures(path, file, changed, values)
    if kind == "hyperspy" and "Experiments" in file:
        return _hyperspy(path, file, changed)
    for place, name in _QPIMAGE.items():
        node = file.get(place) if place else file
        if node is not None and "qpimage version" in node.attrs and "phase" in node and "amplitude" in node:
            return [_qpimage(path, node, name, changed)]
    return None


def _raw_pictures(path: Path, file: Any, changed: int, values: Values) -> list[CellFile]:
    names = tuple(sorted((name for name in file if name.isdigit()), key=int))
    if not names:
        raise ValueError("it holds no picture")
    first = file[names[0]].attrs
    pitch = _number(first.get("qlsi_pitch_term"))
    reference = Hdf5Numbered(path, ("reference",), changed) if "reference" in file else None
    recorded = RecordedPhase(values, _scaled(first.get("wavelength"), 1e9), reference, pitch)
    return _numbered(path, file, names, changed, recorded, _scaled(first.get("pixel size"), 1e6))


def _hyperspy(path: Path, file: Any, changed: int) -> list[CellFile] | None:
    """Describe the electron or light holograms of a HyperSpy file; None where it holds other signals."""
    names: list[str] = []
    size = None
    for name in sorted(file["Experiments"]):
        signal = file.get(f"Experiments/{name}/metadata/Signal")
        data = f"Experiments/{name}/data"
        if signal is None or _text(signal.attrs.get("signal_type")) != "hologram" or data not in file:
            continue
        names.append(data)
        axis = file.get(f"Experiments/{name}/axis-0")
        if axis is not None and _text(axis.attrs.get("units")) == "nm":
            size = _scaled(axis.attrs.get("scale"), 1e-3)
    return _numbered(path, file, tuple(names), changed, RecordedPhase("hologram"), size) if names else None


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
    recorded = RecordedPhase("radians", _scaled(node.attrs.get("wavelength"), 1e9))
    return CellFile(
        _Qpimage(path, name, changed),
        count,
        1,
        tuple(raw.shape[-2:]),
        np.dtype(np.float32),
        phase=recorded,
        pixel_size_um=_scaled(node.attrs.get("pixel size"), 1e6),
    )


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _number(value: Any) -> float | None:
    try:
        number = float(value)
    except (TypeError, ValueError):
        return None
    return number if isfinite(number) and number > 0 else None


def _scaled(value: Any, factor: float) -> float | None:
    number = _number(value)
    return None if number is None else round(number * factor, 9)
