"""Which files of a folder are cells, and what their subfolder says about them."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sparseattn.cells.origin import Skipped, shown
from sparseattn.errors import InputError

Subfolders = Literal["classes", "samples"]


@dataclass(frozen=True)
class Listed:
    """A file of a folder, and the name of the subfolder that it lies in.

    Attributes
    ----------
    path
        The file.
    subfolder
        The name, or None.
    channels
        Where each channel of a cell has a file of its own: name and file of each; `path` is one of them.
    """

    path: Path
    subfolder: str | None
    channels: tuple[tuple[str, Path], ...] = ()


def list_folder(
    folder: Path, is_source: Callable[[Path], bool], subfolders: Subfolders | None
) -> tuple[list[Listed], list[Skipped]]:
    """List the files of `folder`, or of its subfolders, in sorted order.

    Names that begin with ``_`` or ``.`` are passed over, and links that leave the folder are skipped.

    Parameters
    ----------
    folder
        Where to look.
    is_source
        Whether a path holds cells.
    subfolders
        What subfolders with images are; None when it has not been said.

    Raises
    ------
    InputError
        When there are subfolders with images and it is not said what they are, when all images lie
        deeper than one subfolder, or when there are none.
    """
    skipped: list[Skipped] = []
    root = folder.resolve()
    try:
        loose, places = _look(folder, root, is_source, skipped)
        inner = {place: _look(place, root, is_source, skipped) for place in places}
        deep = [
            below
            for _, folders in inner.values()
            for below in folders
            if _look(below, root, is_source, [])[0]
        ]
    except OSError as error:
        raise InputError(f"{shown(error.filename)} cannot be listed: {error.strerror}.") from None
    filled = {place: files for place, (files, _) in inner.items() if files}

    if not filled and not loose:
        if deep:
            raise InputError(
                f"The images of {shown(folder)} lie two folders deep ({shown(deep[0])}); open each of its "
                f"folders by itself and join them, or put the files into one level of folders."
            )
        why = f" ({skipped[0].origin}: {skipped[0].reason})" if skipped else ""
        raise InputError(
            f"{shown(folder)} holds no images{why}; give a folder with PNG, JPEG, TIFF or array files."
        )
    skipped += [Skipped(shown(below), "it lies more than one folder deep") for below in deep]
    if not filled:
        return [Listed(path, None) for path in loose], skipped
    if subfolders is None:
        raise InputError(
            f"{shown(folder)} has {len(filled)} subfolders with images (such as "
            f"'{shown(next(iter(filled)).name)}'); say whether they are classes or samples "
            f"(subfolders='classes' or 'samples')."
        )
    kind = {"classes": "class", "samples": "sample"}[subfolders]
    skipped += [Skipped(shown(path), f"it lies outside the {kind} folders") for path in loose]
    skipped += [Skipped(shown(p), f"the {kind} folder holds no images") for p in inner if p not in filled]
    return [Listed(path, place.name) for place, files in filled.items() for path in files], skipped


def _look(
    place: Path, root: Path, is_source: Callable[[Path], bool], skipped: list[Skipped]
) -> tuple[list[Path], list[Path]]:
    """Return the sources and the other folders in `place`; adds links that leave `root` to `skipped`."""
    sources: list[Path] = []
    folders: list[Path] = []
    for path in sorted(place.iterdir()):
        if path.name.startswith(("_", ".")):
            continue
        if path.is_symlink() and not Path(os.path.realpath(path)).is_relative_to(root):
            skipped.append(Skipped(shown(path), "it is a link that leaves the folder"))
        elif is_source(path):
            sources.append(path)
        elif path.is_dir():
            folders.append(path)
    return sources, folders
