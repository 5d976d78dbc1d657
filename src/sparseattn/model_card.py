"""What must be said of a model before others use it: ``<name>.json`` beside ``<name>.safetensors``.

Reading a card imports nothing heavy.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

from sparseattn.plain_json import parse_json


@dataclass(frozen=True)
class ModelCard:
    """What its maker says of a model.

    Attributes
    ----------
    path : Path
        The model's file.
    title : str
        What it is, in a few words.
    classes, channels : tuple of str
        What it tells apart, and by which channels.
    modality : str
        Instrument that the training cells came from.
    training_data : str
        Which cells taught it.
    licence : str
        Of the model and of its training images.
    accuracy : str
        How right it was on cells held out.
    not_for : str
        What it is not for.
    simulated : bool
        Taught with simulated cells, and offered for the sample cells alone.
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


def read_card(model: Path) -> ModelCard | None:
    """Return the card that lies beside a model, or None where there is none."""
    try:
        said: Any = parse_json(model.with_suffix(".json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    if not _is_card(said):
        return None  # another file that happens to have the model's name
    for name in _LISTS:
        said[name] = tuple(said[name])
    return ModelCard(path=model, **said)


_LISTS = ("classes", "channels")


def _is_card(said: Any) -> bool:
    known = {field.name for field in fields(ModelCard)} - {"path"}
    if not isinstance(said, dict) or not known - {"simulated"} <= set(said) <= known:
        return False
    if not all(isinstance(said[name], list) for name in _LISTS):
        return False
    texts = [said[name] for name in known - {"simulated", *_LISTS}]
    texts += [text for name in _LISTS for text in said[name]]
    return all(isinstance(text, str) for text in texts) and isinstance(said.get("simulated", False), bool)
