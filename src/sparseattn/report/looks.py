"""The plot of what a model looks at in general: a row a class."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sparseattn.explain.display import picture
from sparseattn.names import in_figure
from sparseattn.report.ink import INK, PALE, QUIET

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from sparseattn.explain.general import ClassLook, GeneralLook

CHANNEL_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9")
RGB_COLOURS = {"red": "#d55e00", "green": "#009e73", "blue": "#0072b2"}
MOST_CHANNELS = 4
_SMALL = 7.5


def looks_figure(look: GeneralLook, modality: str) -> Figure:
    """Draw typical cells, distances, brightness and channels (of several) of the selected pixels.

    Parameters
    ----------
    look : GeneralLook
        What to draw; at least one class.
    modality : str
        How the cells were imaged.
    """
    several = len(look.channels) > 1
    compartments = any(one.compartments for one in look.classes)
    typical = max(*(len(one.typical) for one in look.classes), 1)
    widths = [0.8] * typical + [1.25, 1.25] + [0.9] * several + [0.9] * compartments
    size = 6.2 + 1.3 * compartments, 1.12 * len(look.classes) + 0.7
    figure = Figure(figsize=size, layout="constrained", facecolor="white")
    FigureCanvasAgg(figure)
    grid = figure.subplots(len(look.classes), len(widths), squeeze=False, width_ratios=widths)
    for row, one in enumerate(look.classes):
        for place in range(typical):
            _draw_cell(grid[row, place], look, one, place, modality)
        last = row == len(look.classes) - 1
        _draw_radius(grid[row, typical], look, one, last)
        _draw_intensity(grid[row, typical + 1], look, one, last)
        if several:
            _draw_channels(grid[row, typical + 2], look, one, last)
        if compartments:
            _draw_compartments(grid[row, -1], one, last)
    titles = ["typical cells", *[""] * (typical - 1), "where", "how bright", *["evidence by"] * several]
    for axes, title in zip(grid[0], [*titles, *["inside"] * compartments], strict=True):
        axes.set_title(title, loc="left", fontsize=8.5, color=INK)
    return figure


def colour_of(channel: str, place: int) -> str:
    """Return the colour of a channel's lines: red, green and blue are drawn as such."""
    return RGB_COLOURS.get(channel, CHANNEL_COLOURS[place % len(CHANNEL_COLOURS)])


def _draw_cell(axes: Axes, look: GeneralLook, one: ClassLook, place: int, modality: str) -> None:
    axes.set(xticks=[], yticks=[], anchor="NW")
    axes.spines[:].set_visible(False)
    if place < len(one.typical):
        image = one.typical[place]
        names = look.channels if len(image) == len(look.channels) else tuple(map(str, range(len(image))))
        axes.imshow(picture(image, names, modality).colour, interpolation="nearest")
    if place == 0:
        axes.set_ylabel(f"{_plain(one.name)}\n{one.n} cell{'s' * (one.n > 1)}", fontsize=8.5, color=INK)


def _draw_radius(axes: Axes, look: GeneralLook, one: ClassLook, last: bool) -> None:
    middles = (look.radii[1:] + look.radii[:-1]) / 2
    axes.plot(middles, 100 * look.radius_of_all, color=QUIET, linewidth=0.8, linestyle=(0, (1, 1.2)))
    axes.plot(middles, 100 * one.radius, color=CHANNEL_COLOURS[0], linewidth=1.6)
    axes.set(xlim=(0, look.radii[-1]), ylim=(0, None), xticks=(0, 0.5, 1))
    _open(axes, "from the middle\n(half sides)" if last else None)
    axes.set_ylabel("% of pixels", fontsize=_SMALL, color=INK)


def _draw_intensity(axes: Axes, look: GeneralLook, one: ClassLook, last: bool) -> None:
    for place, channel in enumerate(look.channels[:MOST_CHANNELS]):
        limits = look.intensities[place]
        middles = (limits[1:] + limits[:-1]) / 2
        colour, found, every = colour_of(channel, place), one.intensity[place], one.intensity_of_all[place]
        there = np.flatnonzero(np.maximum(found, every) > 0.002)
        shown = slice(max(int(there.min()) - 1, 0), int(there.max()) + 2)
        axes.plot(middles[shown], 100 * every[shown], color=colour, linewidth=0.8, linestyle=(0, (1, 1.2)))
        axes.plot(middles[shown], 100 * found[shown], color=colour, linewidth=1.4)
    axes.set(ylim=(0, None))
    axes.locator_params(axis="x", nbins=3)
    _open(axes, ("brightness" if look.unit is None else f"{look.unit}") if last else None)


def _draw_channels(axes: Axes, look: GeneralLook, one: ClassLook, last: bool) -> None:
    names = look.channels[:MOST_CHANNELS]
    places = np.arange(len(names))
    colours = [colour_of(name, place) for place, name in enumerate(names)]
    axes.barh(places, 100 * one.channels[: len(names)], height=0.65, color=colours)
    axes.set_yticks(places, [_plain(name, 9) for name in names])
    axes.set(xlim=(0, 100), ylim=(len(names) - 0.4, -0.6), xticks=(0, 50, 100))
    _open(axes, "%" if last else None)


def _draw_compartments(axes: Axes, one: ClassLook, last: bool) -> None:
    names = list(one.compartments)
    places = np.arange(len(names))
    selected = [100 * one.compartments[name][0] for name in names]
    axes.barh(places, selected, height=0.65, color=CHANNEL_COLOURS[0])
    for place, name in zip(places, names, strict=True):
        area = 100 * one.compartments[name][1]
        axes.plot([area, area], [place - 0.4, place + 0.4], color=QUIET, linewidth=1.4)
    axes.set_yticks(places, [_plain(name, 9) for name in names])
    axes.set(xlim=(0, 100), ylim=(max(len(names), 2) - 0.4, min(len(names), 2) - 1.6), xticks=(0, 50, 100))
    _open(axes, "% of selected\n(line: of picture)" if last else None)


def _open(axes: Axes, below: str | None) -> None:
    axes.spines[["top", "right"]].set_visible(False)
    axes.spines[["left", "bottom"]].set_color(PALE)
    axes.tick_params(colors=INK, labelsize=_SMALL, length=2)
    if below is None:
        axes.tick_params(labelbottom=False)
    else:
        axes.set_xlabel(below, fontsize=_SMALL, color=INK)


def _plain(name: str, longest: int = 20) -> str:
    short = name if len(name) <= longest else f"{name[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"
    return in_figure(" ".join(short.split()))
