"""One picture that says which pixels decided."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.cm import ScalarMappable
from matplotlib.collections import LineCollection
from matplotlib.colors import ListedColormap, Normalize
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.patches import Patch
from matplotlib.path import Path as Outline
from numpy.typing import ArrayLike, NDArray

from sparseattn.explain.display import Picture, picture
from sparseattn.names import in_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sparseattn.explain.explanation import Explanation

INK, QUIET, PALE = "#222222", "#6b6b6b", "#c3ccd2"
SELECTED, READ = "#d55e00", "#0072b2"  # vermilion and blue of Okabe and Ito's palette
_shades = colormaps["plasma"](np.linspace(0, 1, 256))
_shades[:, 3] = np.linspace(0.05, 0.85, 256)
HEAT = ListedColormap(_shades, name="heat")  # low values let the image through; safe for colour-blind eyes
MOST_CLASSES = 8
LONGEST_NAME = 28
DPI = 150


def overlay_figure(explanation: Explanation) -> Figure:
    """Draw the image, the coarse and fine maps over it, the selected pixels and the class probabilities.

    Parameters
    ----------
    explanation : Explanation
        What `explain_cell` returned.

    Returns
    -------
    Figure
        On an Agg canvas; no window and no pyplot state.
    """
    figure = Figure(
        figsize=(13, 6.7), layout=ConstrainedLayoutEngine(w_pad=0.15, h_pad=0.1), facecolor="white"
    )
    FigureCanvasAgg(figure)
    above, below = figure.subfigures(2, 1, squeeze=False, height_ratios=(4.3, 2.4))[:, 0]
    shown = picture(explanation.image, explanation.channels, explanation.modality)
    _headline(above.suptitle, explanation)
    # The layout makes room for class names of any length below; the panels here stay where they are.
    image, coarse, fine, selected = (above.add_axes((0.012 + 0.248 * i, 0.155, 0.232, 0.7)) for i in range(4))
    draw_image(image, shown, explanation.channels)
    draw_coarse(coarse, shown, explanation)
    draw_fine(fine, shown, explanation)
    draw_selected(selected, shown, explanation)
    classes, facts = below.subfigures(1, 2, squeeze=False)[0]
    draw_classes(classes.subplots(), explanation)
    _write_facts(facts.subplots(), explanation)
    return figure


def save_overlay(explanation: Explanation, path: Path) -> None:
    """Write `overlay_figure` to a PNG file."""
    overlay_figure(explanation).savefig(path, dpi=DPI, format="png")


def _headline(write: Callable[..., Any], explanation: Explanation) -> None:
    label, predicted = explanation.label, explanation.predicted
    known = (
        "" if label is None else (", as labelled" if label == predicted else f", labelled {_short(label)}")
    )
    write(
        f"{_short(predicted)} ({_percent(explanation.confidence)}{known})",
        x=0.0115, y=0.985, ha="left", fontsize=17, weight="bold",
        color=INK if label is None or label == predicted else SELECTED,
    )  # fmt: skip


def draw_image(axes: Axes, shown: Picture, channels: tuple[str, ...]) -> None:
    """Draw the cell itself."""
    bare(axes, "Image")
    axes.imshow(shown.colour, interpolation="nearest")
    if shown.limits is not None:
        more = "" if len(channels) == 1 else f" (first of {len(channels)} channels)"
        colour_bar(axes, ScalarMappable(Normalize(*shown.limits), "gray"), _short(channels[0]) + more)
    elif shown.legend:
        _legend(axes, [Patch(facecolor=colour, label=_short(name)) for name, colour in shown.legend])


def draw_coarse(axes: Axes, shown: Picture, explanation: Explanation) -> None:
    """Draw the coarse attention over the cell."""
    bare(axes, "Coarse attention: where to look")
    draw_map(axes, shown, explanation, explanation.coarse_grid, None, "score, 0 to 1")


def draw_fine(axes: Axes, shown: Picture, explanation: Explanation) -> None:
    """Draw the fine attention, averaged over the heads, over the cell."""
    bare(axes, "Fine attention: what counted")
    times_mean = explanation.fine_grid * len(explanation.selected)
    chosen = np.ma.masked_equal(times_mean, 0)
    # A single pixel may weigh thirty times the mean and would leave the others without colour.
    draw_map(
        axes,
        shown,
        explanation,
        chosen,
        float(np.percentile(chosen.compressed(), 98)),
        "weight, times the mean",
    )


def draw_map(
    axes: Axes,
    shown: Picture,
    explanation: Explanation,
    units: NDArray[np.float32],
    high: float | None,
    label: str,
) -> None:
    """Draw a (G, G) map over the cell, with a colour bar."""
    y, x = explanation.grid_lines
    axes.imshow(0.35 + 0.65 * shown.grey, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    heat = axes.imshow(
        units, cmap=HEAT, vmax=high, interpolation="nearest", extent=(x[0], x[-1], y[-1], y[0])
    )
    frame(axes, explanation)
    colour_bar(axes, heat, label, extend="neither" if high is None or high >= units.max() else "max")


def draw_selected(axes: Axes, shown: Picture, explanation: Explanation) -> None:
    """Draw the selected pixels and what was read with them; the rest is pale."""
    bare(axes, "Selected pixels: what decided")
    axes.imshow(0.75 + 0.25 * shown.colour, interpolation="nearest")
    read = axes.imshow(shown.colour, interpolation="nearest")
    read.set_clip_path(_windows(explanation), axes.transData)
    for mask, colour in ((explanation.read_mask, READ), (explanation.selected_mask, SELECTED)):
        axes.add_collection(
            LineCollection(_borders(mask, *explanation.grid_lines), colors=colour, linewidths=1)
        )
    frame(axes, explanation)
    window = explanation.window_pixels
    _legend(axes, [
        Patch(facecolor="none", edgecolor=SELECTED, label="selected"),
        Patch(facecolor="none", edgecolor=READ, label=f"read with them ({window} x {window})"),
    ])  # fmt: skip


def draw_classes(axes: Axes, explanation: Explanation) -> None:
    """Draw the probabilities of the classes as bars, the highest first."""
    order = np.argsort(-explanation.probabilities, kind="stable")[:MOST_CLASSES]
    total = len(explanation.classes)
    panel_title(
        axes, "Class probabilities" + (f" ({len(order)} highest of {total})" if len(order) < total else "")
    )
    values = explanation.probabilities[order]
    bars = axes.barh(range(len(order)), values, color=[READ] + [PALE] * (len(order) - 1), height=0.62)
    axes.bar_label(bars, [_percent(float(value)) for value in values], padding=5, fontsize=9.5, color=INK)
    names = [explanation.classes[which] for which in order]
    marked = [_short(name) + (" (label)" if name == explanation.label else "") for name in names]
    axes.set_yticks(range(len(order)), marked, fontsize=9.5, color=INK)
    axes.set_xlim(0, 1.12)  # room for the figure at the end of a full bar
    axes.set_ylim(max(len(order), 5) - 0.4, -0.6)  # two bars are not drawn as two slabs
    axes.set_xticks([])
    axes.tick_params(left=False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(PALE)


def _write_facts(axes: Axes, explanation: Explanation) -> None:
    panel_title(axes, "How it was decided")
    axes.set_axis_off()
    size, pixels = explanation.prepare.size, explanation.grid_pixels
    selected, read = explanation.selected_pixels, explanation.read_pixels
    how = "the selected and their windows" if explanation.strict else "and the rest through the coarse stage"
    facts = [
        ("selected (k)", f"{selected:,} pixels, {_percent(selected / pixels)}"),
        ("read", f"{read:,} pixels, {_percent(read / pixels)}: {how}"),
        ("looked at", f"all {pixels:,} of the net's {size} x {size} grid, by the coarse stage"),
        (
            "in distribution",
            f"{explanation.in_distribution:.2f} (1: typical, near 0: unlike the training cells)",
        ),
        ("cell", explanation.cell_id),
        ("from", _short_path(explanation.source)),
    ]
    for row, (name, value) in enumerate(facts):
        height = 0.93 - row * 0.145
        axes.text(0, height, name, transform=axes.transAxes, va="top", fontsize=9.5, color=QUIET)
        axes.text(0.19, height, value, transform=axes.transAxes, va="top", fontsize=9.5, color=INK)


def panel_title(axes: Axes, title: str) -> None:
    """Write the title of a panel."""
    axes.set_title(title, loc="left", fontsize=11, color=INK)


def bare(axes: Axes, title: str) -> None:
    """Give a panel a title and take its ticks away."""
    panel_title(axes, title)
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_color(PALE)


def frame(axes: Axes, explanation: Explanation) -> None:
    """Show the cell and no more."""
    height, width = explanation.image.shape[-2:]
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))


def colour_bar(axes: Axes, drawn: ScalarMappable, label: str, extend: str = "neither") -> None:
    """Draw a colour bar under a panel."""
    place = axes.inset_axes((0, -0.075, 1, 0.035))
    bar = axes.figure.colorbar(drawn, cax=place, orientation="horizontal", extend=extend)
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8.5, colors=QUIET, length=2)
    bar.outline.set_visible(False)


def _legend(axes: Axes, patches: list[Patch]) -> None:
    axes.legend(
        handles=patches, loc="upper left", bbox_to_anchor=(-0.02, -0.02), ncols=len(patches), frameon=False,
        fontsize=9, labelcolor=INK, handlelength=1, handletextpad=0.5, columnspacing=1.2, borderpad=0.2,
    )  # fmt: skip


def _windows(explanation: Explanation) -> Outline:
    """Return the squares that the selected units and their windows cover on the original image."""
    y, x = explanation.grid_lines
    margin = (explanation.window_pixels - explanation.unit_pixels) // 2
    last = explanation.prepare.size
    squares = []
    for top, left in explanation.selected.positions - margin:
        rows = y[np.clip([top, top + explanation.window_pixels], 0, last)]
        columns = x[np.clip([left, left + explanation.window_pixels], 0, last)]
        corners = [(columns[i], rows[j]) for i, j in ((0, 0), (1, 0), (1, 1), (0, 1), (0, 0))]
        squares.append(Outline(corners, closed=True))
    return Outline.make_compound_path(*squares)


def _borders(mask: NDArray[np.bool_], y: ArrayLike, x: ArrayLike) -> list[NDArray[np.float64]]:
    """Return the lines between the pixels inside and outside of a mask as (2, 2) x, y segments."""
    y, x = np.asarray(y), np.asarray(x)
    padded = np.pad(mask, 1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = [np.array([(x[c], y[r]), (x[c + 1], y[r])]) for r, c in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = [np.array([(x[c], y[r]), (x[c], y[r + 1])]) for r, c in zip(rows, columns, strict=True)]
    return level + upright


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.{0 if fraction >= 0.1 or fraction == 0 else 1}f} %"


def _short(name: str) -> str:
    return in_figure(name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 12]}…{name[-11:]}")


def _short_path(source: str) -> str:
    kept = "/".join(source.replace("\\", "/").split("/")[-3:])
    return in_figure(kept if len(kept) <= 60 else f"…{kept[-59:]}")
