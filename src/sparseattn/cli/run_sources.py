"""Where the cells of a run in parts come from, kept beside its results, so that they can be opened again."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparseattn.cli.reading import Reading
from sparseattn.cli.source_options import SourceOptions
from sparseattn.cli.sources import open_any
from sparseattn.errors import InputError
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet

FILE = "sources.json"
_PATHS = ("labels_csv", "samples_csv", "reference")


def write_sources(folder: Path, sources: Sequence[Path], options: SourceOptions) -> None:
    """Write from where, and how, the cells of a run were read.

    Raises
    ------
    InputError
        Where it cannot be written.
    """
    said = dataclasses.asdict(options)
    document = {"sources": list(map(str, sources)), "options": said}
    with replaced_file(folder / FILE) as draft:
        draft.write_text(json.dumps(document, default=lambda path: str(path.absolute()), indent=1) + "\n")


def open_sources(folder: Path, classes: Sequence[str]) -> CellSet:
    """Open the cells of a run again.

    Raises
    ------
    InputError
        Where nobody says where they are, or they cannot be opened.
    """
    path = folder / FILE
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
        reading = Reading(**_with_paths(said["options"].pop("reading")))
        options = SourceOptions(**_with_paths(said["options"]), reading=reading)
        sources = [Path(source) for source in said["sources"]]
    except FileNotFoundError:
        raise InputError(
            f"{folder} does not say where its cells are; give them instead of the folder"
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(f"{path} is damaged; give the cells instead of the folder") from None
    return open_any(sources, options, classes)


def _with_paths(said: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Path(value) if name in _PATHS and value is not None else value for name, value in said.items()
    }
