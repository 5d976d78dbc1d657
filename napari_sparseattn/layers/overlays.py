"""The overlays of the current cell: selected pixels and their neighbourhood, maps, what would change it."""

from __future__ import annotations

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from napari.layers import Image, Points, Vectors
from napari.utils.colormaps import Colormap, ensure_colormap
from numpy.typing import NDArray

from napari_sparseattn.colours import AGAINST_CLASS, FOR_CLASS, rgb
from napari_sparseattn.layers.place import Matrix, placed, put, scaled

if TYPE_CHECKING:
    from napari.layers import Layer

    from sparseattn.explain import ClassEvidence, Explanation
    from sparseattn.explain.counterfactual import Counterfactual

NAMES = {
    "coarse": "Coarse attention",
    "fine": "Fine attention",
    "evidence": "For and against the class",
    "neighbourhood": "Neighbourhood of the selected pixels",
    "selected": "Selected pixels",
    "changing": "Pixels that would change it",
    "cell_outline": "Outline of the cell",
}
"""The overlays by the field of `Shown` that shows them, the lowest first."""

ONE_COLOUR = 98
"""Percentile of the weights that has the strongest colour: one pixel may weigh thirty times the mean."""

HOLLOW = 0.16
"""Width of the border of a hollow square, as a share of its side."""

READ_COLOUR, CHANGING_COLOUR, CELL_COLOUR = "#56b4e9", "#00c48c", "#ff2d95"
"""Of outlines: not among those of the weights, and seen on dark and on light ground."""

_PLASMA = ensure_colormap("plasma")


def _see_through(name: str, colours: NDArray[np.float64], alpha: NDArray[np.float64]) -> Colormap:
    return Colormap(np.column_stack([colours[:, :3], alpha]), name=name)


_STEPS = np.linspace(0, 1, 64)
HEAT = _see_through("attention", _PLASMA.map(_STEPS), np.clip(_STEPS * 1.2, 0, 1))
_SIDES = np.abs(2 * _STEPS - 1)
EVIDENCE = _see_through(
    "for and against",
    np.where((_STEPS < 0.5)[:, None], rgb(AGAINST_CLASS), rgb(FOR_CLASS)),
    _SIDES,
)


@dataclass(frozen=True)
class Scene:
    """All that the overlays are drawn of.

    Attributes
    ----------
    explanation
        Of the cell, or of what is left of it.
    evidence, changing, cell_mask
        Where they are known and shown; the mask is (H, W), on the cell's own pixels.
    head
        The head whose attention is shown; None for their mean.
    world, units
        Where the cell's pixels lie, and in which units.
    opacity
        Of all but the lines, 0 to 1.
    """

    explanation: Explanation
    evidence: ClassEvidence | None
    changing: Counterfactual | None
    cell_mask: NDArray[np.bool_] | None
    head: int | None
    world: Matrix
    units: Any
    opacity: float


