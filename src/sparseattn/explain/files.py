"""An explanation as files: a table of the selected pixels, two maps and a picture."""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Protocol

import numpy as np
import pandas as pd
import tifffile

from sparseattn.csv_text import FLOATS, write_csv
from sparseattn.errors import InputError
from sparseattn.explain.explanation import Explanation
from sparseattn.explain.overlay import save_overlay

PIXELS_FILE = "selected_pixels.csv"
COARSE_FILE = "coarse.tif"
FINE_FILE = "fine.tif"
OVERLAY_FILE = "overlay.png"
INDEX_FILE = "index.csv"


class Extra(Protocol):
    """Files that are written beside the usual ones."""

    def write(self, explanation: Explanation, folder: Path) -> Mapping[str, object]:
        """Write further files of one cell into its folder, and return what the index says more of it."""

    def finish(self, folder: Path) -> None:
        """Write what is of all cells into the folder of the index."""


def selected_pixels_table(explanation: Explanation) -> pd.DataFrame:
    """Return one row a selected unit, in the order of selection.

    ``grid_y, grid_x`` is the unit's top left pixel in the net's grid and ``unit_pixels`` its side there;
    ``y0, x0, y1, x1`` (half open) is the box that the unit covers in the original image. Every channel that
    the net saw has two columns: its mean over the unit in the file's units, and standardised.
    """
    chosen, prepare = explanation.selected, explanation.prepare
    columns: dict[str, object] = {
        "rank": np.arange(1, len(chosen) + 1),
        "grid_y": chosen.positions[:, 0],
        "grid_x": chosen.positions[:, 1],
        "unit_pixels": explanation.unit_pixels,
        **dict(zip(("y0", "x0", "y1", "x1"), chosen.boxes.T, strict=True)),
        "coarse_score": chosen.scores,
        "fine_weight": chosen.weights,
    }
    for which, channel in enumerate(prepare.channels):
        columns[channel] = chosen.values[:, which] * prepare.std[which] + prepare.mean[which]
        columns[f"{channel}_standardised"] = chosen.values[:, which]
    return pd.DataFrame(columns)


def write_explanation(explanation: Explanation, folder: Path) -> None:
    """Write the table, the two maps (float32 TIFF of the original's size) and the picture into a folder."""
    folder.mkdir(parents=True, exist_ok=True)
    write_csv(selected_pixels_table(explanation), folder / PIXELS_FILE, FLOATS)
    for name, grid in ((COARSE_FILE, explanation.coarse_grid), (FINE_FILE, explanation.fine_grid)):
        tifffile.imwrite(
            folder / name, explanation.on_original(grid), compression="zlib", metadata={"axes": "YX"}
        )
    save_overlay(explanation, folder / OVERLAY_FILE)


def write_explanations(
    explanations: Iterable[Explanation],
    folder: Path,
    *,
    overwrite: bool = False,
    extras: Sequence[Extra] = (),
) -> pd.DataFrame:
    """Write a folder a cell and an index of them; all or nothing.

    Parameters
    ----------
    explanations : iterable of Explanation
        Drawn one by one, so that one cell at a time is in memory.
    folder : Path
        Made if it is missing. Only files of these names are replaced in it.
    overwrite : bool
        Whether a folder that holds something may be used.
    extras : sequence of Extra
        What is written besides, such as `sparseattn.explain.region_files.RegionFiles`.

    Returns
    -------
    DataFrame
        The index: one row a cell with its folder, class, confidence and counts of pixels.

    Raises
    ------
    InputError
        If the folder cannot be written or holds something and ``overwrite`` is not given.
    """
    check_output_folder(folder, overwrite=overwrite)
    try:
        draft = folder.absolute().parent / f".{folder.absolute().name}.partial-{os.getpid()}"
        draft.mkdir(parents=True)
    except OSError as error:
        raise _unwritable(folder, error) from error
    try:
        rows = []
        for explanation in explanations:
            name = folder_name(explanation)
            write_explanation(explanation, draft / name)
            row = {"folder": name, **index_row(explanation)}
            for extra in extras:
                row |= extra.write(explanation, draft / name)
            rows.append(row)
        for extra in extras:
            extra.finish(draft)
        index = pd.DataFrame(rows)
        write_csv(index, draft / INDEX_FILE, FLOATS)
        _move_into(draft, folder)
    except OSError as error:
        raise _unwritable(folder, error) from error
    finally:
        shutil.rmtree(draft, ignore_errors=True)
    return index


def check_output_folder(folder: Path, *, overwrite: bool) -> None:
    """Refuse a folder that cannot take the files.

    Raises
    ------
    InputError
        If it is a file, cannot be written, or holds something and ``overwrite`` is not given.
    """
    if folder.exists() and not folder.is_dir():
        raise InputError(f"{folder} is a file; give a folder for the explanations")
    try:
        if folder.is_dir() and not overwrite and next(folder.iterdir(), None) is not None:
            raise InputError(
                f"the folder {folder} is not empty; give another, or --overwrite to replace its explanations"
            )
    except OSError as error:
        raise _unwritable(folder, error) from error
    existing = next(parent for parent in (folder, *folder.absolute().parents) if parent.exists())
    if not existing.is_dir() or not os.access(existing, os.W_OK | os.X_OK):
        raise InputError(
            f"cannot write to {folder}: {existing} is not a folder that may be written to; give another"
        )


def index_row(explanation: Explanation) -> dict[str, object]:
    """Return what the index says of one cell."""
    return {
        "id": explanation.cell_id,
        "source": explanation.source,
        "label": explanation.label,
        "predicted": explanation.predicted,
        "confidence": explanation.confidence,
        "in_distribution": explanation.in_distribution,
        "k": explanation.k,
        "selected_pixels": explanation.selected_pixels,
        "read_pixels": explanation.read_pixels,
        "grid_pixels": explanation.grid_pixels,
    }


def folder_name(explanation: Explanation) -> str:
    """Return a name that every file system takes: the cell's id and what is harmless of its file's name."""
    stem = Path(explanation.source.replace("\\", "/")).stem
    plain = re.sub(r"[^A-Za-z0-9_-]+", "_", stem).strip("_")[:60]
    return f"{explanation.cell_id}_{plain}" if plain else explanation.cell_id


def _move_into(draft: Path, folder: Path) -> None:
    if not folder.exists() or not any(folder.iterdir()):
        if folder.exists():
            folder.rmdir()
        os.replace(draft, folder)
        return
    for file in sorted(path for path in draft.rglob("*") if path.is_file()):
        target = folder / file.relative_to(draft)
        target.parent.mkdir(exist_ok=True)
        os.replace(file, target)


def _unwritable(folder: Path, error: OSError) -> InputError:
    return InputError(
        f"cannot write to {folder} ({error.strerror or error}); give a folder that may be written to"
    )
