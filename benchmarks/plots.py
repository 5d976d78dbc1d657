"""The two pictures of the report: accuracy against arithmetic, and against the number of pixels."""

import math
from pathlib import Path

import matplotlib
import numpy as np

matplotlib.use("agg")
import matplotlib.pyplot as plt
from matplotlib.artist import Artist
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullLocator

from benchmarks.datasets import DATASETS
from benchmarks.models import MODELS, OURS
from benchmarks.summary import PEER_METHODS, Curve, Summary

# Okabe and Ito's colours, told apart by the colour-blind; shapes differ as well.
COLOURS = {
    "sparseattn": "#D55E00",
    "sparseattn-paper": "#CC79A7",
    "sparseattn-context": "#E69F00",
    "small-cnn": "#0072B2",
    "resnet18": "#009E73",
    "efficientnet-b0": "#000000",
    "vit": "#56B4E9",
}
MARKERS = {
    "sparseattn": "o",
    "sparseattn-paper": "v",
    "sparseattn-context": "d",
    "small-cnn": "s",
    "resnet18": "^",
    "efficientnet-b0": "P",
    "vit": "X",
}
ACROSS = 3


def accuracy_against_mflop(summary: Summary, path: Path) -> None:
    """Draw balanced accuracy against MFLOP: our nets as curves over k, peers as points."""
    figure, panels = _panels(summary, "Arithmetic of one image (MFLOP, both stages)")
    for dataset, panel in panels.items():
        for model in OURS:
            if curve := summary.curve(dataset, model):
                _line(panel, curve.mflop, curve)
        for method in PEER_METHODS:
            if row := summary.row(dataset, method):
                panel.plot(
                    row.mflop,
                    100 * row.balanced_accuracy,
                    MARKERS[method.model],
                    color=COLOURS[method.model],
                    markersize=8,
                    label=method.title,
                )
        panel.set_xscale("log")
        _plain_ticks(panel)
    _finish(figure, panels, path)


def accuracy_against_k(summary: Summary, path: Path) -> None:
    """Draw balanced accuracy against the share of pixels, with every learned k and the best peer's level."""
    figure, panels = _panels(summary, "Selected pixels (% of the image)")
    for dataset, panel in panels.items():
        for model in OURS:
            if not (curve := summary.curve(dataset, model)):
                continue
            _line(panel, 100 * curve.shares, curve)
            if model == "sparseattn":
                panel.fill_between(
                    100 * curve.shares,
                    100 * curve.low,
                    100 * curve.high,
                    color=COLOURS[model],
                    alpha=0.15,
                    linewidth=0,
                )
                for number, share in enumerate(curve.learned):
                    label = "learned k of each fold" if number == 0 else None
                    panel.axvline(
                        100 * share, color=COLOURS[model], linestyle=":", linewidth=1.2, label=label
                    )
        if best := summary.best_peer(dataset):
            panel.axhline(
                100 * best.balanced_accuracy,
                color=COLOURS[best.method.model],
                linestyle="--",
                linewidth=1.2,
                label=f"best peer: {best.method.title}",
            )
        panel.set_xscale("log")
        panel.set_xticks([1, 2, 5, 10, 20, 50, 100])
        _plain_ticks(panel)
    _finish(figure, panels, path)


def _line(panel: Axes, across: np.ndarray, curve: Curve) -> None:
    strict = curve.model == "sparseattn"
    panel.plot(
        across,
        100 * curve.mean,
        color=COLOURS[curve.model],
        marker=MARKERS[curve.model],
        markersize=5 if strict else 3.5,
        linewidth=1.8 if strict else 1.0,
        label=f"{MODELS[curve.model].title}, 1 to 100 % of the pixels",
    )


def _panels(summary: Summary, across: str) -> tuple[Figure, dict[str, Axes]]:
    datasets = [name for name in DATASETS if name in summary.datasets]
    columns = min(ACROSS, len(datasets))
    rows = math.ceil(len(datasets) / columns)
    figure, axes = plt.subplots(
        rows, columns, figsize=(4.6 * columns, 3.6 * rows + 1.1), squeeze=False, layout="constrained"
    )
    for unused in axes.flat[len(datasets) :]:
        unused.set_axis_off()
    panels = dict(zip(datasets, axes.flat, strict=False))
    for dataset, panel in panels.items():
        panel.set_title(_title(dataset), fontsize=9.5)
        panel.grid(True, color="0.9")
        panel.set_axisbelow(True)
    figure.supxlabel(across, fontsize=11)
    figure.supylabel("Balanced accuracy (%), mean over folds", fontsize=11)
    return figure, panels


def _title(dataset: str) -> str:
    title = DATASETS[dataset][0].title
    comma = title.find(", ", 20)
    return title if comma < 0 else f"{title[: comma + 1]}\n{title[comma + 2 :]}"


def _plain_ticks(panel: Axes) -> None:
    panel.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    panel.xaxis.set_minor_locator(NullLocator())


def _finish(figure: Figure, panels: dict[str, Axes], path: Path) -> None:
    found: dict[str, Artist] = {}
    for panel in panels.values():
        for handle, label in zip(*panel.get_legend_handles_labels(), strict=True):
            found.setdefault(label, handle)
    figure.legend(
        list(found.values()), list(found), loc="outside upper center", ncols=3, fontsize=9, frameon=False
    )
    half = path.with_name(f".{path.name}")
    figure.savefig(half, dpi=110, format="png", metadata={"Software": None})
    plt.close(figure)
    half.replace(path)
