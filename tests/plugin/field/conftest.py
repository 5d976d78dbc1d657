"""A field of blobs on a viewer without a window, and a model that tells large from small."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import tifffile
import torch
from napari.components import ViewerModel
from napari.layers._source import layer_source

import napari_sparseattn.labelling
from napari_sparseattn.field_work import FieldChoice, FieldWork
from napari_sparseattn.session import Session, session_of
from sparseattn.cells import CellSet, CropSettings, fit_prepare
from sparseattn.classifier import Classifier
from sparseattn.learn.history import History
from sparseattn.learn.in_distribution import fit_in_distribution
from sparseattn.learn.prototypes import Prototypes
from sparseattn.learn.split import make_split
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

SHAPE = (90, 120)
PLACES = {5: (20, 20, 8), 2: (20, 70, 5), 9: (60, 30, 8), 7: (65, 90, 5), 11: (88, 60, 5)}
"""Label number: y, x, radius. 11 touches the edge."""


@pytest.fixture(autouse=True)
def own_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(napari_sparseattn.labelling, "HOME", tmp_path / "home")


def picture(seed: int = 0) -> np.ndarray:
    """Bright blobs on dark ground, (Y, X) uint8."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    image = np.random.default_rng(seed).normal(30, 4, SHAPE)
    for top, left, radius in PLACES.values():
        image[np.hypot(y - top, x - left) < radius] += 150
    return image.clip(0, 255).astype(np.uint8)


def marks() -> np.ndarray:
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]]
    labels = np.zeros(SHAPE, np.int32)
    for number, (top, left, radius) in PLACES.items():
        labels[np.hypot(y - top, x - left) < radius] = number
    return labels


def untrained(channel: str = "intensity") -> Classifier:
    """A classifier of single blobs whose net has random weights."""
    rng = np.random.default_rng(3)
    y, x = np.mgrid[:40, :40] - 20
    images = [
        [30 + 150 * (np.hypot(y, x) < (8 if number % 2 else 5)) + rng.normal(0, 4, (40, 40))]
        for number in range(20)
    ]
    cells = CellSet.from_array(
        np.clip(images, 0, 255).astype(np.uint8),
        channels=[channel],
        labels=["large" if number % 2 else "small" for number in range(20)],
    )
    split = make_split(cells)
    train, validation = (split.indices(cells.ids, side) for side in ("train", "validation"))
    prepare, prepared = fit_prepare(cells, train, size=16)
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(channels=1, classes=2, size=16)).eval()
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), 40).feature.numpy()
    known = np.array([cells.classes.index(label) for label in cells.labels])
    return Classifier(
        net, cells.classes, prepare, cells.modality, 40, History(), split,
        fit_in_distribution(features[train], known[train], features[validation]), Prototypes.none(1, 16),
    )  # fmt: skip


@pytest.fixture
def model_for() -> Callable[[str], Classifier]:
    """Make a classifier of cells with a channel of this name."""
    return untrained


@dataclass
class Bench:
    """A viewer with an image and its labels, and a way to wait for the answer."""

    viewer: ViewerModel
    session: Session
    wait: Callable[[Callable[[], bool]], None]

    @property
    def work(self) -> FieldWork:
        return self.session.field

    def choice(self, labels: str | None = "marks", **more: object) -> FieldChoice:
        return FieldChoice(("smear",), labels, crop=CropSettings(margin=0.5), **more)

    def classify(self, choice: FieldChoice | None = None) -> None:
        self.work.classify(choice or self.choice())
        self.settle()

    def settle(self) -> None:
        self.wait(lambda: not self.session.jobs.running and not self.work.is_busy)

    @property
    def painted(self):
        return self.viewer.layers["Classes of smear"]


@pytest.fixture
def bench(qtbot, tmp_path: Path) -> Iterator[Bench]:
    viewer = ViewerModel()
    tifffile.imwrite(tmp_path / "smear.tif", picture())
    with layer_source(path=str(tmp_path / "smear.tif")):  # as napari's reader does
        viewer.add_image(picture(), name="smear", scale=(0.5, 0.5), translate=(100, 200))
    viewer.add_labels(marks(), name="marks", scale=(0.5, 0.5), translate=(100, 200))
    session = session_of(viewer)
    session.workspace.set_classifier(untrained())
    session.field.set_refusal(0, 0)
    made = Bench(viewer, session, lambda done: qtbot.waitUntil(done, timeout=30_000))
    yield made
    session.close()
