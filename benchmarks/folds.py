"""Which cells teach and which are asked about: repeated stratified folds, the same for every net."""

from dataclasses import dataclass

import numpy as np

from benchmarks.datasets import Dataset
from sparseattn.errors import InputError

FOLDS = 5
VALIDATION = 0.15  # of a fold's training cells; chooses k and learning rates, never the test cells
SEED = 20250507


@dataclass(frozen=True)
class Fold:
    """Indices into a set.

    Attributes
    ----------
    train, validation, test
        Sorted indices; together every cell once.
    """

    train: np.ndarray
    validation: np.ndarray
    test: np.ndarray


def deal(labels: np.ndarray, hands: int, generator: np.random.Generator) -> np.ndarray:
    """Return (N,) hand of each cell: every class dealt round, going on where the last one ended."""
    hand = np.empty(len(labels), dtype=int)
    dealt = 0
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        hand[members] = (dealt + np.arange(len(members))) % hands
        dealt += len(members)
    return hand


def hold_out(labels: np.ndarray, fraction: float, generator: np.random.Generator) -> np.ndarray:
    """Return (N,) whether a cell is held out: of each class its share, at least one, never all."""
    held = np.zeros(len(labels), dtype=bool)
    for label in np.unique(labels):
        members = generator.permutation(np.flatnonzero(labels == label))
        count = min(max(1, round(fraction * len(members))), len(members) - 1)
        held[members[:count]] = True
    return held


def make_fold(dataset: Dataset, repeat: int, fold: int) -> Fold:
    """Return one fold of one repeat; the same cells for every net.

    A set that came with a test part keeps it: there ``fold`` changes the validation cells and the seed only.
    """
    if not 0 <= fold < FOLDS or repeat < 0:
        raise InputError(
            f"There is no fold {fold} of repeat {repeat}: folds go from 0 to {FOLDS - 1}, repeats from 0."
        )
    if dataset.known_test is None:
        test = deal(dataset.labels, FOLDS, np.random.default_rng([SEED, repeat])) == fold
    else:
        test = dataset.known_test
    rest = np.flatnonzero(~test)
    held = hold_out(dataset.labels[rest], VALIDATION, np.random.default_rng([SEED, repeat, fold]))
    return Fold(train=rest[~held], validation=rest[held], test=np.flatnonzero(test))
