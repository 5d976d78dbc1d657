"""What is remembered of a source: ``cells.json`` beside it, and the user's own settings."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sparseattn.cells.facts import Known
from sparseattn.cells.readers.zarr_store import is_zarr
from sparseattn.cells.sidecar import FILES, NAME, Sidecar, parse_sidecar, read_document

CONFIG_VARIABLE = "SPARSEATTN_CONFIG"
"""Environment variable: another folder for the user's own settings."""

PLAIN = ("modality", "layout", "channels", "pixel_size_um")
IN_PARTS = ("phase", "events")
"""Entries of which the nearer one completes the farther one, setting by setting."""


@dataclass(frozen=True)
class _Document:
    """One file that says something of a folder."""

    path: Path
    folder: Path
    own: bool
    said: Mapping[str, Any]

    def of_file(self, path: Path) -> Mapping[str, Any]:
        """Return what it says of one file, beyond what it says of all."""
        files: Mapping[str, Any] = self.said.get(FILES, {})
        if not files or not path.is_relative_to(self.folder):
            return {}
        entry: Mapping[str, Any] = files.get(path.relative_to(self.folder).as_posix(), {})
        return entry


@dataclass(frozen=True)
class Remembered:
    """All that is said of a source; what is nearer to it wins, and what is said of one file wins over all.

    Of one folder the user's own settings win over ``cells.json``.
    """

    documents: tuple[_Document, ...]

    @cached_property
    def of_all(self) -> Sidecar:
        """What is said of all its files."""
        return _merged([(document, document.said) for document in self.documents])

    @cached_property
    def _of_files(self) -> bool:
        return any(document.said.get(FILES) for document in self.documents)

    def of_file(self, path: Path) -> Sidecar:
        """Return what is said of one of its files."""
        if not self._of_files:
            return self.of_all
        path = path.absolute()
        of_it = [(document, document.of_file(path)) for document in self.documents]
        return _merged([(document, document.said) for document in self.documents] + of_it)


def read_remembered(source: Path) -> Remembered:
    """Read what is said of a source in its folder and in the one above it.

    Raises
    ------
    InputError
        When a file that says it is not JSON, or says what cannot be.
    """
    here = source.absolute()
    places = [here.parent, here] if source.is_dir() else [here.parent]
    documents = []
    for place in places:
        for path, own in ((place / NAME, False), (settings_path(place), True)):
            said = read_document(path)
            if said:
                documents.append(_Document(path, place, own, said))
    return Remembered(tuple(documents))


def folder_of(source: Path) -> tuple[Path, str | None]:
    """Return the folder whose ``cells.json`` speaks of a source, and the source's name in it if it is a file.

    A Zarr store counts as a file.
    """
    here = source.absolute()
    return (here, None) if source.is_dir() and not is_zarr(source) else (here.parent, here.name)


def settings_path(folder: Path) -> Path:
    """Return where the user's own settings say what the cells of a folder are."""
    key = hashlib.blake2b(os.path.realpath(folder).encode("utf-8", "surrogateescape"), digest_size=8)
    return _config_folder() / "folders" / f"{key.hexdigest()}.json"


def _config_folder() -> Path:
    given = os.environ.get(CONFIG_VARIABLE)
    if given:
        return Path(given)
    import platformdirs

    return platformdirs.user_config_path("napari-sparseattn", appauthor=False)


def _merged(parts: list[tuple[_Document, Mapping[str, Any]]]) -> Sidecar:
    """Join what several say; the later win."""
    together: dict[str, Any] = {}
    known: dict[str, Known] = {}
    path = Path(NAME)
    for document, said in parts:
        by = Known("settings" if document.own else "folder", document.path)
        for name in PLAIN:
            if said.get(name) is not None:
                together[name], known[name], path = said[name], by, document.path
        for name in IN_PARTS:
            if said.get(name) is not None:
                together[name] = {**together.get(name, {}), **said[name]}
                known |= {name: by, **{f"{name}.{setting}": by for setting in said[name]}}
                path = document.path
    return parse_sidecar(together, known, path)
