"""The figure for a paper, and the numbers beside it."""

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from sparseattn.errors import InputError
from sparseattn.explain import CellExplainer, cell_figure, class_evidence, write_figure


@pytest.fixture(scope="module")
def explainer(two_channels):
    return CellExplainer(two_channels.classifier, two_channels.cells, 3)


@pytest.mark.parametrize("suffix", [".svg", ".pdf", ".png"])
def test_files(explainer, tmp_path, suffix):
    path = tmp_path / f"figure{suffix}"
    explanation = explainer.at()
    written = write_figure(
        explanation, path, evidence=class_evidence(explainer, "long"), curve=explainer.curve()
    )
    assert sorted(written) == sorted(tmp_path.iterdir())
    assert [file.name for file in written] == [
        f"figure{suffix}", "figure_selected_pixels.csv", "figure_probabilities.csv", "figure_maps.csv",
        "figure_curve.csv",
    ]  # fmt: skip
    if suffix == ".svg":
        assert "For and against long" in path.read_text()  # text stays text, to be edited
    if suffix == ".png":
        with Image.open(path) as picture:
            assert min(picture.size) > 1000


def test_source_data(explainer, tmp_path):
    explanation, evidence = explainer.at(), class_evidence(explainer, "long")
    write_figure(explanation, tmp_path / "a.svg", evidence=evidence)
    maps = pd.read_csv(tmp_path / "a_maps.csv")
    size = explanation.prepare.size
    assert np.array_equal(maps["selected"].to_numpy().reshape(size, size), explanation.selected_mask)
    assert maps["evidence"].to_numpy().reshape(size, size) == pytest.approx(evidence.pixels, rel=1e-4)
    pixels = pd.read_csv(tmp_path / "a_selected_pixels.csv")
    assert pixels["fine_weight"].sum() == pytest.approx(1, abs=1e-3)
    assert pixels["evidence"].to_numpy() == pytest.approx(evidence.units, rel=1e-4)
    probabilities = pd.read_csv(tmp_path / "a_probabilities.csv")
    assert probabilities["class"].tolist() == ["round", "long"]
    assert probabilities["probability"].sum() == pytest.approx(1, abs=1e-4)


def test_scale_bar(explainer):
    """40 pixels of 0.5 um: a bar of 5 um fits into a third, and is 10 pixels long."""
    figure = cell_figure(explainer.at(), pixel_size_um=0.5)
    axes = figure.axes[0]
    assert "5 µm" in [text.get_text() for text in axes.texts]
    assert axes.patches[0].get_width() == pytest.approx(10)
    assert not cell_figure(explainer.at()).axes[0].patches


def test_other_suffixes(explainer, tmp_path):
    with pytest.raises(InputError, match=r"\.svg, \.pdf, \.png"):
        write_figure(explainer.at(), tmp_path / "figure.docx")
    assert not list(tmp_path.iterdir())
