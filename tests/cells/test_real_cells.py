"""The real images, where they are."""

from pathlib import Path

import numpy as np

from sparseattn.cells import fit_prepare, open_cells, size_predicts_class
from sparseattn.errors import InputError


def test_stained_blood_cells(real_data: Path) -> None:
    cells = open_cells(real_data / "stained_pbc", subfolders="classes", strict=True)
    assert (len(cells), len(cells.classes), cells.modality) == (534, 7, "brightfield")
    assert len(set(cells.ids)) == 534
    assert size_predicts_class(cells.shapes, cells.labels) is None
    some = cells.subset(range(0, 534, 20))
    prepare, prepared = fit_prepare(some, range(len(some)), strict=True)
    assert prepared.images.shape == (27, 3, 64, 64)
    y0, x0, y1, x1 = prepare.box(32, 32, cells.shapes[0], 2)
    assert y1 - y0 in (11, 12) and x1 - x0 in (11, 12)


def test_imaging_flow_cells(real_data: Path) -> None:
    cells = open_cells(real_data / "flow_jurkat", subfolders="classes", strict=True)
    assert (cells.channels, len(cells.classes)) == (("BF", "PI", "DF"), 7)
    assert set(cells.shapes) == {(40, 40)}
    assert cells.read(0).dtype == np.uint16
    prepare, _ = fit_prepare(cells.subset(range(50)), range(50), channels=["0", "DF"], size=40)
    assert prepare.channels == ("BF", "DF")
    assert size_predicts_class(cells.shapes, cells.labels) is None


def test_white_cells_of_another_laboratory(real_data: Path) -> None:
    cells = open_cells(real_data / "stained_zheng" / "images", subfolders="classes", strict=True)
    assert (len(cells), len(cells.classes)) == (247, 4)
    assert size_predicts_class(cells.shapes, cells.labels) is None


def test_every_other_file_opens_or_says_why_in_one_sentence(real_data: Path) -> None:
    opened = 0
    for path in sorted((real_data / "formats").rglob("*")):
        if path.name.startswith(".") or any(part.endswith(".zarr") for part in path.parent.parts):
            continue
        try:
            cells = open_cells(path)
            cells.read(0)
            opened += 1
        except InputError as error:
            assert str(error).isprintable()
    assert opened >= 6
