"""What a model looks at in general, and whether it goes by the frame of the pictures."""

import numpy as np
import pytest

from sparseattn.cells import CellSet
from sparseattn.explain import explain_cell
from sparseattn.explain.compartments import Compartments
from sparseattn.explain.frame import follows_the_frame
from sparseattn.explain.general import look_in_general
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions


def test_a_general_look_counts_the_selected_pixels(two_channels):
    classifier, cells = two_channels.classifier, two_channels.cells
    predictions = classifier.predict(cells)
    units = classifier.net.config.units
    shares = np.ones((len(cells), 2, units, units), np.float32)
    shares[:, 0, : units // 2] = 0  # the lower half
    look = look_in_general(classifier, predictions, compartments=Compartments(("below", "cell"), shares))
    assert sum(one.n for one in look.classes) == len(cells)
    for one in look.classes:
        rows = np.flatnonzero(np.asarray(predictions.predicted) == one.name)
        explained = [explain_cell(classifier, cells, row) for row in rows]
        centres = [
            (e.selected.positions + e.unit_pixels / 2) / (classifier.prepare.size / 2) - 1 for e in explained
        ]
        below = np.mean([(centre[:, 0] > 0).mean() for centre in centres])
        assert one.compartments["below"] == pytest.approx((below, 0.5))
        assert one.compartments["cell"] == pytest.approx((1, 1))
        seen = [classifier.prepare.image(e.image, e.channels)[1][e.selected_mask] for e in explained]
        actin = np.concatenate(seen) * classifier.prepare.std[1] + classifier.prepare.mean[1]
        limits = look.intensities[1]
        counts = np.histogram(actin.clip(limits[0], limits[-1]), limits)[0]
        np.testing.assert_allclose(one.intensity[1], counts / counts.sum(), atol=2 / counts.sum())
        for sums in (one.radius, one.channels, *one.intensity, *one.intensity_of_all):
            assert sums.sum() == pytest.approx(1)
        assert len(one.typical) == min(3, one.n)
    assert set(look.document()["classes"]) == {one.name for one in look.classes}


@pytest.mark.slow
@pytest.mark.parametrize("marked", [True, False])
def test_a_model_that_goes_by_a_mark_is_named(marked):
    random = np.random.default_rng(0)
    images = random.normal(100, 10, (96, 1, 24, 24))
    labels = ["plain", "other"] * 48
    for row, label in enumerate(labels):
        if label == "other" and not marked:
            images[row, 0, 8:16, 8:16] += 90
        if label == "other" and marked:
            images[row, 0, :3, :3] = 250
    cells = CellSet.from_array(
        images.clip(0, 255).astype(np.uint8), channels=("bf",), labels=labels, modality="brightfield"
    )
    options = TrainingOptions(epochs=25, seed=0)
    following = follows_the_frame(fit(cells, options=options, size=24), cells)
    if marked:
        assert "other" in {following.classes[row] for row in following.named}
        assert "goes by the frame" in following.warnings[0]
    else:
        assert following.named == () and following.warnings == ()
