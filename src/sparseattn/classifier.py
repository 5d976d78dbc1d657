"""A trained model that can be asked about cells, and taught further."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from sparseattn.cells import CellSet, Skipped
from sparseattn.errors import InputError
from sparseattn.fast.engine import CompiledNet, Engine, choose_engine
from sparseattn.made_for import Admitted, Mismatch, admit, mismatches
from sparseattn.net import SparseAttnNet, SparseAttnOutput
from sparseattn.predictions import Predictions
from sparseattn.trained_model import TrainedModel

Images = NDArray[np.float32]

_CHUNK = 32
"""Cells that torch is given at once on a CPU: what it makes of more no longer fits in the cache."""

_AT_ONCE = 128  # images

_BYTES_AT_ONCE = 1 << 30
"""Of images in a batch, and of what a net makes of a chunk: large images are asked about in fewer."""


@dataclass
class Classifier(TrainedModel):
    """A `TrainedModel` that can be asked, and taught further."""

    def probabilities(self, logits: Tensor) -> Tensor:
        """Return the probabilities (..., classes) that the model answers where its net says ``logits``."""
        temperature = 1.0 if self.scale is None else self.scale.temperature
        return (logits.float() / temperature).softmax(dim=-1)

    def prediction_sets(self, predictions: Predictions, error_rate: float) -> NDArray[np.bool_]:
        """Return which classes each cell may be of; see `sparseattn.learn.calibration.ConfidenceScale.sets`.

        Parameters
        ----------
        predictions : Predictions
            Of this model at its own k.
        error_rate : float
            Share of the sets that may miss the right class, between 0 and 1.

        Returns
        -------
        ndarray
            (n, classes) bool.

        Raises
        ------
        InputError
            If the error rate is not between 0 and 1, the model holds no scores of validation cells, or the
            predictions were made at another k.
        """
        if self.scale is None:
            raise InputError(
                "the model holds no scores of validation cells, which sets of classes are made from; add "
                "them with: sparseattn calibrate MODEL CELLS -o NEW_MODEL"
            )
        if predictions.k != self.k:
            raise InputError(
                f"sets of classes hold their error rate at the model's own {self.k} pixels alone, not at "
                f"{predictions.k}; leave --pixels away"
            )
        return self.scale.sets(predictions.probabilities, error_rate)

    def mismatches(self, cells: CellSet) -> tuple[Mismatch, ...]:
        """Return in what cells differ from those that the model was made for; see `sparseattn.made_for`."""
        return mismatches(self.prepare, self.modality, cells)

    def check(self, cells: CellSet) -> None:
        """Raise InputError unless the model was made for such cells.

        Raises
        ------
        InputError
            Where the cells lack a channel of the model, come from another kind of instrument, or are of
            another scale; what is unknown on either side is let through.
        """
        self.admit(cells)

    def admit(self, cells: CellSet, *, force: bool = False) -> Admitted:
        """Return cells as the model may be asked about them, and what is to be said of it.

        Parameters
        ----------
        cells : CellSet
            Of any source.
        force : bool
            Take cells of another modality or scale all the same, and other channels by their order where
            there are as many as the model was made for.

        Raises
        ------
        InputError
            As `check`, for what is not forced or cannot be.
        """
        return admit(self.prepare, self.modality, cells, force=force)

    def predict(
        self,
        cells: CellSet,
        *,
        k: int | None = None,
        batch_size: int = 256,
        strict: bool = False,
        device: str = "auto",
        engine: str = "auto",
        force: bool = False,
        features: bool = False,
        on_batch: Callable[[int, int], None] | None = None,
    ) -> Predictions:
        """Classify cells, a batch at a time.

        Parameters
        ----------
        cells : CellSet
            Only a batch of their pixels is in memory.
        k : int, optional
            Pixels of the net's grid to select, 1..size*size; the learned k where it is not given.
        batch_size : int
            Cells a batch.
        strict : bool
            A cell that cannot be read is an error instead of being skipped.
        device : str
            See `choose_device`.
        engine : str
            See `sparseattn.fast.engine.choose_engine`: all give the same answers.
        force : bool
            See `admit`; what was forced stands in the ``notes``.
        features : bool
            Keep what the last layer decides by: `Predictions.features`.
        on_batch : callable, optional
            Called after each batch with the number of cells that are done, and of all.

        Raises
        ------
        InputError
            Where k is out of range, the model was not made for such cells, or none of them can be read.
        CellError
            Where ``strict`` and a cell cannot be read.
        """
        parts = []
        admitted = self.admit(cells, force=force)
        cells = admitted.cells
        how: dict[str, Any] = {
            "k": k,
            "batch_size": batch_size,
            "strict": strict,
            "device": device,
            "engine": engine,
            "features": features,
        }
        for part in self.answers_admitted(admitted, **how):
            parts.append(part)
            if on_batch is not None and len(part):
                on_batch(int(part.indices[-1]) + 1, len(cells))
        return dataclasses.replace(Predictions.join(parts, cells), notes=admitted.notes)

    def answers(
        self,
        cells: CellSet,
        *,
        k: int | None = None,
        batch_size: int = 256,
        strict: bool = False,
        device: str = "auto",
        engine: str = "auto",
        force: bool = False,
        features: bool = False,
    ) -> Iterator[Predictions]:
        """Classify cells a batch at a time, and give what is known of each batch at once; see `predict`.

        Yields
        ------
        Predictions
            Of a batch: ``indices`` are those in ``cells``, ``skipped`` the cells left out since the batch
            before. The last may be empty. `Predictions.join` makes one of them all.

        Raises
        ------
        InputError, CellError
            As `predict`.
        """
        return self.answers_admitted(
            self.admit(cells, force=force),
            k=k,
            batch_size=batch_size,
            strict=strict,
            device=device,
            engine=engine,
            features=features,
        )

    def answers_admitted(
        self,
        admitted: Admitted,
        *,
        k: int | None = None,
        batch_size: int = 256,
        strict: bool = False,
        device: str = "auto",
        engine: str = "auto",
        features: bool = False,
    ) -> Iterator[Predictions]:
        """Classify cells that were looked at already, or a part of them: see `answers` and `admit`."""
        asked = self.asked(k=k, device=device, engine=engine, cells=len(admitted.cells))
        return asked.answers(admitted, batch_size=batch_size, strict=strict, features=features)

    def asked(
        self, *, k: int | None = None, device: str = "auto", engine: str = "auto", cells: int
    ) -> AskedModel:
        """Return the model as it is now, ready to answer for one set of cells after the other.

        Parameters
        ----------
        k, device, engine
            As in `predict`.
        cells : int
            How many it will be asked about in all, by which the engine is chosen.

        Raises
        ------
        InputError
            Where k is out of range, or there is no such device or engine.
        """
        k = self._checked_k(k)
        target = choose_device(device)
        chosen = choose_engine(engine, self.net.config, target, cells)
        return AskedModel(self, k, chosen, self.model_hash, self._asker(chosen, target, k))

    def _asker(self, engine: Engine, device: str, k: int) -> Callable[[Images], tuple[Images, Images]]:
        """Return what gives probabilities and features of prepared images, by the weights as they are now."""
        net = self.net.eval().to(device)
        if engine == "compiled":
            compiled = CompiledNet(net, torch.get_num_threads())

            def ask(images: Images) -> tuple[Images, Images]:
                logits, feature = compiled.answer(images, k)
                return self.probabilities(torch.from_numpy(logits)).numpy(), feature

            return ask

        chunk = max(1, min(_CHUNK, _BYTES_AT_ONCE // net.config.bytes_an_image))

        def ask_torch(images: Images) -> tuple[Images, Images]:
            with torch.inference_mode():
                parts = torch.from_numpy(images).split(chunk if device == "cpu" else len(images))
                outputs = [net(part.to(device), k) for part in parts]
                logits = torch.cat([output.logits for output in outputs])
                feature = torch.cat([output.feature for output in outputs])
            return self.probabilities(logits).cpu().numpy(), feature.float().cpu().numpy()

        return ask_torch

    def asker(
        self, k: int | None = None, *, images: int = 0, device: str = "auto", engine: str = "auto"
    ) -> Callable[[Images], Images]:
        """Return what gives probabilities (n, classes) of prepared images (n, C, S, S), a chunk at a time.

        Parameters
        ----------
        k : int, optional
            As in `predict`.
        images : int
            How many it will be asked about in all, by which the engine is chosen.
        device, engine : str
            As in `predict`.

        Raises
        ------
        InputError
            Where k is out of range, or there is no such device or engine.
        """
        target = choose_device(device)
        chosen = choose_engine(engine, self.net.config, target, images)
        ask = self._asker(chosen, target, self._checked_k(k))

        def answer(prepared: Images) -> Images:
            starts = range(0, len(prepared), _AT_ONCE)
            parts = [ask(prepared[start : start + _AT_ONCE])[0] for start in starts]
            return np.concatenate(parts) if parts else np.zeros((0, len(self.classes)), np.float32)

        return answer

    def inspect(self, images: NDArray[np.float32], k: int | None = None) -> SparseAttnOutput:
        """Return all that the net computes of a few prepared images, as tensors in main memory.

        Parameters
        ----------
        images : ndarray
            (n, C, S, S) float32, as ``prepare`` gives them.
        k : int, optional
            As in `predict`.

        Raises
        ------
        InputError
            Where k is out of range.
        """
        k = self._checked_k(k)
        net = self.net.eval()
        device = next(net.parameters()).device
        with torch.inference_mode():
            output = net(torch.from_numpy(images).to(device), k)
        fields = dataclasses.fields(output)
        return SparseAttnOutput(**{field.name: getattr(output, field.name).cpu() for field in fields})

    def extended(self, classes: Sequence[str]) -> Classifier:
        """Return a copy that has rows for more classes in its last layer; all else is as it was.

        Parameters
        ----------
        classes : sequence of str
            Those that the model does not know are added, in this order, after its own.

        Returns
        -------
        Classifier
            A new row is the mean of the old ones, so its logit is their mean: before any training a new class
            is never more probable than the best old one.
        """
        added = [name for name in dict.fromkeys(classes) if name not in self.classes]
        config = dataclasses.replace(self.net.config, classes=len(self.classes) + len(added))
        state = {name: tensor.detach().clone() for name, tensor in self.net.state_dict().items()}
        for name in ("classify.weight", "classify.bias"):
            mean = state[name].mean(dim=0, keepdim=True)
            state[name] = torch.cat([state[name], *[mean] * len(added)])
        net = SparseAttnNet(config)
        net.load_state_dict(state)
        return dataclasses.replace(self, net=net, classes=self.classes + tuple(added), scale=None)

    def _checked_k(self, k: int | None) -> int:
        if k is None:
            return self.k
        size = self.prepare.size
        if not 1 <= k <= size**2:
            raise InputError(
                f"k is {k} pixels, but the model's grid has {size**2} ({size} x {size}); give 1 to {size**2}"
            )
        return int(k)


@dataclass(frozen=True, eq=False)
class AskedModel:
    """A model as it was when it was asked first; getting it ready costs more than a few cells do.

    Attributes
    ----------
    classifier, k, engine, model_hash
        Who answers, and how.
    """

    classifier: Classifier
    k: int
    engine: Engine
    model_hash: str
    _ask: Callable[[Images], tuple[Images, Images]]

    def answers(
        self,
        admitted: Admitted,
        *,
        batch_size: int = 256,
        strict: bool = False,
        features: bool = False,
    ) -> Iterator[Predictions]:
        """Classify cells a batch at a time; see `Classifier.answers`."""
        if batch_size < 1:
            raise InputError(f"a batch of {batch_size} cells cannot be; give at least 1")
        config = self.classifier.net.config
        fitting = max(1, _BYTES_AT_ONCE // (4 * config.channels * config.size**2))
        return self._batches(admitted, min(batch_size, fitting), strict, features)

    def _batches(
        self, admitted: Admitted, batch_size: int, strict: bool, features: bool
    ) -> Iterator[Predictions]:
        model, cells = self.classifier, admitted.cells
        skipped: list[Skipped] = []

        def part(indices: NDArray[np.int64], probabilities: Images, feature: Images) -> Predictions:
            kept = cells.subset(indices)
            sides = tuple(model.split.sides.get(name) for name in kept.ids)
            left_out = tuple(skipped)
            skipped.clear()
            return Predictions(
                kept,
                indices,
                model.classes,
                probabilities,
                model.in_distribution.score(feature),
                self.k,
                sides,
                self.model_hash,
                left_out,
                admitted.notes,
                self.engine,
                feature if features else None,
            )

        for batch in model.prepare.batches(cells, batch_size, strict=strict, on_skip=skipped.append):
            probabilities, feature = self._ask(batch.images)
            yield part(batch.indices, probabilities, feature)
        if skipped:
            none = np.zeros((0, len(model.classes)), np.float32)
            yield part(np.zeros(0, np.int64), none, np.zeros((0, model.net.config.width), np.float32))


def choose_device(name: str) -> str:
    """Return the device that a name stands for: ``auto`` is a CUDA GPU where there is one, else the CPU.

    Raises
    ------
    InputError
        Where there is no such device.
    """
    if name == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    try:
        torch.empty(0, device=name)
    except (RuntimeError, AssertionError, NotImplementedError):
        raise InputError(f"there is no device {name!r} here; give auto or cpu") from None
    return name
