"""``sparseattn explain --page --against --counterfactual --neighbours``."""

import numpy as np
import pandas as pd
import tifffile


def test_questions_are_answered_in_files_and_json(process, trained, tmp_path):
    out = tmp_path / "out"
    done = process(
        "explain", trained.model, trained.cells, "-o", out, "--limit", 4, "--page", "--against", "dark",
        "--counterfactual", "--neighbours", trained.cells, "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    index = pd.read_csv(out / "index.csv")
    for row, (_, written) in zip(done.json["cells"], index.iterrows(), strict=True):
        folder = out / row["folder"]
        assert (folder / "page.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
        assert row["against"] == "dark"
        if row["predicted"] == "dark":
            assert row["against_score"] is None and not (folder / "against.tif").exists()
        else:
            table = pd.read_csv(folder / "against.csv")
            assert len(table) == len(pd.read_csv(folder / "selected_pixels.csv"))
            assert tifffile.imread(folder / "against.tif").shape == (20, 20) and row["against_score"] > 0
        flip = row["flips_to"]
        assert (folder / "counterfactual.csv").exists() == (flip is not None) and flip != row["predicted"]
        if flip is not None:
            table = pd.read_csv(folder / "counterfactual.csv")
            assert (table.unit_pixels**2).sum() == row["flips_without_pixels"]
        near = pd.read_csv(folder / "neighbours.csv")
        assert len(near) == 5 == row["neighbours"] and row["id"] not in set(near.id)
        assert row["nearest"] == near.id[0] and row["nearest_class"] == near["class"][0]
        assert (near["class"] == row["predicted"]).sum() == row["neighbours_of_the_class"]
        assert np.isclose(written.nearest_likeness, near.likeness[0], atol=1e-4)


def test_a_class_that_is_not_there_leaves_nothing(sparseattn, trained, tmp_path):
    done = sparseattn("explain", trained.model, trained.cells, "-o", tmp_path / "out", "--against", "blast")
    assert (done.status, done.err.count("\n")) == (2, 1) and "bright, dark, striped" in done.err
    assert list(tmp_path.iterdir()) == []
