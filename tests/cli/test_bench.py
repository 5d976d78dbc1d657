"""``sparseattn bench`` as a process: the form of its document, and that what it compares is there."""

import json
from pathlib import Path

import pytest

FIELDS = [
    "model", "runtime", "image", "k", "cells_per_s", "p50_ms", "p99_ms", "params", "mflop", "peak_mib",
    "balanced_accuracy",
]  # fmt: skip


@pytest.mark.slow
def test_it_measures_our_net_beside_the_small_cnn(process):
    done = process("bench", "--quick", "--models", "sparseattn,sparseattn-paper,small-cnn", "--json")
    assert done.status == 0, done.err
    document = done.json
    assert document["machine"]["threads"] >= 1
    assert [(row["model"], row["k"]) for row in document["rows"]] == [
        ("sparseattn", 614),
        ("sparseattn", 123),
        ("sparseattn", 205),
        ("sparseattn-paper", 614),
        ("small-cnn", None),
    ]
    for row in document["rows"]:
        assert list(row) == FIELDS
        assert row["image"] == [3, 64, 64]
        assert row["cells_per_s"] > 10
        assert 0 < row["p50_ms"] <= row["p99_ms"]
    ours, fewest, few, _, small = document["rows"]
    assert small["params"] == 72_759
    assert fewest["mflop"] < few["mflop"] < ours["mflop"] < small["mflop"]
    told = json.loads((Path(__file__).parents[2] / "docs" / "accuracy.json").read_text())
    methods = told["stained_pbc"]["methods"]
    (known,) = (one for one in methods if one["method"] == {"model": "small-cnn", "share": None})
    assert small["balanced_accuracy"] == pytest.approx(known["balanced_accuracy"], abs=1e-4)


def test_a_model_that_is_none_is_named(sparseattn):
    done = sparseattn("bench", "--models", "alexnet")
    assert done.status == 2
    assert "there is no model 'alexnet'" in done.err
