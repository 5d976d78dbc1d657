"""What the plugin remembers from one day to the next: folders, switches. Not state of a project."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSettings


def settings() -> QSettings:
    """Return the user's settings of the plugin."""
    return QSettings("sparseattn", "napari-sparseattn")


def last_folder(kind: str) -> str:
    """Return the folder that was used last for a kind of file, else the home folder."""
    folder = str(settings().value(f"folder/{kind}", ""))
    return folder if folder and Path(folder).is_dir() else str(Path.home())


def remember_folder(kind: str, folder: Path) -> None:
    """Keep the folder that was used for a kind of file."""
    settings().setValue(f"folder/{kind}", str(folder))


def recall(name: str) -> dict[str, Any]:
    """Return what was remembered under a name; nothing where it is damaged."""
    try:
        said = json.loads(str(settings().value(name, "{}")))
    except ValueError:
        return {}
    return said if isinstance(said, dict) else {}


def remember(name: str, said: dict[str, Any]) -> None:
    """Remember plain JSON under a name, for other projects and other days."""
    settings().setValue(name, json.dumps(said))
