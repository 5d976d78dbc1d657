"""The sample data in the repository is what its manifest says, and can be made again."""

import json
from pathlib import Path

import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.simulate import CLASSES, INSTRUMENTS, simulate

SAMPLE_DATA = Path(__file__).parents[2] / "sample_data"


def manifest(instrument: str) -> dict[str, object]:
    return json.loads((SAMPLE_DATA / instrument / "manifest.json").read_text())


def test_it_is_small() -> None:
    assert sum(path.stat().st_size for path in SAMPLE_DATA.rglob("*") if path.is_file()) < 3_000_000


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_it_holds_what_the_manifest_says(instrument: str) -> None:
    said = manifest(instrument)
    assert said["instrument"] == instrument
    cells = open_cells(SAMPLE_DATA / instrument, subfolders="classes", strict=True)
    assert {name: cells.labels.count(name) for name in CLASSES} == said["counts"]
    assert said["command"] in (SAMPLE_DATA / "README.md").read_text()


@pytest.mark.parametrize("instrument", INSTRUMENTS)
def test_its_command_makes_it_again(instrument: str, tmp_path: Path) -> None:
    said = manifest(instrument)
    # A longer run begins with the same cells: the first of each class stand for all.
    simulate(instrument, tmp_path / "again", len(CLASSES), said["seed"], size=said["size"])
    again = open_cells(tmp_path / "again", subfolders="classes")
    kept = open_cells(SAMPLE_DATA / instrument, subfolders="classes")
    description = "cells.json"
    assert (tmp_path / "again" / description).read_bytes() == (
        SAMPLE_DATA / instrument / description
    ).read_bytes()
    for position, name in enumerate(CLASSES):
        first = kept.read(kept.labels.index(name))
        # Another processor may round a sum the other way: a pixel in a hundred, by a step.
        assert np.mean(again.read(position) != first) < 0.01
