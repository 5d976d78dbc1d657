"""The plots of a report. Colours are told apart with any common colour vision; every axis says its unit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import matplotlib
import numpy as np
from matplotlib import colormaps
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.explain.display import RGB, picture
from sparseattn.export.training_curves import draw_training_curves
from sparseattn.names import in_figure
from sparseattn.report.few_classes import of_largest_classes
from sparseattn.report.ink import INK, PALE, QUIET
from sparseattn.report.looks import looks_figure
from sparseattn.report.trust import trust_figure
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sparseattn.report.fractions import SampleFractions
    from sparseattn.report.report import Judgement, Report

BLUE, VERMILION = "#0072b2", "#d55e00"
# Okabe and Ito's palette without black, then colours of Paul Tol's muted scheme that differ from them.
PALETTE = (
    BLUE, "#e69f00", "#009e73", "#cc79a7", VERMILION, "#56b4e9", "#f0e442",
    "#aa4499", "#44aa99", "#999933", "#882255", "#ddcc77",
)  # fmt: skip
FORMATS = (".svg", ".pdf", ".png")
CAPTIONS = {
    "confusion": "Confusion matrix: counts, and shares of each known class. Rows: known, columns: predicted.",
    "classes": "Precision, recall and F1 of each class, with 95 % intervals.",
    "reliability": "Reliability: how often an answer is right, and how sure it was. Bars: 95 % intervals.",
    "confidence": "Confidence of the answers for all cells.",
    "fractions": "Class fractions of each sample.",
    "conditions": "Class fractions over the samples: dots are samples, bars means with 95 % intervals.",
    "attention": "Mean image and mean attention of the cells that were given each class, on the net's grid.",
    "looks": "What it looks at in each class: typical cells; where the selected pixels lie and how bright "
    "they are, beside all pixels of these cells (dotted); which channel brings the evidence; what share of "
    "them lies in a compartment, beside its share of the picture (line). Outlines are guessed where there is "
    "no mask.",
    "trust": "Left: share of cells that keep their class when some pixels alone are left and all others are "
    "filled in before the model looks, by the fill-in (mean, blur, background) that does worst. Right: "
    "probability of the class as pixels are put into an empty picture, or taken out, mean over the fill-ins.",
    "history": "Training: loss, balanced accuracy on the validation cells, and selected pixels.",
}
"""What each plot shows, by its name; the order in which they are drawn."""

_NARROW = 4.6
"""Inches of a figure in a narrow place."""

_LEGEND_COLUMNS = 4
MOST_SAMPLES = 40
LONGEST_NAME = 24


def draw_figures(
    report: Report, colours: Mapping[str, str] | None = None, *, narrow: bool = False
) -> dict[str, Figure]:
    """Draw the plots that a report has something to show in; of very many classes, the largest.

    Parameters
    ----------
    report : Report
        What to draw.
    colours : mapping, optional
        "#rrggbb" of each class.
    narrow : bool
        Whether the plots are for a narrow place on the screen, such as a dock, and not for a page.

    Returns
    -------
    dict of Figure
        By the names of `CAPTIONS`, on Agg canvases: no window and no pyplot state.
    """
    chosen = {name: PALETTE[i % len(PALETTE)] for i, name in enumerate(report.classes)}
    chosen |= {name: colour for name, colour in (colours or {}).items() if name in chosen}
    figures: dict[str, Figure] = {}
    known, report = len(report.classes), of_largest_classes(report)
    drawn = report.fractions.classes
    if report.judgement is not None:
        figures["confusion"] = confusion_figure(report.judgement, drawn)
        figures["classes"] = classes_figure(report.judgement, narrow=narrow)
        figures["reliability"] = reliability_figure(report.judgement)
    figures["confidence"] = confidence_figure(report)
    figures["fractions"] = fractions_figure(report, chosen, narrow=narrow)
    if report.fractions.conditions:
        figures["conditions"] = conditions_figure(report)
    if report.attention:
        figures["attention"] = attention_figure(report)
    if report.general is not None and report.general.classes:
        figures["looks"] = looks_figure(report.general, report.modality)
    if len(drawn) < known:
        for name in {"confusion", "classes", "fractions", "conditions", "attention", "looks"} & set(figures):
            said = f"{len(drawn)} of {known:,} classes: those of the most cells"
            figures[name].supxlabel(said, fontsize=9, color=QUIET)
    if report.trust is not None:
        figures["trust"] = trust_figure(report.trust, narrow=narrow)
    if report.history.epochs:
        figures["history"] = draw_training_curves(report.history, stacked=narrow)
    return figures


def write_figures(
    figures: Mapping[str, Figure], folder: Path, formats: Sequence[str] = (".svg", ".pdf")
) -> list[Path]:
    """Write each figure as ``<name><format>`` into a folder, which is made if it is missing.

    Raises
    ------
    InputError
        Where a format is not .svg, .pdf or .png, or a file cannot be written.
    """
    unknown = [suffix for suffix in formats if suffix not in FORMATS]
    if unknown:
        raise InputError(f"figures cannot be written as {unknown[0]}; choose among {', '.join(FORMATS)}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}; choose another") from None
    written = []
    for name, figure in figures.items():
        for suffix in formats:
            path = folder / f"{name}{suffix}"
            write_figure(figure, path)
            written.append(path)
    return written


def write_figure(figure: Figure, path: Path) -> None:
    """Write one figure as .svg, .pdf or .png; text stays text, so that a drawing program can edit it.

    Raises
    ------
    InputError
        Where the suffix is another, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"cannot draw to {path}; give a file that ends in {', '.join(FORMATS)}")
    same_bytes: dict[str, dict[str, Any]] = {".svg": {"Date": None}, ".pdf": {"CreationDate": None}}
    settings: Any = {"svg.fonttype": "none", "pdf.fonttype": 42, "svg.hashsalt": path.stem}
    with replaced_file(path) as draft, matplotlib.rc_context(settings):
        figure.savefig(draft, format=suffix[1:], dpi=200, metadata=same_bytes.get(suffix))


