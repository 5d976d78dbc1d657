"""What a trained model is made of, and the one file that holds it."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self, cast

import torch
from torch import Tensor

from sparseattn.cells import Modality, Prepare
from sparseattn.cells.modality import MODALITIES
from sparseattn.errors import InputError
from sparseattn.learn.calibration import ConfidenceScale
from sparseattn.learn.history import History
from sparseattn.learn.in_distribution import InDistribution
from sparseattn.learn.prototypes import Prototypes
from sparseattn.learn.split import Split
from sparseattn.model_file import (
    FORMAT,
    SCALE_VERSION,
    Arrays,
    ArraySpec,
    ModelFile,
    content_hash,
    write_model,
)
from sparseattn.names import check_names
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

_CARD = {
    "format", "format_version", "config", "classes", "channels", "modality", "preparation", "k", "image_size",
    "history", "split", "temperature",
}  # fmt: skip
_DTYPES = {torch.float32: "F32", torch.int64: "I64"}


@dataclass
class TrainedModel:
    """A trained SparseAttnNet, its classes and its preparation, as they are kept in a file.

    Attributes
    ----------
    net : SparseAttnNet
        The net, with its configuration.
    classes : tuple of str
        Names of the classes, in the order of the net's logits.
    prepare : Prepare
        From the pixels of a cell to what the net sees.
    modality : Modality
        Instrument that the training cells came from.
    k : int
        Learned number of selected pixels of the net's grid.
    history : History
        How the model was trained.
    split : Split
        Which cells taught it, and which judged.
    in_distribution : InDistribution
        What the features of the training cells look like.
    prototypes : Prototypes
        Training cells kept for rehearsal; may be none.
    scale : ConfidenceScale or None
        What makes its confidence mean something; None for a model that was saved before this was kept.
    """

    net: SparseAttnNet
    classes: tuple[str, ...]
    prepare: Prepare
    modality: Modality
    k: int
    history: History
    split: Split
    in_distribution: InDistribution
    prototypes: Prototypes
    scale: ConfidenceScale | None = None

    @property
    def model_hash(self) -> str:
        """32 hex digits of the card and the arrays as they are now: what a file of this model says."""
        return content_hash(self._card(), self._arrays())

    def save(self, path: str | Path) -> None:
        """Write the model as one .safetensors file.

        Raises
        ------
        InputError
            Where the file cannot be written; what was there before stays.
        """
        write_model(Path(path), self._card(), self._arrays())

    @classmethod
    def load(cls, path: str | Path) -> Self:
        """Read a model that `save` wrote. Nothing in the file is run, and nothing in it is trusted.

        Raises
        ------
        InputError
            Where the file is no such model, or is truncated, edited or of a newer format.
        """
        file = ModelFile(Path(path))
        try:
            return cls._from_file(file)
        except InputError as error:
            if str(file.path) in str(error):
                raise
            file.refuse(str(error))

    @classmethod
    def _from_file(cls, file: ModelFile) -> Self:
        card = file.card
        wanted_card = _CARD if card["format_version"] >= SCALE_VERSION else _CARD - {"temperature"}
        if set(card) != wanted_card:
            file.refuse(f"its card must hold {', '.join(sorted(wanted_card))}")
        for name in ("config", "preparation", "history", "split"):
            if not isinstance(card[name], dict):
                file.refuse(f"{name!r} of its card is no JSON object")
        config = SparseAttnNetConfig.from_json(card["config"])
        prepare = Prepare.from_json(card["preparation"])
        classes = _names(card["classes"], "classes")
        if len(classes) != config.classes:
            file.refuse(f"it has {len(classes)} class names and a net for {config.classes}")
        if (
            _names(card["channels"], "channels") != prepare.channels
            or len(prepare.channels) != config.channels
        ):
            file.refuse("its channels are not those that its net and its preparation are made for")
        if not card["image_size"] == prepare.size == config.size:
            file.refuse("its image size is not that of its net and its preparation")
        if card["modality"] not in MODALITIES:
            file.refuse(f"its modality is {card['modality']!r}; known are {', '.join(MODALITIES)}")
        if type(card["k"]) is not int or not 1 <= card["k"] <= config.size**2:
            file.refuse(f"its k is {card['k']!r}; it must lie in 1..{config.size**2}")

        # A card may ask for a net far larger than its file: its shapes are then had without the memory, which
        # takes torch a second to prepare; for nets of a usual size that second is saved.
        with torch.device("meta") if _is_huge(config) else nullcontext():
            wanted = _specs(SparseAttnNet(config).state_dict(), config)
        if "temperature" in card:
            wanted["scale.surprise"] = ArraySpec("F32", (None,))
        arrays = file.arrays(wanted)
        net = SparseAttnNet(config)
        net.load_state_dict({name: torch.from_numpy(array) for name, array in _part(arrays, "net.").items()})
        prototypes = Prototypes(**_part(arrays, "prototypes."))
        if len(prototypes) and not 0 <= prototypes.labels.min() <= prototypes.labels.max() < len(classes):
            file.refuse("a stored prototype is of no class")
        return cls(
            net=net.eval(),
            classes=classes,
            prepare=prepare,
            modality=cast(Modality, card["modality"]),
            k=card["k"],
            history=History.from_json(card["history"]),
            split=Split.from_json(card["split"]),
            in_distribution=InDistribution(**_part(arrays, "in_distribution.")),
            prototypes=prototypes,
            scale=ConfidenceScale(card["temperature"], arrays["scale.surprise"])
            if "temperature" in card
            else None,
        )

    def _card(self) -> dict[str, Any]:
        # A model without a scale is written as ever, so that its hash stays.
        scale = {} if self.scale is None else {"temperature": self.scale.temperature}
        return {
            "format": FORMAT,
            "format_version": SCALE_VERSION if scale else 1,
            **scale,
            "config": self.net.config.to_json(),
            "classes": list(self.classes),
            "channels": list(self.prepare.channels),
            "modality": self.modality,
            "preparation": self.prepare.to_json(),
            "k": self.k,
            "image_size": self.prepare.size,
            "history": self.history.to_json(),
            "split": self.split.to_json(),
        }

    def _arrays(self) -> Arrays:
        parts: dict[str, Mapping[str, Any]] = {
            "net": {name: tensor.cpu().numpy() for name, tensor in self.net.state_dict().items()},
            "in_distribution": vars(self.in_distribution),
            "prototypes": vars(self.prototypes),
            "scale": {} if self.scale is None else {"surprise": self.scale.surprise},
        }
        return {f"{part}.{name}": array for part, arrays in parts.items() for name, array in arrays.items()}


def _specs(net: Mapping[str, Tensor], config: SparseAttnNetConfig) -> dict[str, ArraySpec]:
    width, channels, size = config.width, config.channels, config.size
    specs = {f"net.{name}": ArraySpec(_DTYPES[one.dtype], tuple(one.shape)) for name, one in net.items()}
    return specs | {
        "in_distribution.means": ArraySpec("F32", (None, width)),
        "in_distribution.precision": ArraySpec("F32", (width, width)),
        "in_distribution.reference": ArraySpec("F32", (None,)),
        "prototypes.images": ArraySpec("U8", (None, channels, size, size)),
        "prototypes.labels": ArraySpec("I64", (None,)),
        "prototypes.low": ArraySpec("F32", (channels,)),
        "prototypes.step": ArraySpec("F32", (channels,)),
    }


def _is_huge(config: SparseAttnNetConfig) -> bool:
    words = config.channels * config.window**2 * config.width
    blocks = 2 * config.blocks * config.width * config.hidden
    attention = 4 * config.layers * config.width**2
    return words + blocks + attention + config.coarse_width**2 + config.classes * config.width > 10_000_000


def _names(names: object, what: str) -> tuple[str, ...]:
    if not isinstance(names, list) or not all(isinstance(name, str) and name.strip() for name in names):
        raise InputError(f"its {what} must be a list of names")
    if len(set(names)) != len(names):
        raise InputError(f"its {what} hold a name twice")
    check_names(names, "class" if what == "classes" else "channel")
    return tuple(names)


def _part(arrays: Arrays, prefix: str) -> Arrays:
    return {name.removeprefix(prefix): array for name, array in arrays.items() if name.startswith(prefix)}
