"""One training run of a SparseAttnNet: epochs, validation, the learned k, checkpoints."""

from __future__ import annotations

import copy
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from importlib.metadata import version
from math import ceil
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Generator, Tensor

from sparseattn.cells import Prepare
from sparseattn.cells.spread_rows import spread_rows
from sparseattn.errors import InputError
from sparseattn.learn.adaptive_k import LossTrendController, candidates, learn_k
from sparseattn.learn.augment import Augmentation
from sparseattn.learn.checkpoint import Checkpoint
from sparseattn.learn.data import TrainingData, restandardise
from sparseattn.learn.history import EpochRecord, History
from sparseattn.learn.loop import Loop
from sparseattn.learn.losses import class_weights, random_pixels, sparse_loss
from sparseattn.learn.metrics import classification_report
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.processes import ALONE, Processes
from sparseattn.learn.sufficiency import MOST_CELLS, class_kept
from sparseattn.net import SparseAttnNet

_K_UPDATES = 20
"""How often at most k is learned anew: often enough to see it settle, seldom enough to cost little."""

_BATCH = 256


class Run:
    """Train one net on one set of data.

    Parameters
    ----------
    learns_k : bool
        Whether ``pixels="auto"`` chooses k by the validation cells; else it takes the whole budget.

    Attributes
    ----------
    best : SparseAttnNet
        The averaged weights to keep: the last ones, or those of the lowest validation loss where training
        stops early.
    k : int
        Pixels, as learned so far.
    """

    def __init__(
        self,
        net: SparseAttnNet,
        data: TrainingData,
        options: TrainingOptions,
        augmentation: Augmentation,
        device: str,
        *,
        learns_k: bool = True,
        processes: Processes = ALONE,
    ) -> None:
        self.data = data
        self.learns_k = learns_k
        self.options = options
        self.pixels = net.config.size**2
        weights = class_weights(
            data.labels[torch.from_numpy(data.train)], len(data.classes), options.class_balance
        )
        self.controller = LossTrendController(self.pixels) if options.pixels == "controller" else None
        loss = sparse_loss(options, weights, self._training_k)
        self.loop = Loop(net, loss, options, augmentation, device, processes)
        self.processes = processes
        self.best = self._average()
        self.k = self.controller.k if self.controller else round(0.15 * self.pixels)
        if isinstance(options.pixels, float | int):
            self.k = max(1, round(options.pixels * self.pixels))
        self.records: list[EpochRecord] = []
        self.k_trajectory: list[int] = []
        self.lowest_loss = float("inf")
        self.epochs_since_best = 0
        self.keeps_best = options.patience > 0
        self.k_of_best = self.k

    def train(
        self,
        checkpoint: Path | None,
        resume: bool,
        on_epoch: Callable[[EpochRecord], None] | None,
        should_stop: Callable[[], bool] | None = None,
    ) -> None:
        """Run all epochs, or those that a checkpoint leaves; told to stop, keep the best so far.

        Of several processes the first writes the checkpoint, reports, and decides when to stop.
        """
        is_first = self.processes.rank == 0
        self.keeps_best |= should_stop is not None
        if resume and checkpoint is not None and checkpoint.exists():
            self._restore(Checkpoint.load(checkpoint), checkpoint)
        before = self.records[-1].seconds if self.records else 0.0
        started = time.perf_counter()
        while self.loop.epoch < self.loop.epochs and not self.processes.agree(self._is_stuck()):
            loss = self.loop.run_epoch(self.data.images, self.data.labels, self.data.train)
            validation_loss = self._validate(loss)
            seconds = before + time.perf_counter() - started
            self._record(loss, validation_loss, seconds)
            if checkpoint is not None and is_first:
                self._checkpoint().save(checkpoint)
            if on_epoch is not None and is_first:
                on_epoch(self.records[-1])
            if should_stop is None or self.loop.epoch == self.loop.epochs:
                continue
            if self.processes.agree(is_first and should_stop()):
                self.k = self.k_of_best
                return
        if not self.options.patience:
            self.best = self._average()

    def history(self) -> History:
        """Return what a model keeps of the run: no times, so that the same training gives the same file."""
        return History(
            epochs=tuple(replace(one, seconds=math.nan, eta_seconds=math.nan) for one in self.records),
            options={**self.options.to_json(), **self._circumstances()},
            seed=self.options.seed,
            fingerprint=self.data.fingerprint,
            versions={name: version(name) for name in ("napari-sparseattn", "torch", "numpy")},
            k_trajectory=self.k_trajectory,
            validation={
                **self.report(self.best, self.k, len(self.data.classes)),
                "class_kept": self._kept(self.best, self.k) if len(self.data.validation) else None,
            },
        )

    def _circumstances(self) -> dict[str, Any]:
        """Return what else the weights come from, beside the options; `NOT_OPTIONS` are their names."""
        processes = self.processes.count
        return {"rehearsed": self.data.rehearsed} | ({"processes": processes} if processes > 1 else {})

    @torch.inference_mode()
    def report(
        self, net: SparseAttnNet, k: int, classes: int, prepare: Prepare | None = None
    ) -> dict[str, Any]:
        """Return the report of a net on the validation cells of the first ``classes`` classes.

        ``prepare`` is the net's, where it is not that of the data.
        """
        labels = self.data.labels.numpy()
        rows = self.data.validation[labels[self.data.validation] < classes]
        images = self.data.images[rows]
        if prepare is not None and prepare != self.data.prepare:
            images = restandardise(images, self.data.prepare, prepare)
        device = next(net.parameters()).device
        probabilities = [
            net(torch.from_numpy(images[batch]).to(device), k).logits.softmax(1).cpu()
            for batch in _batches(np.arange(len(rows)))
        ]
        if not probabilities:
            return {}
        return classification_report(
            labels[rows], torch.cat(probabilities).numpy(), self.data.classes[: net.config.classes]
        )

    def _average(self) -> SparseAttnNet:
        return copy.deepcopy(self._averaged())

    def _averaged(self) -> SparseAttnNet:
        average = self.loop.average
        assert isinstance(average, SparseAttnNet)
        return average

    def _training_k(self, generator: Generator) -> tuple[int, ...]:
        if self.controller is not None:
            return (self.controller.k,)
        return random_pixels(self.pixels, self.options, generator)

    def _is_stuck(self) -> bool:
        return 0 < self.options.patience <= self.epochs_since_best

    def _validate(self, training_loss: float) -> Tensor:
        """Learn k anew where it is time, keep the best weights; return the (n, classes) validation logits."""
        if self.controller is not None:
            self.k = self.controller.update(training_loss)
            self.k_trajectory.append(self.k)
        elif self.options.pixels == "auto" and not self.learns_k:
            self.k = candidates(self.pixels, self.options.budget)[-1]
            self.k_trajectory.append(self.k)
        elif self.options.pixels == "auto":
            every = ceil(self.loop.epochs / _K_UPDATES)
            if self.loop.epoch % every == 0 or self.loop.epoch == self.loop.epochs:
                ks = candidates(self.pixels, self.options.budget)
                losses = np.stack([self._losses(self._logits(k)).numpy() for k in ks]).astype(np.float64)
                self.k = learn_k(ks, losses, partial(self._kept, self._averaged()))
                self.k_trajectory.append(self.k)
        logits = self._logits(self.k)
        loss = self._losses(logits).mean().item()
        self.epochs_since_best += 1
        if loss < self.lowest_loss:
            self.lowest_loss, self.epochs_since_best = loss, 0
            if self.keeps_best:
                self.best, self.k_of_best = self._average(), self.k
        return logits

    def _kept(self, net: SparseAttnNet, k: int) -> float:
        """Return the share of the validation cells that keep their class by the selected pixels alone."""
        return class_kept(net, self.data.images[spread_rows(self.data.validation, MOST_CELLS)], k)

    @torch.inference_mode()
    def _logits(self, k: int) -> Tensor:
        net = self.loop.average
        return torch.cat(
            [
                net(torch.from_numpy(self.data.images[rows]).to(self.loop.device), k).logits.cpu()
                for rows in _batches(self.data.validation)
            ]
        )

    def _losses(self, logits: Tensor) -> Tensor:
        return F.cross_entropy(
            logits, self.data.labels[torch.from_numpy(self.data.validation)], reduction="none"
        )

    def _record(self, loss: float, logits: Tensor, seconds: float) -> None:
        labels = self.data.labels[torch.from_numpy(self.data.validation)]
        right = logits.argmax(1) == labels
        recalls = [right[labels == label].float().mean().item() for label in labels.unique()]
        done, epochs = self.loop.epoch, self.loop.epochs
        self.records.append(
            EpochRecord(
                epoch=done,
                epochs=epochs,
                loss=loss,
                validation_loss=self._losses(logits).mean().item(),
                validation_balanced_accuracy=float(np.mean(recalls)),
                k=self.k,
                pixel_fraction=self.k / self.pixels,
                seconds=seconds,
                eta_seconds=seconds / done * (epochs - done),
            )
        )

    def _checkpoint(self) -> Checkpoint:
        tensors = self.loop.tensors()
        tensors |= {f"best.{name}": tensor.cpu() for name, tensor in self.best.state_dict().items()}
        return Checkpoint(
            tensors,
            {
                "options": self.options.to_json(),
                "net": self.best.config.to_json(),
                "fingerprint": self.data.fingerprint,
                "epoch": self.loop.epoch,
                "step": self.loop.step,
                "k": self.k,
                "k_trajectory": self.k_trajectory,
                "lowest_loss": self.lowest_loss,
                "epochs_since_best": self.epochs_since_best,
                "controller": vars(self.controller) if self.controller else None,
                "records": [record.to_json() for record in self.records],
            },
        )

    def _restore(self, checkpoint: Checkpoint, path: Path) -> None:
        mine = self._checkpoint().document
        for what in ("options", "net", "fingerprint"):
            if checkpoint.document.get(what) != mine[what]:
                said = {
                    "options": "with other options",
                    "net": "for another net",
                    "fingerprint": "on other cells",
                }[what]
                raise InputError(
                    f"the checkpoint {path} was made {said}; remove it, or train without --resume"
                )
        try:
            state = checkpoint.document
            self.loop.restore(checkpoint.tensors, state["epoch"], state["step"])
            best = {
                name[5:]: tensor for name, tensor in checkpoint.tensors.items() if name.startswith("best.")
            }
            self.best.load_state_dict(best)
            self.k = state["k"]
            self.k_trajectory = state["k_trajectory"]
            self.lowest_loss = state["lowest_loss"]
            self.epochs_since_best = state["epochs_since_best"]
            if self.controller is not None:
                self.controller = LossTrendController(**state["controller"])
            self.records = [EpochRecord.from_json(record) for record in state["records"]]
        except (KeyError, ValueError, TypeError, RuntimeError):
            raise InputError(
                f"the checkpoint {path} is damaged; remove it, or train without --resume"
            ) from None


@torch.inference_mode()
def features_of(net: SparseAttnNet, images: NDArray[np.float32], k: int) -> NDArray[np.float32]:
    """Return the (N, width) float32 features by which a net decides."""
    device = next(net.parameters()).device
    rows = np.arange(len(images))
    return torch.cat(
        [net(torch.from_numpy(images[batch]).to(device), k).feature.cpu() for batch in _batches(rows)]
    ).numpy()


def _batches(rows: NDArray[np.int64]) -> Sequence[NDArray[np.int64]]:
    return [rows[first : first + _BATCH] for first in range(0, len(rows), _BATCH)]
