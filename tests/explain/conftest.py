"""Models that are not trained: what an explanation promises does not need a good one."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pytest
import torch

from sparseattn.cells import CellSet, fit_prepare
from sparseattn.classifier import Classifier
from sparseattn.learn.history import History
from sparseattn.learn.in_distribution import fit_in_distribution
from sparseattn.learn.prototypes import choose_prototypes
from sparseattn.learn.split import make_split
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig


@dataclass(frozen=True)
class Model:
    classifier: Classifier
    cells: CellSet


def make_model(
    images: np.ndarray,
    channels: tuple[str, ...],
    modality: str = "fluorescence",
    classes: tuple[str, ...] = ("round", "long"),
    size: int = 24,
    policy: str = "resize",
    **shape: object,
) -> Model:
    labels = [classes[i % len(classes)] for i in range(len(images))]
    cells = CellSet.from_array(
        images, channels=channels, labels=labels, modality=modality, name="a/cells.npy"
    )
    split = make_split(cells)
    train, validation = (split.indices(cells.ids, side) for side in ("train", "validation"))
    prepare, prepared = fit_prepare(cells, train, size=size, policy=policy)
    torch.manual_seed(0)
    config = SparseAttnNetConfig(channels=len(channels), classes=len(classes), size=size, **shape)
    net = SparseAttnNet(config).eval()
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), 60).feature.numpy()
    known = np.arange(len(cells)) % len(classes)
    classifier = Classifier(
        net=net,
        classes=classes,
        prepare=prepare,
        modality=modality,
        k=80,
        history=History(),
        split=split,
        in_distribution=fit_in_distribution(features[train], known[train], features[validation]),
        prototypes=choose_prototypes(prepared.images, known, features, train, count=2),
    )
    return Model(classifier, cells)


@pytest.fixture(scope="session")
def model() -> Callable[..., Model]:
    """Make a model and the cells that it is for."""
    return make_model


@pytest.fixture(scope="session")
def two_channels() -> Model:
    """30 x 40 cells of two channels, shown to the net at their own scale."""
    images = np.random.default_rng(0).integers(0, 4000, (24, 2, 30, 40)).astype(np.uint16)
    return make_model(images, ("dapi", "actin"), policy="crop")
