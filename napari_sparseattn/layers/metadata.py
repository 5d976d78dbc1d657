"""What the plugin and its readers note in a layer's metadata: what it is, and which file it shows."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MARK = "sparseattn"
"""Key in a layer's metadata. Layers that the plugin made say there what they are: {"made": "coarse"}."""

_FILE = "file"


@dataclass(frozen=True)
class LayerFile:
    """The file that a layer shows a channel of (None: all, as colours), and how it was opened."""

    path: Path
    options: Mapping[str, Any]
    channel: str | None


def made(layer: Any) -> str | None:
    """Return what a layer is that the plugin made ("coarse", "cells", ...), or None for another's layer."""
    return _noted(layer).get("made")


def shows_nanometres(layer: Any) -> bool:
    """Whether a layer's values are nanometres, to be read off a colour bar."""
    return _noted(layer).get("unit") == "nm"


def note_of_file(path: Path, options: Mapping[str, Any], channel: str | None) -> dict[str, Any]:
    """Return what a layer of a file notes of it, as plain JSON values; `file_of` reads it."""
    return {_FILE: {"path": str(path), "options": dict(options), "channel": channel}}


def file_of(layer: Any) -> LayerFile | None:
    """Return the file that a layer shows, where its reader noted it."""
    said = _noted(layer).get(_FILE)
    if not isinstance(said, Mapping):
        return None
    return LayerFile(Path(said["path"]), said["options"], said["channel"])


def _noted(layer: Any) -> Mapping[str, Any]:
    said = layer.metadata.get(MARK)
    return said if isinstance(said, Mapping) else {}
