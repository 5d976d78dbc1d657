"""Every net is taught by the library's own loop; only learning rate and epochs are a net's own."""

import time
from dataclasses import dataclass, replace

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from benchmarks.datasets import Dataset
from benchmarks.folds import Fold
from benchmarks.models import OURS, logits, loss_of, model_named
from benchmarks.scores import balanced_accuracy
from sparseattn.learn.augment import Augmentation
from sparseattn.learn.loop import Loop
from sparseattn.learn.losses import class_weights
from sparseattn.learn.options import TrainingOptions

VALIDATION_SHARE = 0.15  # of the pixels, at which our net is watched while it learns


@dataclass(frozen=True)
class Recipe:
    """What ``accuracy.py tune`` chooses for a net."""

    learning_rate: float
    epochs: int


@dataclass(frozen=True)
class Epoch:
    """Mean training loss of an epoch; the averaged net's figures on the validation cells."""

    loss: float
    validation_loss: float
    validation_balanced_accuracy: float


@dataclass(frozen=True)
class Trained:
    """The averaged net, in evaluation mode, and how it came to be.

    Attributes
    ----------
    images
        (N, C, S, S) all cells, standardised by the training cells.
    seconds
        Wall time.
    processor_seconds
        Time of all threads of the process: what other programs on the machine do hardly moves it.
    """

    net: nn.Module
    images: Tensor
    epochs: tuple[Epoch, ...]
    seconds: float
    processor_seconds: float
    options: TrainingOptions


def augmentation_for(dataset: Dataset) -> Augmentation:
    """Return what may vary in a set: what the library varies, but nothing turns where up means something."""
    augmentation = Augmentation.for_modality(dataset.description.modality)
    return replace(augmentation, rotation=0.0, flip=False) if dataset.description.upright else augmentation


def train(dataset: Dataset, fold: Fold, model: str, recipe: Recipe, seed: int, device: str) -> Trained:
    """Teach a net on the training cells of a fold; validation cells are watched and change nothing."""
    torch.manual_seed(seed)
    images, labels = dataset.images(fold.train), torch.from_numpy(dataset.labels)
    classes, size = len(dataset.classes), dataset.description.size
    net = model_named(model).build(images.shape[1], classes, size)
    options = TrainingOptions(
        epochs=recipe.epochs,
        learning_rate=recipe.learning_rate,
        optimizer="muon" if model in OURS else "adamw",
        seed=seed,
    )
    weights = class_weights(labels[fold.train], classes, options.class_balance)
    loop = Loop(net, loss_of(net, options, weights), options, augmentation_for(dataset), device)
    k = round(VALIDATION_SHARE * size**2) if model in OURS else None
    pictures = torch.from_numpy(images)
    started, processor_started = time.perf_counter(), time.process_time()
    epochs = []
    for _ in range(recipe.epochs):
        loss = loop.run_epoch(images, labels, fold.train)
        answers = logits(loop.average, pictures[fold.validation], k)
        known = labels[fold.validation]
        validation_loss = F.cross_entropy(
            answers, known, weights, label_smoothing=options.label_smoothing
        ).item()
        recall = balanced_accuracy(known.numpy(), answers.argmax(1).numpy())
        epochs.append(Epoch(loss, validation_loss, recall))
    return Trained(
        loop.average.eval(),
        pictures,
        tuple(epochs),
        time.perf_counter() - started,
        time.process_time() - processor_started,
        options,
    )


def slope(losses: list[float], share: float = 0.2) -> float:
    """Return the change of a loss an epoch over the last share of the epochs (at least two), in nats."""
    last = losses[-max(2, round(share * len(losses))) :]
    return float(np.polyfit(np.arange(len(last)), last, 1)[0]) if len(last) > 1 else 0.0
