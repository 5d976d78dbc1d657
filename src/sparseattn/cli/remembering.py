"""From whom the facts of a source are known, and how they are corrected, in the words of the command line."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

from sparseattn.cells.modality import Modality
from sparseattn.cli.options import parse_channel_names
from sparseattn.cli.source_options import SourceOptions
from sparseattn.errors import InputError

_BY = {"caller": "as given", "file": "the file says", "guess": "a guess", "default": "nobody says"}
_OPTIONS = {
    "modality": "--modality KIND",
    "channels": "--channel-names A,B",
    "layout": "--layout AXES",
    "pixel_size_um": "--pixel-size LENGTH",
}


def said(value: str | None, fact: dict[str, Any]) -> str | None:
    """Return a fact with who says so."""
    if value is None or fact["by"] is None:
        return value
    return f"{value} ({_BY.get(fact['by']) or fact['path']})"


def how_to_correct(path: Path, guessed: Sequence[str]) -> str | None:
    """Return the command that says, once and for all, what nobody said; None where all is known."""
    if not guessed:
        return None
    options = " ".join(_OPTIONS[name] for name in guessed)
    return f"sparseattn info {shlex.quote(str(path))} {options} --remember"


def remember_given(path: Path, options: SourceOptions) -> Path:
    """Remember of a source what the options say, and return the file that it is written to.

    Raises
    ------
    InputError
        Where they say nothing that can be remembered, or it cannot be written.
    """
    from sparseattn.cells import Correction, remember

    reading = options.reading.arguments()
    phase = reading["phase"]
    if phase is not None and "reference" in phase:
        phase = {**phase, "reference": str(Path(phase["reference"]).expanduser().absolute())}
    correction = Correction(
        modality=cast(Modality | None, options.modality),
        layout=options.layout,
        channels=parse_channel_names(options.channel_names),
        pixel_size_um=reading["pixel_size_um"],
        phase=phase,
        events=reading["events"],
    )
    if not correction.entries():
        raise InputError(
            "--remember has nothing to remember; give --modality, --channel-names, --layout, --pixel-size, "
            "or an option of phase or of recordings with it"
        )
    return remember(path, correction)
