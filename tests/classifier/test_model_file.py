"""The model file: what is saved comes back, and what is not a sound model is refused in one sentence."""

import json
import os

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from safetensors import safe_open
from safetensors.numpy import save_file

from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.learn.prototypes import Prototypes
from sparseattn.model_file import canonical, content_hash


@pytest.fixture
def path(model, tmp_path):
    path = tmp_path / "modèle 1.safetensors"
    model.classifier.save(path)
    return path


def parts(path):
    with safe_open(path, framework="numpy") as file:
        card = json.loads(file.metadata()["card"])
        return card, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def write(path, card, arrays):
    """Write a file whose hash is right, so that only the checks behind it can refuse it."""
    del card["model_hash"]
    text = canonical({**card, "model_hash": content_hash(card, arrays)})
    save_file(arrays, path, metadata={"card": text})


def refusal(path) -> str:
    with pytest.raises(InputError) as error:
        Classifier.load(path)
    assert str(path) in str(error.value)
    assert "\n" not in str(error.value)
    return str(error.value)


def test_what_is_saved_comes_back(model, path):
    loaded = Classifier.load(path)
    first = model.classifier
    for name in ("classes", "prepare", "modality", "k", "history", "split"):
        assert getattr(loaded, name) == getattr(first, name), name
    assert loaded.net.config == first.net.config
    for name in ("means", "precision", "reference"):
        np.testing.assert_array_equal(
            getattr(loaded.in_distribution, name), getattr(first.in_distribution, name)
        )
    np.testing.assert_array_equal(loaded.prototypes.images, first.prototypes.images)
    assert loaded.model_hash == first.model_hash == parts(path)[0]["model_hash"]
    np.testing.assert_array_equal(
        loaded.predict(model.cells).probabilities, first.predict(model.cells).probabilities
    )


def test_saving_again_gives_the_same_bytes(model, path, tmp_path):
    Classifier.load(path).save(tmp_path / "again.safetensors")
    assert (tmp_path / "again.safetensors").read_bytes() == path.read_bytes()


def test_no_prototypes_is_a_model_too(model, tmp_path):
    model.classifier.prototypes = Prototypes.none(2, 16)
    model.classifier.save(tmp_path / "small.safetensors")
    assert len(Classifier.load(tmp_path / "small.safetensors").prototypes) == 0


def test_a_model_can_be_replaced_and_nothing_else_is_left(model, path):
    model.classifier.k = 30
    model.classifier.save(path)
    assert Classifier.load(path).k == 30
    assert os.listdir(path.parent) == [path.name]


def test_the_card_says_what_the_model_is(path):
    card, _ = parts(path)
    assert (card["format"], card["format_version"]) == ("sparseattn", 1)
    assert card["classes"] == ["round", "long", "μ-größe"]
    assert card["history"]["epochs"][0]["loss"] == 0.7


def test_where_nothing_can_be_written(model, tmp_path):
    with pytest.raises(InputError, match="there is no folder"):
        model.classifier.save(tmp_path / "missing" / "model.safetensors")
    with pytest.raises(InputError, match="it is a folder"):
        model.classifier.save(tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_what_is_no_model_file(tmp_path):
    assert "there is no model file" in refusal(tmp_path / "missing.safetensors")
    assert "not a file" in refusal(tmp_path)
    for name, content in {"empty": b"", "text": b"id,class\n1,a\n", "zip": b"PK\x03\x04" * 9}.items():
        (tmp_path / name).write_bytes(content)
        assert "is not a model file" in refusal(tmp_path / name)
    (tmp_path / "huge").write_bytes((2**62).to_bytes(8, "little") + b"{}")
    assert "its header would have" in refusal(tmp_path / "huge")
    (tmp_path / "lies").write_bytes((100).to_bytes(8, "little") + b"{}")
    assert "is truncated" in refusal(tmp_path / "lies")


def test_a_pickle_is_not_run(tmp_path):
    import pickle

    class Bomb:
        def __reduce__(self):
            return os.mkdir, (str(tmp_path / "exploded"),)

    (tmp_path / "model.safetensors").write_bytes(pickle.dumps(Bomb()))
    refusal(tmp_path / "model.safetensors")
    assert not (tmp_path / "exploded").exists()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=30, deadline=None)
@given(share=st.floats(0, 1, exclude_max=True))
def test_a_truncated_file_is_refused(path, share):
    whole = path.read_bytes()
    cut = path.with_name("cut.safetensors")
    cut.write_bytes(whole[: int(len(whole) * share)])
    refusal(cut)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(data=st.data())
