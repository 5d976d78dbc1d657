"""Which files of a folder are cells, and what their subfolder says about them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from sparseattn.cells.cellset import Skipped, shown
from sparseattn.errors import InputError

Subfolders = Literal["classes", "samples"]


@dataclass(frozen=True)
class Listed:
    """A file of a folder, and the name of the subfolder that it lies in."""

    path: Path
    subfolder: str | None


def list_folder(
    folder: Path, suffixes: frozenset[str], subfolders: Subfolders | None
) -> tuple[list[Listed], list[Skipped]]:
    """List the files of `folder`, or of its subfolders, in sorted order.

    Names that begin with ``_`` or ``.`` are passed over, and links that leave the folder are skipped.

    Raises
    ------
    InputError
        When there are subfolders with images and it is not said what they are, when images lie deeper than
        one subfolder, or when there are no images.
    """
    root = folder.resolve()
    skipped: list[Skipped] = []

    def entries(place: Path) -> Iterator[Path]:
        for path in sorted(place.iterdir()):
            if path.name.startswith(("_", ".")):
                continue
            if path.is_symlink() and not path.resolve().is_relative_to(root):
                skipped.append(Skipped(shown(path), "it is a link that leaves the folder"))
                continue
            yield path

    def is_source(path: Path) -> bool:
        return path.suffix.lower() in suffixes and (path.is_file() or path.suffix.lower() == ".zarr")

    try:
        loose = [path for path in entries(folder) if is_source(path)]
        inner: dict[Path, list[Path]] = {}
        for place in [path for path in entries(folder) if path.is_dir() and not is_source(path)]:
            inner[place] = [path for path in entries(place) if is_source(path)]
            for deeper in (path for path in entries(place) if path.is_dir() and not is_source(path)):
                if any(is_source(path) for path in entries(deeper)):
                    raise InputError(
                        f"{shown(deeper)} holds images two folders below {shown(folder)}; open each folder of "
                        f"{shown(folder)} by itself and join them, or name the files in a labels or samples table."
                    )
    except PermissionError as error:
        raise InputError(f"{shown(error.filename)} may not be read; give yourself access to it.") from None
    skipped = list(dict.fromkeys(skipped))
    filled = {place: files for place, files in inner.items() if files}

    if not filled:
        if not loose:
            reason = f" ({skipped[0].origin}: {skipped[0].reason})" if skipped else ""
            kinds = ", ".join(sorted(suffix[1:] for suffix in suffixes))
            raise InputError(f"{shown(folder)} holds no images{reason}; images are files of {kinds}.")
        return [Listed(path, None) for path in loose], skipped
    if subfolders is None:
        raise InputError(
            f"{shown(folder)} has subfolders with images ({shown(next(iter(filled)).name)!r} and "
            f"{len(filled) - 1} more); say whether they are classes or samples (subfolders='classes' or 'samples')."
        )
    kind = {"classes": "class", "samples": "sample"}[subfolders]
    skipped += [Skipped(shown(path), f"it lies outside the {kind} folders") for path in loose]
    skipped += [
        Skipped(shown(place), f"the {kind} folder holds no images") for place in inner if place not in filled
    ]
    return [Listed(path, place.name) for place, files in filled.items() for path in files], skipped
