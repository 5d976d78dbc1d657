"""Tables, read back with each format's own library."""

import csv
import json
import sys

import numpy as np
import pandas as pd
import pytest

from sparseattn.cells import CellSet
from sparseattn.errors import InputError
from sparseattn.export.tables import check_table_path, predictions_table, write_predictions
from sparseattn.predictions import Predictions

CLASSES = ("a/b", "=c,1", "μ")
COLUMNS = [
    "id", "source", "sample", "dose", "sample_k", "predicted", "confidence", "p_a/b", "p_=c,1", "p_μ",
    "entropy", "in_distribution", "k", "human_label", "split", "model_hash",
]  # fmt: skip


def some_predictions(labels=("=c,1", None, "μ", "a/b", None)) -> Predictions:
    images = np.random.default_rng(0).integers(0, 99, (5, 1, 4, 4)).astype(np.uint8)
    cells = CellSet.from_array(images, channels=["x"], labels=labels, name="-stack.tif")
    samples = {
        "sample": ["@one", "two", None, "two", "+"],
        "dose": [0.5, None, 1, 2, 3],
        "k": ["p", "q", "r", "s", "t"],
    }
    probabilities = np.array(
        [[1, 0, 0], [0.2, 0.5, 0.3], [0.1, 0.1, 0.8], [0.4, 0.3, 0.3], [1 / 3, 1 / 3, 1 / 3]], np.float32
    )
    return Predictions(
        cells=cells.with_samples(pd.DataFrame(samples)),
        indices=np.arange(5),
        classes=CLASSES,
        probabilities=probabilities,
        in_distribution=np.array([0.1, 0.9, 0.5, 0.01, 1], np.float32),
        k=600,
        sides=("train", None, "validation", None, "test"),
        model_hash="0" * 32,
        skipped=(),
    )


@pytest.fixture
def predictions() -> Predictions:
    return some_predictions()


def test_the_columns_and_their_order(predictions):
    table = predictions_table(predictions)
    assert list(table.columns) == COLUMNS
    assert table["predicted"].tolist() == ["a/b", "=c,1", "μ", "a/b", "a/b"]
    assert table["entropy"].tolist() == pytest.approx([0, 1.0297, 0.6390, 1.0889, np.log(3)], abs=1e-4)
    assert table["sample"].tolist() == ["@one", "two", None, "two", "+"]
    assert table["split"].tolist() == ["train", None, "validation", None, "test"]
    assert table["dose"].dtype == np.float64


def test_csv(predictions, tmp_path):
    path = tmp_path / "out.csv"
    write_predictions(predictions, path)
    back = pd.read_csv(path)
    table = predictions_table(predictions)
    assert list(back.columns) == COLUMNS
    for name in ("confidence", "p_μ", "entropy", "in_distribution", "k", "dose"):
        np.testing.assert_allclose(back[name], table[name], rtol=1e-6)
    assert back["id"].tolist() == list(predictions.ids)
    assert back["predicted"].tolist() == ["a/b", "'=c,1", "μ", "a/b", "a/b"]
    assert back["sample"].tolist()[:2] == ["'@one", "two"]
    assert back["source"].tolist()[0] == "'-stack.tif#0"


def test_no_csv_field_is_a_formula(tmp_path):
    starts = ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1"]
    predictions = some_predictions(labels=starts)
    columns = {"=cmd|' /C calc'!A0": starts}
    cells = predictions.cells.with_samples(pd.DataFrame(columns))
    write_predictions(Predictions(**{**vars(predictions), "cells": cells}), tmp_path / "out.csv")
    with open(tmp_path / "out.csv", newline="", encoding="utf-8") as stream:
        rows = list(csv.reader(stream))
    fields = [field for row in rows for field in row]
    begins_like_one = [field for field in fields if field.startswith(("=", "+", "-", "@", "\t", "\r"))]
    assert {float(field) for field in begins_like_one} == {1, -1}  # numbers stay numbers
    written = [row[rows[0].index("human_label")] for row in rows[1:]]
    assert written == ["'=1+1", "+1", "-1", "'@SUM(A1)", "'\t=1"]


def test_parquet(predictions, tmp_path):
    write_predictions(predictions, tmp_path / "out.parquet")
    back = pd.read_parquet(tmp_path / "out.parquet")
    pd.testing.assert_frame_equal(back, predictions_table(predictions))


