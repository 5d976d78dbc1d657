"""The sets: what is read from real files, and how event recordings become images."""

import os
from pathlib import Path

import numpy as np
import pytest

from benchmarks.datasets import DATASETS, event_histogram, load
from benchmarks.folds import make_fold
from sparseattn.errors import InputError

REAL = [name for name, (description, _) in DATASETS.items() if not description.simulated]


def test_events_are_counted_by_pixel_and_polarity(tmp_path: Path) -> None:
    # x, y, polarity bit and the highest 7 of 23 bits of time, then the other 16.
    events = [(33, 0, 0x01, 0, 0)] + [(3, 5, 0x80 | 0x7F, 255, 255)] * 4
    path = tmp_path / "recording.bin"
    path.write_bytes(bytes(byte for event in events for byte in event))
    image = event_histogram(path, 36)
    assert image.shape == (2, 36, 36)
    assert image[1, 6, 4] == 2.0  # the root of four, one pixel in from the frame
    assert image[0, 1, 34] == 1.0
    assert image.sum() == 3.0


@pytest.mark.skipif("SPARSEATTN_REAL_DATA" not in os.environ, reason="SPARSEATTN_REAL_DATA is not set")
@pytest.mark.parametrize("name", REAL)
def test_a_real_set_is_standardised_by_its_training_cells(name: str) -> None:
    dataset = load(name)
    fold = make_fold(dataset, 0, 0)
    images = dataset.images(fold.train)
    size, channels = dataset.description.size, len(dataset.description.channels)
    assert images.shape == (len(dataset.cells), channels, size, size)
    assert len(set(dataset.cells.ids)) == len(dataset.cells)
    assert np.allclose(images[fold.train].mean((0, 2, 3)), 0, atol=1e-3)
    assert np.allclose(images[fold.train].std((0, 2, 3)), 1, atol=0.02)  # padding is zero, not standardised


def test_a_set_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(InputError, match="no set 'cells'"):
        load("cells")
    monkeypatch.delenv("SPARSEATTN_REAL_DATA", raising=False)
    with pytest.raises(InputError, match="SPARSEATTN_REAL_DATA"):
        load("stained_pbc")
