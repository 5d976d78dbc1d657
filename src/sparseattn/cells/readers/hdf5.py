"""HDF5 files, MATLAB's of version 7.3 among them: one dataset of images, read an image at a time.

A file may name other files, anywhere (external links, external storage, virtual datasets); such files are
refused, and no filter is loaded but those that HDF5 and hdf5plugin bring along.
"""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from math import isfinite, prod
from pathlib import Path
from threading import Lock
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.origin import shown
from sparseattn.cells.readers.layouts import Axes, given_axes, guessed_axes, matlab_axes
from sparseattn.cells.readers.pictures import RGB_NAMES

SUFFIXES = frozenset({".h5", ".hdf5"})

USUAL_NAMES = ("opd", "optical_path_difference", "phase", "images")
"""What a dataset of images is called where there are several datasets, in lower case."""

_CHUNK_CACHE_BYTES = 64 << 20
"""Images that share a compressed chunk are unpacked once."""

_LARGEST_CHUNK_BYTES = 256 << 20

_LARGEST_IMAGE_BYTES = 1 << 30
"""An image is read as a whole; a few bytes of a file can claim any size."""

_MOST_OBJECTS = 100_000

_COMPLEX = ("real", "imag")
"""MATLAB's fields of a complex number."""


def open_file(path: Path, *, extra: str = "phase") -> Any:
    """Return an HDF5 file, open for reading, that is sure to name no other file.

    Parameters
    ----------
    path
        The file.
    extra
        Which extra of this package brings h5py for such files.

    Raises
    ------
    ValueError
        With the reason why it is not opened.
    """
    h5py = library(extra)
    file = _opened_file(h5py, path)
    try:
        _check_self_contained(file)
    except BaseException:
        file.close()
        raise
    return file


def _opened_file(h5py: Any, path: Path) -> Any:
    try:
        return h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES)
    except OSError as error:
        # Within a process a file is open with locks or without; dclab opens it without.
        if "locking" in str(error):
            with suppress(OSError):
                return h5py.File(path, "r", rdcc_nbytes=_CHUNK_CACHE_BYTES, locking=False)
    # h5py's own message is long and speaks of its insides
    raise ValueError("it is not HDF5, or it is damaged or truncated") from None


def library(extra: str = "phase") -> Any:
    """Return h5py, with the filters that recordings are compressed by where hdf5plugin is installed."""
    try:
        import h5py
    except ImportError:
        raise ValueError(f"HDF5 needs a further package: pip install 'napari-sparseattn[{extra}]'") from None
    with suppress(ImportError):  # most files are compressed by what HDF5 itself has
        import hdf5plugin  # noqa: F401 - makes its filters known to h5py
    return h5py


def _check_self_contained(file: Any) -> None:
    h5py = library()
    links: list[tuple[str, Any]] = []

    def note(name: str, link: Any) -> bool | None:
        links.append((name, link))
        return True if len(links) > _MOST_OBJECTS else None  # anything but None ends the visit

    try:
        file.visititems_links(note)
        nodes = [(name, file[name]) for name, link in links if isinstance(link, h5py.HardLink)]
    except Exception:  # whatever a damaged tree makes h5py trip over
        raise ValueError("it is damaged: its list of contents cannot be read") from None
    if len(links) > _MOST_OBJECTS:
        raise ValueError(f"it holds more than {_MOST_OBJECTS:,} objects")
    for name, link in links:
        if isinstance(link, h5py.ExternalLink):
            raise ValueError(f"{shown(name)!r} lies in another file, which is not followed; copy it in")
    for name, node in nodes:
        if isinstance(node, h5py.Dataset) and (node.is_virtual or node.external):
            raise ValueError(f"the numbers of {shown(name)!r} lie in other files, which are not followed")


class _OpenFile:
    """An HDF5 file held open; closed when nothing refers to it any more."""

    def __init__(self, path: Path) -> None:
        self.file = open_file(path)
        self.lock = Lock()
        weakref.finalize(self, self.file.close)


@lru_cache(maxsize=4)
def _opened(path: Path, changed: int) -> _OpenFile:
    return _OpenFile(path)


def read_part(path: Path, changed: int, dataset: str, key: Any) -> npt.NDArray[Any]:
    """Return part of a dataset of a file whose time of change was `changed` when it was opened.

    Raises
    ------
    OSError
        When the file has changed since.
    """
    if path.stat().st_mtime_ns != changed:
        raise OSError("it has changed since it was opened")
    opened = _opened(path, changed)
    with opened.lock:
        try:
            pixels = np.asarray(opened.file[dataset][key])
        except OSError as error:
            if "plugin" in str(error) or "not registered" in str(error):
                raise OSError(
                    "it is compressed by a filter that is not installed: "
                    "pip install 'napari-sparseattn[cytometry]'"
                ) from None
            raise OSError("it is damaged") from None
    if pixels.dtype.names == _COMPLEX:
        return np.asarray(pixels["real"] + 1j * pixels["imag"])
    return pixels


