"""A model that was trained for a moment, cells for it, and a session without a window."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_sparseattn.session import Session, session_of
from sparseattn.classifier import Classifier

CLASSES = ("bright", "dark", "striped")


def write_cells(folder: Path, names=CLASSES, count: int = 24, seed: int = 0, light: int = 0) -> Path:
    """Write pictures that differ in a square at the centre; in class folders unless names is empty."""
    random = np.random.default_rng(seed)
    for name in names or CLASSES:
        inside = folder / name if names else folder
        inside.mkdir(parents=True, exist_ok=True)
        for number in range(count):
            image = random.normal(110 + light, 8, (20, 20, 3))
            image[5:15, 5:15] += {"bright": 80, "dark": -80}.get(name, 0)
            if name == "striped":
                image[5:15:2, 5:15] += 80
            iio.imwrite(inside / f"{name}_{number}.png", image.clip(0, 255).astype(np.uint8))
    return folder


@dataclass(frozen=True)
class Trained:
    folder: Path
    model: Path
    classifier: Classifier


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    from sparseattn.cells import open_cells
    from sparseattn.learn.fit import fit
    from sparseattn.learn.options import TrainingOptions

    root = tmp_path_factory.mktemp("report")
    folder = write_cells(root / "cells", count=40)
    classifier = fit(open_cells(folder, subfolders="classes"), size=16, options=TrainingOptions(epochs=4))
    classifier.save(root / "model.safetensors")
    return Trained(folder, root / "model.safetensors", classifier)


@pytest.fixture(scope="session")
def new_samples() -> Callable[..., Path]:
    return write_cells


@pytest.fixture(autouse=True)
def settings_of_their_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from qtpy.QtCore import QSettings

    store = QSettings(str(tmp_path / "settings.ini"), QSettings.Format.IniFormat)
    monkeypatch.setattr("napari_sparseattn.settings.settings", lambda: store)


@pytest.fixture
def session(qtbot) -> Iterator[Session]:
    """A session of a viewer without a window."""
    viewer = ViewerModel()
    made = session_of(viewer)
    yield made
    made.close()
    qtbot.wait(10)


@pytest.fixture
def opened(session: Session, trained: Trained) -> Session:
    """The session with the model and its cells open."""
    from sparseattn.cells import open_cells

    session.workspace.set_classifier(trained.classifier, trained.model)
    session.workspace.set_cells(open_cells(trained.folder, subfolders="classes"))
    return session
