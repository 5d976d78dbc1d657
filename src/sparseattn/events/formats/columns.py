"""Which column of a table of events is time, x, y and polarity, and of what unit time is."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import numpy.typing as npt

from sparseattn.events.event import Events, events_of

_NAMES = {
    "t": ("t", "ts", "time", "timestamp", "timestamps", "t_us", "time_us", "timestamp_us", "micros"),
    "x": ("x", "xs", "x_pos", "col", "column"),
    "y": ("y", "ys", "y_pos", "row"),
    "p": ("p", "ps", "pol", "polarity", "polarities", "on"),
}

_UNITS = {"t_s": 1e6, "time_s": 1e6, "t_ms": 1e3, "time_ms": 1e3, "t_ns": 1e-3, "time_ns": 1e-3}
"""Names of columns of time that say their unit: what makes µs of it."""

Columns = dict[str, str]


def named_columns(names: Iterable[str]) -> Columns | None:
    """Return which name is that of t, x, y and p; None where one of them is not there."""
    there = {str(name).strip().lower(): str(name) for name in names}
    found = {
        letter: next((there[known] for known in choices if known in there), None)
        for letter, choices in _NAMES.items()
    }
    if found["t"] is None:
        found["t"] = next((there[known] for known in _UNITS if known in there), None)
    kept = {letter: name for letter, name in found.items() if name is not None}
    return kept if len(kept) == len(_NAMES) else None


def guessed_columns(rows: npt.NDArray[np.generic]) -> Sequence[str] | None:
    """Return the letters t, x, y, p of the four columns of (n, 4) numbers, or None.

    Polarity has but two values, 0 or -1 and 1; time never falls and is the larger. Of the others x comes
    before y.
    """
    if rows.ndim != 2 or rows.shape[1] != 4 or len(rows) < 2 or rows.dtype.kind not in "buif":
        return None
    numbers = rows.astype(np.float64)
    if not np.isfinite(numbers).all():
        return None
    signs = [i for i in (3, 2, 1, 0) if np.isin(numbers[:, i], (-1, 0, 1)).all()]
    rising = [i for i in (0, 2, 3, 1) if i not in signs[:1] and (np.diff(numbers[:, i]) >= 0).all()]
    times = [i for i in rising if numbers[-1, i] > numbers[0, i]]
    if not signs or not times:
        return None
    letters = [""] * 4
    letters[signs[0]], letters[times[0]] = "p", "t"
    places = [i for i in range(4) if not letters[i]]
    whole = all((numbers[:, i] >= 0).all() and (numbers[:, i] % 1 == 0).all() for i in places)
    if not whole:
        return None
    letters[places[0]], letters[places[1]] = "x", "y"
    return letters


def microseconds_per(name: str, times: npt.NDArray[np.generic]) -> float:
    """Return what makes µs of a column of time: by its name; else floats with fractions are seconds."""
    named = _UNITS.get(name.strip().lower())
    if named is not None:
        return named
    return 1e6 if times.dtype.kind == "f" and bool((times % 1 != 0).any()) else 1.0


def events_from(columns: Mapping[str, npt.NDArray[np.generic]], unit: float) -> Events:
    """Return events of the columns t, x, y, p, of any type of number.

    Raises
    ------
    ValueError
        When a number is not finite, negative, or too large for a place.
    """
    t, x, y, p = (np.asarray(columns[letter]) for letter in "txyp")
    if any(values.dtype.kind not in "buif" for values in (t, x, y, p)):
        raise ValueError("its columns are not all numbers")
    for name, values in (("x", x), ("y", y)):
        if len(values) and not (values.min() >= 0 and values.max() < 1 << 14):
            raise ValueError(f"it is damaged: the {name} of an event is not in 0 to 16383")
    scaled = t if unit == 1.0 and t.dtype.kind in "iu" else np.rint(t.astype(np.float64) * unit)
    if len(t) and not (scaled.min() >= -(1 << 62) and scaled.max() < 1 << 62):
        raise ValueError("it is damaged: a time is not a number that a clock shows")
    if len(p) and not np.isin(p, (-1, 0, 1)).all():
        raise ValueError("its polarity is not 0 and 1, or -1 and 1")
    return events_of(scaled, x, y, p > 0)
