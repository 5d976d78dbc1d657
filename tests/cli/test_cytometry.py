"""Recordings of cytometers from training to the copy with scores, as processes."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import flowio
import h5py
import numpy as np
import pandas as pd
import pytest

COUNT = 24


def write_recording(path: Path, bright: int) -> None:
    random = np.random.default_rng(bright)
    images = random.integers(80, 90, (COUNT, 20, 20), dtype=np.uint8)
    images[:, 6:14, 6:14] += np.uint8(bright)
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w") as file:
        file.attrs["imaging:pixel size"] = 0.34
        file["events/image"] = images
        file["events/deform"] = random.random(COUNT)


@pytest.mark.slow
def test_scores_go_into_a_copy_of_the_recording(process: Callable[..., Any], tmp_path: Path) -> None:
    write_recording(tmp_path / "cells" / "Large cell" / "a.rtdc", 90)
    write_recording(tmp_path / "cells" / "small" / "b.rtdc", 20)
    model, source = tmp_path / "model.safetensors", tmp_path / "cells" / "small" / "b.rtdc"
    trained = process(
        "train", tmp_path / "cells", "-o", model, "--size", 16, "--epochs", 3, "--progress", "none"
    )
    assert trained.status == 0, trained.err
    copy = tmp_path / "copy.rtdc"
    done = process("predict", model, source, "-o", copy, "--json")
    assert done.status == 0, done.err
    assert done.json["n"] == COUNT
    with h5py.File(copy) as file:
        scores = {name: file["events"][name][:] for name in file["events"] if name.startswith("ml_score_")}
        log = [json.loads(line) for line in file["logs/sparseattn"].asstr()[2:]]
    assert log == [
        {"feature": "ml_score_lar", "class": "Large cell"},
        {"feature": "ml_score_sma", "class": "small"},
    ]
    np.testing.assert_allclose(scores["ml_score_lar"] + scores["ml_score_sma"], 1, atol=1e-6)
    table, flow = tmp_path / "table.csv", tmp_path / "table.fcs"
    assert process("predict", model, source, "-o", table).status == 0
    assert process("predict", model, source, "-o", flow).status == 0
    rows = pd.read_csv(table)
    np.testing.assert_allclose(rows["p_small"], scores["ml_score_sma"], atol=1e-6)
    with h5py.File(source) as file:
        np.testing.assert_allclose(rows["deform"], file["events/deform"])
    columns = flowio.FlowData(flow)
    names = [columns.channels[number]["pnn"] for number in sorted(columns.channels)]
    values = np.reshape(columns.events, (-1, len(names)))
    np.testing.assert_allclose(values[:, names.index("deform")], rows["deform"], rtol=1e-6)
    np.testing.assert_allclose(values[:, names.index("p_small")], rows["p_small"], rtol=1e-6)
    for sources, said in (
        ([source, source], "give one .rtdc file as the source"),
        ([tmp_path / "cells"], "give one .rtdc file as the source"),
    ):
        refused = process("predict", model, *sources, "-o", tmp_path / "no.rtdc")
        assert refused.status == 2 and said in refused.err and refused.err.count("\n") == 1
    itself = process("predict", model, source, "-o", source)
    assert itself.status == 2 and "is the recording itself" in itself.err
    assert not (tmp_path / "no.rtdc").exists()