def confusion_figure(judgement: Judgement, classes: Sequence[str]) -> Figure:
    """Draw counts and shares of the known (rows) and the predicted (columns) classes."""
    counts = judgement.confusion
    known = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, known, out=np.zeros(counts.shape), where=known > 0)
    side = max(3.6, 0.62 * len(classes) + 1.8)
    figure = _figure(side + 0.6, side)
    axes = figure.subplots()
    drawn = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
    size = 9 if len(classes) <= 12 else 6.5
    for (row, column), count in np.ndenumerate(counts):
        if count:
            colour = "white" if shares[row, column] > 0.55 else INK
            text = f"{count}\n{100 * shares[row, column]:.0f} %" if len(classes) <= 12 else str(count)
            axes.text(column, row, text, ha="center", va="center", fontsize=size, color=colour)
    names = [_plain(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=45, ha="right", rotation_mode="anchor")
    axes.set_yticks(range(len(names)), names)
    axes.set(xlabel="predicted class", ylabel="known class")
    axes.spines[:].set_visible(False)
    axes.tick_params(length=0)
    axes.set_xticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.set_yticks(np.arange(len(names) - 1) + 0.5, minor=True)
    axes.grid(which="minor", color="white", linewidth=1.5)
    axes.tick_params(which="minor", length=0)
    bar = figure.colorbar(drawn, ax=axes, shrink=0.7, format=lambda share, _: f"{100 * share:.0f}")
    bar.set_label("share of the known class (%)")
    bar.outline.set_visible(False)
    return figure


def classes_figure(judgement: Judgement, *, narrow: bool = False) -> Figure:
    """Draw precision, recall and F1 of each class as dots with their intervals."""
    scores = judgement.scores.per_class
    figure = _figure(_NARROW if narrow else 8.4, max(2.2, 0.34 * len(scores) + 1.1))
    panels = figure.subplots(1, 3, sharey=True)
    places = np.arange(len(scores))
    for axes, name, colour in zip(
        panels, ("precision", "recall", "f1"), (BLUE, VERMILION, "#009e73"), strict=True
    ):
        for place, one in zip(places, scores, strict=True):
            value, interval = getattr(one, name), getattr(one, f"{name}_interval")
            if value is None:
                axes.text(50, place, "no cells", ha="center", va="center", fontsize=8, color=QUIET)
                continue
            axes.plot([100 * limit for limit in interval], [place, place], color=colour, linewidth=2)
            axes.plot(100 * value, place, "o", color=colour, markersize=6)
        axes.set(xlim=(-2, 106), ylim=(len(scores) - 0.5, -0.5), xlabel="%", xticks=(0, 50, 100))
        axes.set_title("F1" if name == "f1" else name.capitalize(), loc="left", fontsize=10, color=INK)
        axes.grid(axis="x", color=PALE, linewidth=0.6)
        _open(axes)
        axes.tick_params(axis="y", length=0)
    panels[0].set_yticks(places, [f"{_plain(one.name)} ({one.support})" for one in scores])
    return figure


def reliability_figure(judgement: Judgement) -> Figure:
    """Draw accuracy against confidence, and how many cells there are of each confidence."""
    figure = _figure(4.4, 4.6)
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(4, 1))
    above.plot([0, 100], [0, 100], color=QUIET, linewidth=1, linestyle=(0, (4, 3)), label="as sure as right")
    for one in judgement.reliability:
        above.plot([100 * one.confidence] * 2, [100 * y for y in one.interval], color=BLUE, linewidth=1.5)
    above.scatter(
        [100 * one.confidence for one in judgement.reliability],
        [100 * one.accuracy for one in judgement.reliability],
        s=[18 + 6 * np.sqrt(one.n) for one in judgement.reliability],
        color=BLUE, zorder=3, label="cells of like confidence",
    )  # fmt: skip
    above.set(xlim=(0, 102), ylim=(-2, 102), ylabel="right answers (%)")
    above.legend(frameon=False, fontsize=8.5, loc="upper left", borderpad=0)
    title = f"{judgement.metrics['n']:,} cells, calibration error (ECE) {judgement.metrics['ece']:.3f}"
    above.set_title(title, loc="left", fontsize=10, color=INK)
    for one in judgement.reliability:
        below.bar(100 * one.low, one.n, width=100 * (one.high - one.low), align="edge", color=BLUE, alpha=0.6)
    below.set(xlabel="confidence (%)", ylabel="cells")
    for axes in (above, below):
        _open(axes)
    return figure


