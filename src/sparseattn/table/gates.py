"""Polygon gates: which cells lie inside a shape drawn on a scatter plot of two columns."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

Vertex = tuple[float, float]
Flags = NDArray[np.bool_]

_FEWEST_VERTICES = 3


@dataclass(frozen=True)
class PolygonGate:
    """A named polygon on two columns of the table of cells.

    Attributes
    ----------
    name
        What the user calls it.
    x, y
        Names of the columns.
    vertices
        Corners (x, y) in the units of the columns, three or more. Where edges cross, the even-odd rule says
        what is inside.
    log_x, log_y
        Whether the axis that it was drawn on was logarithmic: its edges are straight there, and only there. A
        value of 0 or below has no place on such an axis and is outside.
    active
        Whether it counts; one that does not is kept for later.
    """

    name: str
    x: str
    y: str
    vertices: tuple[Vertex, ...]
    log_x: bool = False
    log_y: bool = False
    active: bool = True

    def __post_init__(self) -> None:
        if len(self.vertices) < _FEWEST_VERTICES:
            raise InputError(
                f"the gate {self.name!r} has {len(self.vertices)} corners; draw {_FEWEST_VERTICES} or more"
            )
        for corner, axis, log in ((0, self.x, self.log_x), (1, self.y, self.log_y)):
            values = [vertex[corner] for vertex in self.vertices]
            if not all(math.isfinite(value) for value in values):
                raise InputError(f"the gate {self.name!r} has a corner that is no number; draw it again")
            if log and min(values) <= 0:
                raise InputError(
                    f"the gate {self.name!r} has a corner at {min(values):g} on the logarithmic axis {axis}; "
                    "keep it above 0"
                )

    def contains(self, table: pd.DataFrame) -> Flags:
        """Return (n,) whether each row lies inside; one that has no number in a column is outside.

        Raises
        ------
        InputError
            Where the table lacks a column, or it holds no numbers.
        """
        return inside_polygon(
            _axis(_numbers(table, self.x, self.name), self.log_x),
            _axis(_numbers(table, self.y, self.name), self.log_y),
            [
                (math.log10(x) if self.log_x else x, math.log10(y) if self.log_y else y)
                for x, y in self.vertices
            ],
        )

    def to_json(self) -> dict[str, Any]:
        """Return the gate as plain JSON values."""
        return {
            "name": self.name,
            "x": self.x,
            "y": self.y,
            "vertices": [list(vertex) for vertex in self.vertices],
            "log_x": self.log_x,
            "log_y": self.log_y,
            "active": self.active,
        }

    @classmethod
    def from_json(cls, d: Mapping[str, Any]) -> PolygonGate:
        """Return the gate that `to_json` wrote.

        Raises
        ------
        InputError
            When an entry is missing or makes no sense.
        """
        try:
            texts = [d[name] for name in ("name", "x", "y")]
            flags = [d[name] for name in ("log_x", "log_y", "active")]
            vertices = tuple((float(x), float(y)) for x, y in d["vertices"])
        except (KeyError, TypeError, ValueError, OverflowError) as error:
            raise InputError(f"a gate is damaged ({type(error).__name__}: {error}); draw it again") from None
        if not all(isinstance(text, str) for text in texts) or not all(type(flag) is bool for flag in flags):
            raise InputError("a gate is damaged: its values are of the wrong kind; draw it again")
        return cls(texts[0], texts[1], texts[2], vertices, flags[0], flags[1], flags[2])


def inside_gates(table: pd.DataFrame, gates: Iterable[PolygonGate]) -> Flags:
    """Return (n,) whether each row is let through by the active gates.

    Gates on the same two columns are choices: a row inside any of them passes. Gates on different columns are
    conditions: a row must pass on each pair. Without an active gate every row passes.

    Raises
    ------
    InputError
        As `PolygonGate.contains`.
    """
    pairs: dict[frozenset[str], Flags] = {}
    for gate in gates:
        if gate.active:
            pair, inside = frozenset((gate.x, gate.y)), gate.contains(table)
            pairs[pair] = pairs[pair] | inside if pair in pairs else inside
    passed: Flags = np.ones(len(table), dtype=bool)
    for inside in pairs.values():
        passed &= inside
    return passed


def inside_polygon(x: NDArray[np.float64], y: NDArray[np.float64], vertices: Sequence[Vertex]) -> Flags:
    """Return (n,) whether each point lies inside a polygon, by the even-odd rule.

    A point on an edge belongs to one of the two sides, so that polygons which tile the plane share no point
    and leave none out.

    Parameters
    ----------
    x, y
        (n,) float64; NaN is outside.
    vertices
        Corners (x, y) in order; the last is joined to the first.
    """
    inside: Flags = np.zeros(len(x), dtype=bool)
    with np.errstate(invalid="ignore", over="ignore"):
        for (x0, y0), (x1, y1) in zip(vertices, [*vertices[1:], vertices[0]], strict=True):
            if y0 == y1:  # level edges are never crossed by a level ray
                continue
            if y0 > y1:  # the same rounding for an edge whichever polygon it belongs to
                x0, y0, x1, y1 = x1, y1, x0, y0
            crosses = (y0 <= y) & (y < y1)
            inside ^= crosses & (x < x0 + (y - y0) * ((x1 - x0) / (y1 - y0)))
    return inside & ~np.isnan(x)


def _numbers(table: pd.DataFrame, column: str, gate: str) -> NDArray[np.float64]:
    if column not in table.columns:
        raise InputError(
            f"the gate {gate!r} needs the column {column!r}, which these cells do not have; remove it"
        )
    try:
        return table[column].to_numpy(dtype=np.float64, na_value=np.nan)
    except (TypeError, ValueError):
        raise InputError(f"the gate {gate!r} needs numbers, and the column {column!r} holds text") from None


def _axis(values: NDArray[np.float64], log: bool) -> NDArray[np.float64]:
    if not log:
        return values
    place: NDArray[np.float64] = np.log10(values, where=values > 0, out=np.full(values.shape, np.nan))
    return place
