"""A model of real cells gives the same classes by both engines, at every number of pixels."""

import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions

pytest.importorskip("numba")


@pytest.mark.slow
def test_a_model_of_real_cells_answers_the_same(real_data):
    cells = open_cells(real_data / "stained_pbc", subfolders="classes")
    some = cells.subset(range(0, len(cells), 3))
    classifier = fit(some, options=TrainingOptions(epochs=6))
    for share in (0.01, 0.05, 0.15, 0.5, 1.0):
        k = round(share * 64**2)
        one, other = (classifier.predict(some, k=k, engine=engine) for engine in ("torch", "compiled"))
        # Scores that are equal but for rounding may swap places at the last unit; so may do one cell of many.
        differ = np.abs(one.probabilities - other.probabilities).max(axis=1) > 1e-4
        assert differ.mean() <= 0.02, f"k = {k}: {differ.sum()} of {len(some)} cells"
        assert one.predicted.tolist() == other.predicted.tolist()
