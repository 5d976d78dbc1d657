"""Imaging-flow exports with a file for each cell and channel, such as ``12_Ch1.ome.tif``, ``12_Ch3.ome.tif``.

Which files belong together is told by their names: a channel is ``Ch`` and a number, before or after the name
of the cell, unless the user gives a pattern.
"""

from __future__ import annotations

import hashlib
import re
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile, Source
from sparseattn.cells.origin import Skipped, shown
from sparseattn.cells.readers.folders import Listed
from sparseattn.errors import InputError

_CHANNEL = r"(?P<channel>ch(?:annel)?[ _-]?\d{1,3})"
_USUAL = tuple(
    re.compile(pattern, re.IGNORECASE)
    for pattern in (rf"(?P<cell>.*[^a-z]){_CHANNEL}", rf"{_CHANNEL}[ _.-](?P<cell>.+)")
)

_SUFFIXES = (".tif", ".tiff", ".png")


def files_together(listed: Sequence[Listed], pattern: str | None) -> tuple[list[Listed], list[Skipped]]:
    """Put the files of each cell together where their names say that each holds one channel.

    Parameters
    ----------
    listed
        The files of a folder.
    pattern
        How names are built, without their endings, such as ``{cell}_{channel}``; None: as above, if there are
        several channels and most files are named so.

    Returns
    -------
    listed, skipped
        One entry a cell, in the order of the names, with its channels in the order of their numbers; cells
        that lack a channel are left out.

    Raises
    ------
    InputError
        When a given pattern is no pattern, or fits no file.
    """
    patterns = _USUAL if pattern is None else (_compiled(pattern),)
    found: dict[tuple[Path, str], dict[str, Listed]] = defaultdict(dict)
    others = []
    for item in listed:
        match = _match(item.path, patterns)
        if match is None:
            others.append(item)
            continue
        found[item.path.parent, match["cell"].strip(" _.-")][_channel_name(match["channel"])] = item
    names = sorted({name for files in found.values() for name in files}, key=_in_order)
    if pattern is not None and not found:
        raise InputError(
            f"No file is named as {pattern!r} says, such as {_example(pattern)}; mend file_names."
        )
    if pattern is None and (len(names) < 2 or len(others) >= len(listed) - len(others)):
        return list(listed), []
    together, skipped = [], [Skipped(shown(item.path), "its name has no channel") for item in others]
    for (folder, cell), files in sorted(found.items(), key=lambda entry: _in_order(entry[0][1])):
        missing = [name for name in names if name not in files]
        first = files[min(files, key=_in_order)]
        if missing:
            skipped.append(Skipped(shown(folder / cell), f"it has no file of channel {', '.join(missing)}"))
        else:
            together.append(replace(first, channels=tuple((name, files[name].path) for name in names)))
    return together, skipped


def join_channels(described: Sequence[CellFile], names: Sequence[str]) -> CellFile:
    """Return one description of files that each hold one channel of the same cells.

    Raises
    ------
    ValueError
        When they do not go together.
    """
    first = described[0]
    for file, name in zip(described, names, strict=True):
        if file.channels != 1:
            raise ValueError(f"its file of channel {name} has {file.channels} channels itself")
        if (file.cells, file.shape, file.dtype) != (first.cells, first.shape, first.dtype):
            raise ValueError(f"its channel {name} differs from {names[0]} in size, type or number of cells")
    paths = tuple(file.source.path for file in described)
    return replace(
        first,
        source=_Channels(tuple(file.source for file in described)),
        channels=len(described),
        channel_names=tuple(names),
        name_of=_ContentOfAll(paths) if first.cells is None else None,
        modality="flow",
    )


@dataclass(frozen=True)
class _Channels:
    """Cells whose channels lie in files of their own."""

    sources: tuple[Source, ...]

    @property
    def path(self) -> Path:
        return self.sources[0].path

    def read(self, row: int) -> npt.NDArray[Any]:
        return np.concatenate([source.read(row) for source in self.sources])


@dataclass(frozen=True)
class _ContentOfAll:
    """Names a cell by the content of all its files."""

    paths: tuple[Path, ...]

    def __call__(self, row: int) -> str:
        digest = hashlib.blake2b(digest_size=8)
        for path in self.paths:
            try:
                digest.update(path.read_bytes())
            except OSError as error:
                raise InputError(f"{shown(path)} can no longer be read: {error.strerror}.") from None
        return digest.hexdigest()


def _match(path: Path, patterns: Sequence[re.Pattern[str]]) -> re.Match[str] | None:
    if path.suffix.lower() not in _SUFFIXES:
        return None
    stem = path.stem.removesuffix(".ome")
    return next((match for pattern in patterns if (match := pattern.fullmatch(stem))), None)


def _compiled(pattern: str) -> re.Pattern[str]:
    if sorted(re.findall(r"{(.*?)}", pattern)) != ["cell", "channel"]:
        raise InputError(
            f"file_names is {pattern!r}; give a pattern with {{cell}} and {{channel}} once each."
        )
    escaped = re.escape(pattern)
    for name in ("cell", "channel"):
        escaped = escaped.replace(re.escape(f"{{{name}}}"), f"(?P<{name}>.+)")
    return re.compile(escaped)


def _example(pattern: str) -> str:
    return pattern.replace("{cell}", "12").replace("{channel}", "Ch1") + ".tif"


def _channel_name(text: str) -> str:
    """Return ``Ch3`` for ``ch_03`` and the like; other names as they are."""
    match = re.fullmatch(r"ch(?:annel)?[ _-]?0*(\d+)", text, re.IGNORECASE)
    return f"Ch{match[1]}" if match else text


def _in_order(text: str) -> tuple[list[int], str]:
    """Return what sorts names by the numbers in them: 2 before 12."""
    return [int(number) for number in re.findall(r"\d+", text)], text
