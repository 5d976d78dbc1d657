"""What is printed: one JSON object or plain text on stdout, everything else on stderr."""

from __future__ import annotations

import json
import math
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

LONGEST_LIST = 5


def print_json(document: Mapping[str, Any]) -> None:
    """Print one JSON object on stdout; figures that are not finite become null."""
    print(json.dumps(_plain(document), allow_nan=False))


_held: list[str] = []


def note(message: str) -> None:
    """Keep one line for the user, which `print_notes` prints on stderr.

    It is not printed at once: where the input turns out to be unusable, that alone is to be said.
    """
    _held.append(one_line(message))


def print_notes() -> None:
    """Print on stderr what was kept since the last time."""
    for line in _held:
        print(line, file=sys.stderr, flush=True)
    _held.clear()


def drop_notes() -> None:
    """Forget what was kept."""
    _held.clear()


def one_line(message: str) -> str:
    """Return a message without line breaks."""
    return " ".join(message.split())


def print_facts(facts: Iterable[tuple[str, object]]) -> None:
    """Print names and values in two columns; facts that are None or empty are left out."""
    kept = [(name, str(value)) for name, value in facts if value is not None and value != ""]
    width = max(len(name) for name, _ in kept)
    for name, value in kept:
        print(f"{name:<{width}}  {value}")


def print_table(header: Sequence[str], rows: Sequence[Sequence[str]]) -> None:
    """Print aligned columns: the first to the left, the others, which hold figures, to the right."""
    widths = [max(len(row[column]) for row in (header, *rows)) for column in range(len(header))]
    for row in (header, *rows):
        figures = "  ".join(f"{cell:>{width}}" for cell, width in zip(row[1:], widths[1:], strict=True))
        print(f"{row[0]:<{widths[0]}}  {figures}".rstrip())


def listed(names: Sequence[str]) -> str:
    """Return names with commas, the first few of many."""
    shown = ", ".join(names[:LONGEST_LIST])
    return shown if len(names) <= LONGEST_LIST else f"{shown} and {len(names) - LONGEST_LIST} more"


def percent(fraction: float) -> str:
    """Return 0.153 as ``15.3 %``."""
    return f"{100 * fraction:.1f} %"


def pixels_and_percent(k: int, grid_pixels: int) -> str:
    """Return the selected pixels as a number and as a share of the net's grid."""
    return f"{k} of {grid_pixels} pixels ({percent(k / grid_pixels)})"


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "tolist"):  # numpy's arrays and numbers; numpy itself would slow every start down
        return _plain(value.tolist())
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return str(value) if isinstance(value, Path) else value
