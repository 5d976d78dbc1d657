"""One picture that says which pixels decided."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.collections import LineCollection
from matplotlib.figure import Figure
from matplotlib.patches import Patch
from numpy.typing import NDArray

from sparseattn.explain.display import Picture, picture

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sparseattn.explain.explanation import Explanation

INK = "#222222"
QUIET = "#6b6b6b"
SELECTED = "#d55e00"  # vermilion and blue of Okabe and Ito's palette
READ = "#0072b2"
BAR = "#b8c4cc"
MOST_CLASSES = 10
LONGEST_NAME = 26
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
    figure = Figure(figsize=(11, 7.7), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    figure.get_layout_engine().set(w_pad=0.1, h_pad=0.1, wspace=0.02, hspace=0.03)  # type: ignore[union-attr]
    panels = figure.subplot_mosaic([["image", "coarse", "fine"], ["selected", "classes", "classes"]])
    shown = picture(explanation.image, explanation.channels, explanation.modality)
    _heading(figure, explanation)
    _draw_image(panels["image"], shown, explanation.channels)
    coarse = explanation.on_original(explanation.coarse_grid)
    _draw_map(panels["coarse"], shown, coarse, "Coarse attention: where it looked", "score (0 to 1)")
    fine = explanation.on_original(explanation.fine_grid * len(explanation.selected))
    _draw_map(
        panels["fine"], shown, fine, "Fine attention: what it weighed", "weight (1 = mean of the selected)"
    )
    _draw_selected(panels["selected"], shown, explanation)
    _draw_classes(panels["classes"], explanation)
    return figure


def save_overlay(explanation: Explanation, path: Path) -> None:
    """Write `overlay_figure` to a PNG file."""
    overlay_figure(explanation).savefig(path, dpi=DPI, format="png")


def _heading(figure: Figure, explanation: Explanation) -> None:
    label = explanation.label
    verdict = (
        ""
        if label is None
        else ("  (as labelled)" if label == explanation.predicted else f"  (labelled {_short(label)})")
    )
    figure.suptitle(
        f"{_short(explanation.predicted)}, {_percent(explanation.confidence)}{verdict}",
        x=0.012, ha="left", fontsize=17, color=INK, weight="bold",
    )  # fmt: skip
    pixels = explanation.grid_pixels
    figure.supxlabel(
        f"{explanation.selected_pixels:,} pixels selected (k, {_percent(explanation.selected_pixels / pixels)}), "
        f"{explanation.read_pixels:,} read with their windows ({_percent(explanation.read_pixels / pixels)}), "
        f"of {pixels:,} in the net's {explanation.prepare.size} x {explanation.prepare.size} grid.   "
        f"Likeness to the training cells: {explanation.in_distribution:.2f} of 1.\n"
        f"Cell {explanation.cell_id}, {_short_path(explanation.source)}",
        x=0.012, ha="left", fontsize=9.5, color=QUIET, linespacing=1.6,
    )  # fmt: skip


def _draw_image(axes: Axes, shown: Picture, channels: tuple[str, ...]) -> None:
    _bare(axes, "Image")
    axes.imshow(shown.colour, interpolation="nearest")
    if shown.limits is not None:
        bar = axes.imshow(shown.grey, cmap="gray", vmin=shown.limits[0], vmax=shown.limits[1], visible=False)
        name = (
            _short(channels[0])
            if len(channels) == 1
            else f"{_short(channels[0])} (1 of {len(channels)} channels)"
        )
        _colour_bar(axes, bar, name)
    elif shown.legend:
        patches = [Patch(facecolor=colour, label=_short(name)) for name, colour in shown.legend]
        axes.legend(
            handles=patches, loc="upper center", bbox_to_anchor=(0.5, 0), ncols=len(patches), frameon=False,
            fontsize=9, labelcolor=INK, handlelength=1, handletextpad=0.5, columnspacing=1.2,
        )  # fmt: skip


def _draw_map(axes: Axes, shown: Picture, values: NDArray[np.float32], title: str, label: str) -> None:
    _bare(axes, title)
    low, high = float(np.nanmin(values)), float(np.nanmax(values))
    axes.imshow(shown.grey, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    drawn = axes.imshow(
        values,
        cmap="inferno",
        vmin=low,
        vmax=high if high > low else low + 1e-6,
        alpha=0.6,
        interpolation="nearest",
    )
    _colour_bar(axes, drawn, label)


def _draw_selected(axes: Axes, shown: Picture, explanation: Explanation) -> None:
    _bare(axes, "Selected pixels: all that the class was decided from")
    height, width = explanation.image.shape[-2:]
    selected = explanation.on_original(explanation.selected_mask) > 0.5
    read = explanation.on_original(explanation.read_mask) > 0.5
    veil = np.where(read, 0.0, 0.75)[..., None]
    axes.imshow(shown.colour * (1 - veil) + veil, interpolation="nearest")
    axes.add_collection(LineCollection(_outline(read), colors=READ, linewidths=0.8))
    axes.add_collection(LineCollection(_outline(selected), colors=SELECTED, linewidths=1.1))
    axes.set(xlim=(-0.5, width - 0.5), ylim=(height - 0.5, -0.5))
    axes.legend(
        handles=[Patch(facecolor="none", edgecolor=SELECTED, label="selected"),
                 Patch(facecolor="none", edgecolor=READ, label=f"read with them ({explanation.window_pixels} x "
                       f"{explanation.window_pixels} windows)")],
        loc="upper center", bbox_to_anchor=(0.5, 0), ncols=2, frameon=False, fontsize=9, labelcolor=INK,
        handlelength=1, handletextpad=0.5, columnspacing=1.2,
    )  # fmt: skip


def _draw_classes(axes: Axes, explanation: Explanation) -> None:
    order = np.argsort(-explanation.probabilities, kind="stable")[:MOST_CLASSES]
    hidden = len(explanation.classes) - len(order)
    axes.set_title(
        "Class probabilities" + (f" ({len(order)} highest of {len(explanation.classes)})" if hidden else ""),
        loc="left", fontsize=11, color=INK,
    )  # fmt: skip
    values = explanation.probabilities[order]
    bars = axes.barh(range(len(order)), values, color=[READ] + [BAR] * (len(order) - 1), height=0.62)
    axes.bar_label(bars, [_percent(float(value)) for value in values], padding=5, fontsize=10, color=INK)
    names = [explanation.classes[which] for which in order]
    axes.set_yticks(
        range(len(order)),
        [_short(name) + ("  (label)" if name == explanation.label else "") for name in names],
        fontsize=10.5, color=INK,
    )  # fmt: skip
    axes.set_xlim(0, 1.12)  # room for the figure at the end of a full bar
    axes.set_ylim(max(len(order), 4) - 0.4, -0.6)  # two bars are not drawn as two slabs
    axes.set_xticks([])
    axes.tick_params(left=False)
    axes.spines[["top", "right", "bottom"]].set_visible(False)
    axes.spines["left"].set_color(BAR)


def _bare(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=11, color=INK)
    axes.set(xticks=[], yticks=[])
    axes.spines[:].set_color(BAR)


def _colour_bar(axes: Axes, drawn: object, label: str) -> None:
    bar = axes.figure.colorbar(drawn, ax=axes, orientation="horizontal", fraction=0.045, pad=0.02, aspect=30)  # type: ignore[arg-type]
    bar.set_label(label, fontsize=9, color=INK)
    bar.ax.tick_params(labelsize=8.5, colors=QUIET, length=2)
    bar.outline.set_visible(False)  # type: ignore[operator]


def _outline(mask: NDArray[np.bool_]) -> list[NDArray[np.float64]]:
    """Return the edges between the pixels inside and outside of ``mask`` as (2, 2) x, y segments."""
    padded = np.pad(mask, 1)
    rows, columns = np.nonzero(padded[1:, 1:-1] != padded[:-1, 1:-1])
    level = [np.array([(x - 0.5, y - 0.5), (x + 0.5, y - 0.5)]) for y, x in zip(rows, columns, strict=True)]
    rows, columns = np.nonzero(padded[1:-1, 1:] != padded[1:-1, :-1])
    upright = [np.array([(x - 0.5, y - 0.5), (x - 0.5, y + 0.5)]) for y, x in zip(rows, columns, strict=True)]
    return level + upright


def _percent(fraction: float) -> str:
    return f"{100 * fraction:.{0 if fraction >= 0.1 or fraction == 0 else 1}f} %"


def _short(name: str) -> str:
    return name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 1]}…"


def _short_path(source: str) -> str:
    kept = "/".join(source.replace("\\", "/").split("/")[-3:])
    return kept if len(kept) <= 90 else f"…{kept[-89:]}"
