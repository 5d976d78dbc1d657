"""A model that knows how far to believe itself: its file, its answers, its sets of classes."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.explain.explanation import explain_cell
from sparseattn.learn.calibration import ConfidenceScale, fit_scale
from sparseattn.learn.metrics import calibration_interval, classification_report, wilson_interval
from sparseattn.model_file import ModelFile

SCALE = ConfidenceScale(0.5, np.linspace(0, 0.6, 40, dtype=np.float32))


def test_the_scale_is_saved_and_changes_the_hash(model, tmp_path):
    plain = model.classifier
    scaled = dataclasses.replace(plain, scale=SCALE)
    scaled.save(tmp_path / "m.safetensors")
    back = Classifier.load(tmp_path / "m.safetensors")
    assert back.scale.temperature == 0.5 and (back.scale.surprise == SCALE.surprise).all()
    assert back.model_hash == scaled.model_hash != plain.model_hash


def test_models_of_before_load_and_keep_their_hash():
    file = ModelFile(Path(__file__).with_name("before_scales.safetensors"))
    assert file.card["format_version"] == 1
    old = Classifier.load(file.path)
    assert old.scale is None and old.model_hash == file._hash


def test_every_door_gives_the_same_calibrated_probabilities(model):
    scaled = dataclasses.replace(model.classifier, scale=SCALE)
    plain, found = model.classifier.predict(model.cells), scaled.predict(model.cells)
    squared = plain.probabilities.astype(np.float64) ** 2  # half the temperature
    assert found.probabilities == pytest.approx(squared / squared.sum(axis=1, keepdims=True), abs=1e-5)
    assert (found.predicted == plain.predicted).all()
    assert explain_cell(scaled, model.cells, 3).probabilities == pytest.approx(
        found.probabilities[3], abs=1e-5
    )


def test_sets_are_refused_where_they_mean_nothing(model):
    with pytest.raises(InputError, match="sparseattn calibrate"):
        model.classifier.prediction_sets(model.classifier.predict(model.cells), 0.1)
    scaled = dataclasses.replace(model.classifier, scale=SCALE)
    with pytest.raises(InputError, match="own 60 pixels"):
        scaled.prediction_sets(scaled.predict(model.cells, k=120), 0.1)
    assert scaled.extended(["another"]).scale is None


@pytest.mark.parametrize(
    ("name", "source", "channels"),
    [
        ("stained_blood", "stained_pbc", None),
        ("flow_cell_cycle", "flow_jurkat", ("brightfield", "DNA stain", "darkfield")),
    ],
)
def test_coverage_and_calibration_on_real_cells(real_data, request, name, source, channels):
    path = request.config.rootpath / "napari_sparseattn" / "models" / f"{name}.safetensors"
    plain = dataclasses.replace(Classifier.load(path), scale=None)
    cells = open_cells(real_data / source, subfolders="classes", channel_names=channels)

    def side(wanted):
        rows = [row for row, one in enumerate(cells.ids) if plain.split.sides.get(one) == wanted]
        return cells.subset(rows)

    def known(predictions):
        return np.array([plain.classes.index(label) for label in predictions.human_label])

    held_out = plain.predict(side("validation"))
    scaled = dataclasses.replace(plain, scale=fit_scale(held_out.probabilities, known(held_out)))
    before, after = plain.predict(side("test")), scaled.predict(side("test"))
    labels = known(after)
    ece = [classification_report(labels, one.probabilities, plain.classes)["ece"] for one in (before, after)]
    low, _ = calibration_interval(labels, after.probabilities)
    assert ece[1] < ece[0] or low <= 0.04
    for error_rate in (0.05, 0.1, 0.2):
        sets = scaled.prediction_sets(after, error_rate)
        hits = sets[np.arange(len(labels)), labels]
        assert wilson_interval(int(hits.sum()), len(hits))[1] >= 1 - error_rate
        assert sets.sum(axis=1).mean() < 2.5
