"""What is drawn over a cell: where, and with which numbers."""

import numpy as np
import pytest
from napari.layers import Image, Labels

from sparseattn.cells import CellSet


def show_all(app) -> None:
    app.workspace.show(selected=True, neighbourhood=True, coarse=True, fine=True)


def test_points_lie_on_the_selected_pixels(app) -> None:
    app.load()
    explanation, points = app.workspace.explanation, app.layer("Selected")
    boxes = explanation.selected.boxes
    inside = boxes[:, 2] > boxes[:, 0]
    assert inside.any() and len(points.data) == inside.sum()
    boxes = boxes[inside]
    assert points.data == pytest.approx((boxes[:, :2] + boxes[:, 2:] - 1) / 2)
    assert set(points.symbol) == {"square"} or {str(s) for s in points.symbol} == {"square"}
    assert points.size == pytest.approx((boxes[:, 2:] - boxes[:, :2]).max(axis=1))
    assert list(points.features) == ["rank", "coarse", "fine", "intensity"]
    assert points.features["rank"].to_numpy() == pytest.approx(np.flatnonzero(inside) + 1)
    assert points.features["fine"].to_numpy() == pytest.approx(explanation.selected.weights[inside])
    for (y0, x0, y1, x1), value in zip(boxes, points.features["intensity"], strict=True):
        assert 0 <= value <= explanation.image[:, y0:y1, x0:x1].max() + 1


def test_colour_follows_the_fine_weight(app) -> None:
    app.load()
    points = app.layer("Selected")
    brightness = points.face_color[:, :3].sum(axis=1)
    weights = points.features["fine"].to_numpy()
    assert brightness[weights.argmax()] > brightness[weights.argmin()]
    app.workspace.head = 2
    assert app.layer("Selected").features["fine"].to_numpy().sum() <= 1 + 1e-5
    assert points.features["fine"].to_numpy() != pytest.approx(weights)


def test_scale_and_translate_of_the_source_are_respected(app) -> None:
    stack = np.random.default_rng(0).integers(0, 200, (20, 30, 40), dtype=np.uint8)
    source = Image(stack, scale=(2, 0.25, 0.5), translate=(7, -3, 11), name="mine")
    app.viewer.add_layer(source)
    app.viewer.layers.selection.active = source
    app.load()
    app.session.layers.set_source("mine", leafs=True)
    app.workspace.set_cells(app.workspace.cells)
    show_all(app)
    app.session.live.update()
    explanation = app.workspace.explanation
    points, coarse = app.layer("Selected"), app.layer("Coarse")
    assert points.scale == pytest.approx((0.25, 0.5)) and points.translate == pytest.approx((-3, 11))
    corner = points.data_to_world(points.data[0])
    assert corner == pytest.approx(source.data_to_world((0, *points.data[0]))[1:])
    # The maps' edges are the net's grid lines on the image.
    y, x = explanation.grid_lines
    first = np.array(coarse.data_to_world((-0.5, -0.5)))
    last = np.array(coarse.data_to_world(np.array(coarse.data.shape) - 0.5))
    assert first == pytest.approx(source.data_to_world((0, y[0], x[0]))[1:])
    assert last == pytest.approx(source.data_to_world((0, y[-1], x[-1]))[1:])
    outline = app.layer("Neighbourhood")
    top = outline.data[:, 0].min(axis=0)
    rows, columns = np.nonzero(explanation.read_mask)
    expected = source.data_to_world((0, y[rows.min()], x[columns.min()]))[1:]
    assert np.array(outline.data_to_world(top)) == pytest.approx(expected, abs=1e-5)


def test_a_rotated_source_turns_the_overlays_with_it(app) -> None:
    stack = np.random.default_rng(0).integers(0, 200, (20, 30, 40), dtype=np.uint8)
    app.viewer.add_layer(Image(stack, rotate=(0, 0, 30), scale=(1, 2, 2), name="turned"))
    app.load()
    app.session.layers.set_source("turned", leafs=True)
    app.workspace.set_cells(app.workspace.cells)
    app.session.live.update()
    points, source = app.layer("Selected"), app.layer("turned")
    for at in points.data[:5]:
        assert np.array(points.data_to_world(at)) == pytest.approx(source.data_to_world((0, *at))[1:])


@pytest.mark.parametrize(
    ("channels", "dtype", "layers"), [(1, "uint16", 1), (2, "float32", 2), (3, "uint8", 1)]
)
def test_any_channels_and_depth(app, cells_of, channels: int, dtype: str, layers: int) -> None:
    app.load(cells_of(channels=channels, dtype=dtype))
    cells = [layer for layer in app.viewer.layers if layer.metadata.get("sparseattn") == {"made": "cells"}]
    assert len(cells) == layers and all(layer.data.shape[0] == 20 for layer in cells)
    assert len(app.layer("Selected").data) > 0


