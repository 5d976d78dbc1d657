"""How long to train with few cells."""

from __future__ import annotations

from math import ceil

FEW_CELLS = 600
"""From so many training cells on, the usual number of epochs is right."""

_USUAL_EPOCHS = 60
_STEPS = {True: 60, False: 240}  # on from a model, from new
_LEAST_EPOCHS, _MOST_EPOCHS = 12, 120


def epochs_for(cells: int, *, goes_on: bool, batch_size: int = 32) -> int:
    """Return how many passes over the training cells are sensible.

    With few cells a pass is a step or two, so that a fixed number of passes would hardly teach; what counts
    is the number of steps. A model that goes on from another needs fewer.

    Parameters
    ----------
    cells : int
        Training cells, with those that are rehearsed.
    goes_on : bool
        Whether training starts from a model.
    batch_size : int
        Cells a step.
    """
    if cells >= FEW_CELLS and not goes_on:
        return _USUAL_EPOCHS
    steps = max(1, cells // batch_size)
    return min(_MOST_EPOCHS, max(_LEAST_EPOCHS, ceil(_STEPS[goes_on] / steps)))
