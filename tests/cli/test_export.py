"""A model as ONNX: what ONNX Runtime answers is what the classifier answers."""

import json

import numpy as np
import onnx
import onnxruntime

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.export.onnx import export_onnx


def test_it_answers_as_the_model_does_at_any_k(sparseattn, trained, tmp_path):
    path = tmp_path / "m.onnx"
    said = sparseattn("export", trained.model, "-o", path, "--json").json
    assert said["largest_difference"] < 1e-4 and said["bytes"] == path.stat().st_size

    classifier = Classifier.load(trained.model)
    cells = open_cells(trained.cells, subfolders="classes")
    (batch,) = classifier.prepare.batches(cells, len(cells))
    scale = [np.array(values)[:, None, None] for values in (classifier.prepare.std, classifier.prepare.mean)]
    raw = (batch.images * scale[0] + scale[1]).astype(np.float32)
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    for k in (1, classifier.k, 100, 256):
        expected = classifier.predict(cells, k=k).probabilities
        probabilities, coarse, selected, fine, feature = session.run(
            None, {"image": raw, "k": np.array(k, np.int64)}
        )
        assert np.abs(probabilities - expected).max() < 1e-3  # a unit may swap with one of equal score
        assert (probabilities.argmax(1) == expected.argmax(1)).all()
        assert selected.shape == (len(cells), max(1, round(k / 4)))
        assert coarse.shape == (len(cells), 8, 8) and 0 <= coarse.min() <= coarse.max() <= 1
        np.testing.assert_allclose(fine.sum(-1), 1, atol=1e-5)
        assert feature.shape == (len(cells), 64)


def test_the_card_travels_with_it(trained, tmp_path):
    path = tmp_path / "m.onnx"
    classifier = Classifier.load(trained.model)
    export_onnx(classifier, path)
    (card,) = [json.loads(one.value) for one in onnx.load(path).metadata_props if one.key == "sparseattn"]
    assert card["classes"] == list(classifier.classes) and card["model_hash"] == classifier.model_hash
    assert card["preparation"] == classifier.prepare.to_json() and card["k"] == classifier.k


def test_another_ending_is_refused(sparseattn, trained, tmp_path):
    finished = sparseattn("export", trained.model, "-o", tmp_path / "m.pt")
    assert finished.status == 2 and "does not end in .onnx" in finished.err
    assert not list(tmp_path.iterdir())
