"""The kinds of file that are damaged: how a sound one is made, who reads it, how it is opened."""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.fuzz.makers import cytometry, events, marks, microscopy, phase

OURS, LIBRARY = 2000, 200
"""How many damaged files are tried of what we read ourselves, and of what a library reads."""


@dataclass(frozen=True)
class Kind:
    """One kind of file.

    Attributes
    ----------
    name
        For people.
    suffix
        Of its files.
    reader
        "ours", or the library that reads it.
    make
        Writes a sound one.
    options
        Of `sparseattn.cells.open_cells`.
    is_marks
        Whether it marks cells of a field, and holds no images.
    series
        Which one is opened as a field, where it holds several.
    """

    name: str
    suffix: str
    reader: str
    make: Callable[[Path], None]
    options: dict[str, Any] = field(default_factory=dict)
    is_marks: bool = False
    series: str | None = None

    @property
    def count(self) -> int:
        """How many damaged files are tried."""
        return OURS if self.reader == "ours" else LIBRARY


def _real(name: str, path: Path) -> None:
    """Copy a real file, for a format that nothing here writes."""
    shutil.copy(Path(os.environ["SPARSEATTN_REAL_DATA"]) / name, path)
    path.chmod(0o644)


_RADIANS = {"phase": {"wavelength_nm": 550, "values": "radians", "background": "tilt"}}
_ONE_CELL = {"events": {"recordings": "cells"}}

_ALL = (
    Kind("npy", ".npy", "ours", phase.npy, _RADIANS),
    Kind("npz", ".npz", "ours", phase.npz, _RADIANS),
    Kind("hdf5", ".h5", "ours", phase.hdf5, _RADIANS),
    Kind("mat5", ".mat", "scipy", phase.mat5, _RADIANS),
    Kind("mat73", ".mat", "h5py", phase.mat73, _RADIANS),
    Kind("qpimage", ".h5", "qpformat", phase.qpimage),
    Kind("hologram", ".h5", "qpformat", phase.hologram),
    Kind("qlsi", ".h5", "qpformat", phase.qlsi),
    Kind("phasics", ".tif", "qpformat", phase.phasics),
    Kind("rtdc", ".rtdc", "ours", cytometry.rtdc),
    Kind("montage", ".tif", "ours", cytometry.montage, {"tile": (24, 28)}),
    Kind("evt2", ".raw", "faery", partial(events.by_faery, version="evt2"), _ONE_CELL),
    Kind("evt3", ".raw", "faery", partial(events.by_faery, version="evt3"), _ONE_CELL),
    Kind("dat", ".dat", "faery", partial(events.by_faery, version="dat2"), _ONE_CELL),
    Kind("aedat4", ".aedat4", "faery", events.by_faery, _ONE_CELL),
    Kind("event stream", ".es", "faery", events.by_faery, _ONE_CELL),
    Kind("metavision", ".h5", "h5py", events.metavision, _ONE_CELL),
    Kind("dsec", ".h5", "h5py", events.dsec, _ONE_CELL),
    Kind("nmnist", ".bin", "ours", events.nmnist),
    Kind("events fields", ".npy", "ours", events.fields),
    Kind("events rows", ".npy", "ours", events.bare),
    Kind("events members", ".npz", "ours", events.members),
    Kind("events csv", ".csv", "ours", events.table),
    Kind("events text", ".txt", "ours", events.text),
    Kind("czi", ".czi", "bioio", microscopy.czi),
    Kind("lif", ".lif", "bioio", microscopy.lif, series="0"),
    Kind("plate", ".ome.zarr", "ours", microscopy.plate, series="A/1/0"),
    Kind("zarr", ".zarr", "ours", microscopy.store, {"layout": "NYX"}),
    Kind("ome tiff", ".ome.tif", "tifffile", microscopy.ome_tiff),
    Kind("yolo", ".txt", "ours", marks.yolo, is_marks=True),
    Kind("coco", ".json", "ours", marks.coco, is_marks=True),
    Kind("geojson", ".geojson", "ours", marks.geojson, is_marks=True),
)

_REAL = (Kind("nd2", ".nd2", "bioio", partial(_real, "formats/nd2/example-pbmc.nd2")),)

KINDS = {kind.name: kind for kind in _ALL + (_REAL if "SPARSEATTN_REAL_DATA" in os.environ else ())}
"""By name; those of real files only where these are."""