@dataclass(frozen=True)
class Hdf5Images:
    """Images of one dataset whose axes are named."""

    path: Path
    dataset: str
    axes: Axes
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        """Return image `row` as (C, H, W)."""
        key = self.axes.key(row)
        return self.axes.channels_first(read_part(self.path, self.changed, self.dataset, key))


@dataclass(frozen=True)
class Hdf5Numbered:
    """Images (H, W) that are a dataset each; row n is the n-th of them."""

    path: Path
    datasets: tuple[str, ...]
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        """Return image `row` as (1, H, W)."""
        return read_part(self.path, self.changed, self.datasets[row], ())[None]


def open_hdf5(path: Path, *, layout: str | None, one_cell: bool, dataset: str | None) -> list[CellFile]:
    """Describe an HDF5 file from its headers.

    Parameters
    ----------
    path
        The file.
    layout
        Which axis is which, or None: from the shape; in MATLAB's files the last of three counts images.
    one_cell
        Whether the file lies in a folder of files that are one cell each.
    dataset
        Name of the dataset with the images; None where there is one, or one has a usual name.

    Raises
    ------
    ValueError, OSError
        With the reason why it holds no cells.
    """
    from sparseattn.cells.readers.phase.hdf5_kinds import open_phase_hdf5

    changed = path.stat().st_mtime_ns
    with open_file(path) as file:
        if dataset is None:
            known = open_phase_hdf5(path, file, changed)
            if known is not None:
                return known
        name = chosen_dataset(image_datasets(file), dataset)
        node = file[name]
        check_chunks(node)
        matlab = "MATLAB_class" in node.attrs
        shape = tuple(node.shape)
        if matlab:  # the file holds the axes in the opposite order
            axes = matlab_axes(shape[::-1], layout)
            axes = Axes(axes.names[::-1], shape, axes.known_by)
        else:
            axes = given_axes(shape, layout) if layout is not None else guessed_axes(shape, one_cell=one_cell)
        dtype = np.dtype(np.complex128) if node.dtype.names == _COMPLEX else node.dtype
        height, width = axes.cell_shape
        if height * width * axes.channels * dtype.itemsize > _LARGEST_IMAGE_BYTES:
            raise ValueError(
                f"one image of {height} x {width} pixels is too large to be read at once; store it as "
                f"OME-Zarr"
            )
        colour = axes.names.endswith("C") and axes.channels == 3 and dtype == np.uint8
        source = Hdf5Images(path, name, axes, changed)
        names = RGB_NAMES if colour else None
        return [CellFile(source, axes.cells, axes.channels, axes.cell_shape, dtype, names, axes=axes)]


def image_datasets(file: Any) -> list[str]:
    """Return the names of the datasets that can be images, sorted."""
    h5py = library()
    names: list[str] = []

    def look(name: str, node: Any) -> None:
        if isinstance(node, h5py.Dataset) and "#refs#" not in name and is_image(node):
            names.append(name)

    file.visititems(look)
    return sorted(names)


def is_image(node: Any) -> bool:
    """Whether a dataset has numbers along two to four axes."""
    dtype = node.dtype
    numbers = dtype.kind in "buifc" or dtype.names == _COMPLEX
    return numbers and node.shape is not None and 2 <= len(node.shape) <= 4 and sorted(node.shape)[-2] >= 2


def chosen_dataset(names: Sequence[str], wanted: str | None) -> str:
    """Return which dataset holds the images.

    Raises
    ------
    ValueError
        Where there is none, or several and it is not said which.
    """
    listed = ", ".join(shown(name) for name in names[:8]) + (" ..." if len(names) > 8 else "")
    if wanted is not None:
        ends = wanted.strip("/")
        found = [name for name in names if name == ends] or [
            name for name in names if name.rpartition("/")[2] == ends
        ]
        if len(found) == 1:
            return found[0]
        raise ValueError(
            f"it has {len(found) or 'no'} images called {shown(wanted)!r}; it has {listed or 'none'}"
        )
    if not names:
        raise ValueError("it holds no dataset of images")
    usual = [name for name in names if name.rpartition("/")[2].casefold() in USUAL_NAMES]
    if len(names) == 1 or len(usual) == 1:
        return usual[0] if usual else names[0]
    raise ValueError(
        f"it holds {len(names)} datasets that could be images ({listed}); "
        f"say which by dataset= (--dataset {shown(names[0])})"
    )


def number_attribute(node: Any, name: str) -> float | None:
    """Return an attribute that is one finite number above zero; None where there is none.

    Text is never read: HDF5 ends the program on a damaged heap, where text of any length lies.
    """
    if name not in node.attrs or node.attrs.get_id(name).dtype.kind not in "iuf":
        return None
    try:
        number = float(node.attrs[name])
    except (OSError, TypeError, ValueError):
        return None
    return number if isfinite(number) and number > 0 else None


def check_chunks(node: Any) -> None:
    """Raise ValueError where the smallest part that can be read would fill the memory."""
    if node.chunks is not None and prod(node.chunks) * node.dtype.itemsize > _LARGEST_CHUNK_BYTES:
        raise ValueError(
            "it is stored in parts too large to be read one at a time; store it in smaller chunks"
        )
