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


def write_sources(folder: Path, sources: Sequence[Path], options: SourceOptions, model: Path) -> None:
    """Write from where, and how, the cells of a run were read, and where its model is.

    Raises
    ------
    InputError
        Where it cannot be written.
    """
    said = dataclasses.asdict(options)
    document = {"sources": list(map(str, sources)), "options": said, "model": str(model.absolute())}
    with replaced_file(folder / FILE) as draft:
        draft.write_text(json.dumps(document, default=lambda path: str(path.absolute()), indent=1) + "\n")


def open_sources(folder: Path, classes: Sequence[str], *, may_ask: bool = True) -> CellSet:
    """Open the cells of a run again.

    Parameters
    ----------
    folder : Path
        Of the run.
    classes : sequence of str
        The model's.
    may_ask : bool
        Whether a person at the terminal may be asked what subfolders are.

    Raises
    ------
    InputError
        Where nobody says where they are, or they cannot be opened.
    """
    said = _read(folder)
    try:
        reading = Reading(**_with_paths(said["options"].pop("reading")))
        options = SourceOptions(**_with_paths(said["options"]), reading=reading)
        sources = [Path(source) for source in said["sources"]]
    except (ValueError, KeyError, TypeError, AttributeError):
        raise _damaged(folder) from None
    return open_any(sources, options, classes, may_ask=may_ask)


def sources_of(folder: Path) -> tuple[Path, ...]:
    """Return where the cells of a run come from.

    Raises
    ------
    InputError
        Where nobody says it.
    """
    try:
        return tuple(Path(source) for source in _read(folder)["sources"])
    except (KeyError, TypeError):
        raise _damaged(folder) from None


def model_of(folder: Path) -> Path | None:
    """Return where the model of a run was; None where nobody says it."""
    try:
        model = _read(folder).get("model")
    except InputError:
        return None
    return Path(model) if isinstance(model, str) else None


def _read(folder: Path) -> dict[str, Any]:
    try:
        said = json.loads((folder / FILE).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise InputError(
            f"{folder} does not say where its cells are; give them instead of the folder"
        ) from None
    except (OSError, ValueError):
        raise _damaged(folder) from None
    if not isinstance(said, dict):
        raise _damaged(folder)
    return said


def _damaged(folder: Path) -> InputError:
    return InputError(f"{folder / FILE} is damaged; give the cells instead of the folder")


def _with_paths(said: dict[str, Any]) -> dict[str, Any]:
    return {
        name: Path(value) if name in _PATHS and value is not None else value for name, value in said.items()
    }
