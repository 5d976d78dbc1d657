"""What is written on the cards of cells that just came."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING

from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.widgets.gallery.cards import Card

if TYPE_CHECKING:
    from sparseattn.scale.watch.following import NewCell


class NewCards:
    """The cards of some rows of the table. ``blind`` leaves out what the model says."""

    def __init__(self, cells: Mapping[int, NewCell], colours: Mapping[str, str], *, blind: bool) -> None:
        self._cells, self._colours, self._blind = cells, colours, blind

    def __getitem__(self, cell: int) -> Card:
        one = self._cells.get(cell)
        predicted = None if one is None or self._blind else one.predicted
        confidence = 0.0 if one is None or one.confidence is None else one.confidence
        colour = self._colours.get(predicted or "", NO_CLASS)
        return Card(predicted, confidence, None, False, colour, NO_CLASS)

    def tooltip(self, cell: int) -> str:
        """Return all that is known of a cell in a few lines; HTML."""
        one = self._cells.get(cell)
        if one is None:
            return ""
        lines = []
        if not self._blind and one.confidence is not None and one.in_distribution is not None:
            lines.append(f"predicted {one.predicted}, confidence {100 * one.confidence:.1f} %")
            lines.append(f"like the training cells: {one.in_distribution:.2f} of 1")
        if one.sample is not None:
            lines.append(f"sample {one.sample}")
        return "<br>".join([f"<b>{escape(one.source)}</b>", *map(escape, lines)])
