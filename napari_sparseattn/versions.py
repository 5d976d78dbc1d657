"""Kept model versions: whole model files in a folder, and a list of what is known of each."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from sparseattn.errors import InputError
from sparseattn.plain_json import parse_json
from sparseattn.writing import replaced_file

LIST = "versions.json"
_FILE = re.compile(r"version_(\d+)_(\d{4}-\d\d-\d\d)_(\d\d)(\d\d)\.safetensors")


@dataclass(frozen=True)
class Version:
    """One kept model.

    Attributes
    ----------
    number
        From 1, never used again.
    file
        Name in the folder.
    time
        When it was kept, local time to the minute.
    note
        For people: where it came from.
    labels
        How many labelled cells it was taught with; None where that is not known.
    judged, right
        Set-aside cells that it was asked about, and how many it had right; None where there were none.
    """

    number: int
    file: str
    time: str
    note: str
    labels: int | None = None
    judged: int | None = None
    right: int | None = None

    @property
    def title(self) -> str:
        return f"Version {self.number}"

    @classmethod
    def from_json(cls, entry: Mapping[str, Any]) -> Version:
        numbers = {name: entry.get(name) for name in ("labels", "judged", "right")}
        if not all(value is None or isinstance(value, int) for value in numbers.values()):
            raise ValueError("a count is no number")
        told = (str(entry[name]) for name in ("file", "time", "note"))
        return cls(int(entry["number"]), *told, **numbers)


def title_of(model: Path | None) -> str:
    """Return what a model file is called for people: a kept version by its number and time."""
    if model is None:
        return "new model"
    kept = _FILE.fullmatch(model.name)
    if kept is None:
        return model.stem
    number, day, hour, minute = kept.groups()
    return f"version {int(number)} of {day} {hour}:{minute}"


class Versions:
    """The kept versions in one folder, which is made with the first."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def all(self) -> tuple[Version, ...]:
        """Return the versions whose files are there, the newest first.

        Raises
        ------
        InputError
            Where the list cannot be read.
        """
        there = [
            one for one in self._listed() if Path(one.file).name == one.file and self.path(one).is_file()
        ]
        return tuple(sorted(there, key=lambda one: -one.number))

    def _listed(self) -> list[Version]:
        path = self.folder / LIST
        if not path.is_file():
            return []
        try:
            entries = parse_json(path.read_text(encoding="utf-8"))
            return [Version.from_json(entry) for entry in entries["versions"]]
        except (AttributeError, OSError, ValueError, KeyError, TypeError):
            raise InputError(
                f"the list of kept models {path} cannot be read; load one of the models beside it instead"
            ) from None

    def path(self, version: Version) -> Path:
        """Return the model file of a version."""
        return self.folder / version.file

    def keep(self, model: Path, note: str, **known: int | None) -> Version:
        """Copy a model file into the folder and list it; the file is whole or not there.

        Raises
        ------
        InputError
            Where nothing can be written.
        """
        earlier = self._listed()
        number = max((one.number for one in earlier), default=0) + 1
        now = datetime.now()
        version = Version(
            number,
            f"version_{number:03}_{now:%Y-%m-%d_%H%M}.safetensors",
            f"{now:%Y-%m-%d %H:%M}",
            note,
            **known,
        )
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InputError(f"cannot keep the model in {self.folder}: {error.strerror}") from None
        with replaced_file(self.path(version)) as draft:
            shutil.copyfile(model, draft)
        document = {"versions": [asdict(one) for one in (*earlier, version)]}
        with replaced_file(self.folder / LIST) as draft:
            draft.write_text(json.dumps(document, indent=1), encoding="utf-8")
        return version
