"""Files that nobody saw being closed: complete when they have not changed for a while."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from sparseattn.scale.watch.arrived import Arrived, look_at, may_hold_cells


@dataclass
class Settling:
    """Files that may still grow.

    Attributes
    ----------
    seconds
        For how long a file must not have changed.
    """

    seconds: float
    _files: dict[Path, tuple[Arrived, float]] = field(default_factory=dict)

    def add(self, path: Path) -> None:
        """Have an eye on a file; what was known of it is looked at anew."""
        now = look_at(path)
        if now is not None:
            known = self._files.get(path)
            if known is None or known[0] != now:
                self._files[path] = now, time.monotonic()

    def forget(self, path: Path) -> None:
        """Have no eye on it any more: it is known to be complete, or has gone."""
        self._files.pop(path, None)

    def complete(self) -> Iterator[Arrived]:
        """Yield the files that have not changed for long enough, and forget them."""
        for path, (then, since) in list(self._files.items()):
            if time.monotonic() - since < self.seconds:
                continue
            now = look_at(path)
            if now is None:
                del self._files[path]
            elif now == then:
                del self._files[path]
                yield now
            else:
                self._files[path] = now, time.monotonic()


def files_of(folder: Path) -> Iterator[Path]:
    """Yield the files of a folder and its subfolders that may hold cells."""
    for place, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(("_", ".")))
        for name in sorted(names):
            path = Path(place, name)
            if may_hold_cells(path, folder):
                yield path
