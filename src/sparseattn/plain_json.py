"""JSON that others wrote: numbers that are numbers, and no more values than fit the memory."""

from __future__ import annotations

import json
import math
from typing import Any, NoReturn

MOST_VALUES = 30_000_000
"""Of a document: Python takes some hundred bytes for each, whatever they take in the file."""

_LARGEST_INTEGER = 1 << 63


def parse_json(text: str) -> Any:
    """Return what a JSON document says.

    Raises
    ------
    ValueError
        With the reason: where it is no JSON, lists lie too deep in each other, a number is NaN, infinite or
        beyond 64 bits, or it holds more than `MOST_VALUES` values.
    """
    if text.count(",") + text.count("[") + text.count("{") > MOST_VALUES:
        raise ValueError(f"it holds more than {MOST_VALUES:,} values")
    try:
        return json.loads(text, parse_constant=_refuse, parse_float=_finite, parse_int=_integer)
    except RecursionError:
        raise ValueError("its lists lie too deep in each other") from None


def _refuse(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number of JSON")


def _finite(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text:.20} is too large a number")
    return value


def _integer(text: str) -> int:
    value = int(text) if len(text) < 25 else _LARGEST_INTEGER
    if abs(value) >= _LARGEST_INTEGER:
        raise ValueError(f"{text:.20}... is too large a number")
    return value
