"""A session on a viewer without a window, and a model that is not trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from napari.components import ViewerModel

from napari_sparseattn.session import Session, session_of
from sparseattn.cells import CellSet, fit_prepare
from sparseattn.classifier import Classifier
from sparseattn.learn.history import History
from sparseattn.learn.in_distribution import fit_in_distribution
from sparseattn.learn.prototypes import Prototypes
from sparseattn.learn.split import make_split
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

CLASSES = ("large", "small")


def make_classifier(cells: CellSet, size: int = 24, **shape: object) -> Classifier:
    """Return a classifier for such cells whose net has random weights."""
    split = make_split(cells)
    train, validation = (split.indices(cells.ids, side) for side in ("train", "validation"))
    prepare, prepared = fit_prepare(cells, train, size=size)
    torch.manual_seed(0)
    config = SparseAttnNetConfig(channels=len(cells.channels), classes=len(cells.classes), size=size, **shape)
    net = SparseAttnNet(config).eval()
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), 60).feature.numpy()
    known = np.array([cells.classes.index(label) for label in cells.labels])
    return Classifier(
        net=net,
        classes=cells.classes,
        prepare=prepare,
        modality=cells.modality,
        k=80,
        history=History(),
        split=split,
        in_distribution=fit_in_distribution(features[train], known[train], features[validation]),
        prototypes=Prototypes.none(len(cells.channels), size),
    )


def make_cells(shape: tuple[int, int] = (30, 40), channels: int = 1, dtype: str = "uint8") -> CellSet:
    """Return 20 cells of two classes: a blob, large or small, at a random place."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[: shape[0], : shape[1]]
    images = []
    for number in range(20):
        radius = 8 if number % 2 else 4
        top, left = rng.uniform(10, np.array(shape) - 10)
        blob = np.hypot(y - top, x - left) < radius
        images.append([20 + 60 * (c + 1) * blob + rng.normal(0, 5, shape) for c in range(channels)])
    values = np.clip(np.array(images), 0, 250)
    names = ("red", "green", "blue") if channels == 3 else tuple(f"stain {c}" for c in range(channels))
    labels = [CLASSES[0] if number % 2 else CLASSES[1] for number in range(20)]
    return CellSet.from_array(values.astype(dtype), channels=names[:channels], labels=labels)


@pytest.fixture
def cells_of() -> Callable[..., CellSet]:
    """Make cells: ``cells_of(channels=3, dtype="uint16")``."""
    return make_cells


@pytest.fixture
def classifier_for() -> Callable[..., Classifier]:
    """Make a classifier for cells: ``classifier_for(cells, size=24)``."""
    return make_classifier


@dataclass
class App:
    """A session with what it is made of at hand."""

    session: Session
    viewer: ViewerModel

    @property
    def workspace(self):
        return self.session.workspace

    def layer(self, start: str):
        return next(layer for layer in self.viewer.layers if layer.name.startswith(start))

    def load(self, cells: CellSet | None = None, **shape: object) -> Classifier:
        """Take cells and a classifier for them, and explain the first."""
        cells = make_cells() if cells is None else cells
        classifier = make_classifier(cells, **shape)
        self.workspace.set_cells(cells)
        self.workspace.set_classifier(classifier)
        self.session.live.update()
        return classifier


@pytest.fixture
def app(qtbot) -> Iterator[App]:
    viewer = ViewerModel()
    session = session_of(viewer)
    yield App(session, viewer)
    session.close()


@pytest.fixture
def model_file(tmp_path: Path) -> Callable[[CellSet], Path]:
    """Write a model for cells."""

    def write(cells: CellSet) -> Path:
        path = tmp_path / "model.safetensors"
        make_classifier(cells).save(path)
        return path

    return write
