"""Events as text: a line an event, with or without names of the columns; read in chunks by pandas."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from io import StringIO
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.events.event import Events
from sparseattn.events.formats.columns import (
    events_from,
    guessed_columns,
    microseconds_per,
    named_columns,
)
from sparseattn.events.recording import LARGEST_SIDE, Recording

SUFFIXES = frozenset({".csv", ".txt"})

_HEAD = 1 << 15
_AT_ONCE = 1 << 18


@dataclass(frozen=True)
class _Layout:
    separator: str
    skipped: int  # lines before the first event
    letters: tuple[str, ...]  # of each column; "" for others
    unit: float
    size: tuple[int, int] | None


def open_event_table(path: Path) -> Recording | None:
    """Describe a table of events from its first lines; None where it is another table.

    A first line of two numbers is the width and height of the sensor.

    Raises
    ------
    OSError
        When it cannot be read.
    """
    layout = _layout(path)
    return None if layout is None else Recording(path, "text", layout.size, partial(_packets, path, layout))


def _layout(path: Path) -> _Layout | None:
    with path.open("rb") as stream:
        head = stream.read(_HEAD)
    if b"\0" in head:
        return None
    lines = head.decode("utf-8-sig", errors="replace").splitlines()
    if len(head) == _HEAD:
        lines = lines[:-1]
    skipped = next((i for i, line in enumerate(lines) if not line.startswith("#") and line.strip()), None)
    if skipped is None:
        return None
    size = None
    if re.fullmatch(r"\s*\d{1,5}[\s,;]+\d{1,5}\s*", lines[skipped]):
        width, height = (int(number) for number in re.findall(r"\d+", lines[skipped]))
        size, skipped = (height, width), skipped + 1
        if not 0 < min(size) <= max(size) <= LARGEST_SIDE:
            return None
    first = lines[skipped] if skipped < len(lines) else ""
    separator = next((mark for mark in (",", ";", "\t") if mark in first), r"\s+")
    words = [word.strip().strip('"') for word in re.split(separator, first.strip())]
    names = None
    if not all(_is_number(word) for word in words):
        found = named_columns(words)
        if found is None:
            return None
        letter_of = {name: letter for letter, name in found.items()}
        names, skipped = [letter_of.get(word, "") for word in words], skipped + 1
    rows = _numbers("\n".join(lines[skipped : skipped + 2000]), separator, len(words))
    if rows is None:
        return None
    letters = names or guessed_columns(rows)
    if letters is None or not len(rows):
        return None
    time = letters.index("t")
    unit = microseconds_per(words[time] if names else "t", rows[:, time])
    return _Layout(separator, skipped, tuple(letters), unit, size)


def _is_number(word: str) -> bool:
    try:
        float(word)
    except ValueError:
        return False
    return True


def _numbers(text: str, separator: str, columns: int) -> np.ndarray[Any, np.dtype[np.float64]] | None:
    if not text.strip():
        return None
    import pandas as pd

    try:
        table = pd.read_csv(
            StringIO(text), sep=separator, header=None, dtype=np.float64, comment="#", engine="c"
        )
    except ValueError:  # also what pandas raises of its own
        return None
    return table.to_numpy() if table.shape[1] == columns else None


def _packets(path: Path, layout: _Layout) -> Iterator[Events]:
    import pandas as pd

    try:
        chunks = pd.read_csv(
            path,
            sep=layout.separator,
            header=None,
            names=list(range(len(layout.letters))),
            index_col=False,
            skiprows=layout.skipped,
            usecols=[i for i, letter in enumerate(layout.letters) if letter],
            dtype=np.float64,
            comment="#",
            chunksize=_AT_ONCE,
            engine="c",
            encoding="utf-8-sig",
            on_bad_lines="error",
        )
        with chunks:
            for chunk in chunks:
                columns = {layout.letters[int(i)]: chunk[i].to_numpy() for i in chunk.columns}
                yield events_from(columns, layout.unit)
    except ValueError as error:
        reason = " ".join(str(error).split())
        raise ValueError(f"a line of it cannot be read as numbers ({reason[:120]})") from None
