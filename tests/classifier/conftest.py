"""A small model, not trained: what is promised of the file and of the answers does not need a good one."""

from dataclasses import dataclass

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

CLASSES = ("round", "long", "μ-größe")


@dataclass(frozen=True)
class Model:
    classifier: Classifier
    cells: CellSet


def some_cells(count=30, modality="fluorescence", channels=("dapi", "actin")) -> CellSet:
    random = np.random.default_rng(0)
    images = random.integers(0, 4000, (count, len(channels), 16, 16)).astype(np.uint16)
    labels = [CLASSES[i % 3] for i in range(count)]
    return CellSet.from_array(images, channels=channels, labels=labels, modality=modality)


@pytest.fixture
def model() -> Model:
    cells = some_cells()
    split = make_split(cells)
    train = split.indices(cells.ids, "train")
    prepare, prepared = fit_prepare(cells, train, size=16)
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(channels=2, classes=3, size=16)).eval()
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), 60).feature.numpy()
    labels = np.arange(len(cells)) % 3
    validation = split.indices(cells.ids, "validation")
    record = EpochRecord(1, 1, 0.7, 0.8, 0.5, 60, 60 / 256, 1.5, 0.0)
    classifier = Classifier(
        net=net,
        classes=CLASSES,
        prepare=prepare,
        modality="fluorescence",
        k=60,
        history=History((record,), {"epochs": 1}, 0, "ab", {"torch": torch.__version__}, [80, 60], {"n": 6}),
        split=split,
        in_distribution=fit_in_distribution(features[train], labels[train], features[validation]),
        prototypes=choose_prototypes(prepared.images, labels, features, train, count=2),
    )
    return Model(classifier, cells)
