"""What is written on each cell's card, taken out of the table once and not at each repaint."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from typing import TYPE_CHECKING, Any, Protocol

from napari_sparseattn.colours import NO_CLASS

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Card:
    """One cell: classes, or None, and their colours."""

    predicted: str | None
    confidence: float
    given: str | None
    disagreement: bool
    colour: str
    given_colour: str

    @property
    def caption(self) -> str:
        return "" if self.predicted is None else f"{self.predicted} {100 * self.confidence:.0f} %"


class CardSource(Protocol):
    """What a grid asks about a cell."""

    def __getitem__(self, cell: int) -> Card:
        """Return what is written on its card."""

    def tooltip(self, cell: int) -> str:
        """Return all that is known of it in a few lines; HTML."""


class Cards:
    """The cards of all cells. ``blind`` leaves out what the model says."""

    def __init__(self, table: pd.DataFrame | None, colours: Mapping[str, str], blind: bool = False) -> None:
        self._colours = colours
        self._blind = blind
        self._table = table
        if table is not None:
            self._predicted = table["predicted"].tolist()
            self._confidence = table["confidence"].tolist()
            self._given = table["human_label"].tolist()
            self._disagreement = table["disagreement"].tolist()

    def __getitem__(self, cell: int) -> Card:
        if self._table is None or cell >= len(self._predicted):
            return Card(None, 0.0, None, False, NO_CLASS, NO_CLASS)
        predicted = None if self._blind else self._predicted[cell]
        given = self._given[cell]
        shown = given if self._blind else predicted
        return Card(
            predicted,
            self._confidence[cell],
            given,
            self._disagreement[cell] and not self._blind,
            self._colours.get(shown, NO_CLASS),
            self._colours.get(given, NO_CLASS),
        )

    def tooltip(self, cell: int) -> str:
        """Return all that is known of a cell in a few lines."""
        if self._table is None or cell >= len(self._table):
            return ""
        row = self._table.iloc[cell]
        lines = [f"id {row['id']}"]
        if not self._blind and row["predicted"] is not None:
            lines.append(f"predicted {row['predicted']}, confidence {100 * row['confidence']:.1f} %")
            lines.append(f"like the training cells: {row['in_distribution']:.2f} of 1")
        if row["human_label"] is not None:
            lines.append(f"given class {row['human_label']}")
        lines += [f"{name} {_value(row[name])}" for name in self._other_columns()]
        return "<br>".join([f"<b>{escape(str(row['source']))}</b>", *map(escape, lines)])

    def _other_columns(self) -> list[str]:
        assert self._table is not None
        names = list(self._table.columns)
        samples = names[names.index("source") + 1 : names.index("predicted")]
        return samples + [name for name in names if name == "area" or name.startswith("mean_")]


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