def confidence_figure(report: Report) -> Figure:
    """Draw how sure the model is of all cells."""
    figure = _figure(4.4, 2.6)
    axes = figure.subplots()
    confidence = 100 * report.predictions.confidence
    axes.hist(confidence, bins=np.linspace(0, 100, 41).tolist(), color=BLUE, alpha=0.8)
    axes.set(xlim=(0, 100), xlabel="confidence (%)", ylabel="cells")
    median = float(np.median(confidence))
    axes.set_title(
        f"{len(confidence):,} cells, median confidence {median:.0f} %", loc="left", fontsize=10, color=INK
    )
    _open(axes)
    return figure


def fractions_figure(report: Report, colours: Mapping[str, str], *, narrow: bool = False) -> Figure:
    """Draw the class fractions of each sample as one bar; of many samples, the first forty."""
    samples = report.fractions.samples[:MOST_SAMPLES]
    rows = -(-len(report.fractions.classes) // _LEGEND_COLUMNS)
    figure = _figure(_NARROW if narrow else 7.0, 0.34 * len(samples) + 0.24 * rows + 1.0)
    axes = figure.subplots()
    places = np.arange(len(samples))
    left = np.zeros(len(samples))
    for which, name in enumerate(report.fractions.classes):
        shares = 100 * np.array([one.fractions[which] for one in samples])
        axes.barh(
            places, shares, left=left, height=0.72, color=colours[name], edgecolor="white", linewidth=0.8,
            label=_plain(name),
        )  # fmt: skip
        left += shares
    axes.set_yticks(places, [_sample_name(one) for one in samples])
    axes.set(xlim=(0, 100), ylim=(len(samples) - 0.5, -0.5), xlabel="predicted cells (%)")
    _open(axes)
    axes.tick_params(axis="y", length=0)
    figure.legend(
        frameon=False, fontsize=9, loc="outside upper center", ncols=_LEGEND_COLUMNS, handlelength=1,
        columnspacing=1.2,
    )  # fmt: skip
    more = len(report.fractions.samples) - len(samples)
    if more:
        axes.set_title(f"the first {len(samples)} samples; {more} more in the table", loc="left", fontsize=9)
    return figure


def conditions_figure(report: Report) -> Figure:
    """Draw each condition's mean class fractions with intervals, and its samples as dots."""
    fractions = report.fractions
    conditions, classes = fractions.conditions, fractions.classes
    figure = _figure(max(5.0, 0.42 * len(classes) * len(conditions) + 2.2), 3.4)
    axes = figure.subplots()
    step = 0.8 / len(conditions)
    for number, condition in enumerate(conditions):
        colour = PALETTE[number % len(PALETTE)]
        members = [
            one
            for one in fractions.samples
            if fractions.condition_column is None or (one.condition or "") == condition.condition
        ]
        for which in range(len(classes)):
            x = which + (number - (len(conditions) - 1) / 2) * step
            dots = [100 * one.fractions[which] for one in members]
            jitter = np.linspace(-0.12, 0.12, len(dots)) * step if len(dots) > 1 else np.zeros(1)
            axes.plot(x + jitter, dots, "o", color=colour, alpha=0.45, markersize=4, markeredgewidth=0)
            axes.plot([x - step / 4, x + step / 4], [100 * condition.means[which]] * 2, color=colour, lw=2)
            if condition.intervals is not None:
                low, high = condition.intervals[which]
                axes.plot([x, x], [100 * low, 100 * high], color=colour, linewidth=1.2)
    names = [_plain(name) for name in classes]
    axes.set_xticks(range(len(names)), names, rotation=30, ha="right", rotation_mode="anchor")
    axes.set(ylabel="predicted cells (%)", ylim=(0, None), xlim=(-0.6, len(classes) - 0.4))
    axes.legend(
        handles=[
            Line2D([], [], color=PALETTE[number % len(PALETTE)], linewidth=2, label=(
                f"{_plain(one.condition)} ({one.samples} sample{'' if one.samples == 1 else 's'})"
            ))
            for number, one in enumerate(conditions)
        ],
        frameon=False, fontsize=9, loc="upper left", bbox_to_anchor=(1.0, 1.0),
    )  # fmt: skip
    _open(axes)
    return figure


def attention_figure(report: Report) -> Figure:
    """Draw for each class: the mean image, the coarse attention, how often chosen, the fine attention."""
    averages = report.attention
    figure = _figure(_NARROW + 0.6, 1.12 * len(averages) + 1.2)
    grid = figure.subplots(len(averages), 4, squeeze=False)
    columns = (
        ("mean image", None, None),
        ("coarse attention", [one.coarse for one in averages], "score, 0 to 1"),
        ("selected", [100 * one.chosen for one in averages], "% of the cells"),
        ("fine attention", [one.fine * one.fine.size for one in averages], "in even shares"),
    )
    for column, (title, maps, unit) in enumerate(columns):
        high = None if maps is None else max(float(np.percentile(one, 99.5)) for one in maps)
        drawn = None
        for row, one in enumerate(averages):
            axes = grid[row, column]
            axes.set(xticks=[], yticks=[])
            axes.spines[:].set_color(PALE)
            if maps is None:
                shown = picture(_in_range(one.image, report.channels), report.channels, report.modality)
                axes.imshow(shown.colour, interpolation="nearest")
                axes.set_ylabel(f"{_plain(one.name)}\n{one.n} cells", fontsize=9, color=INK)
            else:
                drawn = axes.imshow(maps[row], cmap=colormaps["cividis"], vmin=0, vmax=high)
            if row == 0:
                axes.set_title(title, fontsize=9, color=INK)
        if drawn is not None:
            bar = figure.colorbar(
                drawn, ax=list(grid[:, column]), location="bottom", shrink=0.9, aspect=14, pad=0.01
            )
            bar.set_label(str(unit), fontsize=8.5)
            bar.ax.tick_params(labelsize=8)
            bar.outline.set_visible(False)
    return figure


def _in_range(image: NDArray[np.float32], channels: tuple[str, ...]) -> NDArray[np.float32]:
    """Return mean RGB of 8 bits a channel in 0..1, so that it is shown in the colours of the files."""
    is_bytes = channels[:3] == RGB and 1 < image.max() <= 255
    return (image / np.float32(255)).clip(0, 1) if is_bytes else image


def _figure(width: float, height: float) -> Figure:
    figure = Figure(figsize=(width, height), layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    return figure


def _open(axes: Axes) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=9)
    axes.set_axisbelow(True)


def _sample_name(one: SampleFractions) -> str:
    condition = "" if one.condition is None else f", {_plain(one.condition)}"
    return f"{_plain(one.sample)}{condition} ({one.n:,})"


def _plain(name: str) -> str:
    """Return a name that is not too long, whose dollars matplotlib does not take for formulas."""
    short = name if len(name) <= LONGEST_NAME else f"{name[: LONGEST_NAME - 11]}…{name[-10:]}"
    return in_figure(" ".join(short.split()))
