import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from matplotlib.text import Text

from sparseattn.cells import open_cells
from sparseattn.explain import explain_cell, overlay_figure
from sparseattn.explain.display import picture

NAMES = ("BF", "DAPI", "CD3 (Alexa Fluor 647, cleaned)", "CD19", "side scatter")
KINDS = {
    "RGB": (("red", "green", "blue"), "brightfield", np.uint8),
    "OPD in nm": (("optical path difference (nm)",), "phase", np.float32),
    "two fluorescences": (NAMES[1:3], "fluorescence", np.uint16),
    "three channels": (NAMES[:3], "flow", np.uint16),
    "five channels": (NAMES, "flow", np.uint16),
}


def images(channels, kind, shape=(50, 30), count=20):
    values = np.random.default_rng(0).gamma(2, 30, (count, len(channels), *shape))
    return values.clip(0, 255).astype(kind)


@pytest.mark.parametrize("name", KINDS)
@pytest.mark.parametrize("policy", ["resize", "crop"])
def test_no_text_is_cut_off(model, name, policy):
    channels, modality, kind = KINDS[name]
    classes = tuple(f"class of cells number {number} with a name too long" for number in range(12))
    made = model(images(channels, kind, count=36), channels, modality, classes, policy=policy)
    figure = overlay_figure(explain_cell(made.classifier, made.cells, 3))
    figure.canvas.draw()
    page = figure.bbox
    for text in figure.findobj(lambda artist: isinstance(artist, Text) and artist.get_visible()):
        if text.get_text().strip():
            box = text.get_window_extent()
            assert page.x0 <= box.x0 and box.x1 <= page.x1, text.get_text()
            assert page.y0 <= box.y0 and box.y1 <= page.y1, text.get_text()


def words(figure):
    return " ".join(text.get_text() for text in figure.findobj(Text))


def test_says_what_a_reader_must_know(two_channels):
    explanation = explain_cell(two_channels.classifier, two_channels.cells, 2)
    said = words(overlay_figure(explanation))
    for fact in (
        explanation.predicted,
        explanation.label,
        explanation.cell_id,
        f"{explanation.selected_pixels} pixels",
        f"{explanation.read_pixels} pixels",
        f"{explanation.in_distribution:.2f}",
        "dapi",
        "actin",
    ):
        assert fact in said


def test_does_not_claim_that_the_selected_pixels_decided_alone_where_they_did_not(model):
    made = model(images(("opd",), np.float32), ("opd",), "phase", context=True)
    assert (
        "coarse stage"
        in words(overlay_figure(explain_cell(made.classifier, made.cells, 0))).split("read")[-1]
    )


@given(
    image=st.sampled_from([np.uint8, np.uint16, np.int32, np.float32]).flatmap(
        lambda kind: st.integers(1, 5).flatmap(
            lambda count: arrays(
                kind,
                (count, 4, 5),
                elements=st.floats(-1e6, 1e6, width=32)
                if kind is np.float32
                else st.integers(np.iinfo(kind).min, np.iinfo(kind).max),
            )
        )
    ),
    modality=st.sampled_from(["brightfield", "flow", "fluorescence", "phase", "events", "unknown"]),
)
def test_any_image_can_be_shown(image, modality):
    shown = picture(image, NAMES[: len(image)], modality)
    for part in (shown.colour, shown.grey):
        assert part.dtype == np.float32
        assert np.isfinite(part).all()
        assert part.min() >= 0 and part.max() <= 1
    assert shown.colour.shape == (4, 5, 3)
    assert shown.grey.shape == (4, 5)


def test_rgb_is_shown_as_it_is():
    image = np.random.default_rng(0).integers(0, 256, (3, 6, 7)).astype(np.uint8)
    shown = picture(image, ("red", "green", "blue"), "brightfield")
    np.testing.assert_array_equal((shown.colour * 255).round().astype(np.uint8), np.moveaxis(image, 0, -1))


def test_real_cells(model, real_data):
    cells = open_cells(real_data / "flow_jurkat", subfolders="classes")
    some = np.stack([cells.read(index) for index in range(0, len(cells), 60)])
    made = model(some, cells.channels, "flow", ("G1", "G2"), size=40)
    explanation = explain_cell(made.classifier, made.cells, 0)
    assert 0 < explanation.selected_pixels <= explanation.read_pixels < explanation.grid_pixels
    assert "PI" in words(overlay_figure(explanation))
