"""Models that come with the plugin: a .safetensors file and a card beside it that says what it is for.

A card is ``<name>.json`` with the fields of `ModelCard`; the model is ``<name>.safetensors``. Reading cards
imports nothing heavy.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.cells import CellSet

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class ModelCard:
    """What must be said of a model before it is used.

    ``simulated`` models were taught with simulated cells and are offered for the sample cells alone.
    """

    path: Path
    title: str
    classes: tuple[str, ...]
    channels: tuple[str, ...]
    modality: str
    training_data: str
    licence: str
    accuracy: str
    not_for: str
    simulated: bool = False

    @property
    def text(self) -> str:
        """The card in full sentences."""
        return (
            f"{self.title}\n\nClasses: {', '.join(self.classes)}.\nTrained on: {self.training_data}\n"
            f"Licence: {self.licence}\nOn cells held out: {self.accuracy}\nNot for: {self.not_for}"
        )


def bundled_models(folder: Path = FOLDER) -> tuple[ModelCard, ...]:
    """Return the cards of the models that are there, by name."""
    cards = []
    for path in sorted(folder.glob("*.json")):
        model = path.with_suffix(".safetensors")
        if model.is_file():
            said = json.loads(path.read_text(encoding="utf-8"))
            for name in ("classes", "channels"):
                said[name] = tuple(said[name])
            cards.append(ModelCard(path=model, **said))
    return tuple(cards)


def model_for(cells: CellSet, *, simulated: bool = False, folder: Path = FOLDER) -> ModelCard | None:
    """Return a model for cells of these channels and this kind of instrument, or None."""
    for card in bundled_models(folder):
        if (
            set(card.channels) <= set(cells.channels)
            and card.modality == cells.modality
            and card.simulated == simulated
        ):
            return card
    return None
