"""The scatter plot: gates drawn, moved, named, deleted and undone by mouse and keys."""

from collections.abc import Callable

import pytest
from pytestqt.qtbot import QtBot
from qtpy.QtCore import QPoint, Qt

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.gallery import GalleryWidget
from napari_sparseattn.widgets.gallery.scatter import ScatterPanel
from sparseattn.table.gates import PolygonGate

from .conftest import make_cells

LEFT = Qt.MouseButton.LeftButton
CONTROL = Qt.KeyboardModifier.ControlModifier
Settle = Callable[[], None]


@pytest.fixture
def scatter(gallery: GalleryWidget, session: Session, settle: Settle, qtbot: QtBot) -> ScatterPanel:
    """Area against the mean of the stain."""
    session.workspace.set_cells(make_cells(60))
    settle()
    qtbot.mouseClick(gallery.show_scatter, LEFT)
    panel = gallery._scatter
    assert panel is not None
    choose(panel.x, "area")
    choose(panel.y, "mean_stain")
    qtbot.waitUntil(lambda: panel.canvas._ground is not None)
    panel.canvas.draw()
    return panel


def choose(box: object, column: str) -> None:
    box.setCurrentIndex(box.findData(column))
    box.activated.emit(box.currentIndex())


def at(scatter: ScatterPanel, x: float, y: float) -> QPoint:
    return QPoint(*scatter.canvas.to_screen(x, y))


def draw(scatter: ScatterPanel, qtbot: QtBot, corners: list[tuple[float, float]]) -> None:
    qtbot.mouseClick(scatter.draw, LEFT)
    for corner in corners:
        qtbot.mouseMove(scatter.canvas, at(scatter, *corner))
        qtbot.mouseClick(scatter.canvas, LEFT, pos=at(scatter, *corner))
    qtbot.keyClick(scatter.canvas, Qt.Key.Key_Return)


def drag(scatter: ScatterPanel, qtbot: QtBot, start: tuple[float, float], end: tuple[float, float]) -> None:
    qtbot.mousePress(scatter.canvas, LEFT, pos=at(scatter, *start))
    for share in (0.3, 0.7, 1.0):
        middle = [one + (two - one) * share for one, two in zip(start, end, strict=True)]
        qtbot.mouseMove(scatter.canvas, at(scatter, *middle))
    qtbot.mouseRelease(scatter.canvas, LEFT, pos=at(scatter, *end))


def middle_box(session: Session) -> list[tuple[float, float]]:
    """Corners that hold some of the cells: the middle of both columns."""
    table = session.shown_cells.table
    assert table is not None
    x0, x1 = table["area"].quantile([0.2, 0.8])
    y0, y1 = table["mean_stain"].quantile([0.2, 0.8])
    return [(x0, y0), (x1, y0), (x1, y1), (x0, y1)]


def gates(session: Session) -> tuple[PolygonGate, ...]:
    return session.shown_cells.filter.gates


def test_a_gate_that_is_drawn_filters_the_grid(
    scatter: ScatterPanel, gallery: GalleryWidget, session: Session, qtbot: QtBot
) -> None:
    draw(scatter, qtbot, middle_box(session))
    (gate,) = gates(session)
    assert (gate.name, gate.x, gate.y, len(gate.vertices)) == ("Gate 1", "area", "mean_stain", 4)
    assert not scatter.draw.isChecked() and not scatter.canvas.is_drawing
    inside = gate.contains(session.shown_cells.table).nonzero()[0].tolist()
    assert 0 < len(inside) < 60 and gallery.grid.cells.rows.tolist() == inside
    assert scatter.gates.item(0).text() == "Gate 1"


def test_drawing_can_be_stopped_and_a_corner_taken_back(
    scatter: ScatterPanel, session: Session, qtbot: QtBot
) -> None:
    corners = middle_box(session)
    qtbot.mouseClick(scatter.draw, LEFT)
    for corner in corners[:3]:
        qtbot.mouseClick(scatter.canvas, LEFT, pos=at(scatter, *corner))
    qtbot.keyClick(scatter.canvas, Qt.Key.Key_Backspace)
    qtbot.keyClick(scatter.canvas, Qt.Key.Key_Return)  # two corners are no gate
    assert scatter.canvas.is_drawing and not gates(session)
    qtbot.keyClick(scatter.canvas, Qt.Key.Key_Escape)
    assert not scatter.draw.isChecked() and not gates(session)


