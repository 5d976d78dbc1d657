"""Whether a cell is like those that the model was trained on, in plain words."""

from __future__ import annotations

UNLIKE = 0.05
"""In-distribution score below which a cell is called unlike the training cells: of those, 1 in 20 is."""

_EDGE = 0.2
"""Score below which a cell is called unusual."""


def is_unlike(score: float) -> bool:
    """Whether a cell of this in-distribution score is to be warned of."""
    return score < UNLIKE


def familiarity(score: float) -> str:
    """Return one sentence about an in-distribution score."""
    if is_unlike(score):
        return (
            f"Unlike the cells that the model was trained on ({score:.3f}, 1 is typical): "
            "do not rely on this answer."
        )
    if score < _EDGE:
        return (
            "At the edge of what the model was trained on: "
            f"{100 * score:.0f} in 100 of such cells look more unusual."
        )
    return (
        "It is like the cells that the model was trained on: "
        f"{100 * score:.0f} in 100 of such cells look more unusual."
    )
