"""A piece of the benchmark: one net taught and asked on one fold, written to one small JSON file."""

import contextlib
import datetime
import importlib.metadata
import json
import os
import platform
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F

from benchmarks.datasets import Dataset, load
from benchmarks.folds import Fold, make_fold
from benchmarks.models import SHARES, logits
from benchmarks.recipes import recipe_for
from benchmarks.scores import balanced_accuracy, recalls
from benchmarks.training import Recipe, Trained, slope, train
from sparseattn.bench.cost import arithmetic, parameters
from sparseattn.learn import adaptive_k
from sparseattn.learn.sufficiency import class_kept
from sparseattn.net import SparseAttnNet

RESULTS = Path(__file__).parent / "results"
FORMAT = 1

Document = dict[str, Any]  # a piece as written
LIBRARIES = ("torch", "monai", "numpy", "scikit-image")


@dataclass(frozen=True)
class Piece:
    """What is taught and asked."""

    dataset: str
    model: str
    repeat: int
    fold: int

    @property
    def path(self) -> Path:
        """Where the result lies."""
        return RESULTS / "pieces" / self.dataset / self.model / f"repeat{self.repeat}_fold{self.fold}.json"

    @property
    def seed(self) -> int:
        """Seed of the net's start and training: another one for each fold, the same for every net."""
        return 100 * self.repeat + self.fold


def device_name(device: str) -> str:
    """Return what the piece ran on, for people."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    if Path("/proc/cpuinfo").exists():
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def versions() -> dict[str, str]:
    """Return the version of each library that is there."""
    found = {}
    for library in LIBRARIES:
        with contextlib.suppress(importlib.metadata.PackageNotFoundError):
            found[library] = importlib.metadata.version(library)
    return found


def answer(trained: Trained, dataset: Dataset, fold: Fold, k: int | None) -> dict[str, Any]:
    """Ask the net about the test cells, our net at k pixels."""
    labels = dataset.labels[fold.test]
    predicted = logits(trained.net, trained.images[fold.test], k).argmax(1).numpy()
    one = trained.images[:1]
    cost = arithmetic(trained.net, lambda: logits(trained.net, one, k))
    return {
        "k": k,
        "pixel_fraction": None if k is None else k / dataset.description.size**2,
        "accuracy": float((labels == predicted).mean()),
        "balanced_accuracy": balanced_accuracy(labels, predicted),
        "recall": dict(zip(dataset.classes, recalls(labels, predicted, len(dataset.classes)), strict=True)),
        "mflop": cost.total,
        "mflop_coarse": cost.coarse,
        "mflop_fine": cost.fine,
        "predicted": predicted.tolist(),
    }


def validation_losses(trained: Trained, dataset: Dataset, fold: Fold) -> dict[int, np.ndarray]:
    """Return the loss of each validation cell at each k among which k is learned, the smallest k first."""
    known = torch.from_numpy(dataset.labels[fold.validation])
    images = trained.images[fold.validation]
    return {
        k: F.cross_entropy(logits(trained.net, images, k), known, reduction="none").numpy()
        for k in adaptive_k.candidates(dataset.description.size**2, trained.options.budget)
    }


def run(piece: Piece, device: str) -> Document:
    """Measure a piece on its set, write its file, and return what was written."""
    dataset = load(piece.dataset)
    fold = make_fold(dataset, piece.repeat, piece.fold)
    recipe, origin = recipe_for(piece.dataset, piece.model, len(fold.train))
    document = measure(piece, dataset, fold, recipe, device) | {"recipe_from": origin}
    write_json(document, piece.path)
    return document


def measure(piece: Piece, dataset: Dataset, fold: Fold, recipe: Recipe, device: str) -> Document:
    """Teach a net and ask it about the test cells."""
    trained = train(dataset, fold, piece.model, recipe, piece.seed, device)
    document: Document = {
        "format": FORMAT,
        "dataset": piece.dataset,
        "fingerprint": dataset.fingerprint,
        "model": piece.model,
        "repeat": piece.repeat,
        "fold": piece.fold,
        "seed": piece.seed,
        "cells": {side: len(getattr(fold, side)) for side in ("train", "validation", "test")},
        "classes": list(dataset.classes),
        "options": trained.options.to_json(),
        "parameters": parameters(trained.net),
        "config": None,
        "learned_k": None,
        "training": {
            "seconds": trained.seconds,
            "processor_seconds": trained.processor_seconds,
            "loss_slope": slope([epoch.loss for epoch in trained.epochs]),
            "validation_loss_slope": slope([epoch.validation_loss for epoch in trained.epochs]),
            "epochs": [{name: round(value, 5) for name, value in asdict(e).items()} for e in trained.epochs],
        },
        "machine": {
            "device": "gpu" if device.startswith("cuda") else "cpu",
            "name": device_name(device),
            "threads": torch.get_num_threads(),
            "date": datetime.date.today().isoformat(),
            "python": platform.python_version(),
            **versions(),
        },
        "test": {"indices": fold.test.tolist(), "labels": dataset.labels[fold.test].tolist()},
    }
    if isinstance(trained.net, SparseAttnNet):
        document["config"] = trained.net.config.to_json()
        losses = validation_losses(trained, dataset, fold)  # kept: another rule can be tried on them later
        document["validation_losses"] = {
            str(k): [round(float(x), 4) for x in row] for k, row in losses.items()
        }
        images = trained.images[fold.validation].numpy()
        document["class_kept"] = {str(k): class_kept(trained.net, images, k) for k in losses}
        document["learned_k"] = adaptive_k.learn_k(
            list(losses),
            np.stack(list(losses.values())).astype(np.float64),
            lambda k: document["class_kept"][str(k)],
        )
        pixels = dataset.description.size**2
        counts = sorted({max(1, round(share * pixels)) for share in SHARES} | {document["learned_k"]})
        document["answers"] = [answer(trained, dataset, fold, k) for k in counts]
    else:
        document["answers"] = [answer(trained, dataset, fold, None)]
    return document


def write_json(document: Document, path: Path) -> None:
    """Write a document whole or not at all; lists of numbers on one line each."""
    path.parent.mkdir(parents=True, exist_ok=True)
    half = path.with_name(f"{path.name}.{os.getpid()}")
    lines = ",\n".join(f"{json.dumps(name)}: {json.dumps(value)}" for name, value in document.items())
    half.write_text(f"{{\n{lines}\n}}\n")
    half.replace(path)


def finished(results: Path = RESULTS) -> list[Document]:
    """Return every piece that was written, in the order of its path."""
    return [json.loads(path.read_text()) for path in sorted(results.glob("pieces/*/*/*.json"))]
