"""A model as ONNX and as a bioimage.io package: read, and run, by the programs that they are for."""

import json
import shutil
import subprocess
import sys
import zipfile

import numpy as np
import onnx
import onnxruntime
import yaml

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


def test_a_card_and_an_image_with_its_answers_lie_beside_it(sparseattn, trained, tmp_path):
    said = sparseattn("export", trained.model, "-o", tmp_path / "m.onnx", "--card", "--json").json
    assert said["beside"] == [str(tmp_path / "m.md"), str(tmp_path / "m.test.npz")]
    with np.load(tmp_path / "m.test.npz") as tensors:
        session = onnxruntime.InferenceSession(tmp_path / "m.onnx", providers=["CPUExecutionProvider"])
        answers = session.run(None, {"image": tensors["image"], "k": tensors["k"]})
        for output, answer in zip(session.get_outputs(), answers, strict=True):
            np.testing.assert_allclose(answer, tensors[output.name], atol=1e-4)
    text = (tmp_path / "m.md").read_text()
    assert "bright, dark, striped" in text and "its maker does not say" in text
    assert Classifier.load(trained.model).model_hash in text


def bioimageio_says(*arguments):
    """Return the status of the zoo's own program, and what it printed."""
    command = [sys.executable, "-m", "bioimageio.core", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    return done.returncode, done.stdout + done.stderr


def test_the_zoo_s_own_program_passes_a_package(sparseattn, trained, tmp_path):
    """Its format, and the answers to its test image by ONNX Runtime, for one cell and for two at once."""
    model = tmp_path / "blood.safetensors"
    shutil.copy(trained.model, model)
    card = {
        "title": "Squares: bright, dark & striped", "classes": ["bright", "dark", "striped"],
        "channels": ["red", "green", "blue"], "modality": "brightfield", "training_data": "24 squares",
        "licence": "CC0-1.0", "accuracy": "right", "not_for": "cells",
    }  # fmt: skip
    model.with_suffix(".json").write_text(json.dumps(card))
    path = tmp_path / "m.bioimageio.zip"
    publication = ["--author", "A. Maker", "--author", "B. Maker", "--licence", "CC-BY-4.0"]
    finished = sparseattn("export", model, "-o", path, "--example", trained.cells, *publication, "--json")
    assert finished.status == 0, finished.err
    status, said = bioimageio_says("test", path)
    assert status == 0 and "batch_size: 2" in said, said

    with zipfile.ZipFile(path) as archive:
        assert set(archive.namelist()) == set(finished.json["files"])
        description = yaml.safe_load(archive.read("rdf.yaml"))
        assert "24 squares" in archive.read("README.md").decode()
    assert description["name"] == "Squares bright dark striped"
    assert [one["name"] for one in description["authors"]] == ["A. Maker", "B. Maker"]
    assert description["license"] == "CC-BY-4.0" and description["cite"][0]["url"].endswith("2505.07661")
    assert description["outputs"][0]["axes"][1]["channel_names"] == ["bright", "dark", "striped"]
    assert description["config"]["sparseattn"]["preparation"]["size"] == 16


def test_the_zoo_s_own_program_finds_a_wrong_answer(sparseattn, trained, tmp_path):
    """So that passing says something; and a package without an example holds no picture of the cells."""
    path, changed = tmp_path / "m.bioimageio.zip", tmp_path / "changed.bioimageio.zip"
    finished = sparseattn("export", trained.model, "-o", path)
    assert "stand-in" in finished.out and "--licence" in finished.err
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile(changed, "w") as broken:
        for name in whole.namelist():
            content = whole.read(name)
            if name == "rdf.yaml":
                content = content.replace(b"source: test_coarse.npy", b"source: test_other.npy")
                lines = content.decode().splitlines()
                row = lines.index("    source: test_other.npy")
                content = "\n".join(lines[: row + 1] + lines[row + 2 :]).encode()  # without its checksum
            broken.writestr(name, content)
        np.save(tmp_path / "other.npy", np.full((1, 8, 8), 0.99, np.float32))
        broken.write(tmp_path / "other.npy", "test_other.npy")
    assert bioimageio_says("test", path)[0] == 0
    assert bioimageio_says("test", changed)[0] != 0


def test_the_same_model_gives_the_same_package(sparseattn, trained, tmp_path):
    one, two = tmp_path / "1.bioimageio.zip", tmp_path / "2.bioimageio.zip"
    for path in (one, two):
        assert sparseattn("export", trained.model, "-o", path).status == 0
    assert one.read_bytes() == two.read_bytes()


def test_options_that_would_be_lost_are_refused(sparseattn, trained, tmp_path):
    for options, said in (
        (["--licence", "MIT"], "model zoo"),
        (["--example", trained.cells], "--card"),
    ):
        finished = sparseattn("export", trained.model, "-o", tmp_path / "m.onnx", *options)
        assert finished.status == 2 and said in finished.err
    assert not list(tmp_path.iterdir())


def test_another_ending_is_refused(sparseattn, trained, tmp_path):
    finished = sparseattn("export", trained.model, "-o", tmp_path / "m.pt")
    assert finished.status == 2 and "does not end in .onnx" in finished.err
    assert not list(tmp_path.iterdir())
