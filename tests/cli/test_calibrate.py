import pandas as pd
import pytest

from sparseattn.classifier import Classifier


def test_a_training_calibrates_and_predict_gives_sets(process, trained, tmp_path):
    table = tmp_path / "t.csv"
    finished = process("predict", trained.model, trained.cells, "-o", table, "--error-rate", "0.2", "--json")
    assert finished.status == 0, finished.err
    rows = pd.read_csv(table)
    assert finished.json["error_rate"] == 0.2
    sizes = rows["set"].str.split(" or ").map(len)
    assert finished.json["mean_set_size"] == pytest.approx(sizes.mean())
    for predicted, said in zip(rows["predicted"], rows["set"], strict=True):
        assert said.split(" or ")[0] == predicted


def test_evaluate_says_how_sets_and_confidence_hold(sparseattn, trained):
    finished = sparseattn("evaluate", trained.model, trained.cells, "--error-rate", "0.2", "--json")
    report = finished.json
    assert 0 <= report["sets"]["coverage"] <= 1 and report["sets"]["mean_size"] >= 1
    low, high = report["ece_interval"]
    assert 0 <= low <= high <= 1 and report["temperature"] > 0
    assert sum(one["n"] for one in report["reliability"]) == report["n"]


def test_calibrate_an_older_model(sparseattn, trained, make_cells, tmp_path):
    import dataclasses

    old, new = tmp_path / "old.safetensors", tmp_path / "new.safetensors"
    dataclasses.replace(Classifier.load(trained.model), scale=None).save(old)
    refused = sparseattn("predict", old, trained.cells, "-o", tmp_path / "t.csv", "--error-rate", "0.1")
    assert refused.status == 2 and "sparseattn calibrate" in refused.err
    assert not (tmp_path / "t.csv").exists()
    others = make_cells(tmp_path / "others", count=6, seed=9)
    finished = sparseattn("calibrate", old, others, "-o", new, "--json")
    assert finished.status == 0, finished.err
    model = Classifier.load(new)
    assert finished.json["n"] == 18 == len(model.scale.surprise)
    assert finished.json["model_hash"] == model.model_hash
    again = sparseattn("predict", new, others, "-o", tmp_path / "t.csv", "--error-rate", "0.1")
    assert again.status == 0 and "classes in a set" in again.out


@pytest.mark.parametrize("rate", ["0", "1", "-0.5", "2"])
def test_an_error_rate_is_a_share(sparseattn, trained, tmp_path, rate):
    finished = sparseattn(
        "predict", trained.model, trained.cells, "-o", tmp_path / "t.csv", "--error-rate", rate
    )
    assert finished.status == 2 and "between 0 and 1" in finished.err