class Overlays:
    """Makes and updates one set of overlay layers; knows no workspace."""

    def __init__(self) -> None:
        self.layers: dict[str, Layer] = {}

    def draw(self, what: str, scene: Scene) -> Layer | None:
        """Update one overlay; return its layer if it was made just now, for the caller to add."""
        explanation, evidence, changing = scene.explanation, scene.evidence, scene.changing
        if what == "selected":
            return self._draw_points(scene)
        if what == "neighbourhood":
            matrix = grid_to_world(explanation, scene.world, 1)
            return self._draw_outline(what, explanation.read_mask, READ_COLOUR, 0.25, matrix, scene)
        if what == "coarse":
            return self._draw_map(what, explanation.coarse_grid, (0.0, 1.0), scene)
        if what == "fine":
            grids = explanation.head_grids
            grid = grids.mean(axis=0) if scene.head is None else grids[scene.head]
            limits = (0.0, _strongest(weights_of(explanation, scene.head)))
            return self._draw_map(what, grid, limits, scene)
        if what == "evidence" and evidence is not None:
            return self._draw_map(what, evidence.pixels, (-evidence.strongest, evidence.strongest), scene)
        if what == "changing" and changing is not None:
            mask = np.zeros((explanation.prepare.size,) * 2, dtype=bool)
            for y, x in changing.positions:
                mask[y : y + explanation.unit_pixels, x : x + explanation.unit_pixels] = True
            matrix = grid_to_world(explanation, scene.world, 1)
            return self._draw_outline(what, mask, CHANGING_COLOUR, 0.5, matrix, scene)
        if what == "cell_outline" and scene.cell_mask is not None:
            width = max(scene.cell_mask.shape) / 200
            return self._draw_outline(what, scene.cell_mask, CELL_COLOUR, width, scene.world, scene)
        self.hide(what)
        return None

    def hide(self, what: str) -> None:
        """Make an overlay invisible, if there is one."""
        if what in self.layers:
            _set(self.layers[what], "visible", False)

    def _draw_points(self, scene: Scene) -> Layer | None:
        """Draw the selected pixels; hollow squares leave evidence below them to be seen."""
        explanation, hollow = scene.explanation, scene.evidence is not None
        boxes = explanation.selected.boxes
        inside = boxes[:, 2] > boxes[:, 0]  # a unit that lies in the padding covers nothing of the image
        boxes, rank = boxes[inside], np.flatnonzero(inside) + 1
        centres = (boxes[:, :2] + boxes[:, 2:] - 1) / 2
        sizes = (boxes[:, 2:] - boxes[:, :2]).max(axis=1)
        weights = weights_of(explanation, scene.head)[inside]
        features = pd.DataFrame(
            {
                "rank": rank,
                "coarse": explanation.selected.scores[inside],
                "fine": weights,
                "intensity": _intensity(explanation)[inside],
            }
        )
        colours = _PLASMA.map(np.clip(weights / _strongest(weights), 0, 1)) if len(weights) else "white"
        layer = self.layers.get("selected")
        if layer is None:
            points = Points(
                centres, features=features, size=sizes, symbol="square", face_color=colours,
                border_width=0, opacity=scene.opacity, antialiasing=0, name=NAMES["selected"],
                units=scene.units, **placed(scene.world),
            )  # fmt: skip
            if hollow:
                _make_hollow(points, colours)
            return self._keep("selected", points)
        put(layer, scene.world)
        set_points(layer, centres, features, sizes, colours)
        if hollow:
            _make_hollow(layer, colours)
        elif layer.border_width.any():
            layer.border_width = 0
        _set(layer, "opacity", scene.opacity)
        _set(layer, "visible", True)
        return None

    def _draw_outline(
        self, what: str, mask: NDArray[np.bool_], colour: str, width: float, matrix: Matrix, scene: Scene
    ) -> Layer | None:
        """Draw a line, so many pixels wide, around pixels that a matrix places in the world."""
        lines = _outline(mask)
        layer = self.layers.get(what)
        if layer is None:
            vectors = Vectors(
                lines, edge_width=width, vector_style="line", edge_color=colour, opacity=1,
                name=NAMES[what], units=scene.units, **placed(matrix),
            )  # fmt: skip
            return self._keep(what, vectors)
        put(layer, matrix)
        if not np.array_equal(layer.data, lines):
            _set_data(layer, lines)
            _set(layer, "edge_width", width)
        _set(layer, "visible", True)
        return None

    def _draw_map(
        self, what: str, grid: NDArray[np.float32], limits: tuple[float, float], scene: Scene
    ) -> Layer | None:
        step = scene.explanation.prepare.size // len(grid)
        matrix = grid_to_world(scene.explanation, scene.world, step)
        layer = self.layers.get(what)
        if layer is None:
            image = Image(
                grid, colormap=EVIDENCE if what == "evidence" else HEAT, contrast_limits=limits,
                blending="translucent", opacity=scene.opacity, name=NAMES[what], units=scene.units,
                **placed(matrix),
            )  # fmt: skip
            return self._keep(what, image)
        put(layer, matrix)
        _set_data(layer, grid)
        if tuple(layer.contrast_limits) != limits:
            layer.contrast_limits_range = limits
            layer.contrast_limits = limits
        _set(layer, "opacity", scene.opacity)
        _set(layer, "visible", True)
        return None

    def _keep(self, what: str, layer: Layer) -> Layer:
        layer.metadata["sparseattn"] = {"made": what}
        self.layers[what] = layer
        return layer


