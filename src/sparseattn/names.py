"""Names of classes and channels, which stand in tables, windows, reports and files: one line of text each."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable, Sequence

from sparseattn.errors import InputError, one_line

LONGEST_NAME = 200

_NO_TEXT = frozenset({"Cc", "Cs", "Zl", "Zp"})
"""Unicode's categories of control characters, halves of characters, and ends of lines and paragraphs."""

_TURNS = frozenset("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""What turns the direction of the text around it. Letters that run from right to left need none of it."""


def check_names(names: Iterable[str], what: str) -> None:
    """Raise InputError unless each can be a name.

    Parameters
    ----------
    names
        What others named.
    what
        What they are, for the message, such as "class".
    """
    for name in names:
        if not name.strip():
            raise InputError(f"a {what} has an empty name; name it")
        if len(name) > LONGEST_NAME:
            raise InputError(
                f"the {what} {name[:40]!r}... has a name of over {LONGEST_NAME} characters; shorten it"
            )
        if any(letter in _TURNS or unicodedata.category(letter) in _NO_TEXT for letter in name):
            raise InputError(f"the name of the {what} '{one_line(name)}' is not one line of text; rename it")


def some_names(names: Sequence[str], most: int = 10) -> str:
    """Return names for a sentence; of more than ``most`` the first, and how many more there are."""
    more = len(names) - most
    return ", ".join(names) if more <= 0 else f"{', '.join(names[:most])} and {more:,} more"


def in_figure(text: str) -> str:
    r"""Return text as Matplotlib shows it: between two dollars it would read a formula.

    Without formulas ``\$`` is shown as a dollar.
    """
    return text.replace("$", r"\$")
