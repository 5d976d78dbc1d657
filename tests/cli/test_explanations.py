import numpy as np
import pytest

from sparseattn.simulate import simulate


@pytest.fixture(scope="module")
def simulated(tmp_path_factory, process):
    folder = tmp_path_factory.mktemp("simulated")
    simulate("stained", folder / "cells", 15, size=24)
    model = folder / "m.safetensors"
    trained = process("train", folder / "cells", "-o", model, "--size", 16, "--epochs", 1)
    assert trained.status == 0, trained.err
    return folder / "cells", model


def test_explanations_are_tested_beside_baselines(process, simulated):
    cells, model = simulated
    finished = process("evaluate", model, cells, "--explanations", "--most-cells", 8, "--json")
    assert finished.status == 0, finished.err
    report = finished.json["explanations"]
    assert report["cells"] == 8
    assert {"attention", "selection", "evidence", "random", "centre", "intensity", "edges"} <= set(
        report["methods"]
    )
    ours = report["methods"]["attention"]
    assert set(ours["fills"]) == {"mean", "blur", "background"}
    for curve in ours["fills"].values():
        assert len(curve["shares"]) == len(curve["deletion_curve"]) == len(curve["insertion_curve"])
        assert 0 <= curve["deletion"] <= 1 and 0 <= curve["insertion"] <= 1
    assert [step["k"] for step in ours["kept"]] == sorted((s["k"] for s in ours["kept"]), reverse=True)
    assert set(ours["localisation"]) == {"cytoplasm", "nucleus", "granule", "cell"}
    inside = report["methods"]["inside the cell"]["localisation"]["cell"]
    assert inside["overlap"] == 1 and ours["localisation"]["cell"]["cells"] == 8
    assert np.isfinite(ours["stability"]["shift"])
    assert report["sanity"]["fine stage"]["selection"] == pytest.approx(1)
    assert "methods" in finished.err


def test_explanations_as_text(sparseattn, simulated, tmp_path):
    cells, model = simulated
    finished = sparseattn("evaluate", model, cells, "--explanations", "--most-cells", 4)
    assert finished.status == 0, finished.err
    for word in ("attention", "random", "fewest", "nucleus", "fine stage"):
        assert word in finished.out


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--peers",), "--explanations"),
        (("--explanations", "--mask-names", "nucleus"), "1"),
        (("--explanations", "--masks", "."), "--mask-names"),
    ],
)
def test_bad_requests_are_one_line(sparseattn, simulated, tmp_path, arguments, said):
    cells, model = simulated
    finished = sparseattn("evaluate", model, cells, *arguments)
    assert finished.status == 2 and said in finished.err and len(finished.err.splitlines()) == 1, finished.err
