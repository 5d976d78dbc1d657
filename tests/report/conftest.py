"""A small model that is not trained, and answers that are made up: what a report says needs no good net."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest
import torch

from sparseattn.cells import CellSet, fit_prepare
from sparseattn.classifier import Classifier
from sparseattn.learn.history import EpochRecord, History
from sparseattn.learn.in_distribution import fit_in_distribution
from sparseattn.learn.prototypes import choose_prototypes
from sparseattn.learn.split import make_split
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig
from sparseattn.predictions import Predictions

CLASSES = ("round", "long", "split $x$")
SIZE = 16


@dataclass(frozen=True)
class Model:
    classifier: Classifier
    cells: CellSet


def images_of(count: int, seed: int, brightness: float = 1000.0) -> np.ndarray:
    """Return (count, 2, 20, 24) uint16 of blurred noise around a spot."""
    random = np.random.default_rng(seed)
    y, x = np.mgrid[:20, :24]
    spot = np.exp(-((y - 10) ** 2 + (x - 12) ** 2) / 30)
    strength = random.uniform(200, 900, (count, 2, 1, 1))
    return (brightness + strength * spot + random.normal(0, 60, (count, 2, 20, 24))).astype(np.uint16)


@pytest.fixture(scope="session")
def model() -> Model:
    """180 cells of three classes; 36 of them validated the model."""
    images = images_of(180, seed=0)
    known = np.arange(180) % 3
    cells = CellSet.from_array(
        images, channels=("dapi", "actin"), labels=[CLASSES[i] for i in known], modality="fluorescence"
    )
    split = make_split(cells)
    train, validation = (split.indices(cells.ids, side) for side in ("train", "validation"))
    prepare, prepared = fit_prepare(cells, train, size=SIZE)
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(channels=2, classes=3, size=SIZE)).eval()
    k = 64
    with torch.inference_mode():
        output = net(torch.from_numpy(prepared.images), k)
    features, answers = output.feature.numpy(), output.logits.argmax(1).numpy()
    confusion = np.zeros((3, 3), dtype=int)
    np.add.at(confusion, (known[validation], answers[validation]), 1)
    record = EpochRecord(1, 1, 1.2, 1.1, 0.4, k, k / SIZE**2, 3.0, 0.0)
    classifier = Classifier(
        net=net,
        classes=CLASSES,
        prepare=prepare,
        modality="fluorescence",
        k=k,
        history=History(
            epochs=(record,),
            options={"batch_size": 32, "learning_rate": 0.005},
            seed=7,
            fingerprint="f00d",
            versions={"torch": "2.13.0"},
            validation={"classes": list(CLASSES), "confusion": confusion.tolist()},
        ),
        split=split,
        in_distribution=fit_in_distribution(features[train], known[train], features[validation]),
        prototypes=choose_prototypes(prepared.images, known, features, train, count=16),
    )
    return Model(classifier, cells)


@pytest.fixture(scope="session")
def cells_like_these() -> Callable[..., CellSet]:
    """Make cells that the model has not seen."""

    def make(count: int, seed: int = 1, brightness: float = 1000.0, labels=None) -> CellSet:
        images = images_of(count, seed, brightness)
        return CellSet.from_array(
            images, channels=("dapi", "actin"), labels=labels, modality="fluorescence", name=f"new {seed}"
        )

    return make


@pytest.fixture
def answers(model: Model, cells_like_these) -> Callable[..., Predictions]:
    """Answers as they are given: the predicted class of each cell, and its known one."""

    def make(predicted: Sequence[int], known: Sequence[str | None], sure=0.8, **columns) -> Predictions:
        cells = cells_like_these(len(predicted), labels=known)
        if columns:
            cells = cells.with_columns({name: tuple(values) for name, values in columns.items()})
        asked = model.classifier.predict(cells)
        probabilities = np.full((len(predicted), 3), (1 - sure) / 2, dtype=np.float32)
        probabilities[np.arange(len(predicted)), list(predicted)] = sure
        return replace(asked, probabilities=probabilities)

    return make
