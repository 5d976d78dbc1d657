"""What a model answers."""

import math

import numpy as np
import pytest
import torch

from sparseattn.cells import CellSet
from sparseattn.classifier import choose_device
from sparseattn.errors import CellError, InputError
from sparseattn.predictions import Predictions


def test_a_row_a_cell(model):
    answers = model.classifier.predict(model.cells)
    assert len(answers) == len(model.cells)
    assert answers.ids == model.cells.ids
    assert answers.human_label == model.cells.labels
    assert answers.origins[3] == "array#3"
    np.testing.assert_allclose(answers.probabilities.sum(axis=1), 1, rtol=1e-5)
    assert answers.predicted.tolist() == [answers.classes[i] for i in answers.probabilities.argmax(axis=1)]
    np.testing.assert_array_equal(answers.confidence, answers.probabilities.max(axis=1))
    assert np.all((answers.entropy >= 0) & (answers.entropy <= math.log(3) + 1e-6))
    assert np.all((answers.in_distribution > 0) & (answers.in_distribution <= 1))
    assert answers.sides == tuple(model.classifier.split.sides[name] for name in model.cells.ids)
    assert (answers.k, answers.model_hash) == (60, model.classifier.model_hash)


def test_the_answer_does_not_depend_on_the_batch(model):
    seen = []
    one = model.classifier.predict(model.cells, batch_size=7, on_batch=lambda *done: seen.append(done))
    all_at_once = model.classifier.predict(model.cells)
    np.testing.assert_allclose(one.probabilities, all_at_once.probabilities, atol=1e-6)
    assert seen == [(7, 30), (14, 30), (21, 30), (28, 30), (30, 30)]


def test_answers_come_a_batch_at_a_time_and_join_to_the_whole(model):
    images = np.stack([model.cells.read(index) for index in range(len(model.cells))])
    images[[0, 29]] = 5  # constant: cannot be used
    cells = CellSet.from_array(images, channels=model.cells.channels)
    parts = list(model.classifier.answers(cells, batch_size=14))
    assert [part.indices.tolist() for part in parts] == [list(range(1, 15)), list(range(15, 29)), []]
    assert [len(part.skipped) for part in parts] == [1, 0, 1]
    joined, whole = Predictions.join(parts, cells), model.classifier.predict(cells, batch_size=14)
    np.testing.assert_array_equal(joined.probabilities, whole.probabilities)
    np.testing.assert_array_equal(joined.in_distribution, whole.in_distribution)
    assert (joined.ids, joined.sides, joined.skipped) == (whole.ids, whole.sides, whole.skipped)
    with pytest.raises(InputError, match="none of the 2 cells can be read"):
        model.classifier.predict(cells.subset([0, 29]))


def test_inspect_gives_the_same_answer_and_its_reasons(model):
    prepared = np.concatenate([batch.images for batch in model.classifier.prepare.batches(model.cells)])
    output = model.classifier.inspect(prepared, 40)
    answers = model.classifier.predict(model.cells, k=40)
    np.testing.assert_allclose(output.logits.softmax(dim=-1).numpy(), answers.probabilities, atol=1e-6)
    assert output.selected.shape == (30, 10)
    assert output.fine.numpy().sum(axis=2) == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("k", [0, -3, 257])
def test_k_out_of_range_is_refused(model, k):
    with pytest.raises(InputError, match=f"k is {k} pixels.*give 1 to 256"):
        model.classifier.predict(model.cells, k=k)
    with pytest.raises(InputError, match="give 1 to 256"):
        model.classifier.inspect(np.zeros((1, 2, 16, 16), np.float32), k)


@pytest.mark.parametrize("k", [1, 256])
def test_k_at_its_limits(model, k):
    assert model.classifier.predict(model.cells, k=k).k == k


def other_cells(channels, modality):
    images = np.random.default_rng(1).integers(0, 255, (3, len(channels), 9, 9)).astype(np.uint8)
    return CellSet.from_array(images, channels=channels, modality=modality)


def test_cells_without_the_channels_are_refused(model):
    with pytest.raises(InputError, match="lack actin"):
        model.classifier.predict(other_cells(("dapi", "tubulin"), "fluorescence"))


