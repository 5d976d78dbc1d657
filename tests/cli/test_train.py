import json
import os
import signal
import subprocess
import sys

import pytest

from sparseattn.classifier import Classifier


def test_prints_one_object_and_a_line_an_epoch(trained):
    report = trained.training.json
    assert report["classes"] == ["bright", "dark", "striped"]
    assert report["pixel_fraction"] == report["k"] / 256
    assert 0 <= report["validation"]["balanced_accuracy"] <= 1
    assert report["skipped"] == 0
    lines = trained.training.err.splitlines()
    assert lines[0].startswith("Subfolders of") and "classes" in lines[0]
    epochs = [json.loads(line) for line in lines if line.startswith("{")]
    assert [record["epoch"] for record in epochs] == [1, 2, 3]
    assert all(record["eta_seconds"] >= 0 and 1 <= record["k"] <= 256 for record in epochs)


def test_leaves_the_model_alone(trained):
    assert sorted(path.name for path in trained.model.parent.iterdir()) == ["cells", "model.safetensors"]
    assert Classifier.load(trained.model).model_hash == trained.training.json["model_hash"]


def test_human_text(sparseattn, trained, tmp_path):
    arguments = ("train", trained.cells, "-o", tmp_path / "m.safetensors", "--size", 16, "--epochs", 1)
    finished = sparseattn(*arguments, "--channels", "0,blue", "--pixels", "15%")
    assert finished.status == 0, finished.err
    assert "epoch 1/1" in finished.err and "left" in finished.err
    assert "balanced accuracy" in finished.out and "m.safetensors" in finished.out
    classifier = Classifier.load(tmp_path / "m.safetensors")
    assert classifier.prepare.channels == ("red", "blue")
    assert classifier.k == 38


def test_given_validation_cells(sparseattn, trained, make_cells, tmp_path):
    judges = make_cells(tmp_path / "judges", count=3, seed=1)
    model = tmp_path / "m.safetensors"
    finished = sparseattn(
        "train", trained.cells, "-o", model, "--val", judges, "--size", 16, "--epochs", 1, "--json"
    )
    assert finished.status == 0, finished.err
    assert finished.json["validation"]["n"] == 9
    same = sparseattn("train", trained.cells, "-o", model, "--val", trained.cells, "--size", 16)
    assert same.status == 2 and "--val" in same.err


def test_as_another_model_was_trained(sparseattn, trained, tmp_path):
    first, again, other = (tmp_path / f"{name}.safetensors" for name in ("first", "again", "other"))
    told = ("--size", 16, "--epochs", 2, "--seed", 3, "--policy", "crop", "-k", 0.25)
    told += ("--channels", "green,red")
    assert sparseattn("train", trained.cells, "-o", first, *told).status == 0
    assert sparseattn("train", trained.cells, "-o", again, "--like", first).status == 0
    one, two = Classifier.load(first), Classifier.load(again)
    assert one.model_hash == two.model_hash and one.k == two.k == 64
    assert first.read_bytes() == again.read_bytes()
    finished = sparseattn("train", trained.cells, "-o", other, "--like", first, "--seed", 4, "--size", 24)
    assert finished.status == 0, finished.err
    three = Classifier.load(other)
    assert three.model_hash != one.model_hash and three.prepare.size == 24
    assert three.history.options == {**one.history.options, "seed": 4}
    assert three.prepare.channels == ("green", "red") and three.prepare.policy == "crop"
    assert (
        sparseattn("train", trained.cells, "-o", other, "--like", tmp_path / "none.safetensors").status == 2
    )


def test_labels_from_a_table(sparseattn, trained, tmp_path):
    flat = tmp_path / "cells"
    flat.mkdir()
    rows = []
    for name in ("bright", "dark"):
        for image in sorted((trained.cells / name).iterdir()):
            (flat / f"{name[0]}{image.name}").write_bytes(image.read_bytes())
            rows.append(f"{name[0]}{image.name},{name}")
    (tmp_path / "labels.csv").write_text("id,class\n" + "\n".join(rows))
    finished = sparseattn(
        "train", flat, "-o", tmp_path / "m.safetensors", "--labels-csv", tmp_path / "labels.csv",
        "--size", 16, "--epochs", 1, "--json",
    )  # fmt: skip
    assert finished.status == 0, finished.err
    assert finished.json["classes"] == ["bright", "dark"]
    assert "Subfolders" not in finished.err


# A shell that runs the tests in the background has them ignore SIGINT, and their children with them. The
# child mends it itself: what Python does between fork and exec can wait for ever for another thread's lock.
LISTENING = """
import runpy, signal
signal.signal(signal.SIGINT, signal.default_int_handler)
runpy.run_module("sparseattn", run_name="__main__", alter_sys=True)
"""


@pytest.mark.skipif(os.name == "nt", reason="Windows has no SIGINT for one process")
def test_interrupted_and_gone_on_with(sparseattn, trained, tmp_path):
    model = tmp_path / "m.safetensors"
    arguments = ["train", str(trained.cells), "-o", str(model), "--size", "16", "--epochs", "60"]
    arguments += ["--progress", "json"]
    command = [sys.executable, "-c", LISTENING, *arguments]
    with subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        for line in process.stderr:
            if line.startswith("{"):
                process.send_signal(signal.SIGINT)
                break
        out, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert out == "" and "Traceback" not in err
    assert err.splitlines()[-1].startswith("sparseattn: interrupted") and "--resume" in err
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors.checkpoint"]

    finished = sparseattn(*arguments, "--resume", "--json")
    assert finished.status == 0, finished.err
    epochs = [json.loads(line)["epoch"] for line in finished.err.splitlines() if line.startswith("{")]
    assert 1 < epochs[0] <= epochs[-1] == 60
    assert finished.json["epochs"] == 60
    assert [path.name for path in tmp_path.iterdir()] == ["m.safetensors"]


def test_finetuning_adds_a_class_and_reports_what_was_lost(sparseattn, trained, make_cells, tmp_path):
    more = make_cells(tmp_path / "more", ("dark", "new"), count=5, seed=2)
    model = tmp_path / "m2.safetensors"
    finished = sparseattn("finetune", trained.model, more, "-o", model, "--epochs", 2, "--json")
    assert finished.status == 0, finished.err
    assert finished.json["classes"] == ["bright", "dark", "striped", "new"]
    assert {"before", "after"} <= set(finished.json["old_classes"]["dark"])
    assert Classifier.load(model).classes == ("bright", "dark", "striped", "new")


def test_finetuning_with_cells_of_one_known_class(sparseattn, trained, make_cells, tmp_path):
    more = make_cells(tmp_path / "more", ("dark",), count=3, seed=4)
    finished = sparseattn(
        "finetune", trained.model, more, "-o", tmp_path / "m2.safetensors", "--epochs", 1, "--json"
    )
    assert finished.status == 0, finished.err
    assert finished.json["classes"] == ["bright", "dark", "striped"]