def test_a_corner_is_dragged_and_a_whole_gate(scatter: ScatterPanel, session: Session, qtbot: QtBot) -> None:
    corners = middle_box(session)
    draw(scatter, qtbot, corners)
    before = gates(session)[0].vertices
    target = (corners[2][0] * 1.1, corners[2][1] * 1.1)
    drag(scatter, qtbot, before[2], target)
    after = gates(session)[0].vertices
    assert [one == two for one, two in zip(before, after, strict=True)] == [True, True, False, True]
    assert after[2] == pytest.approx(target, rel=0.03)
    centre = (sum(x for x, _ in corners) / 4, sum(y for _, y in corners) / 4)
    drag(scatter, qtbot, centre, (centre[0] + 20, centre[1]))
    moved = gates(session)[0].vertices
    for one, two in zip(after, moved, strict=True):
        assert two[0] - one[0] == pytest.approx(20, abs=2) and two[1] == pytest.approx(one[1], rel=0.01)


def test_naming_switching_off_deleting_and_undoing(
    scatter: ScatterPanel, gallery: GalleryWidget, session: Session, qtbot: QtBot
) -> None:
    draw(scatter, qtbot, middle_box(session))
    scatter.gates.item(0).setText("singlets")
    qtbot.waitUntil(lambda: gates(session)[0].name == "singlets")
    scatter.gates.item(0).setCheckState(Qt.CheckState.Unchecked)
    qtbot.waitUntil(lambda: not gates(session)[0].active)
    assert len(gallery.grid.cells.rows) == 60
    qtbot.keyClick(scatter.canvas, Qt.Key.Key_Z, CONTROL)
    assert gates(session)[0].active and len(gallery.grid.cells.rows) < 60
    qtbot.keyClick(scatter.canvas, Qt.Key.Key_Delete)
    assert not gates(session) and len(gallery.grid.cells.rows) == 60
    qtbot.mouseClick(scatter.undo, LEFT)
    assert gates(session)[0].name == "singlets"
    for _ in range(2):
        qtbot.mouseClick(scatter.undo, LEFT)
    assert not gates(session) and not scatter.undo.isEnabled()
    for _ in range(3):
        qtbot.mouseClick(scatter.redo, LEFT)
    assert not gates(session)  # deleted again, as the last thing that was done
    assert not scatter.redo.isEnabled()


def test_show_all_keeps_the_gates(
    scatter: ScatterPanel, gallery: GalleryWidget, session: Session, qtbot: QtBot
) -> None:
    draw(scatter, qtbot, middle_box(session))
    qtbot.mouseClick(gallery.clear, LEFT)
    assert len(gallery.grid.cells.rows) == 60
    (gate,) = gates(session)
    assert not gate.active and scatter.gates.item(0).checkState() == Qt.CheckState.Unchecked


def test_a_click_on_a_point_looks_at_its_cell(scatter: ScatterPanel, session: Session, qtbot: QtBot) -> None:
    table = session.shown_cells.table
    assert table is not None
    cell = int(table["area"].argmax())
    place = at(scatter, table["area"][cell], table["mean_stain"][cell])
    qtbot.mouseClick(scatter.canvas, LEFT, pos=place)
    assert session.workspace.current == cell and session.workspace.selection == (cell,)


def test_on_logarithmic_axes_gates_are_of_these_axes(
    scatter: ScatterPanel, session: Session, qtbot: QtBot
) -> None:
    qtbot.mouseClick(scatter.log_y, LEFT)
    scatter.canvas.draw()
    draw(scatter, qtbot, middle_box(session))
    (gate,) = gates(session)
    assert gate.log_y and not gate.log_x
    choose(scatter.y, "area")
    scatter.gates.setCurrentRow(-1)
    scatter.gates.setCurrentRow(0)  # shows it on its own axes again
    assert scatter.y.currentData() == "mean_stain" and scatter.log_y.isChecked()


def test_the_wheel_zooms_and_a_double_click_shows_all(
    scatter: ScatterPanel, session: Session, qtbot: QtBot
) -> None:
    axes = scatter.canvas._axes
    whole = axes.get_xlim()
    corners = middle_box(session)
    place = scatter.canvas._axes.transData.transform(corners[0])
    from matplotlib.backend_bases import MouseEvent

    event = MouseEvent("scroll_event", scatter.canvas, *place, step=3)
    scatter.canvas.callbacks.process("scroll_event", event)
    near = axes.get_xlim()
    assert near[1] - near[0] < 0.6 * (whole[1] - whole[0]) and near[0] < corners[0][0] < near[1]
    empty = at(scatter, near[0] + 0.02 * (near[1] - near[0]), axes.get_ylim()[0] * 1.02)
    qtbot.mouseDClick(scatter.canvas, LEFT, pos=empty)
    assert axes.get_xlim() == pytest.approx(whole)
