"""Cells in a folder and a small model, for the Label & Retrain tab."""

from collections.abc import Callable
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions

CLASSES = ("bright", "dark")


def write_cells(folder: Path, count: int, seed: int = 0) -> Path:
    """Write pictures named by their class: the centre is brighter or darker than what is around it."""
    random = np.random.default_rng(seed)
    folder.mkdir(parents=True)
    for name in CLASSES:
        for number in range(count):
            image = random.normal(128, 8, (20, 20, 3))
            image[5:15, 5:15] += 80 if name == "bright" else -80
            iio.imwrite(folder / f"{name}_{number:02}.png", image.clip(0, 255).astype(np.uint8))
    return folder


def class_in_name(path: Path) -> str:
    return path.name.partition("_")[0]


@pytest.fixture
def make_cells(tmp_path: Path) -> Callable[..., Path]:
    return lambda count=8, seed=0, name="cells": write_cells(tmp_path / name, count, seed)


@pytest.fixture(scope="session")
def model_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A model of bright and dark cells, hardly trained."""
    folder = write_cells(tmp_path_factory.mktemp("model") / "cells", 6, seed=9)
    cells = open_cells(folder)
    labelled = cells.with_labels([class_in_name(origin.path) for origin in cells.origins])
    path = folder.parent / "model.safetensors"
    fit(labelled, options=TrainingOptions(epochs=2, prototypes=4), size=16).save(path)
    return path


@pytest.fixture
def classifier(model_file: Path) -> Classifier:
    return Classifier.load(model_file)
