"""How the classes of a log are added and changed: by number, so that a new name is one row in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from sparseattn.cells.labels.history import LabelHistory
from sparseattn.cells.labels.records import (
    LABEL_KEYS,
    LabelClass,
    checked_colour,
    checked_key,
    checked_name,
)

Numbered = dict[int, LabelClass]
"""Classes to be written, by number."""


def added(now: LabelHistory, name: str, colour: str | None, key: int | None) -> Numbered:
    """Return a new class; without a key it gets the first that is free. See `LabelLog.add_class`."""
    known = now.kept.values()
    name = checked_name(name, known)
    if key is not None:
        key = checked_key(key, known)
    else:
        taken = {one.key for one in known}
        key = next((free for free in LABEL_KEYS if free not in taken), None)
    return {_number_for(now, name): LabelClass(name, checked_colour(colour), key)}


def changed(now: LabelHistory, number: int, to: str | None, colour: str | None, key: int | None) -> Numbered:
    """Return a class as it is to be, nothing where it is so already. See `LabelLog.change_class`."""
    if number not in now.kept:  # another program has removed it
        return {}
    before = one = now.kept[number]
    others = [other for at, other in now.kept.items() if at != number]
    if to is not None:
        one = replace(one, name=checked_name(to, others))
    if colour is not None:
        one = replace(one, colour=checked_colour(colour))
    if key is not None:
        one = replace(one, key=checked_key(key, others))
    return {} if one == before else {number: one}


def taken_over(now: LabelHistory, classes: Iterable[LabelClass]) -> Numbered:
    """Return those of the classes that are new or differ. See `LabelLog.take_classes`."""
    kept, result = now.kept, dict[int, LabelClass]()
    classes = list(classes)
    names = {one.name for one in classes}
    # Among themselves they may change keys; those of classes that are not named here are theirs.
    taken = {known.key for known in kept.values() if known.name not in names}
    wanted_keys = {one.key for one in classes}
    numbers = {known.name: at for at, known in kept.items()}
    for one in classes:
        number = numbers.get(one.name)
        key = None if one.key in taken else one.key
        colour = checked_colour(one.colour)
        if number is None:
            name = checked_name(one.name, kept.values())
            number, wanted = _number_for(now, name, result), LabelClass(name, colour, key)
            numbers[name] = number
        else:
            before = kept[number]
            former = None if before.key in wanted_keys else before.key
            wanted = replace(before, colour=colour or before.colour, key=key or former)
        if kept.get(number) != wanted:
            kept[number] = result[number] = wanted
    return result


def _number_for(now: LabelHistory, name: str, coming: Iterable[int] = ()) -> int:
    """Return the number of a class to be added: one that was removed comes back under its own."""
    earlier = now.removed_number(name)
    return max(now.next_number, *(number + 1 for number in coming), 0) if earlier is None else earlier
