"""Simulated cells as class folders on disk, with masks, events and a manifest."""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Literal, cast, get_args

import imageio.v3 as iio
import numpy as np
import tifffile
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.simulate import events, opd, stained
from sparseattn.simulate.cell_model import CELL_TYPES, CLASSES, Cell, grow
from sparseattn.simulate.view import View

InstrumentName = Literal["opd", "events", "stained"]
SMALLEST, DEFAULT_SIZE, LARGEST = 16, 64, 512  # pixels along each side


@dataclass(frozen=True)
class Instrument:
    """How an instrument sees, and what its pictures are."""

    see: Callable[[Cell, np.random.Generator, int], View]
    modality: str
    channels: tuple[str, ...]
    field: float  # µm along each side of a picture
    suffix: str


INSTRUMENTS: dict[InstrumentName, Instrument] = {
    "opd": Instrument(opd.see, "phase", ("opd",), opd.FIELD, ".tif"),
    "events": Instrument(events.see, "events", ("on", "off"), events.FIELD, ".tif"),
    "stained": Instrument(stained.see, "brightfield", ("red", "green", "blue"), stained.FIELD, ".png"),
}


def simulate(
    instrument: str,
    folder: str | os.PathLike[str],
    count: int,
    seed: int = 0,
    *,
    size: int = DEFAULT_SIZE,
    on_cell: Callable[[int, int], None] | None = None,
) -> None:
    """Simulate white blood cells of five types and write them as class folders.

    ``folder/<class>/cell_00001.tif`` (opd: float32, nm; events: uint16 counts, axes CYX) or ``.png``
    (stained: uint8 RGB) are the cells; ``folder/_masks/<class>/cell_00001.png`` their label images
    (0 background, 1 cytoplasm, 2 nucleus, 3 granule); ``folder/_events/<class>/cell_00001.npy`` the events
    (t int64 µs, x uint16, y uint16, p uint8). ``cells.json`` describes the cells, ``manifest.json`` how they
    were made. The same arguments give the same bytes, and a larger count begins with the same cells of each
    class.

    Parameters
    ----------
    instrument
        "opd", "events" or "stained".
    folder
        New or empty; it is complete or not there at all.
    count
        Number of cells in all, at least one of each class.
    seed
        Not negative. Cell number n of a class is the same cell for all instruments.
    size
        Pixels along each side, 16 to 512; the field in µm stays the same.
    on_cell
        Called with (cells done, cells in all) after each cell.

    Raises
    ------
    InputError
        If an argument cannot be used, the folder is not empty or cannot be written.
    """
    name = _check(instrument, count, seed, size)
    folder = Path(folder)
    try:
        if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
            raise InputError(f"{folder} is not an empty folder: give a new name, or empty it first.")
        folder.parent.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=f".{folder.name}-", dir=folder.parent))
        try:
            _write_cells(name, draft, count, seed, size, on_cell)
            _write_json(draft / "cells.json", _description(INSTRUMENTS[name], size))
            _write_json(draft / "manifest.json", _manifest(name, count, seed, size))
            draft.chmod(0o755)  # mkdtemp keeps others out
            if folder.exists():
                folder.rmdir()
            draft.rename(folder)
        finally:
            shutil.rmtree(draft, ignore_errors=True)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"Cannot write simulated cells to {folder}: {reason}.") from error


def class_counts(count: int) -> dict[str, int]:
    """Return how many of ``count`` cells each class gets: the same, or one more for the first classes."""
    share, rest = divmod(count, len(CLASSES))
    return {name: share + (position < rest) for position, name in enumerate(CLASSES)}


def simulate_cell(
    instrument: InstrumentName, class_name: str, number: int, seed: int, size: int = DEFAULT_SIZE
) -> View:
    """Return one simulated cell.

    Parameters
    ----------
    instrument, class_name
        One of `INSTRUMENTS`, one of `CLASSES`.
    number
        From 1, within the class.
    seed, size
        As for `simulate`.
    """
    position = CLASSES.index(class_name)
    # Two streams, so that every instrument looks at the same cell whatever it draws for itself.
    cell_stream, instrument_stream = np.random.SeedSequence([seed, position, number]).spawn(2)
    cell = grow(CELL_TYPES[position], np.random.default_rng(cell_stream))
    return INSTRUMENTS[instrument].see(cell, np.random.default_rng(instrument_stream), size)


def _check(instrument: str, count: int, seed: int, size: int) -> InstrumentName:
    if instrument not in get_args(InstrumentName):
        raise InputError(f"There is no instrument {instrument!r}: choose opd, events or stained.")
    if count < len(CLASSES):
        raise InputError(f"{count} cells are too few: give at least {len(CLASSES)}, one of each class.")
    if count > 99999 * len(CLASSES):
        raise InputError(f"{count} cells are too many for one folder: give at most {99999 * len(CLASSES)}.")
    if seed < 0:
        raise InputError(f"The seed is {seed}: give 0 or more.")
    if not SMALLEST <= size <= LARGEST:
        raise InputError(f"The size is {size} pixels: give {SMALLEST} to {LARGEST}.")
    return cast(InstrumentName, instrument)


def _write_cells(
    instrument: InstrumentName,
    folder: Path,
    count: int,
    seed: int,
    size: int,
    on_cell: Callable[[int, int], None] | None,
) -> None:
    done = 0
    for class_name, cells in class_counts(count).items():
        for kind in ("", "_masks", *(("_events",) if instrument == "events" else ())):
            (folder / kind / class_name).mkdir(parents=True)
        for number in range(1, cells + 1):
            view = simulate_cell(instrument, class_name, number, seed, size)
            stem = f"{class_name}/cell_{number:05d}"
            _write_image(folder / stem, view.image, INSTRUMENTS[instrument], size)
            iio.imwrite(folder / "_masks" / f"{stem}.png", view.labels)
            if view.events is not None:
                np.save(folder / "_events" / f"{stem}.npy", view.events, allow_pickle=False)
            done += 1
            if on_cell is not None:
                on_cell(done, count)


def _write_image(stem: Path, image: NDArray[np.generic], instrument: Instrument, size: int) -> None:
    path = stem.with_suffix(instrument.suffix)
    if instrument.suffix == ".png":
        iio.imwrite(path, image)
        return
    pixels_per_centimetre = size / instrument.field * 10_000
    tifffile.imwrite(
        path,
        image,
        photometric="minisblack",
        compression="zlib",
        resolution=(pixels_per_centimetre, pixels_per_centimetre),
        resolutionunit="CENTIMETER",
        metadata={"axes": "YX" if image.ndim == 2 else "CYX"},
    )


def _description(instrument: Instrument, size: int) -> dict[str, object]:
    return {
        "modality": instrument.modality,
        "channels": list(instrument.channels),
        "pixel_size_um": instrument.field / size,
        "classes": list(CLASSES),
    }


def _manifest(instrument: InstrumentName, count: int, seed: int, size: int) -> dict[str, object]:
    try:
        release = version("napari-sparseattn")
    except PackageNotFoundError:  # the sources, not installed
        release = "unknown"
    command = f"sparseattn simulate {instrument} -o DIR -n {count} --seed {seed}"
    return {
        "command": command if size == DEFAULT_SIZE else f"{command} --size {size}",
        "simulated": True,
        "instrument": instrument,
        "seed": seed,
        "size": size,
        "count": count,
        "counts": class_counts(count),
        "masks": {"background": 0, "cytoplasm": 1, "nucleus": 2, "granule": 3},
        "version": release,
    }


def _write_json(path: Path, content: dict[str, object]) -> None:
    path.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8", newline="\n")
