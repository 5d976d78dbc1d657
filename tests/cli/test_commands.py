import shutil

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier

SHARED = (
    "n",
    "accuracy",
    "balanced_accuracy",
    "macro_f1",
    "ece",
    "per_class",
    "confusion",
    "k",
    "pixel_fraction",
)


def test_evaluate(sparseattn, trained):
    finished = sparseattn("evaluate", trained.model, trained.cells, "--json")
    assert finished.status == 0, finished.err
    report = finished.json
    assert set(SHARED) <= set(report)
    assert report["n"] == 24 and np.sum(report["confusion"]) == 24
    assert report["in_training"] + report["in_validation"] == 24
    assert f"{report['in_training']} of 24 cells taught this model" in finished.err


def test_evaluate_one_side_at_another_k(sparseattn, trained):
    finished = sparseattn(
        "evaluate", trained.model, trained.cells, "--side", "validation", "-k", "50%", "--json"
    )
    report = finished.json
    assert report["n"] == report["in_validation"] == trained.training.json["validation"]["n"]
    assert (report["k"], report["pixel_fraction"], report["in_training"]) == (128, 0.5, 0)
    assert "taught" not in finished.err


def test_evaluate_as_text(sparseattn, trained):
    finished = sparseattn("evaluate", trained.model, trained.cells)
    assert finished.status == 0
    for name in ("bright", "dark", "striped", "recall", "balanced accuracy"):
        assert name in finished.out


def test_evaluate_unknown_classes_as_other(sparseattn, trained, make_cells, tmp_path):
    with_other = tmp_path / "m.safetensors"
    cells = make_cells(tmp_path / "cells", ("dark", "other"), count=4)
    assert sparseattn("train", cells, "-o", with_other, "--size", 16, "--epochs", 1).status == 0
    strange = make_cells(tmp_path / "strange", ("dark", "strange"), count=2, seed=3)
    assert sparseattn("evaluate", trained.model, strange, "--other").status == 2
    finished = sparseattn("evaluate", with_other, strange, "--other", "--json")
    assert finished.json["per_class"]["other"]["support"] == 2


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_predict(sparseattn, trained, tmp_path, suffix):
    output = tmp_path / f"p{suffix}"
    finished = sparseattn("predict", trained.model, trained.cells, "-o", output, "--batch-size", 5, "--json")
    assert finished.status == 0, finished.err
    assert "read as classes" in finished.err
    table = pd.read_csv(output) if suffix == ".csv" else pd.read_parquet(output)
    assert len(table) == finished.json["n"] == 24
    assert sum(finished.json["predicted"].values()) == 24
    assert table[["p_bright", "p_dark", "p_striped"]].sum(axis=1).to_numpy() == pytest.approx(1, abs=1e-4)
    assert set(table.human_label) == {"bright", "dark", "striped"}
    assert set(table.split) == {"train", "validation"}
    assert set(table.model_hash) == {trained.training.json["model_hash"]}


def test_predict_several_sources(sparseattn, trained, tmp_path):
    output = tmp_path / "p.csv"
    single = trained.cells / "striped/0.png"
    finished = sparseattn("predict", trained.model, trained.cells / "dark", single, "-o", output)
    assert finished.status == 0, finished.err
    assert "9" in finished.out
    table = pd.read_csv(output)
    assert len(table) == 9
    assert table.human_label.isna().all()


def test_predict_samples(sparseattn, trained, make_cells, tmp_path):
    cells = make_cells(tmp_path / "cells", ("donor_1", "donor_2"), count=2)
    arguments = ("predict", trained.model, cells, "-o", tmp_path / "p.csv", "--subfolders", "samples")
    assert sparseattn(*arguments).status == 0
    assert pd.read_csv(tmp_path / "p.csv")["sample"].tolist() == ["donor_1"] * 2 + ["donor_2"] * 2


def test_bad_cells_are_left_out_of_the_table(sparseattn, trained, make_cells, tmp_path):
    cells = make_cells(tmp_path / "cells", ("dark",), count=3, seed=5) / "dark"
    iio.imwrite(cells / "1.png", np.zeros((20, 20, 3), np.uint8))
    finished = sparseattn("predict", trained.model, cells, "-o", tmp_path / "p.csv", "--json")
    assert (finished.json["n"], finished.json["skipped"]) == (2, 1)
    assert "Skipped 1" in finished.err and "1.png" in finished.err
    strict = sparseattn("predict", trained.model, cells, "-o", tmp_path / "q.csv", "--strict")
    assert strict.status == 2 and "1.png" in strict.err
    assert not (tmp_path / "q.csv").exists()


