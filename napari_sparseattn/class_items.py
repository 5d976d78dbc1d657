"""The list of classes that cells can be given: each with a name, a colour and perhaps a key of its own."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from napari_sparseattn.colours import DISTINCT_COLOURS, nth_colour
from sparseattn.errors import InputError

SETTING_ASIDE = ("unsure", "exclude")
"""Answers that are no class, yet can be given to a cell."""


@dataclass(frozen=True)
class ClassItem:
    """A class that cells can be given: its colour "#rrggbb" and its key "1" to "9", or "" for none."""

    name: str
    colour: str
    key: str = ""


def check_classes(classes: Sequence[ClassItem]) -> None:
    """Refuse a list that cannot be one.

    Raises
    ------
    InputError
        When a name or a key is there twice, or a name is empty or no class.
    """
    for what, values in (
        ("name", [item.name for item in classes]),
        ("key", [item.key for item in classes if item.key]),
    ):
        twice = sorted({value for value in values if values.count(value) > 1})
        if twice:
            raise InputError(f"the {what} {twice[0]!r} is there twice; give each class its own")
    for item in classes:
        if not item.name.strip() or item.name in SETTING_ASIDE:
            raise InputError(f"a class cannot be named {item.name!r}; give another name")


def with_classes(classes: Sequence[ClassItem], names: Iterable[str]) -> list[ClassItem]:
    """Return the list with the names that are not in it yet, each with the next free colour and key.

    Where no colour is free they are given again, in turn.
    """
    items = list(classes)
    taken = {item.name for item in items}.union(SETTING_ASIDE)
    used_colours, used_keys = {item.colour for item in items}, {item.key for item in items}
    colours = (colour for colour in map(nth_colour, range(DISTINCT_COLOURS)) if colour not in used_colours)
    keys = (str(key) for key in range(1, 10) if str(key) not in used_keys)
    for name in names:
        if name in taken or not name.strip():
            continue
        taken.add(name)
        items.append(ClassItem(name, next(colours, nth_colour(len(items))), next(keys, "")))
    return items
