"""The command line as a user runs it: a process, its exit status, and what it printed."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest

from sparseattn.cli.app import run

CLASSES = ("bright", "dark", "striped")
COUNT = 8


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The JSON object that it printed."""
        return json.loads(self.out)


def in_a_process(*arguments: object) -> Finished:
    """Run `sparseattn` as a process of its own."""
    command = [sys.executable, "-m", "sparseattn", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=120)
    return Finished(done.returncode, done.stdout, done.stderr)


def write_cells(folder: Path, classes: tuple[str, ...] = CLASSES, count: int = COUNT, seed: int = 0) -> Path:
    """Write class folders of 20 x 20 RGB pictures that differ in a square at the centre."""
    random = np.random.default_rng(seed)
    for name in classes:
        (folder / name).mkdir(parents=True)
        for number in range(count):
            image = random.normal(128, 8, (20, 20, 3))
            image[5:15, 5:15] += {"bright": 80, "dark": -80}.get(name, 0)
            if name == "striped":
                image[5:15:2, 5:15] += 80
            iio.imwrite(folder / name / f"{number}.png", image.clip(0, 255).astype(np.uint8))
    return folder


@dataclass(frozen=True)
class Trained:
    """Cells, and a small model that was trained on them by the command line."""

    cells: Path
    model: Path
    training: Finished


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Trained:
    folder = tmp_path_factory.mktemp("trained")
    cells = write_cells(folder / "cells")
    model = folder / "model.safetensors"
    training = in_a_process(
        "train", cells, "-o", model, "--size", 16, "--epochs", 3, "--progress", "json", "--json"
    )
    assert training.status == 0, training.err
    return Trained(cells, model, training)


@pytest.fixture(scope="session")
def process() -> Callable[..., Finished]:
    """Run a command as a process of its own."""
    return in_a_process


@pytest.fixture(scope="session")
def make_cells() -> Callable[..., Path]:
    """Write class folders of small pictures."""
    return write_cells


@pytest.fixture
def sparseattn(capfd: pytest.CaptureFixture[str]) -> Iterator[Callable[..., Finished]]:
    """Run a command in this process, where torch is imported already."""

    def call(*arguments: object) -> Finished:
        capfd.readouterr()
        status = run([str(argument) for argument in arguments])
        printed = capfd.readouterr()
        return Finished(status, printed.out, printed.err)

    yield call
