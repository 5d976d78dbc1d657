"""What was worked out of a source, in plain words; which of it is a guess that matters. Knows no widget."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.cells import Fact, SourceFacts

_MOST_NAMES = 6
RGB = ("red", "green", "blue")

MODALITIES = {
    "brightfield": "brightfield",
    "flow": "imaging flow cytometry",
    "fluorescence": "fluorescence",
    "phase": "quantitative phase",
    "events": "event camera",
    "unknown": "not known",
}
"""Kinds of instrument, as the library and as people call them."""

_AXES = {"N": "cells", "C": "channels", "Y": "rows", "X": "columns"}
_BY = {
    "caller": "as you said",
    "folder": "remembered in cells.json",
    "settings": "remembered in your settings",
    "file": "as the file says",
    "guess": "a guess",
    "default": "nobody says",
}


def in_one_line(facts: SourceFacts) -> str:
    """Return what cells are, in one quiet line."""
    kind = facts.modality.value or "unknown"
    parts = ["kind of image not known" if kind == "unknown" else MODALITIES[kind]]
    channels = facts.channels.value or ()
    if channels == RGB:
        parts.append("colour")
    elif len(channels) > 1:
        more = ", \N{HORIZONTAL ELLIPSIS}" if len(channels) > _MOST_NAMES else ""
        parts.append(f"{len(channels)} channels: {', '.join(channels[:_MOST_NAMES])}{more}")
    elif kind != "phase" and channels and channels != ("intensity",):
        parts.append(channels[0])
    if facts.unit.value is not None:
        parts.append(f"in {facts.unit.value}")
    parts.append(_size(facts))
    line = ", ".join(parts)
    return line[:1].upper() + line[1:]


def axes_in_words(layout: str, shape: tuple[int, ...] | None = None) -> str:
    """Return what the axes of an array are: "100 cells x 3 channels x 40 rows x 40 columns"."""
    if shape is None or len(shape) != len(layout):
        return " x ".join(_AXES[letter] for letter in layout)
    return " x ".join(f"{length:,} {_AXES[letter]}" for letter, length in zip(layout, shape, strict=True))


def known_from(fact: Fact[Any]) -> str:
    """Return from whom a fact is known."""
    return "nobody says" if fact.by is None else _BY[fact.by]


def is_to_be_asked(facts: SourceFacts) -> bool:
    """Whether something was guessed that changes what a cell is: which axis counts channels."""
    channels = facts.channels.value or ()
    return facts.layout.by == "guess" and facts.channels.guessed and len(channels) > 1


def _size(facts: SourceFacts) -> str:
    sizes = [size for size in facts.pixel_sizes_um if size is not None]
    if facts.pixel_size_um.value is not None:
        return f"{facts.pixel_size_um.value:.4g} µm a pixel"
    return f"{min(sizes):.4g} to {max(sizes):.4g} µm a pixel" if len(sizes) > 1 else "pixel size not known"
