"""Plots on the ground of a dark window: nothing dark on dark, and colours that mean something stay."""

import io

import numpy as np
import pytest
from matplotlib.colors import to_rgb
from PIL import Image

from sparseattn.report import draw_figures, make_report
from sparseattn.report.on_ground import put_on_ground

GROUND, INK = "#262930", "#f0f1f2"


@pytest.fixture
def figures(model):
    return draw_figures(make_report(model.classifier, model.classifier.predict(model.cells)), narrow=True)


def pixels_of(figure) -> np.ndarray:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=60)
    return np.asarray(Image.open(stream).convert("RGB"))


def test_paper_and_ink_change_and_colours_stay(figures) -> None:
    for name in ("classes", "reliability", "confidence", "fractions", "history"):
        figure = figures[name]
        before = pixels_of(figure)
        put_on_ground(figure, GROUND, INK)
        after = pixels_of(figure)
        ground = np.round(255 * np.array(to_rgb(GROUND))).astype(int)
        assert np.abs(after[0, 0].astype(int) - ground).max() <= 1
        paper = (before == 255).all(axis=2).mean()
        assert (np.abs(after.astype(int) - ground).max(axis=2) <= 1).mean() == pytest.approx(paper, abs=0.02)
        lit = after.astype(int).min(axis=2) > 200  # the letters, and no paper
        assert 0 < lit.mean() < 0.15, name
    blue = np.round(255 * np.array(to_rgb("#0072b2"))).astype(int)
    bars = pixels_of(figures["fractions"]).astype(int)
    assert (np.abs(bars - blue).max(axis=2) < 12).sum() > 200
