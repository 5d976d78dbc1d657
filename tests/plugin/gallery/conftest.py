"""A session on a viewer's model, the Gallery tab in a window of its own, a model that was never taught."""

from collections.abc import Callable, Iterator

import numpy as np
import pytest
import torch
from napari.components import ViewerModel
from pytestqt.qtbot import QtBot

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.gallery import GalleryWidget
from sparseattn.cells import CellSet, fit_prepare
from sparseattn.classifier import Classifier
from sparseattn.learn.history import History
from sparseattn.learn.in_distribution import fit_in_distribution
from sparseattn.learn.prototypes import Prototypes
from sparseattn.learn.split import make_split
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

CHANNELS = ("light", "stain")
SIZE = 16


def make_cells(count: int = 60, seed: int = 0, labelled: bool = True) -> CellSet:
    """Discs of many sizes and brightnesses, of two donors; half of them have a class."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[:SIZE, :SIZE] - SIZE / 2
    radii = rng.uniform(2, 7, count)
    discs = np.hypot(y, x) < radii[:, None, None]
    images = np.stack([discs * 900.0, discs * rng.uniform(100, 5000, (count, 1, 1))], axis=1)
    images = (images + rng.uniform(1, 60, images.shape)).astype(np.uint16)
    labels = [("large" if radii[i] > 4.5 else "small") if i % 2 and labelled else None for i in range(count)]
    donors = tuple("A" if i < count // 3 else "B" for i in range(count))
    cells = CellSet.from_array(images, channels=CHANNELS, labels=labels, name=f"cells{seed}")
    return cells.with_columns({"donor": donors})


@pytest.fixture(scope="session")
def classifier() -> Classifier:
    cells = make_cells(seed=5)
    everything = np.arange(len(cells))
    prepare, prepared = fit_prepare(cells, everything, size=SIZE)
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(channels=2, classes=2, size=SIZE)).eval()
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), 40).feature.numpy()
    known = everything % 2
    return Classifier(
        net=net,
        classes=("large", "small"),
        prepare=prepare,
        modality="unknown",
        k=40,
        history=History(),
        split=make_split(cells),
        in_distribution=fit_in_distribution(features[::2], known[::2], features[1::2]),
        prototypes=Prototypes.none(2, SIZE),
    )


@pytest.fixture
def session() -> Iterator[Session]:
    session = Session(ViewerModel())
    yield session
    session.close()


@pytest.fixture
def gallery(session: Session, qtbot: QtBot) -> Iterator[GalleryWidget]:
    widget = GalleryWidget(session)
    qtbot.addWidget(widget)
    widget.resize(560, 900)
    widget.show()
    qtbot.waitExposed(widget)
    yield widget
    widget.close_threads()


@pytest.fixture
def settle(session: Session, qtbot: QtBot) -> Callable[[], None]:
    """Wait until nothing runs and all that came of it is shown."""

    def wait() -> None:
        qtbot.waitUntil(
            lambda: not session.jobs.running and session.shown_cells.table is not None, timeout=20_000
        )
        qtbot.wait(30)  # a table that was made meanwhile is made anew
        qtbot.waitUntil(lambda: not session.jobs.running, timeout=20_000)

    return wait
