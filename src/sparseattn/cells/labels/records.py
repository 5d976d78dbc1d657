"""What is said of a cell and of a class, and what may be said: names, colours and keys are checked here."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal

from sparseattn.errors import InputError
from sparseattn.names import check_names

LabelOrigin = Literal["hand", "bulk", "imported"]
"""Who said so: a person, a model whose answer was accepted, or a table."""

Picked = Literal["hand", "random", "uncertain", "bulk"]
"""How the cell came to be labelled: chosen by a person, at random, as most uncertain, or among many."""

RESERVED = ("unsure", "exclude")
"""States of a cell that are no class: looked at without an answer, and not to be used at all."""

UNSURE, EXCLUDE = RESERVED

LABEL_KEYS = tuple(range(1, 10))

_LONGEST_NAME = 80


@dataclass(frozen=True)
class LabelClass:
    """A class that cells can be given.

    Attributes
    ----------
    name : str
        Distinct among the classes, whatever the case of its letters.
    colour : str or None
        ``#rrggbb``; None where none was chosen.
    key : int or None
        The key, 1 to 9, that gives it.
    """

    name: str
    colour: str | None = None
    key: int | None = None


@dataclass(frozen=True)
class Label:
    """What holds now for one cell.

    Attributes
    ----------
    cell : str
        Id of the cell.
    name : str
        Its class, or ``unsure`` or ``exclude``.
    origin, picked
        See `LabelOrigin` and `Picked`.
    annotator : str
        Who labelled it; may be empty.
    time : str
        When, ISO 8601 in UTC.
    set_aside : bool
        Whether the cell is kept out of training for ever, to test with.
    """

    cell: str
    name: str
    origin: LabelOrigin
    annotator: str
    picked: Picked
    time: str
    set_aside: bool

    @property
    def is_class(self) -> bool:
        """Whether the cell has a class."""
        return self.name not in RESERVED

    @property
    def tests(self) -> bool:
        """Whether the cell tests models: set aside, and its class given by a person."""
        return self.set_aside and self.is_class and self.origin != "bulk"


@dataclass(frozen=True)
class LabelEvent:
    """One label of one cell as it was written; `class_number` is None where a label was taken away."""

    action: int
    cell: str
    class_number: int | None
    origin: LabelOrigin
    annotator: str
    picked: Picked
    time: str


def checked_name(name: str, others: Iterable[LabelClass]) -> str:
    """Return the name of a class without needless spaces.

    Raises
    ------
    InputError
        Where it cannot be one, or is another class's.
    """
    name = " ".join(name.split())
    if not name:
        raise InputError("the name of the class is empty; type one")
    if len(name) > _LONGEST_NAME:
        raise InputError(f"the name of the class is longer than {_LONGEST_NAME} characters; shorten it")
    check_names([name], "class")
    if name.casefold() in RESERVED:
        raise InputError(f"{name!r} is not a class but a state that every cell can have; choose another name")
    for other in others:
        if other.name.casefold() == name.casefold():
            raise InputError(f"there is a class {other.name!r} already; choose another name")
    return name


def checked_key(key: int, others: Iterable[LabelClass]) -> int:
    """Return the key of a class.

    Raises
    ------
    InputError
        Where it is none of 1 to 9, or another class's.
    """
    if key not in LABEL_KEYS:
        raise InputError(f"the key {key} is none of 1 to 9")
    for other in others:
        if other.key == key:
            raise InputError(f"the key {key} belongs to {other.name!r}; choose another key")
    return key


def checked_colour(colour: str | None) -> str | None:
    """Return the colour of a class.

    Raises
    ------
    InputError
        Where it is not ``#rrggbb``.
    """
    if colour is not None and not re.fullmatch("#[0-9a-fA-F]{6}", colour):
        raise InputError(f"{colour!r} is no colour; give one such as #0072b2")
    return colour
