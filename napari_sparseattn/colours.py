"""Colours of the classes: told apart with any common colour vision, on dark and on light ground."""

from __future__ import annotations

import colorsys
from collections.abc import Iterable

PALETTE = (
    # Okabe and Ito's palette without black, then colours of Paul Tol's muted scheme that differ from them.
    "#0072b2", "#e69f00", "#009e73", "#cc79a7", "#d55e00", "#56b4e9", "#f0e442",
    "#aa4499", "#44aa99", "#999933", "#882255", "#ddcc77",
)  # fmt: skip
_TURNS = 5
DISTINCT_COLOURS = _TURNS * len(PALETTE)
"""More classes share colours: further ones would all be black or white."""
NO_CLASS = "#8c8c8c"
"""Cells of no class: unlabelled, unsure, excluded, refused."""

FOR_CLASS, AGAINST_CLASS = "#d55e00", "#0072b2"
"""What speaks for a class and what against it."""


def class_colours(classes: Iterable[str]) -> dict[str, str]:
    """Return a colour "#rrggbb" for each class, by its place; the first twelve are those of the palette."""
    return {name: nth_colour(place) for place, name in enumerate(dict.fromkeys(classes))}


def nth_colour(place: int) -> str:
    """Return the colour of the class at a place, from 0: past the palette, the same hues darker or paler."""
    turn, which = divmod(place % DISTINCT_COLOURS, len(PALETTE))
    if turn == 0:
        return PALETTE[which]
    hue, light, strength = colorsys.rgb_to_hls(*rgb(PALETTE[which]))
    shade = light * 0.6**turn if turn % 2 else 1 - (1 - light) * 0.6**turn
    channels = colorsys.hls_to_rgb(hue, shade, strength)
    return "#" + "".join(f"{round(255 * value):02x}" for value in channels)


def rgb(colour: str) -> tuple[float, float, float]:
    """Return "#rrggbb" as three numbers in 0..1."""
    red, green, blue = (int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5))
    return red, green, blue


def text_on(colour: str) -> str:
    """Return black or white, whichever is easier to read on a ground of this colour (WCAG luminance)."""
    linear = (c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in rgb(colour))
    luminance = sum(weight * value for weight, value in zip((0.2126, 0.7152, 0.0722), linear, strict=True))
    return "#000000" if luminance > 0.179 else "#ffffff"