def test_h5ad(predictions, tmp_path):
    anndata = pytest.importorskip("anndata")
    write_predictions(predictions, tmp_path / "out.h5ad")
    back = anndata.read_h5ad(tmp_path / "out.h5ad")
    np.testing.assert_array_equal(back.X, predictions.probabilities)
    assert back.obs_names.tolist() == list(predictions.ids)
    assert back.var_names.tolist() == list(CLASSES)
    assert set(back.obs.columns) == set(COLUMNS) - {"id", "k", "model_hash", "p_a/b", "p_=c,1", "p_μ"}
    assert back.obs["predicted"].tolist() == ["a/b", "=c,1", "μ", "a/b", "a/b"]
    assert back.obs["human_label"].isna().tolist() == [False, True, False, False, True]
    np.testing.assert_array_equal(back.obs["entropy"], predictions.entropy)
    assert (back.uns["k"], back.uns["model_hash"]) == (600, "0" * 32)


def test_h5ad_without_any_label(tmp_path):
    anndata = pytest.importorskip("anndata")
    write_predictions(some_predictions(labels=[None] * 5), tmp_path / "out.h5ad")
    assert anndata.read_h5ad(tmp_path / "out.h5ad").obs["human_label"].isna().all()


def test_fcs(predictions, tmp_path):
    flowio = pytest.importorskip("flowio")
    write_predictions(predictions, tmp_path / "out.fcs")
    back = flowio.FlowData(tmp_path / "out.fcs")
    table = predictions_table(predictions)
    assert back.pns_labels == COLUMNS
    assert back.pnn_labels[COLUMNS.index("p_=c,1")] == "p_=c_1"
    events = pd.DataFrame(back.as_array(preprocess=False), columns=COLUMNS)
    for number, name in enumerate(COLUMNS, start=1):
        if pd.api.types.is_numeric_dtype(table[name]):
            np.testing.assert_allclose(events[name], table[name].astype(np.float32))
            assert f"sparseattn_p{number}" not in back.text
        else:
            texts = json.loads(back.text[f"sparseattn_p{number}"])
            found = [texts[int(code)] if code >= 0 else None for code in events[name]]
            assert found == table[name].tolist(), name


@pytest.mark.parametrize("suffix", ["csv", "parquet", "h5ad", "fcs"])
def test_one_cell_and_a_suffix_in_capitals(predictions, tmp_path, suffix):
    fields = ("indices", "probabilities", "in_distribution", "sides")
    one = {name: getattr(predictions, name)[:1] for name in fields}
    path = tmp_path / f"OUT.{suffix.upper()}"
    write_predictions(
        Predictions(**{**vars(predictions), **one, "cells": predictions.cells.subset([0])}), path
    )
    assert path.stat().st_size > 0
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("name", ["out.xlsx", "out", "csv"])
def test_an_unknown_suffix_is_refused(predictions, tmp_path, name):
    for refuse in (check_table_path, lambda path: write_predictions(predictions, path)):
        with pytest.raises(InputError, match=r"end in \.csv, \.parquet, \.h5ad, \.fcs"):
            refuse(tmp_path / name)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("suffix", "library"), [("h5ad", "anndata"), ("fcs", "flowio")])
def test_a_library_that_is_not_installed_is_named(predictions, tmp_path, monkeypatch, suffix, library):
    monkeypatch.setitem(sys.modules, library, None)  # what Python does where a module is not there
    with pytest.raises(InputError, match=rf"\.{suffix} files need {library}; install it with"):
        write_predictions(predictions, tmp_path / f"out.{suffix}")
    with pytest.raises(InputError, match=library):
        check_table_path(tmp_path / f"out.{suffix}")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "h5ad", "fcs"])
def test_a_folder_that_is_not_there_is_named(predictions, tmp_path, suffix):
    with pytest.raises(InputError, match="there is no folder"):
        write_predictions(predictions, tmp_path / "missing" / f"out.{suffix}")


@pytest.mark.parametrize("suffix", ["csv", "parquet", "h5ad", "fcs"])
def test_names_that_utf8_cannot_hold(predictions, tmp_path, suffix):
    """A folder's name may have bytes that are no UTF-8; Python carries them as surrogates."""
    cells = predictions.cells.with_labels(["\udcff"] * 5)
    write_predictions(Predictions(**{**vars(predictions), "cells": cells}), tmp_path / f"out.{suffix}")
    assert (tmp_path / f"out.{suffix}").stat().st_size > 0
