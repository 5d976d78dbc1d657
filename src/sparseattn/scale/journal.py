"""A journal: one JSON object a line, each safe on the disk before the next thing is done."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from sparseattn.errors import InputError


class Journal:
    """What was done, line by line. A line that a crash cut off is dropped when the file is opened again.

    Parameters
    ----------
    path : Path
        Made where it is not there.

    Raises
    ------
    InputError
        Where the file cannot be written, or holds what is no journal.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            self._stream = path.open("ab+")
            self._stream.seek(0)
            written = self._stream.read()
            whole = written.rfind(b"\n") + 1
            if whole < len(written):
                self._stream.truncate(whole)
        except OSError as error:
            raise InputError(f"{path} cannot be written ({error.strerror}); choose another folder") from None
        self._lines = list(self._parsed(written[:whole]))

    @property
    def lines(self) -> tuple[dict[str, Any], ...]:
        """What was written so far."""
        return tuple(self._lines)

    def write(self, line: Mapping[str, Any]) -> None:
        """Add a line; it is on the disk when this returns."""
        self._stream.write(json.dumps(line, separators=(",", ":")).encode() + b"\n")
        self._stream.flush()
        os.fsync(self._stream.fileno())
        self._lines.append(dict(line))

    def close(self) -> None:
        """Give the file free."""
        self._stream.close()

    def __enter__(self) -> Journal:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _parsed(self, written: bytes) -> Iterator[dict[str, Any]]:
        for line in written.splitlines():
            try:
                said = json.loads(line)
            except ValueError:
                said = None
            if not isinstance(said, dict):
                self.close()
                raise InputError(f"{self._path} is damaged; remove its folder and start again")
            yield said
