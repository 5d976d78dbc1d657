"""How long to train."""

from __future__ import annotations

from dataclasses import replace
from math import ceil

from sparseattn.learn.options import TrainingOptions

USUAL_EPOCHS = 100

_LEAST_STEPS = 2000
"""With few cells an epoch is a few steps, and more epochs are needed: a net that was taught for less was less
sure, and less often right with few pixels (docs/experiments.md)."""

FEW_CELLS = 600
"""Where somebody waits for a training at his screen, fewer cells than these are given less time."""

_BATCH_GOING_ON = 16
"""Cells a step where training goes on from a model: with few cells, more steps in the same time."""

_MOST_PIXELS_GOING_ON = 0.5
"""A model that knows how to read all pixels need not be shown them: steps of half the pixels cost less."""

_USUAL_BATCH = 32
_STEPS_KNOWN, _STEPS_NEW_CLASSES, _STEPS_FROM_NEW = 240, 300, 240
_LEAST_EPOCHS, _MOST_EPOCHS = 12, 120


def usual_epochs(cells: int, batch_size: int) -> int:
    """Return how many passes over so many training cells teach a new net well."""
    return max(USUAL_EPOCHS, ceil(_LEAST_STEPS / max(1, cells // batch_size)))


def planned(options: TrainingOptions, cells: int, *, goes_on: bool) -> TrainingOptions:
    """Return the options with a number of epochs, where they leave it open."""
    if options.epochs is not None:
        return options
    return replace(options, epochs=USUAL_EPOCHS if goes_on else usual_epochs(cells, options.batch_size))


def epochs_for(cells: int, *, goes_on: bool, new_classes: int = 0) -> int:
    """Return how many passes over the training cells are sensible while somebody waits.

    What counts is the number of steps. A model that goes on from another needs fewer.

    Parameters
    ----------
    cells : int
        Training cells, with those that are rehearsed.
    goes_on : bool
        Whether training starts from a model.
    new_classes : int
        How many classes that model does not know: they take longer than more cells of those it knows.
    """
    if cells >= FEW_CELLS and not goes_on:
        return USUAL_EPOCHS
    steps = max(1, cells // (_BATCH_GOING_ON if goes_on else _USUAL_BATCH))
    wanted = _STEPS_FROM_NEW if not goes_on else _STEPS_NEW_CLASSES if new_classes else _STEPS_KNOWN
    return min(_MOST_EPOCHS, max(_LEAST_EPOCHS, ceil(wanted / steps)))


def going_on(options: TrainingOptions) -> TrainingOptions:
    """Return the options of a training that starts from a model: small, cheap steps."""
    most = max(options.few_pixels, min(options.most_pixels, _MOST_PIXELS_GOING_ON))
    return replace(options, batch_size=_BATCH_GOING_ON, most_pixels=most)
