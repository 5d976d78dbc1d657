"""Which cells the figures are of, and what that means for them."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.predictions import Predictions

Choice = Literal["auto", "test", "unseen", "validation", "train", "all"]
CHOICES: tuple[Choice, ...] = get_args(Choice)
_FAIREST_FIRST: tuple[Choice, ...] = ("test", "unseen", "validation", "train")
_ASKED = {
    "test": "were set aside for testing",
    "unseen": "are new to the model",
    "validation": "were used for validation",
    "train": "taught the model",
    "all": "have a class that the model knows",
}


@dataclass(frozen=True, eq=False)
class Judged:
    """The cells whose answers are compared with their known classes.

    Attributes
    ----------
    rows : ndarray
        (n,) int64, rows of the predictions.
    known : ndarray
        (n,) int64, their known classes, as indices of the model's classes.
    side : str
        "test", "unseen", "validation", "train" or "all".
    statement : str
        One or two sentences for the reader: which cells these are, and how far the figures can be trusted.
    optimistic : bool
        Whether the model was fitted to these cells or chosen by them.
    """

    rows: NDArray[np.int64]
    known: NDArray[np.int64]
    side: Choice
    statement: str
    optimistic: bool


def choose_judged(predictions: Predictions, choice: Choice = "auto") -> Judged | None:
    """Choose the cells to judge a model by.

    Parameters
    ----------
    predictions : Predictions
        Of cells of which some have a known class.
    choice : str
        ``auto`` takes the fairest that there are: cells set aside for testing, else cells that had no part in
        training, else validation cells, else training cells. The others take what they say.

    Returns
    -------
    Judged or None
        None where ``auto`` finds no cell with a class that the model knows.

    Raises
    ------
    InputError
        Where no cell is of the kind that was asked for.
    """
    places = {name: place for place, name in enumerate(predictions.classes)}
    known = np.array([places.get(label or "", -1) for label in predictions.human_label], dtype=np.int64)
    sides = np.array([side or "unseen" for side in predictions.sides], dtype=object)

    def rows(side: Choice) -> NDArray[np.int64]:
        return np.flatnonzero((known >= 0) & ((sides == side) | (side == "all")))

    if choice == "auto":
        choice = next((side for side in _FAIREST_FIRST if len(rows(side))), "auto")
        if choice == "auto":
            return None
    chosen = rows(choice)
    if not len(chosen):
        raise InputError(
            f"no labelled cell is among those that {_ASKED[choice]}; choose other cells to judge by, "
            "or let them be chosen"
        )
    statement, optimistic = _statement(choice, [str(side) for side in sides[chosen]])
    return Judged(chosen, known[chosen], choice, statement, optimistic)


def _statement(side: Choice, sides: list[str]) -> tuple[str, bool]:
    count = f"{len(sides):,}"
    if side == "test":
        return (
            f"The figures are of {count} cells that were set aside for testing: the model never learned from "
            "them, and nothing was chosen by them.",
            False,
        )
    if side == "unseen":
        return f"The figures are of {count} labelled cells that had no part in training the model.", False
    if side == "validation":
        return (
            f"The figures are of {count} validation cells: the model did not learn from them, but its number "
            "of selected pixels was chosen by them, so the figures are slightly optimistic.",
            True,
        )
    if side == "train":
        return (
            f"The figures are of {count} cells that taught the model: they are optimistic and say little "
            "about new cells.",
            True,
        )
    taught = Counter(sides)["train"]
    if not taught:
        return f"The figures are of all {count} labelled cells, none of which taught the model.", False
    return (
        f"The figures are of all {count} labelled cells, of which {taught:,} taught the model: they are "
        "optimistic.",
        True,
    )
