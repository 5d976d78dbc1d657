"""Models that come with the plugin: a .safetensors file and a card beside it that says what it is for.

A card is ``<name>.json``, the model ``<name>.safetensors``. Reading cards imports nothing heavy.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from sparseattn.model_card import ModelCard, read_card

if TYPE_CHECKING:
    from sparseattn.cells import CellSet

FOLDER = Path(__file__).parent


def bundled_models(folder: Path = FOLDER) -> tuple[ModelCard, ...]:
    """Return the cards of the models that are there, by name."""
    cards = (read_card(model) for model in sorted(folder.glob("*.safetensors")))
    return tuple(card for card in cards if card is not None)


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