def test_one_chosen_head_and_the_mean(app) -> None:
    app.load()
    show_all(app)
    fine = app.layer("Fine")
    grids = app.workspace.explanation.head_grids
    assert fine.data == pytest.approx(grids.mean(axis=0))
    app.workspace.head = 1
    assert fine.data == pytest.approx(grids[1])


def test_layers_of_the_user_are_left_alone(app) -> None:
    theirs = [
        Image(np.zeros((5, 30, 40)), name="Selected pixels", scale=(1, 3, 3)),
        Labels(np.ones((30, 40), int), name="Coarse attention"),
    ]
    for layer in theirs:
        app.viewer.add_layer(layer)
    before = [(layer.name, layer.scale.tolist(), layer.visible, layer.opacity) for layer in theirs]
    app.load()
    show_all(app)
    app.workspace.current = 3
    app.session.live.update()
    app.workspace.set_cells(None)
    app.session.live.update()
    assert all(layer in app.viewer.layers for layer in theirs)
    assert [(layer.name, layer.scale.tolist(), layer.visible, layer.opacity) for layer in theirs] == before


def test_switches_and_eyes_do_the_same(app, qtbot) -> None:
    app.load()
    app.workspace.show(coarse=True)
    coarse = app.layer("Coarse")
    assert coarse.visible
    app.workspace.show(coarse=False)
    assert not coarse.visible
    coarse.visible = True  # the eye in napari's list
    assert app.workspace.shown.coarse
    app.viewer.layers.remove(coarse)
    qtbot.waitUntil(lambda: not app.workspace.shown.coarse)
    app.workspace.show(coarse=True, opacity=0.25)
    assert app.layer("Coarse") is not coarse and app.layer("Coarse").opacity == 0.25


def test_a_list_that_is_emptied_switches_nothing_off(app, qtbot) -> None:
    """Nor does a viewer that is closed, which empties it: the next one would show nothing."""
    app.load()
    assert app.workspace.shown.selected
    app.viewer.layers.clear()
    qtbot.wait(50)
    assert app.workspace.shown.selected
    app.load()
    assert app.layer("Selected").visible


def test_the_active_layer_stays(app) -> None:
    app.load()
    active = app.viewer.layers.selection.active
    show_all(app)
    assert app.viewer.layers.selection.active is active


def test_k_changes_the_points_and_nothing_is_left_over(app) -> None:
    classifier = app.load()
    for k in (4, 300, 40, 576, 1):
        app.workspace.k = k
        app.session.live.update()
        points = app.layer("Selected")
        boxes = app.workspace.explanation.selected.boxes
        count = (boxes[:, 2] > boxes[:, 0]).sum()
        assert len(points.data) == len(points.features) == len(points.size) == len(points.face_color) == count
    assert classifier.k == 80  # what the model learned is not touched


def test_a_cell_that_cannot_be_read_is_said_and_shown_blank(app) -> None:
    images = np.random.default_rng(0).integers(0, 200, (20, 1, 30, 40)).astype(np.float32)
    labels = ["a", "b"] * 10
    app.load(CellSet.from_array(images, channels=("stain 0",), labels=labels))
    images[4] = np.nan
    said = []
    app.workspace.failed.connect(said.append)
    app.workspace.current = 4
    app.session.live.update()
    assert app.workspace.explanation is None
    assert len(said) == 1 and "NaN" in said[0]
    assert not app.layer("Selected").visible
    assert not np.asarray(app.layer("cells").data[4]).any()
    app.workspace.current = 5
    app.session.live.update()
    assert app.workspace.explanation is not None and app.layer("Selected").visible


def test_nothing_is_drawn_in_other_units_than_the_cells(app, cells_of) -> None:
    """Napari warns of pixels beside micrometres, and would place them wrongly."""
    pixels = cells_of()
    images = np.stack([pixels.read(index) for index in range(len(pixels))])
    sized = CellSet.from_array(
        images, channels=pixels.channels, labels=pixels.labels, pixel_size_um=0.5, name="sized"
    )
    app.load()
    for cells in (sized, pixels, sized):
        show_all(app)
        app.session.live.update()
        app.session.layers.show_taken_out()
        app.workspace.set_cells(cells)
        assert app.viewer.layers.extent.units is not None
        app.session.live.update()
        assert app.viewer.layers.extent.units is not None
        assert app.layer("Selected").units == app.session.layers.source.units[-2:]
    app.session.layers.show_taken_out()
    app.viewer.add_layer(Image(images[:, 0], name="mine"))
    app.session.layers.set_source("mine", leafs=True)
    app.workspace.set_cells(pixels)
    app.session.live.update()
    assert app.layer("Selected").units == app.viewer.layers["mine"].units[-2:]
