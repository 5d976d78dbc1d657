"""Where the compartments of cells are known to lie: ``--masks`` and ``--mask-names``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.explain.compartments import Compartments

Masks = Annotated[
    Path | None,
    typer.Option(help="Label images of nucleus, cytoplasm ..., named like the cells. [DATA/_masks]"),
]
MaskNames = Annotated[
    str | None,
    typer.Option(help="What the values in the masks mean: 128=cytoplasm,255=nucleus. [manifest.json]"),
]


def find_masks(data: Path, masks: Path | None) -> Path | None:
    """Return the folder of masks: the given one, else that of simulated cells, else None."""
    return data / "_masks" if masks is None and (data / "_masks").is_dir() else masks


def read_masks(classifier: Classifier, cells: CellSet, masks: Path, names: str | None) -> Compartments:
    """Read the masks of cells; see `sparseattn.explain.compartments.read_compartments`."""
    from sparseattn.explain.compartments import read_compartments

    return read_compartments(classifier, cells, masks, _names(masks, names))


def _names(masks: Path, given: str | None) -> dict[int, str]:
    """Return the names of the values, from the option or from the manifest of simulated cells."""
    if given is not None:
        try:
            pairs = [part.split("=") for part in given.split(",")]
            return {int(value): name.strip() for value, name in pairs}
        except ValueError:
            raise InputError(
                f"--mask-names {given!r} does not say what values mean; write 128=cytoplasm,255=nucleus"
            ) from None
    try:
        manifest = json.loads((masks.parent / "manifest.json").read_text(encoding="utf-8"))
        return {int(value): str(name) for name, value in manifest["masks"].items() if value != 0}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        raise InputError(
            f"nothing says what the values in {masks} mean; say it with --mask-names 1=cytoplasm,2=nucleus"
        ) from None