def test_an_edited_file_is_refused(path, data):
    whole = bytearray(path.read_bytes())
    at = data.draw(st.integers(0, len(whole) - 1))
    whole[at] ^= 1 << data.draw(st.integers(0, 7))
    edited = path.with_name("edited.safetensors")
    edited.write_bytes(whole)
    refusal(edited)


def test_other_safetensors_are_refused(tmp_path):
    save_file({"weight": np.zeros(3, np.float32)}, tmp_path / "other.safetensors")
    assert "no model of sparseattn" in refusal(tmp_path / "other.safetensors")


CARDS = {
    "newer": ({"format_version": 3}, "newer version.*upgrade"),
    "no version": ({"format_version": "1"}, "format version is '1'"),
    "other format": ({"format": "onnx"}, "not one of sparseattn"),
    "unknown entry": ({"script": "x"}, "its card must hold"),
    "unknown config": ({"config.depth": 3}, "unknown fields: 'depth'"),
    "huge net": ({"config.width": 10**9}, "width"),
    "another width": ({"config.width": 32}, "array .* where"),
    "another class count": ({"config.classes": 4}, "3 class names and a net for 4"),
    "double class": ({"classes": ["a", "a", "b"]}, "classes hold a name twice"),
    "empty class": ({"classes": ["a", " ", "b"]}, "classes must be a list of names"),
    "class of a number": ({"classes": ["a", 1, "b"]}, "classes must be a list of names"),
    "other channels": ({"channels": ["dapi", "x"]}, "channels are not those"),
    "other size": ({"image_size": 32}, "image size"),
    "modality": ({"modality": "x-ray"}, "modality is 'x-ray'"),
    "modality of a list": ({"modality": ["phase"]}, "modality is"),
    "k of zero": ({"k": 0}, r"k is 0; it must lie in 1\.\.256"),
    "k too large": ({"k": 257}, "k is 257"),
    "k of a half": ({"k": 0.5}, "k is 0.5"),
    "preparation": ({"preparation.std": [0, 1]}, "preparation"),
    "preparation of a list": ({"preparation": []}, "'preparation' of its card is no JSON object"),
    "split": ({"split.train": ["x", "x"]}, "names the cell 'x' twice"),
    "history": ({"history.epochs": [{"epoch": 1}]}, "epoch record"),
    "history that never ends": ({"history.seed": "s"}, "'seed' is of the wrong kind"),
}


@pytest.mark.parametrize("name", CARDS)
def test_a_card_without_sense_is_refused(path, name):
    change, sentence = CARDS[name]
    card, arrays = parts(path)
    for key, value in change.items():
        *inside, last = key.split(".")
        place = card[inside[0]] if inside else card
        place[last] = value
    write(path, card, arrays)
    with pytest.raises(InputError, match=sentence):
        Classifier.load(path)
    refusal(path)


ARRAYS = {
    "missing": (lambda arrays: arrays.pop("net.cls"), "lacks the array 'net.cls'"),
    "unknown": (lambda arrays: arrays.update(more=np.zeros(1, np.float32)), "unknown array 'more'"),
    "shape": (lambda arrays: arrays.update({"net.cls": np.zeros(3, np.float32)}), "'net.cls' is F32"),
    "dtype": (lambda arrays: arrays.update({"net.cls": np.zeros(64)}), "'net.cls' is F64"),
    "not a number": (lambda arrays: arrays["net.cls"].fill(np.nan), "'net.cls' holds values that are not"),
    "infinite": (lambda arrays: arrays["in_distribution.means"].fill(np.inf), "not finite"),
    "unordered": (lambda arrays: arrays["in_distribution.reference"][::-1].sort(), "ascending"),
    "prototype of no class": (lambda arrays: arrays["prototypes.labels"].fill(3), "of no class"),
    "fewer labels": (
        lambda arrays: arrays.update({"prototypes.labels": np.zeros(1, np.int64)}),
        "prototypes and their labels",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", ARRAYS)
def test_arrays_without_sense_are_refused(path, name):
    change, sentence = ARRAYS[name]
    card, arrays = parts(path)
    change(arrays)
    write(path, card, arrays)
    assert sentence in refusal(path)


@pytest.mark.parametrize("card", ["{", "[" * 100_000, '{"format": NaN}', '{"format": 1e999}', "[]", '"x"'])
def test_a_card_that_is_no_json_is_refused(path, card):
    _, arrays = parts(path)
    save_file(arrays, path, metadata={"card": card})
    assert "card" in refusal(path)
