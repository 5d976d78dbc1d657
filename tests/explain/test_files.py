import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest
import tifffile

from sparseattn.errors import InputError
from sparseattn.explain import explain_cell, write_explanations


@pytest.fixture
def explanations(two_channels):
    return [explain_cell(two_channels.classifier, two_channels.cells, index) for index in (0, 7)]


def test_files_of_a_cell(tmp_path, explanations):
    index = write_explanations(explanations, tmp_path / "out")
    assert pd.read_csv(tmp_path / "out/index.csv").folder.tolist() == index.folder.tolist()
    for explanation, name in zip(explanations, index.folder, strict=True):
        folder = tmp_path / "out" / name
        assert name.startswith(explanation.cell_id)
        assert sorted(path.name for path in folder.iterdir()) == [
            "coarse.tif", "fine.tif", "overlay.png", "selected_pixels.csv",
        ]  # fmt: skip
        for kind, grid in (("coarse", explanation.coarse_grid), ("fine", explanation.fine_grid)):
            written = tifffile.imread(folder / f"{kind}.tif")
            assert written.dtype == np.float32
            np.testing.assert_array_equal(written, explanation.on_original(grid))
        assert iio.imread(folder / "overlay.png").shape[0] > 500


def test_table_of_selected_pixels(tmp_path, explanations):
    index = write_explanations(explanations, tmp_path / "out")
    explanation = explanations[0]
    table = pd.read_csv(tmp_path / "out" / index.folder[0] / "selected_pixels.csv")
    assert list(table) == [
        "rank", "grid_y", "grid_x", "unit_pixels", "y0", "x0", "y1", "x1", "coarse_score", "fine_weight",
        "dapi", "dapi_standardised", "actin", "actin_standardised",
    ]  # fmt: skip
    assert table["rank"].tolist() == list(range(1, len(explanation.selected) + 1))
    assert table[["grid_y", "grid_x"]].to_numpy().tolist() == explanation.selected.positions.tolist()
    assert (table.unit_pixels == explanation.unit_pixels).all()
    first = table.iloc[0]
    box = explanation.image[1, int(first.y0) : int(first.y1), int(first.x0) : int(first.x1)]
    assert first.actin == pytest.approx(box.mean(), rel=1e-3)


def test_a_failure_leaves_nothing(tmp_path, explanations):
    def failing():
        yield explanations[0]
        raise InputError("the second cell is bad")

    with pytest.raises(InputError, match="second"):
        write_explanations(failing(), tmp_path / "deep/out")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []
    assert not (tmp_path / "deep/out").exists()


def test_overwriting_leaves_other_files(tmp_path, explanations):
    write_explanations(explanations[:1], tmp_path / "out")
    (tmp_path / "out/notes.txt").write_text("mine")
    with pytest.raises(InputError, match="not empty"):
        write_explanations(explanations, tmp_path / "out")
    index = write_explanations(explanations, tmp_path / "out", overwrite=True)
    assert (tmp_path / "out/notes.txt").read_text() == "mine"
    assert all((tmp_path / "out" / name / "overlay.png").exists() for name in index.folder)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out"]


def test_names_are_safe(two_channels, tmp_path):
    from dataclasses import replace

    explanation = explain_cell(two_channels.classifier, two_channels.cells, 0)
    odd = replace(explanation, source='C:\\cells\\..\\CON: *?"<ä>|\n.tif#3')
    index = write_explanations([odd], tmp_path / "out")
    assert index.folder[0].isascii()
    assert set(index.folder[0]) <= set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-")
    assert (tmp_path / "out" / index.folder[0]).is_dir()
