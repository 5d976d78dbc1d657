"""A figure of one cell for a paper, and the numbers that were drawn."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.ticker import FormatStrFormatter
from numpy.typing import NDArray

from sparseattn.csv_text import FLOATS, write_csv
from sparseattn.errors import InputError
from sparseattn.explain.display import picture
from sparseattn.explain.files import selected_pixels_table
from sparseattn.explain.overlay import (
    INK,
    READ,
    SELECTED,
    bare,
    colour_bar,
    draw_classes,
    draw_coarse,
    draw_fine,
    draw_image,
    draw_selected,
    frame,
    panel_title,
)
from sparseattn.names import in_figure
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sparseattn.explain.display import Picture
    from sparseattn.explain.evidence import ClassEvidence
    from sparseattn.explain.explainer import ProbabilityCurve
    from sparseattn.explain.explanation import Explanation

SUFFIXES = (".svg", ".pdf", ".png")
PNG_DPI = 300
BAR_LENGTHS = (0.1, 0.2, 0.5, 1, 2, 5, 10, 20, 50, 100, 200, 500)
AGAINST_AND_FOR = LinearSegmentedColormap.from_list(
    "against and for", [(*_rgb, alpha) for _rgb, alpha in (
        ((0.0, 0.447, 0.698), 1.0), ((0.0, 0.447, 0.698), 0.0), ((0.835, 0.369, 0.0), 0.0),
        ((0.835, 0.369, 0.0), 1.0),
    )],
)  # fmt: skip


def cell_figure(
    explanation: Explanation,
    *,
    evidence: ClassEvidence | None = None,
    curve: ProbabilityCurve | None = None,
    colours: Mapping[str, str] | None = None,
    pixel_size_um: float | None = None,
) -> Figure:
    """Draw one cell with its selected pixels, maps and probabilities.

    Parameters
    ----------
    explanation : Explanation
        What is drawn.
    evidence : ClassEvidence, optional
        Drawn as a panel of its own.
    curve : ProbabilityCurve, optional
        Drawn as a panel of its own.
    colours : mapping of str to str, optional
        Colour of each class, "#rrggbb".
    pixel_size_um : float, optional
        Side of a pixel of the cell's image in micrometres: draws a scale bar.

    Returns
    -------
    Figure
        On an Agg canvas; no window and no pyplot state.
    """
    panels = 4 + (evidence is not None)
    figure = Figure(figsize=(3.1 * panels, 6.4), facecolor="white")
    FigureCanvasAgg(figure)
    width = 1 / panels
    axes = [figure.add_axes((width * i + 0.006, 0.5, width - 0.012, 0.44)) for i in range(panels)]
    shown = picture(explanation.image, explanation.channels, explanation.modality)
    draw_image(axes[0], shown, explanation.channels)
    if pixel_size_um is not None:
        _draw_scale_bar(axes[0], explanation, pixel_size_um)
    draw_selected(axes[1], shown, explanation)
    draw_coarse(axes[2], shown, explanation)
    draw_fine(axes[3], shown, explanation)
    if evidence is not None:
        _draw_evidence(axes[4], shown, explanation, evidence)
    half = 0.5 if curve is not None else 1.0
    bars = figure.add_axes((0.13 * 4 / panels, 0.06, half - 0.15 * 4 / panels, 0.26))
    draw_classes(bars, explanation)
    if curve is not None:
        place = (0.57, 0.11, 0.41 - 0.4 / panels, 0.21)
        _draw_curve(figure.add_axes(place), explanation, curve, colours or {})
    return figure


def write_figure(
    explanation: Explanation,
    path: Path,
    *,
    evidence: ClassEvidence | None = None,
    curve: ProbabilityCurve | None = None,
    colours: Mapping[str, str] | None = None,
    pixel_size_um: float | None = None,
) -> list[Path]:
    """Write `cell_figure` as SVG, PDF or PNG, and beside it as CSV the numbers of each panel.

    Parameters
    ----------
    path : Path
        Its suffix says which; the CSV files are named after it.
    explanation, evidence, curve, colours, pixel_size_um
        As in `cell_figure`.

    Returns
    -------
    list of Path
        The figure, then the tables: selected pixels, probabilities, maps (a row a pixel of the net's grid),
        and the curve where there is one.

    Raises
    ------
    InputError
        If the suffix is another, or a file cannot be written.
    """
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"cannot write {path}: give a name that ends in {', '.join(SUFFIXES)}")
    with rc_context({"svg.fonttype": "none", "pdf.fonttype": 42}):  # text stays text
        figure = cell_figure(
            explanation, evidence=evidence, curve=curve, colours=colours, pixel_size_um=pixel_size_um
        )
        with replaced_file(path) as draft:
            figure.savefig(draft, format=path.suffix.lower()[1:], dpi=PNG_DPI)
    written = [path]
    for name, table in source_data(explanation, evidence=evidence, curve=curve).items():
        target = path.with_name(f"{path.stem}_{name}.csv")
        with replaced_file(target) as draft:
            write_csv(table, draft, FLOATS)
        written.append(target)
    return written


def source_data(
    explanation: Explanation,
    *,
    evidence: ClassEvidence | None = None,
    curve: ProbabilityCurve | None = None,
) -> dict[str, pd.DataFrame]:
    """Return the numbers behind each panel of the figure, by name."""
    pixels = selected_pixels_table(explanation)
    maps: dict[str, NDArray[np.generic]] = {
        "coarse": _on_pixels(explanation.coarse_grid, explanation),
        "fine": _on_pixels(explanation.fine_grid, explanation),
        "selected": explanation.selected_mask,
        "read": explanation.read_mask,
    }
    if evidence is not None:
        pixels["evidence"] = evidence.units
        maps["evidence"] = evidence.pixels
    size = explanation.prepare.size
    grid_y, grid_x = (axis.reshape(-1) for axis in np.mgrid[:size, :size])
    tables = {
        "selected_pixels": pixels,
        "probabilities": pd.DataFrame(
            {"class": explanation.classes, "probability": explanation.probabilities}
        ),
        "maps": pd.DataFrame(
            {"grid_y": grid_y, "grid_x": grid_x, **{name: grid.reshape(-1) for name, grid in maps.items()}}
        ),
    }
    if curve is not None:
        columns = {name: curve.probabilities[:, i] for i, name in enumerate(explanation.classes)}
        tables["curve"] = pd.DataFrame({"k": curve.k, **columns})
    return tables


def _on_pixels(grid: NDArray[np.float32], explanation: Explanation) -> NDArray[np.float32]:
    repeat = explanation.prepare.size // len(grid)
    return np.repeat(np.repeat(grid, repeat, axis=0), repeat, axis=1)


def _draw_scale_bar(axes: Axes, explanation: Explanation, pixel_size_um: float) -> None:
    height, width = explanation.image.shape[-2:]
    room = width * pixel_size_um / 3
    length_um = max((length for length in BAR_LENGTHS if length <= room), default=BAR_LENGTHS[0])
    length, thick, margin = length_um / pixel_size_um, height * 0.018, width * 0.05
    left, top = width - 0.5 - margin - length, height - 0.5 - margin - thick
    # White in a dark border: to be seen on any image.
    axes.add_patch(Rectangle((left, top), length, thick, facecolor="white", edgecolor="black", linewidth=0.6))
    axes.text(
        left + length / 2, top - thick * 0.6, f"{length_um:g} µm", ha="center", va="bottom", fontsize=9,
        color="black", bbox={"facecolor": "white", "edgecolor": "none", "pad": 1, "alpha": 0.8},
    )  # fmt: skip


def _draw_evidence(axes: Axes, shown: Picture, explanation: Explanation, evidence: ClassEvidence) -> None:
    bare(axes, f"For and against {evidence.title}")
    y, x = explanation.grid_lines
    axes.imshow(0.35 + 0.65 * shown.grey, cmap="gray", vmin=0, vmax=1, interpolation="nearest")
    high = evidence.strongest
    drawn = axes.imshow(
        evidence.pixels, cmap=AGAINST_AND_FOR, vmin=-high, vmax=high, interpolation="nearest",
        extent=(x[0], x[-1], y[-1], y[0]),
    )  # fmt: skip
    frame(axes, explanation)
    colour_bar(axes, drawn, "against and for, in units of the score", extend="both")


def _draw_curve(
    axes: Axes, explanation: Explanation, curve: ProbabilityCurve, colours: Mapping[str, str]
) -> None:
    panel_title(axes, "Probability against the number of selected pixels")
    grid = explanation.grid_pixels
    for place, name in enumerate(explanation.classes):
        strong = name == explanation.predicted
        axes.plot(
            100 * curve.k / grid, curve.probabilities[:, place], color=colours.get(name, READ),
            linewidth=2 if strong else 1, alpha=1 if strong else 0.6, label=in_figure(name),
        )  # fmt: skip
    axes.axvline(100 * explanation.k / grid, color=SELECTED, linewidth=1, linestyle="--")
    axes.set(xscale="log", xlim=(100 * curve.k[0] / grid, 100), ylim=(-0.02, 1.02))
    axes.set(xlabel="selected, % of the grid", ylabel="probability")
    axes.xaxis.set_major_formatter(FormatStrFormatter("%g"))
    axes.spines[["top", "right"]].set_visible(False)
    axes.tick_params(labelsize=8.5, colors=INK)
    if len(explanation.classes) <= 8:
        axes.legend(fontsize=7.5, frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
