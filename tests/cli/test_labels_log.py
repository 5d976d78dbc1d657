"""Training by a label log, told what to do by another program."""

import json
import subprocess
import sys

import pytest

from sparseattn.cells import open_cells
from sparseattn.cells.labels import LabelLog
from sparseattn.classifier import Classifier


@pytest.fixture
def labelled(make_cells, tmp_path):
    """Cells in class folders, half of them named otherwise in a log."""
    folder = make_cells(tmp_path / "cells", ("bright", "dark"), count=20)
    cells = open_cells(folder, subfolders="classes")
    log = LabelLog.open(tmp_path / "labels.sqlite")
    for name in ("light", "dark"):
        log.add_class(name)
    pairs = zip(cells.ids, cells.labels, strict=True)
    log.label_each({name: "light" for name, label in pairs if label == "bright"})
    log.label([cells.ids[39]], "exclude")
    yield folder, cells, log
    log.close()


def test_labels_of_a_log_and_its_test_cells(sparseattn, labelled, tmp_path):
    folder, cells, log = labelled
    model = tmp_path / "m.safetensors"
    arguments = ("--labels-log", log.path, "--size", 16, "--epochs", 1, "--progress", "stdout", "--json")
    finished = sparseattn("train", folder, "-o", model, *arguments)
    assert finished.status == 0, finished.err
    epoch, result = map(json.loads, finished.out.splitlines())
    assert epoch["epoch"] == 1 and result["classes"] == ["dark", "light"]
    split = Classifier.load(model).split
    tests = {name for name, side in split.sides.items() if side == "test"}
    assert tests == log.test_cells != set()
    assert cells.ids[39] not in split.sides
    assert len(split.sides) == 39

    again = tmp_path / "m2.safetensors"
    finished = sparseattn("finetune", model, folder, "-o", again, "--labels-log", log.path, "--epochs", 1)
    assert finished.status == 0, finished.err
    sides = Classifier.load(again).split.sides
    assert {name for name, side in sides.items() if side == "test"} == log.test_cells


def test_what_a_model_has_learned_from_does_not_test_it(sparseattn, labelled, tmp_path):
    folder, _, log = labelled
    model, again = tmp_path / "m.safetensors", tmp_path / "m2.safetensors"
    assert sparseattn("train", folder, "-o", model, "--size", 16, "--epochs", 1).status == 0
    assert (
        sparseattn("finetune", model, folder, "-o", again, "--labels-log", log.path, "--epochs", 1).status
        == 0
    )
    assert "test" not in Classifier.load(again).split.sides.values()


def test_a_log_that_is_none(sparseattn, labelled, tmp_path):
    folder, *_ = labelled
    finished = sparseattn(
        "train", folder, "-o", tmp_path / "m.safetensors", "--labels-log", folder / "no.sqlite"
    )
    assert finished.status == 2 and "no label file" in finished.err


@pytest.mark.parametrize(
    ("words", "status", "written"), [("stop\n", 0, True), ("cancel\n", 130, False), ("", 130, False)]
)
def test_words_on_stdin(trained, tmp_path, words, status, written):
    model = tmp_path / "m.safetensors"
    command = [
        sys.executable,
        "-m",
        "sparseattn",
        "train",
        str(trained.cells),
        "-o",
        str(model),
        "--size",
        "16",
    ]
    command += ["--epochs", "3000", "--progress", "stdout", "--obey-stdin", "--json"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        first = process.stdout.readline()
        assert json.loads(first)["epoch"] == 1
        out, err = process.communicate(words, timeout=120)
    assert process.returncode == status, err
    assert "Traceback" not in err
    assert [path.name for path in tmp_path.iterdir()] == (["m.safetensors"] if written else [])
    if written:
        lines = [json.loads(line) for line in (first + out).splitlines()]
        epochs = Classifier.load(model).history.epochs
        assert lines[-1]["epochs"] == len(epochs) == lines[-2]["epoch"] < 3000


def test_stopping_keeps_the_best_so_far(blob_folder):
    from sparseattn.learn.fit import fit
    from sparseattn.learn.options import TrainingOptions

    cells = open_cells(blob_folder(count=10, size=16), subfolders="classes")
    asked = []

    def stop() -> bool:
        asked.append(True)
        return len(asked) == 4

    model = fit(cells, options=TrainingOptions(epochs=40, seed=1), size=16, should_stop=stop)
    losses = [record.validation_loss for record in model.history.epochs]
    assert len(losses) == 4
    best = losses.index(min(losses))
    report = model.history.validation
    assert report["balanced_accuracy"] == model.history.epochs[best].validation_balanced_accuracy
    assert model.k == model.history.epochs[best].k