def test_explain(sparseattn, trained, tmp_path):
    ids = open_cells(trained.cells, subfolders="classes").ids
    output = tmp_path / "explained"
    wanted = f"{ids[3]},{ids[20]}"
    finished = sparseattn(
        "explain", trained.model, trained.cells, "-o", output, "--cells", wanted, "-k", 40, "--json"
    )
    assert finished.status == 0, finished.err
    assert [cell["id"] for cell in finished.json["cells"]] == [ids[3], ids[20]]
    for cell in finished.json["cells"]:
        assert cell["selected_pixels"] == 40 < cell["read_pixels"] <= 256
        assert {path.name for path in (output / cell["folder"]).iterdir()} == {
            "selected_pixels.csv", "coarse.tif", "fine.tif", "overlay.png",
        }  # fmt: skip
    unknown = sparseattn("explain", trained.model, trained.cells, "-o", tmp_path / "e", "--cells", "abc")
    assert unknown.status == 2 and "abc" in unknown.err


def test_explain_spreads_over_the_source(sparseattn, trained, tmp_path):
    finished = sparseattn(
        "explain", trained.model, trained.cells, "-o", tmp_path / "e", "--limit", 3, "--json"
    )
    assert [cell["label"] for cell in finished.json["cells"]] == ["bright", "dark", "striped"]


def test_info_on_cells(sparseattn, trained):
    facts = sparseattn("info", trained.cells, "--json").json
    assert facts["kind"] == "cells"
    assert facts["classes"] == {"bright": 8, "dark": 8, "striped": 8}
    assert facts["shapes"] == [{"height": 20, "width": 20, "n": 24}]
    assert facts["channels"] == ["red", "green", "blue"]
    assert facts["modality"] == "brightfield"
    text = sparseattn("info", trained.cells)
    assert "20 x 20" in text.out and "striped (8)" in text.out


def test_info_on_a_model(sparseattn, trained):
    facts = sparseattn("info", trained.model, "--json").json
    classifier = Classifier.load(trained.model)
    assert facts["kind"] == "model"
    assert facts["model_hash"] == classifier.model_hash
    assert facts["parameters"] == sum(one.numel() for one in classifier.net.parameters())
    assert (facts["k"], facts["size"], facts["epochs"]) == (classifier.k, 16, 3)
    assert facts["bytes"] == trained.model.stat().st_size
    text = sparseattn("info", trained.model)
    assert "bright, dark, striped" in text.out and classifier.model_hash in text.out


@pytest.mark.parametrize("instrument", ["opd", "events", "stained"])
def test_simulate(sparseattn, tmp_path, instrument):
    finished = sparseattn(
        "simulate", instrument, "-o", tmp_path / "s", "-n", 5, "--seed", 1, "--size", 24, "--json"
    )
    assert finished.status == 0, finished.err
    assert sum(finished.json["classes"].values()) == 5
    assert len(open_cells(tmp_path / "s", subfolders="classes")) == 5
    again = sparseattn("simulate", instrument, "-o", tmp_path / "s", "-n", 5)
    assert again.status == 2 and "empty" in again.err


def test_real_cells(sparseattn, real_data, tmp_path):
    model = tmp_path / "m.safetensors"
    data = real_data / "flow_jurkat"
    cells = tmp_path / "cells"
    for name in ("G1", "Telophase"):
        (cells / name).mkdir(parents=True)
        for image in sorted((data / name).iterdir())[:20]:
            shutil.copy(image, cells / name)
    trained = sparseattn(
        "train", cells, "-o", model, "--channels", "0,2", "--size", 24, "--epochs", 2, "--modality", "flow"
    )
    assert trained.status == 0, trained.err
    finished = sparseattn(
        "explain", model, cells, "-o", tmp_path / "e", "--limit", 2, "--modality", "flow", "--json"
    )
    assert finished.status == 0, finished.err
    assert len(finished.json["cells"]) == 2


def test_predict_says_which_engine_answered(trained, process, tmp_path):
    answers = {}
    for engine in ("torch", "compiled"):
        if engine == "compiled":
            pytest.importorskip("numba")
        table = tmp_path / f"{engine}.csv"
        words = ("predict", trained.model, trained.cells, "-o", table, "--engine", engine, "--json")
        done = process(*words)
        assert done.status == 0, done.err
        assert done.json["engine"] == engine
        answers[engine] = pd.read_csv(table)["predicted"].tolist()
    assert answers["torch"] == answers["compiled"]
    done = process("predict", trained.model, trained.cells, "-o", tmp_path / "no.csv", "--engine", "magic")
    assert done.status == 2
    assert "there is no engine 'magic'; give auto, compiled or torch" in done.err
    assert not (tmp_path / "no.csv").exists()
