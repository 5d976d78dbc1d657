"""Plots that are drawn for white paper, put on another ground: that of a dark window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from matplotlib.colors import LinearSegmentedColormap, to_hex, to_rgb, to_rgba
from matplotlib.patches import Patch
from matplotlib.text import Text

if TYPE_CHECKING:
    from matplotlib.figure import Figure


_FROM_WHITE, _DEEP = "Blues", "#0072b2"


def put_on_ground(figure: Figure, ground: str, ink: str) -> None:
    """Change a plot in place: what is white becomes the ground, text and lines in greys go towards the ink.

    Colours that mean something stay as they are: those of the classes, and of the maps but for the one that
    begins at the white of the paper, and begins at the ground instead.

    Parameters
    ----------
    figure : Figure
        One of `sparseattn.report.draw_figures`.
    ground, ink : str
        "#rrggbb".
    """
    figure.set_facecolor(ground)
    for text in figure.findobj(Text):
        text.set_color(_moved(text.get_color(), ground, ink))
    for axes in figure.axes:
        axes.set_facecolor(ground)
        for image in axes.images:
            if image.cmap.name == _FROM_WHITE:
                image.set_cmap(
                    LinearSegmentedColormap.from_list(
                        "from the ground", [_moved("#e9e9e9", ground, ink), _DEEP]
                    )
                )
                for text in axes.texts:  # on both ends of the map
                    text.set_color(ink)
        axes.tick_params(colors=ink)
        ticks = (*axes.xaxis.get_major_ticks(), *axes.xaxis.get_minor_ticks(), *axes.yaxis.get_major_ticks(),
                 *axes.yaxis.get_minor_ticks())  # fmt: skip
        for line in (*axes.get_lines(), *(tick.gridline for tick in ticks)):
            line.set_color(_moved(line.get_color(), ground, ink))
    for patch in figure.findobj(Patch):
        if to_rgba(patch.get_edgecolor())[3]:  # else it has no edge
            patch.set_edgecolor(_moved(patch.get_edgecolor(), ground, ink))


def _moved(colour: object, ground: str, ink: str) -> str:
    """Return a grey's place between ground and ink, where black is the ink; other colours as they are."""
    red, green, blue = to_rgb(colour)  # type: ignore[arg-type]
    if max(red, green, blue) - min(red, green, blue) > 0.08:
        return to_hex((red, green, blue))
    share = (red + green + blue) / 3
    paper, print_ = to_rgb(ground), to_rgb(ink)
    return to_hex(tuple(share * paper[at] + (1 - share) * print_[at] for at in range(3)))  # type: ignore[arg-type]
