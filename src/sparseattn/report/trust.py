"""Whether the selected pixels can be trusted: tests of them on some cells, in a sentence and a plot."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import FixedLocator, NullLocator
from numpy.typing import NDArray

from sparseattn.learn.metrics import wilson_interval
from sparseattn.report.ink import INK, PALE, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sparseattn.classifier import Classifier
    from sparseattn.explain.assessment import Assessment
    from sparseattn.explain.trial import MethodScores
    from sparseattn.predictions import Predictions

MOST_CELLS = 60
ENOUGH = 0.95
"""Share of the cells that must keep their class before one may say that their selected pixels decided."""
_LINES = {
    "selection": ("selected pixels", "#0072b2", "-", 2.2),
    "attention": ("by attention", "#d55e00", "-", 1.4),
    "evidence": ("by evidence", "#009e73", "-", 1.4),
    "centre": ("middle of the image", QUIET, (0, (5, 1.5)), 1.1),
    "intensity": ("unlike the background", QUIET, (0, (3, 1.2, 1, 1.2)), 1.1),
    "random": ("chance", QUIET, (0, (1, 1.2)), 1.1),
}
"""What is drawn of an assessment: name, colour, dashes and width."""
_CURVES = ("selection", "evidence", "random")


def assess_pixels(
    classifier: Classifier,
    predictions: Predictions,
    *,
    most_cells: int = MOST_CELLS,
    on_step: Callable[[int, int], None] | None = None,
) -> Assessment:
    """Test the explanations of answers on some of their cells; takes seconds.

    Parameters
    ----------
    classifier : Classifier
        The model that answered.
    predictions : Predictions
        Its answers; k is theirs.
    most_cells : int
        Of more cells so many are drawn.
    on_step : callable, optional
        Called with the number of ways to explain that are done, and of all; what it raises ends it.
    """
    from sparseattn.explain.assessment import assess_explanations

    return assess_explanations(
        classifier,
        predictions.cells,
        k=predictions.k,
        most_cells=most_cells,
        with_sanity=False,
        force=True,
        on_step=on_step,
    )


def kept_shares(scores: MethodScores) -> NDArray[np.float64]:
    """Return for each number of pixels the share of cells that keep their class, by the worst fill-in."""
    shares = [[one.same.mean() for one in kept] for kept in scores.kept.values()]
    return np.asarray(np.min(shares, axis=0), dtype=np.float64)


def trust_statement(assessment: Assessment) -> str:
    """Return what the tests say, in a sentence or two of plain words."""
    n = len(assessment.labels)
    kept, chance = (float(kept_shares(assessment.methods[name])[0]) for name in ("selection", "random"))
    low, high = wilson_interval(round(kept * n), n) or (0.0, 1.0)
    share = 100 * assessment.ks[0] / assessment.grid_pixels
    said = (
        f"Shown its selected pixels alone ({share:.3g} % of the grid, and the windows around them), the rest "
        f"of the picture filled in, the model gives {100 * kept:.0f} % (95 %: {100 * low:.0f} to "
        f"{100 * high:.0f} %) of {n} cells the same class; shown as many pixels at random, "
        f"{100 * chance:.0f} %."
    )
    if high < ENOUGH:
        said += " Select more pixels, until it is 95 %, before you say that these pixels decided."
    return said


def trust_figure(assessment: Assessment, *, narrow: bool = False) -> Figure:
    """Draw how often few pixels suffice, and how sure the answer stays as pixels are taken out or put in.

    Parameters
    ----------
    assessment : Assessment
        Of `assess_pixels`.
    narrow : bool
        Whether it is for a narrow place: one plot above the other.
    """
    figure = Figure(figsize=(4.6, 6.4) if narrow else (8.6, 3.5), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    alone, removed = figure.subplots(2, 1) if narrow else figure.subplots(1, 2)
    _draw_kept(alone, assessment)
    _draw_curves(removed, assessment)
    for axes in (alone, removed):
        axes.spines[["top", "right"]].set_visible(False)
        axes.spines[["left", "bottom"]].set_color(PALE)
        axes.tick_params(colors=INK, labelsize=8.5)
        where = "upper left" if axes is alone else (0.3, 0.42)
        axes.legend(frameon=False, fontsize=8, borderpad=0, loc=where)
    return figure


def _draw_kept(axes: Axes, assessment: Assessment) -> None:
    for name, (title, colour, dashes, width) in _LINES.items():
        shares = 100 * kept_shares(assessment.methods[name])
        axes.plot(
            assessment.ks, shares, color=colour, linestyle=dashes, linewidth=width, label=title,
            marker="o", markersize=3,
        )  # fmt: skip
    axes.axhline(100 * ENOUGH, xmin=0.55, color=PALE, linewidth=0.8)
    axes.set(
        xscale="log", ylim=(0, 102), xlabel="pixels that are left", ylabel="cells that keep their class (%)"
    )
    axes.xaxis.set_major_locator(FixedLocator(list(assessment.ks)))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{k:,}" for k in assessment.ks])
    axes.set_title("What some pixels say alone", loc="left", fontsize=10, color=INK)


def _draw_curves(axes: Axes, assessment: Assessment) -> None:
    for name in _CURVES:
        title, colour, _, width = _LINES[name]
        curves = list(assessment.methods[name].curves.values())
        put_in = np.mean([one.insertion for one in curves], axis=(0, 1))
        taken = np.mean([one.deletion for one in curves], axis=(0, 1))
        axes.plot(100 * curves[0].shares, 100 * put_in, color=colour, linewidth=width, label=title)
        axes.plot(
            100 * curves[0].shares, 100 * taken, color=colour, linewidth=width, linestyle=(0, (3, 1.5)),
        )  # fmt: skip
    axes.set(
        xlim=(0, 50), ylim=(0, 102), xlabel="pixels of the picture (%)", ylabel="probability of the class (%)"
    )
    axes.set_title("As pixels are put in (solid) or taken out (dashed)", loc="left", fontsize=10, color=INK)