def set_points(
    layer: Points, centres: NDArray[Any], features: pd.DataFrame, sizes: NDArray[Any], colours: NDArray[Any]
) -> None:
    """Replace all of a Points layer, with one refresh: each setter by itself would slice and draw anew."""
    if layer.selected_data:
        layer.selected_data = set()
    with layer.events.blocker_all(), one_refresh(layer):
        layer.data = centres
        layer.features = features
        layer.size = sizes
        layer.set_view_slice()  # what is drawn next looks up the points by the slice
        layer.face_color = colours  # draws
    layer.refresh(data_displayed=False, highlight=False)
    layer.events.features()  # for napari's table of features


def _make_hollow(layer: Points, colours: NDArray[Any]) -> None:
    """Leave the border of each square alone to be seen."""
    with one_refresh(layer):
        layer.border_width = HOLLOW
        layer.border_color = colours
        layer.face_color = "transparent"
    layer.refresh(data_displayed=False, highlight=False)


def _set_data(layer: Layer, data: NDArray[Any]) -> None:
    """Replace a layer's data; its extent stays within the cell's, so the sliders need not be made anew."""
    with layer.events.data.blocker():
        layer.data = data


def _set(layer: Layer, name: str, value: Any) -> None:
    """Set an attribute of a layer unless it is so already: napari redraws even then."""
    if getattr(layer, name) != value:
        setattr(layer, name, value)


def one_refresh(layer: Layer) -> AbstractContextManager[None]:
    """Hold back a layer's refreshes, where this napari can; without it, it is only slower."""
    block: Any = getattr(layer, "_block_refresh", nullcontext)
    return block()  # type: ignore[no-any-return]


def weights_of(explanation: Explanation, head: int | None) -> NDArray[np.float32]:
    """Return the (K,) fine attention of one head, or the mean of all."""
    chosen = explanation.selected
    return chosen.weights if head is None else chosen.head_weights[head]


def _strongest(weights: NDArray[np.float32]) -> float:
    return max(float(np.percentile(weights, ONE_COLOUR)), 1e-12) if weights.size else 1.0


def _intensity(explanation: Explanation) -> NDArray[np.float32]:
    """Return (K,): mean over the unit and the channels, in the units of the file."""
    prepare = explanation.prepare
    values = explanation.selected.values * np.float32(prepare.std) + np.float32(prepare.mean)
    return np.asarray(values.mean(axis=1), dtype=np.float32)


def grid_to_world(explanation: Explanation, world: Matrix, step: int) -> Matrix:
    """Return the matrix of a map of which one element is `step` pixels of the net's grid."""
    y, x = explanation.grid_lines
    down, right = y[1] - y[0], x[1] - x[0]
    # Element 0 has its centre half a step inside the first line.
    return scaled(world, (down * step, right * step), (y[0] + down * step / 2, x[0] + right * step / 2))


def _outline(mask: NDArray[np.bool_]) -> NDArray[np.float32]:
    """Return the lines between the pixels inside and outside of a mask: (n, 2, 2), start and run in y, x."""
    padded = np.pad(mask, 1)
    level = np.argwhere(padded[1:, 1:-1] != padded[:-1, 1:-1])
    upright = np.argwhere(padded[1:-1, 1:] != padded[1:-1, :-1])
    starts = np.concatenate([level, upright]) - 0.5
    runs = np.repeat([[0, 1], [1, 0]], [len(level), len(upright)], axis=0)
    return np.stack([starts, runs], axis=1).astype(np.float32)