def test_cells_of_another_instrument_are_refused(model):
    with pytest.raises(
        InputError, match="the cells are phase images and the model was made for fluorescence"
    ):
        model.classifier.predict(other_cells(("dapi", "actin"), "phase"))


@pytest.mark.parametrize("channels", [("dapi", "actin"), ("more", "actin", "dapi")])
def test_an_unknown_modality_and_more_channels_are_welcome(model, channels):
    answers = model.classifier.predict(other_cells(channels, "unknown"))
    assert answers.sides == (None, None, None)
    assert answers.human_label == (None, None, None)


def test_bad_cells_are_skipped_and_named(model):
    images = np.random.default_rng(1).normal(size=(4, 2, 9, 9))
    images[1, 0, 3, 3] = np.nan
    cells = CellSet.from_array(images, channels=("dapi", "actin"))
    answers = model.classifier.predict(cells, batch_size=2)
    assert answers.indices.tolist() == [0, 2, 3]
    assert answers.ids == tuple(cells.ids[i] for i in (0, 2, 3))
    assert [skip.origin for skip in answers.skipped] == ["array#1"]
    with pytest.raises(CellError, match="NaN"):
        model.classifier.predict(cells, strict=True)
    with pytest.raises(InputError, match="none of the 1 cells can be read; the first: array#1"):
        model.classifier.predict(cells.subset([1]))


def test_no_cells_and_no_batch_are_refused(model):
    with pytest.raises(InputError, match="none of the 0 cells"):
        model.classifier.predict(model.cells.subset([]))
    with pytest.raises(InputError, match="batch of 0"):
        model.classifier.predict(model.cells, batch_size=0)


def test_devices():
    assert choose_device("cpu") == "cpu"
    assert choose_device("auto") == ("cuda" if torch.cuda.is_available() else "cpu")
    with pytest.raises(InputError, match="there is no device 'toaster'"):
        choose_device("toaster")


def test_more_classes_leave_the_others_as_they_were(model):
    extended = model.classifier.extended(("long", "new", "newer", "new"))
    assert extended.classes == (*model.classifier.classes, "new", "newer")
    before, after = model.classifier.predict(model.cells), extended.predict(model.cells)
    assert after.predicted.tolist() == before.predicted.tolist()
    old = after.probabilities[:, :3] / after.probabilities[:, :3].sum(axis=1, keepdims=True)
    np.testing.assert_allclose(old, before.probabilities, atol=1e-5)
    assert model.classifier.net.config.classes == 3
    assert extended.net.classify.weight.requires_grad


def test_no_more_classes_is_a_plain_copy(model):
    copy = model.classifier.extended(model.classifier.classes)
    assert copy.model_hash == model.classifier.model_hash
    with torch.no_grad():
        copy.net.classify.bias += 1
    assert copy.model_hash != model.classifier.model_hash


def test_both_engines_give_the_same_answers_and_say_which_it_was(model):
    pytest.importorskip("numba")
    by_torch, compiled = (
        model.classifier.predict(model.cells, engine=engine, batch_size=7) for engine in ("torch", "compiled")
    )
    np.testing.assert_allclose(compiled.probabilities, by_torch.probabilities, atol=1e-5)
    # A share of few training cells: a cell as far out as one of them may fall on either side.
    assert np.isclose(compiled.in_distribution, by_torch.in_distribution).mean() > 0.9
    assert compiled.predicted.tolist() == by_torch.predicted.tolist()
    assert (by_torch.engine, compiled.engine) == ("torch", "compiled")
    with pytest.raises(InputError, match="no engine 'steam'"):
        model.classifier.predict(model.cells, engine="steam")


def test_the_compiled_engine_answers_by_the_weights_of_now(model):
    pytest.importorskip("numba")
    before = model.classifier.predict(model.cells, engine="compiled").probabilities
    with torch.no_grad():
        model.classifier.net.classify.weight.mul_(-3)
    after = model.classifier.predict(model.cells, engine="compiled").probabilities
    assert np.abs(after - before).max() > 0.01
    np.testing.assert_allclose(
        after, model.classifier.predict(model.cells, engine="torch").probabilities, atol=1e-5
    )
