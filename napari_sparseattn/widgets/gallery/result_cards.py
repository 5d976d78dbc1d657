"""What is written on the cards of large results: of the cells in sight, and no others."""

from __future__ import annotations

from collections.abc import Mapping
from html import escape
from typing import TYPE_CHECKING, Any

from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.widgets.gallery.cards import Card
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.results_job import OpenedResults

_LEFT_OUT = ("id", "source", "predicted", "confidence", "in_distribution", "human_label", "error", "k")


class ResultCards:
    """A card is taken from the answers when it is painted; the whole row is read for its tooltip."""

    def __init__(self, opened: OpenedResults, colours: Mapping[str, str]) -> None:
        self._opened, self._colours = opened, colours
        answers = opened.answers
        self._predicted, self._given = (
            (answers[name].cat.codes.to_numpy(), [*map(str, answers[name].cat.categories), None])
            for name in ("predicted", "human_label")
        )
        self._confidence = answers["confidence"].to_numpy()
        self._disagreement = answers["disagreement"].to_numpy()

    def __getitem__(self, cell: int) -> Card:
        (codes, names), (given_codes, given_names) = self._predicted, self._given
        predicted, given = names[codes[cell]], given_names[given_codes[cell]]
        return Card(
            predicted,
            float(self._confidence[cell]),
            given,
            bool(self._disagreement[cell]),
            self._colours.get(predicted or "", NO_CLASS),
            self._colours.get(given or "", NO_CLASS),
        )

    def tooltip(self, cell: int) -> str:
        """Return all that is known of a cell in a few lines; HTML."""
        try:
            row = self._opened.results.rows(cell, cell + 1).iloc[0]
        except InputError as error:
            return escape(str(error))
        lines = [f"id {row['id']}"]
        if row["predicted"] is not None:
            lines.append(f"predicted {row['predicted']}, confidence {100 * row['confidence']:.1f} %")
            lines.append(f"like the training cells: {row['in_distribution']:.2f} of 1")
        else:
            lines.append(f"cannot be read: {row['error']}")
        if row["human_label"] is not None:
            lines.append(f"given class {row['human_label']}")
        others = [name for name in row.index if name not in _LEFT_OUT and name != "model_hash"]
        lines += [f"{name} {_value(row[name])}" for name in others if _is_there(row[name])]
        return "<br>".join([f"<b>{escape(str(row['source']))}</b>", *map(escape, lines)])


def _is_there(value: Any) -> bool:
    return value is not None and value == value


def _value(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, float) else str(value)
