"""A small set of cells with samples, labels and the answers of a model that was never taught."""

from collections.abc import Callable

import numpy as np
import pytest

from sparseattn.cells import CellSet
from sparseattn.predictions import Predictions

Predict = Callable[[CellSet, "list[int] | None"], Predictions]


@pytest.fixture
def cells() -> CellSet:
    """Forty cells of two channels: every second has a class, every third comes from donor B."""
    rng = np.random.default_rng(0)
    images = rng.integers(0, 1000, (40, 2, 12, 12), dtype=np.uint16)
    labels = [("round", "long")[i % 4 // 2] if i % 2 else None for i in range(40)]
    donors = tuple("B" if i % 3 == 0 else "A" for i in range(40))
    named = CellSet.from_array(images, channels=("light", "stain"), labels=labels)
    return named.with_columns({"donor": donors, "day": tuple(i % 5 for i in range(40))})


@pytest.fixture
def predict() -> Predict:
    """Answers drawn at random, for all cells or for some rows."""

    def answer(cells: CellSet, rows: list[int] | None = None) -> Predictions:
        indices = np.arange(len(cells)) if rows is None else np.array(rows, dtype=np.int64)
        rng = np.random.default_rng(1)
        shares = rng.dirichlet(np.ones(2), len(cells)).astype(np.float32)[indices]
        return Predictions(
            cells=cells.subset(indices),
            indices=indices,
            classes=("long", "round"),
            probabilities=shares,
            in_distribution=rng.uniform(0.01, 1, len(cells)).astype(np.float32)[indices],
            k=12,
            sides=(None,) * len(indices),
            model_hash="abc",
            skipped=(),
        )

    return answer
