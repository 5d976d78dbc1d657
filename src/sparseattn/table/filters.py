"""Which cells of the table are shown, and in which order: what a gallery shows is what an export holds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any, cast

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.table.gates import PolygonGate, inside_gates

Range = tuple[float, float]
Rows = NDArray[np.int64]

_EVERYTHING: Range = (0.0, 1.0)
_ANSWERS = frozenset(
    {
        "predicted", "confidence", "entropy", "in_distribution", "disagreement", "set", "attention_outside",
    }
)  # fmt: skip


@dataclass(frozen=True)
class CellFilter:
    """Conditions on the rows of a table of cells (`cell_table`); all must hold. As it is made, all rows pass.

    Attributes
    ----------
    samples
        Pairs of a sample column and the values allowed in it, as `sample_texts` gives them; a column without
        values lets all pass.
    predicted
        Predicted classes allowed; none: any, and cells without a prediction.
    given
        Given classes allowed; none: any, and cells without a class.
    confidence, in_distribution
        Lowest and highest value allowed, both included, 0 to 1. A cell that has no value passes only the
        whole range.
    labelled
        True: only cells that have a given class; False: only the others; None: both.
    disagreement
        True: only cells whose given class is not the predicted one; False: only the others; None: both.
    limits
        Columns of numbers, each with the lowest and highest value allowed, both included; a cell that has no
        value does not pass.
    gates
        See `inside_gates`.
    """

    samples: tuple[tuple[str, tuple[str, ...]], ...] = ()
    predicted: tuple[str, ...] = ()
    given: tuple[str, ...] = ()
    confidence: Range = _EVERYTHING
    in_distribution: Range = _EVERYTHING
    labelled: bool | None = None
    disagreement: bool | None = None
    limits: tuple[tuple[str, float, float], ...] = ()
    gates: tuple[PolygonGate, ...] = ()

    @property
    def is_empty(self) -> bool:
        """Whether every row passes, whatever is in the table."""
        return self == CellFilter(gates=tuple(gate for gate in self.gates if not gate.active))

    def without_answers(self) -> CellFilter:
        """Return the same without the conditions on what a model says: for who is not to know it."""
        return replace(
            self,
            predicted=(),
            confidence=_EVERYTHING,
            in_distribution=_EVERYTHING,
            disagreement=None,
            limits=tuple(one for one in self.limits if not is_answer(one[0])),
            gates=tuple(gate for gate in self.gates if not (is_answer(gate.x) or is_answer(gate.y))),
        )

    def passes(self, table: pd.DataFrame) -> NDArray[np.bool_]:
        """Return (n,) whether each row of a table of cells passes.

        Raises
        ------
        InputError
            Where the table lacks a sample column, a column of a gate or a limited one, or that holds no
            numbers.
        """
        passed: NDArray[np.bool_] = inside_gates(table, self.gates)
        for column, values in self.samples:
            if column not in table.columns:
                raise InputError(f"these cells have no sample column {column!r}; clear the filter on it")
            if values:
                passed &= sample_texts(table[column]).isin(values).to_numpy()
        for name, allowed in (("predicted", self.predicted), ("human_label", self.given)):
            if allowed:
                passed &= table[name].isin(allowed).to_numpy()
        for name, (low, high) in (
            ("confidence", self.confidence),
            ("in_distribution", self.in_distribution),
        ):
            if (low, high) != _EVERYTHING:
                passed &= table[name].between(low, high).to_numpy()
        for column, low, high in self.limits:
            if column not in table.columns or table[column].dtype.kind not in "biuf":
                raise InputError(f"these cells have no numbers {column!r}; take the limit on them away")
            passed &= table[column].between(low, high).to_numpy()
        for name, wanted in (("labelled", self.labelled), ("disagreement", self.disagreement)):
            if wanted is not None:
                passed &= table[name].to_numpy() == wanted
        return passed

    def to_json(self) -> dict[str, Any]:
        """Return the filter as plain JSON values."""
        return {
            "samples": {column: list(values) for column, values in self.samples},
            "predicted": list(self.predicted),
            "given": list(self.given),
            "confidence": list(self.confidence),
            "in_distribution": list(self.in_distribution),
            "labelled": self.labelled,
            "disagreement": self.disagreement,
            "limits": {column: [low, high] for column, low, high in self.limits},
            "gates": [gate.to_json() for gate in self.gates],
        }

    @classmethod
    def from_json(cls, d: Mapping[str, Any]) -> CellFilter:
        """Return the filter that `to_json` wrote; an entry that is missing lets all pass.

        Raises
        ------
        InputError
            When an entry makes no sense.
        """
        unknown = set(d) - {field.name for field in fields(cls)}
        if unknown:
            raise InputError(
                f"the filter has entries that are not known: {', '.join(sorted(map(str, unknown)))}"
            )
        try:
            return cls(
                samples=tuple((str(name), _texts(values)) for name, values in d.get("samples", {}).items()),
                predicted=_texts(d.get("predicted", ())),
                given=_texts(d.get("given", ())),
                confidence=_range(d.get("confidence", _EVERYTHING)),
                in_distribution=_range(d.get("in_distribution", _EVERYTHING)),
                labelled=_choice(d.get("labelled")),
                disagreement=_choice(d.get("disagreement")),
                limits=tuple((str(name), *_span(values)) for name, values in d.get("limits", {}).items()),
                gates=tuple(PolygonGate.from_json(gate) for gate in d.get("gates", ())),
            )
        except (AttributeError, KeyError, OverflowError, TypeError, ValueError) as error:
            if isinstance(error, InputError):
                raise
            raise InputError(
                f"the filter is damaged ({type(error).__name__}: {error}); set it again"
            ) from None


@dataclass(frozen=True)
class CellOrder:
    """The order of the rows.

    Attributes
    ----------
    column
        Name of the column to sort by; "" keeps the order of the cells.
    descending
        Largest first. Rows without a value come last either way; equal ones keep the order of the cells.
    """

    column: str = ""
    descending: bool = False

    def to_json(self) -> dict[str, Any]:
        """Return the order as plain JSON values."""
        return {"column": self.column, "descending": self.descending}

    @classmethod
    def from_json(cls, d: Mapping[str, Any]) -> CellOrder:
        """Return the order that `to_json` wrote.

        Raises
        ------
        InputError
            When an entry makes no sense.
        """
        column, descending = d.get("column", ""), d.get("descending", False)
        if not isinstance(column, str) or type(descending) is not bool:
            raise InputError("the order of the cells is damaged; choose it again")
        return cls(column, descending)


def is_answer(column: str) -> bool:
    """Whether a column of the table of cells holds what a model says."""
    return column in _ANSWERS or column.startswith("p_")


def rows_shown(table: pd.DataFrame, chosen: CellFilter, order: CellOrder | None = None) -> Rows:
    """Return the positions of the rows that pass a filter, in order.

    ``table.iloc[rows_shown(table, chosen, order)]`` is what is shown, and what is to be exported.

    Parameters
    ----------
    table
        As `cell_table` gives it.
    chosen
        Which rows.
    order
        In which order; as in the table where it is not given.

    Returns
    -------
    numpy.ndarray
        (m,) int64.

    Raises
    ------
    InputError
        Where the table lacks a column that the filter or the order names.
    """
    rows = np.flatnonzero(chosen.passes(table)).astype(np.int64)
    if order is None or not order.column:
        return rows
    if order.column not in table.columns:
        raise InputError(f"these cells have no column {order.column!r} to sort by; choose another")
    values = table[order.column].iloc[rows]
    ranks = values.reset_index(drop=True).sort_values(
        ascending=not order.descending, kind="stable", na_position="last"
    )
    sorted_rows: Rows = rows[ranks.index.to_numpy()]
    return sorted_rows


def sample_texts(column: pd.Series[Any]) -> pd.Series[str]:
    """Return the values of a sample column as text, "" where there is none."""
    if isinstance(column.dtype, pd.CategoricalDtype):  # of a million cells each text once
        texts = column.cat.rename_categories(str)
        there = texts if "" in texts.cat.categories else texts.cat.add_categories([""])
        return cast("pd.Series[str]", there.fillna(""))
    return column.astype(str).where(column.notna(), "")


def _texts(values: Any) -> tuple[str, ...]:
    if isinstance(values, str) or not all(isinstance(value, str) for value in values):
        raise TypeError("a list of names was expected")
    return tuple(values)


def _range(values: Any) -> Range:
    low, high = (float(value) for value in values)
    if not 0 <= low <= high <= 1:
        raise ValueError(f"{low:g} to {high:g} is no range in 0 to 1")
    return low, high


def _span(values: Any) -> Range:
    low, high = (float(value) for value in values)
    if not -np.inf < low <= high < np.inf:
        raise ValueError(f"{low:g} to {high:g} is no range")
    return low, high


def _choice(value: Any) -> bool | None:
    if value is not None and type(value) is not bool:
        raise TypeError(f"{value!r} is not true, false or null")
    return value
