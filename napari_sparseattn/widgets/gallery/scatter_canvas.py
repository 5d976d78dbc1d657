"""A scatter plot of cells on which gates are drawn, moved and chosen; knows no table and no workspace.

The points are drawn by matplotlib once; gates and marks lie over a copy of that picture, so that dragging a
corner costs the same with a hundred points and with ten thousand.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.backends.backend_qtagg import FigureCanvasQTAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Polygon
from matplotlib.text import Text
from numpy.typing import NDArray
from qtpy.QtCore import QEvent, Qt, Signal
from qtpy.QtGui import QKeyEvent, QKeySequence, QPalette
from qtpy.QtWidgets import QSizePolicy

from sparseattn.errors import InputError
from sparseattn.names import in_figure
from sparseattn.table.gates import PolygonGate

Points = NDArray[np.float64]

_NEAR = 8
"""Pixels of the screen within which a corner or a point is meant."""
_STEPS = 24
"""Pieces that an edge is drawn in where it is straight on another kind of axis than the one shown."""
_MARGINS = (64, 14, 46, 10)
"""Pixels left of, right of, below and above the axes."""


@dataclasses.dataclass(frozen=True)
class Cloud:
    """The points of a plot: (n,) values, their cells, and runs of points of one colour.

    ``groups`` are (colour, (m,) places among the n points), drawn in this order.
    """

    x: Points
    y: Points
    x_title: str
    y_title: str
    log_x: bool
    log_y: bool
    groups: tuple[tuple[str, NDArray[np.intp]], ...]


class ScatterCanvas(FigureCanvasQTAgg):
    drawn = Signal(list)
    """Corners (x, y) of a gate that was drawn."""
    moved = Signal(int, object)
    """Number of a gate, and the gate as it is now."""
    picked = Signal(int)
    """Number of the gate that was clicked, -1 for none."""
    pointed = Signal(int)
    """Place of the point that was clicked."""
    drawing_ended = Signal()
    key_given = Signal(str)
    """"undo", "redo" or "delete"."""

    def __init__(self) -> None:
        super().__init__(Figure(figsize=(4, 3)))
        self._axes = self.figure.add_subplot()
        self._cloud: Cloud | None = None
        self._gates: tuple[PolygonGate, ...] = ()
        self._chosen = -1
        self._marked: NDArray[np.intp] = np.zeros(0, np.intp)
        self._corners: list[tuple[float, float]] | None = None  # of the gate that is being drawn
        self._cursor: tuple[float, float] | None = None
        self._held: _Held | None = None
        self._ground: Any = None
        self._view: tuple[tuple[float, float], tuple[float, float]] | None = None
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Expanding)
        self.setMinimumHeight(160)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        for name, slot in (
            ("draw_event", self._after_draw),
            ("button_press_event", self._press),
            ("motion_notify_event", self._move),
            ("button_release_event", self._release),
            ("scroll_event", self._zoom),
        ):
            self.mpl_connect(name, slot)

    # -- what is shown -------------------------------------------------------------------------------

    def show_cloud(self, cloud: Cloud | None) -> None:
        """Show other points. The part in view stays where the axes stay."""
        before, self._cloud = self._cloud, cloud
        same = (
            before is not None
            and cloud is not None
            and (before.x_title, before.y_title, before.log_x, before.log_y)
            == (cloud.x_title, cloud.y_title, cloud.log_x, cloud.log_y)
        )
        if not same:
            self._view = None
            self._corners, self._held = None, None
        self._plot()

    def show_gates(self, gates: Sequence[PolygonGate], chosen: int) -> None:
        """Show the gates on these axes; one of them may be chosen."""
        self._gates, self._chosen = tuple(gates), chosen
        self._repaint()

    def mark(self, places: NDArray[np.intp]) -> None:
        """Ring some points."""
        self._marked = places
        self._repaint()

    @property
    def is_drawing(self) -> bool:
        return self._corners is not None

    def begin_drawing(self) -> None:
        self._corners = []
        self.setCursor(Qt.CursorShape.CrossCursor)
        self.setFocus()

    def end_drawing(self) -> None:
        """Stop; what was drawn so far is dropped."""
        if self._corners is not None:
            self._corners = None
            self.unsetCursor()
            self._repaint()
            self.drawing_ended.emit()

    def to_screen(self, x: float, y: float) -> tuple[int, int]:
        """Return where a point of the plot is on the widget, in its pixels."""
        across, up = self._axes.transData.transform((x, y))
        ratio = self.device_pixel_ratio
        return round(across / ratio), round((self.figure.bbox.height - up) / ratio)

    # -- drawing -------------------------------------------------------------------------------------

    def _plot(self) -> None:
        axes, cloud = self._axes, self._cloud
        axes.clear()
        self._use_theme()
        if cloud is None or not len(cloud.x):
            axes.set_axis_off()
            self.draw_idle()
            return
        axes.set_axis_on()
        for along, log in (("x", cloud.log_x), ("y", cloud.log_y)):
            if log:
                getattr(axes, f"set_{along}scale")("log", nonpositive="mask")
        size = 4 if len(cloud.x) < 3000 else 2.5
        for colour, places in cloud.groups:
            # Lines of markers alone are drawn from one stamp; a collection draws each point by itself.
            axes.plot(
                cloud.x[places], cloud.y[places], "o",
                color=colour, markersize=size, markeredgewidth=0, rasterized=True,
            )  # fmt: skip
        axes.set_xlabel(in_figure(cloud.x_title))
        axes.set_ylabel(in_figure(cloud.y_title))
        axes.margins(0.04)
        if self._view is not None:
            axes.set_xlim(self._view[0])
            axes.set_ylim(self._view[1])
        self.draw_idle()

    def _use_theme(self) -> None:
        self.ensurePolished()
        palette = self.palette()
        ground = palette.color(QPalette.ColorRole.Window).name()
        ink = palette.color(QPalette.ColorRole.WindowText).name()
        self._ink = ink
        self.figure.set_facecolor(ground)
        self._axes.set_facecolor(ground)
        self._axes.tick_params(which="both", colors=ink, labelsize=8)
        for label in (self._axes.xaxis.label, self._axes.yaxis.label):
            label.set_color(ink)
            label.set_size(9)
        for name, spine in self._axes.spines.items():
            spine.set_color(ink)
            spine.set_visible(name in ("left", "bottom"))

    def _after_draw(self, _: Any) -> None:
        self._ground = self.copy_from_bbox(self.figure.bbox)
        for artist in self._over():
            self._axes.draw_artist(artist)

    def _repaint(self) -> None:
        """Draw gates and marks anew over the picture of the points."""
        if self._ground is None or self._cloud is None:
            return
        self.restore_region(self._ground)
        for artist in self._over():
            self._axes.draw_artist(artist)
        self.blit(self.figure.bbox)

    def _over(self) -> list[Any]:
        if self._cloud is None:
            return []
        made: list[Any] = []
        if len(self._marked):
            made.append(
                Line2D(
                    self._cloud.x[self._marked], self._cloud.y[self._marked], linestyle="", marker="o",
                    markersize=7, markerfacecolor="none", markeredgecolor=self._ink, markeredgewidth=1.2,
                )
            )  # fmt: skip
        for number, gate in enumerate(self._gates):
            if self._held is not None and number == self._held.number:
                gate = self._held.gate
            chosen = number == self._chosen
            outline = self._outline(gate)
            made.append(
                Polygon(
                    outline, closed=True, facecolor="none", edgecolor=self._ink,
                    linestyle="-" if gate.active else ":", linewidth=2 if chosen else 1.2,
                )
            )  # fmt: skip
            if chosen:
                x, y = np.array(gate.vertices).T
                made.append(Line2D(x, y, linestyle="", marker="s", markersize=6, color=self._ink))
            x, y = outline[outline[:, 1].argmax()]
            ground = {"facecolor": self.figure.get_facecolor(), "alpha": 0.7, "pad": 1, "linewidth": 0}
            made.append(
                Text(
                    x,
                    y,
                    in_figure(gate.name),
                    color=self._ink,
                    fontsize=9,
                    ha="center",
                    va="bottom",
                    bbox=ground,
                )
            )
        if self._corners:
            corners = [*self._corners, self._cursor] if self._cursor is not None else self._corners
            x, y = np.array(corners, dtype=float).T
            made.append(Line2D(x, y, color=self._ink, linewidth=1.5, marker="s", markersize=5))
        for artist in made:
            artist.set_figure(self.figure)
            artist.axes = self._axes
            artist.set_transform(self._axes.transData)
            artist.set_clip_box(self._axes.bbox)
            artist.set_clip_on(True)
        return made

    def _outline(self, gate: PolygonGate) -> Points:
        """Return the corners, with points between them where edges are bent on these axes."""
        cloud = self._cloud
        assert cloud is not None
        corners = np.array(gate.vertices)
        if (gate.log_x, gate.log_y) == (cloud.log_x, cloud.log_y):
            return corners
        logs = (gate.log_x, gate.log_y)
        for axis, log in enumerate(logs):
            if log:
                corners[:, axis] = np.log10(corners[:, axis])
        steps = np.linspace(0, 1, _STEPS, endpoint=False)[:, None]
        pieces = [
            one + (two - one) * steps for one, two in zip(corners, np.roll(corners, -1, axis=0), strict=True)
        ]
        outline = np.concatenate(pieces)
        for axis, log in enumerate(logs):
            if log:
                outline[:, axis] = 10 ** outline[:, axis]
        return outline

    def resizeEvent(self, event: Any) -> None:
        super().resizeEvent(event)
        width, height = max(self.width(), 1), max(self.height(), 1)
        left, right, below, above = _MARGINS
        if width > left + right + 20 and height > below + above + 20:
            self.figure.subplots_adjust(left / width, below / height, 1 - right / width, 1 - above / height)
            self.draw_idle()

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() in (QEvent.Type.StyleChange, QEvent.Type.PaletteChange) and hasattr(self, "_cloud"):
            self._plot()

    # -- mouse and keys ------------------------------------------------------------------------------

    def _press(self, event: Any) -> None:
        if self._cloud is None or event.inaxes is not self._axes or event.button != 1:
            return
        if self._corners is not None:
            self._press_corner(event)
            return
        if event.dblclick:
            self._view = None
            self._plot()
            return
        place = (event.x, event.y)
        corner = self._corner_at(place)
        number = self._chosen if corner is not None else self._gate_at(place)
        if number >= 0:
            self._held = _Held(number, self._gates[number], corner, place, self._gates[number])
        if number != self._chosen:
            self._chosen = number
            self.picked.emit(number)
            self._repaint()
        if number < 0:
            self._point_at(place)

    def _press_corner(self, event: Any) -> None:
        corners = self._corners
        assert corners is not None
        closes = len(corners) >= 3 and self._distance(corners[0], (event.x, event.y)) <= _NEAR
        if event.dblclick or closes:
            self._finish()
            return
        corners.append((float(event.xdata), float(event.ydata)))
        self._repaint()

    def _finish(self) -> None:
        corners = self._corners
        if corners is not None and len(corners) >= 3:
            self.end_drawing()
            self.drawn.emit(corners)

    def _move(self, event: Any) -> None:
        if self._corners is not None:
            inside = event.inaxes is self._axes
            self._cursor = (float(event.xdata), float(event.ydata)) if inside else None
            self._repaint()
        elif self._held is not None and event.inaxes is self._axes:
            self._drag(event)

    def _drag(self, event: Any) -> None:
        held = self._held
        assert held is not None
        screen = self._axes.transData.transform(np.array(held.before.vertices))
        shift = np.array([event.x, event.y]) - held.start
        if held.corner is None:
            screen += shift
        else:
            screen[held.corner] += shift
        vertices = self._axes.transData.inverted().transform(screen)
        try:
            gate = dataclasses.replace(held.before, vertices=tuple((float(x), float(y)) for x, y in vertices))
        except InputError:  # dragged to where a logarithmic axis has no place
            return
        self._held = dataclasses.replace(held, gate=gate)
        self._repaint()

    def _release(self, event: Any) -> None:
        held, self._held = self._held, None
        if held is not None and held.gate != held.before:
            self.moved.emit(held.number, held.gate)

    def _zoom(self, event: Any) -> None:
        if event.inaxes is not self._axes:
            return
        factor = 0.8**event.step
        limits = []
        for axis, middle in (("x", event.x), ("y", event.y)):
            low, high = self._axes.bbox.intervalx if axis == "x" else self._axes.bbox.intervaly
            limits.append((middle + (low - middle) * factor, middle + (high - middle) * factor))
        (left, right), (below, above) = limits
        ends = self._axes.transData.inverted().transform([(left, below), (right, above)])
        if np.isfinite(ends).all():
            self._view = ((ends[0, 0], ends[1, 0]), (ends[0, 1], ends[1, 1]))
            self._axes.set_xlim(self._view[0])
            self._axes.set_ylim(self._view[1])
            self.draw_idle()

    def event(self, event: QEvent) -> bool:
        # These keys go before shortcuts of the window while the plot has the focus.
        if event.type() == QEvent.Type.ShortcutOverride and gate_key(event) is not None:
            event.accept()
            return True
        return bool(super().event(event))

    def keyPressEvent(self, event: Any) -> None:
        if self._corners is not None:
            if event.key() == Qt.Key.Key_Escape:
                self.end_drawing()
                return
            if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
                self._finish()
                return
            if event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
                self._corners[-1:] = []
                self._repaint()
                return
            return
        given = gate_key(event)
        if given is None:
            event.ignore()
        else:
            self.key_given.emit(given)

    def _distance(self, at: tuple[float, float], place: tuple[float, float]) -> float:
        return float(np.hypot(*(self._axes.transData.transform(at) - np.array(place))))

    def _corner_at(self, place: tuple[float, float]) -> int | None:
        """Return which corner of the chosen gate is near."""
        if self._chosen < 0 or self._chosen >= len(self._gates):
            return None
        distances = [self._distance(vertex, place) for vertex in self._gates[self._chosen].vertices]
        nearest = int(np.argmin(distances))
        return nearest if distances[nearest] <= _NEAR * self.device_pixel_ratio else None

    def _gate_at(self, place: tuple[float, float]) -> int:
        """Return which gate lies under the mouse, the chosen one first; -1 for none."""
        numbers = sorted(range(len(self._gates)), key=lambda number: number != self._chosen)
        for number in numbers:
            outline = self._axes.transData.transform(self._outline(self._gates[number]))
            if Polygon(outline).contains_point(place):
                return number
        return -1

    def _point_at(self, place: tuple[float, float]) -> None:
        cloud = self._cloud
        assert cloud is not None
        shown = np.concatenate([places for _, places in cloud.groups] or [np.zeros(0, np.intp)])
        screen = self._axes.transData.transform(np.stack([cloud.x[shown], cloud.y[shown]], axis=1))
        distances = np.hypot(*(screen - np.array(place)).T)
        distances[~np.isfinite(distances)] = np.inf
        if len(distances) and distances.min() <= _NEAR * self.device_pixel_ratio:
            self.pointed.emit(int(shown[distances.argmin()]))


def gate_key(event: QKeyEvent) -> str | None:
    """Return what a key does to gates: "undo", "redo", "delete"; None where it does nothing."""
    for given, key in (("undo", QKeySequence.StandardKey.Undo), ("redo", QKeySequence.StandardKey.Redo)):
        if event.matches(key):
            return given
    return "delete" if event.key() in (Qt.Key.Key_Delete, Qt.Key.Key_Backspace) else None


@dataclasses.dataclass(frozen=True)
class _Held:
    """A gate in the user's hand: all of it, or one corner."""

    number: int
    gate: PolygonGate
    corner: int | None
    start: tuple[float, float]
    before: PolygonGate
