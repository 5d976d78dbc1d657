"""Remember what the cells of a source are: written to ``cells.json``, or to the user's own settings."""

from __future__ import annotations

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sparseattn.cells.modality import Modality
from sparseattn.cells.origin import shown
from sparseattn.cells.remembered import CONFIG_VARIABLE, IN_PARTS, folder_of, read_remembered, settings_path
from sparseattn.cells.sidecar import FILES, NAME, check_document, read_document
from sparseattn.errors import InputError
from sparseattn.writing import replaced_file

_FOLDER = "folder"


@dataclass(frozen=True)
class Correction:
    """What is to be remembered; None leaves what was said before.

    Attributes
    ----------
    modality, layout, pixel_size_um
        As `sparseattn.cells.open_cells` takes them.
    channels
        A name a channel in the order of the pixels, or new names by the names that they have now; the others
        keep theirs.
    phase, events
        Settings of `sparseattn.phase.PhaseSettings` and `sparseattn.events.EventSettings`; those that are not
        given stay.
    """

    modality: Modality | None = None
    layout: str | None = None
    channels: Sequence[str] | Mapping[str, str] | None = None
    pixel_size_um: float | None = None
    phase: Mapping[str, Any] | None = None
    events: Mapping[str, Any] | None = None

    def entries(self) -> dict[str, Any]:
        """Return what is given, as plain JSON values."""
        channels = self.channels
        if channels is not None:
            channels = dict(channels) if isinstance(channels, Mapping) else list(channels)
        said = {
            "modality": self.modality,
            "layout": self.layout,
            "channels": channels,
            "pixel_size_um": self.pixel_size_um,
            "phase": None if self.phase is None else dict(self.phase),
            "events": None if self.events is None else dict(self.events),
        }
        return {name: value for name, value in said.items() if value is not None}


def remember(source: str | Path, correction: Correction, *, forget: Collection[str] = ()) -> Path:
    """Remember what the cells of a source are, so that every later opening knows it.

    Of a folder it is said for all its files, in its ``cells.json``. Of a file or a Zarr store it is said for
    that one alone, in the ``cells.json`` of its folder, by its name. What else is said there stays. Where the
    folder cannot be written to, it is kept in the user's own settings.

    Parameters
    ----------
    source
        As it is given to `sparseattn.cells.open_cells`.
    correction
        What to remember.
    forget
        Entries to take back, such as ``{"pixel_size_um"}``: what the files say holds again.

    Returns
    -------
    Path
        The file that was written.

    Raises
    ------
    InputError
        When the source is not there, what is said cannot be, or neither place can be written to.
    """
    source = Path(source).expanduser()
    if not source.exists():
        raise InputError(f"There is nothing at {shown(source)}, so that nothing can be remembered of it.")
    folder, name = folder_of(source)
    beside, own = folder / NAME, settings_path(folder)
    said = correction.entries()
    remembered = read_remembered(source)
    now = remembered.of_all if name is None else remembered.of_file(source)
    if isinstance(said.get("channels"), dict):
        said["channels"] = _renamed(now.channels, said["channels"], beside)
    document = _corrected(read_document(beside), name, said, forget, beside)
    try:
        _write(beside, document)
    except InputError:
        earlier = {**read_document(own), _FOLDER: str(folder)}
        try:
            own.parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(
                f"Neither {shown(beside)} nor {shown(own)} can be written ({error.strerror}); set "
                f"{CONFIG_VARIABLE} to a folder of yours."
            ) from None
        _write(own, _corrected(earlier, name, said, forget, own))
        return own
    if own.is_file():  # it would win over what was said now
        _write(own, _corrected(read_document(own), name, {}, {*said, *forget}, own))
    return beside


def _corrected(
    document: dict[str, Any], name: str | None, said: Mapping[str, Any], forget: Collection[str], path: Path
) -> dict[str, Any]:
    """Return the document with what is said of all files, or of the one with that name."""
    files = dict(document.get(FILES, {}))
    before = document if name is None else files.get(name, {})
    entry = {key: value for key, value in before.items() if key not in forget}
    for key, value in said.items():
        if key in IN_PARTS:
            entry[key] = {**entry.get(key, {}), **value}
        else:
            entry[key] = value
    document = entry if name is None else {**document, FILES: {**files, name: entry}}
    check_document(document, path)
    return document


def _renamed(
    before: Sequence[str] | Mapping[str, str] | None, new: Mapping[str, str], path: Path
) -> list[str] | dict[str, str]:
    """Return names of channels after some have been named anew."""
    if before is not None and not isinstance(before, Mapping):
        unknown = [name for name in new if name not in before]
        if unknown:
            raise InputError(
                f"The channels of {shown(path.parent)} are {', '.join(before)}, and {', '.join(unknown)} is "
                f"none of them; name these, or give a name for every channel."
            )
        return [new.get(name, name) for name in before]
    names = dict(before or {})
    now = {to: name for name, to in names.items()}
    return {**names, **{now.get(name, name): to for name, to in new.items()}}


def _write(path: Path, document: Mapping[str, Any]) -> None:
    with replaced_file(path) as draft:
        draft.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n", encoding="utf-8")
