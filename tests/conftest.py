"""Fixtures that many rooms' tests share."""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from hypothesis import HealthCheck, settings

# Before torch is imported by anyone, child processes included: the test processes share the cores.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Tests are about what is right, not how long it took: a busy machine is no failure.
# The same examples in every run: a change is what breaks one. `pytest --hypothesis-profile random` draws.
_PATIENT = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("random", _PATIENT)
settings.register_profile("sparseattn", _PATIENT, derandomize=True)
settings.load_profile("sparseattn")

BlobFolder = Callable[..., Path]


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images; the test is skipped where there is none."""
    folder = os.environ.get("SPARSEATTN_REAL_DATA")
    if not folder:
        pytest.skip("SPARSEATTN_REAL_DATA is not set: no real images here")
    if not Path(folder).is_dir():
        pytest.fail(f"SPARSEATTN_REAL_DATA is set to {folder}, which is no folder")
    return Path(folder)


def blob(rng: np.random.Generator, kind: int, size: int) -> np.ndarray:
    """One RGB picture (size, size, 3) uint8: ``kind + 1`` dark spots in a round cell, on a bright ground."""
    y, x = np.mgrid[:size, :size] / size - 0.5
    image = np.full((size, size, 3), 220.0)
    image[np.hypot(y, x) < 0.4] = (200, 160, 190)
    for angle in rng.uniform(0, 2 * np.pi) + np.arange(kind + 1) * 2 * np.pi / (kind + 1):
        image[np.hypot(y - 0.22 * np.sin(angle), x - 0.22 * np.cos(angle)) < 0.1] = (90, 40, 130)
    return np.clip(image + rng.normal(0, 6, image.shape), 0, 255).astype(np.uint8)


@pytest.fixture
def blob_folder(tmp_path: Path) -> BlobFolder:
    """Make class folders of small cells that differ in the number of spots: easy to learn, quick to read."""

    def make(
        classes: Sequence[str] = ("one", "two"), count: int = 8, size: int = 32, name: str = "cells"
    ) -> Path:
        rng = np.random.default_rng(0)
        for kind, class_name in enumerate(classes):
            folder = tmp_path / name / class_name
            folder.mkdir(parents=True)
            for number in range(count):
                iio.imwrite(folder / f"cell_{number:03}.png", blob(rng, kind, size))
        return tmp_path / name

    return make


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A folder that is a disk of its own, of half a megabyte; the test is skipped where none can be made."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = sys.platform == "linux" and not os.geteuid()
    if mounted:
        words = ["mount", "-t", "tmpfs", "-o", "size=512k", "tmpfs", str(folder)]
        mounted = subprocess.run(words, capture_output=True).returncode == 0
    if not mounted:
        pytest.skip("only root of a Linux machine can make a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], capture_output=True)


def fill(folder: Path) -> Path:
    """Fill the disk of a folder to the last byte; return the file that does."""
    path = folder / "filler"
    with path.open("wb", buffering=0) as stream, suppress(OSError):
        while True:
            stream.write(bytes(4096))
    return path
