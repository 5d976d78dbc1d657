"""`sparseattn report`, as a process."""

from pathlib import Path

import pandas as pd
import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def reported(trained, process, tmp_path_factory):
    """A report of cells that the model knows, with plots and a table."""
    folder = tmp_path_factory.mktemp("report")
    finished = process(
        "report", trained.model, trained.cells, "-o", folder / "report.html", "--figures", folder / "plots",
        "--table", folder / "classes.csv", "--title", "Cells & more", "--json",
    )  # fmt: skip
    assert finished.status == 0, finished.err
    return folder, finished


def test_it_writes_what_was_asked_for(reported) -> None:
    folder, finished = reported
    text = (folder / "report.html").read_text(encoding="utf-8")
    assert "<title>Cells &amp; more</title>" in text
    assert finished.json["statement"] in text and finished.json["methods"][:60] in text
    assert finished.json["judged_by"] == "validation"
    plots = {path.name for path in (folder / "plots").iterdir()}
    assert {"confusion.svg", "confusion.pdf", "attention.pdf"} <= plots
    table = pd.read_csv(folder / "classes.csv")
    assert table["class"].tolist() == ["bright", "dark", "striped"]
    assert table["cells"].sum() == finished.json["metrics"]["n"]


def test_figures_are_those_of_evaluate(reported, trained, sparseattn) -> None:
    _, finished = reported
    evaluated = sparseattn("evaluate", trained.model, trained.cells, "--side", "validation", "--json").json
    assert finished.json["metrics"]["confusion"] == evaluated["confusion"]
    assert finished.json["metrics"]["ece"] == pytest.approx(evaluated["ece"])


def test_each_of_several_sources_is_a_sample(trained, sparseattn, make_cells, tmp_path) -> None:
    for name in ("monday", "tuesday"):
        make_cells(tmp_path / name, seed=len(name))
    table = tmp_path / "samples.parquet"
    finished = sparseattn(
        "report", trained.model, tmp_path / "monday", tmp_path / "tuesday", "-o", tmp_path / "r.html",
        "--table", table, "--table-of", "samples",
    )  # fmt: skip
    assert finished.status == 0, finished.err
    assert "cells new to the model" in finished.out
    counts = pd.read_parquet(table)
    assert counts["sample"].unique().tolist() == ["monday", "tuesday"]
    assert counts.groupby("sample")["count"].sum().tolist() == [24, 24]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("-o", "{}/report.txt"), "end in .html"),
        (("-o", "{}/nowhere/report.html"), "there is no folder"),
        (("-o", "{}/r.html", "--table", "{}/t.xlsx"), "end in .csv or .parquet"),
        (("-o", "{}/r.html", "--sample-column", "plate"), "no sample column 'plate'"),
        (("-o", "{}/r.html", "--side", "test"), "set aside for testing"),
        (("-o", "{}/r.html", "--table", "{}/t.csv", "--table-of", "conditions"), "no table of conditions"),
    ],
)
def test_bad_input_is_one_line_and_leaves_nothing(trained, sparseattn, tmp_path, arguments, words) -> None:
    given = [one.format(tmp_path) for one in arguments]
    finished = sparseattn("report", trained.model, trained.cells, *given)
    assert finished.status == 2
    assert finished.out == ""
    assert len(finished.err.splitlines()) == 1 and words in finished.err
    assert list(tmp_path.iterdir()) == []


def test_no_model_is_one_line(process, trained, tmp_path) -> None:
    finished = process("report", tmp_path / "none.safetensors", trained.cells, "-o", tmp_path / "r.html")
    assert finished.status == 2
    assert finished.err.startswith("sparseattn: there is no model file")
    assert len(finished.err.splitlines()) == 1
    assert list(tmp_path.iterdir()) == []


def test_the_selected_pixels_are_tested(trained, sparseattn, tmp_path) -> None:
    finished = sparseattn(
        "report", trained.model, trained.cells, "-o", tmp_path / "r.html", "--explanations", "--figures",
        tmp_path / "plots", "--json",
    )  # fmt: skip
    assert finished.status == 0, finished.err
    said = finished.json["selected_pixels"]
    assert said.startswith("Shown its selected pixels alone")
    assert said.replace(" %", "&nbsp;%") in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert (tmp_path / "plots" / "trust.svg").is_file()


def test_the_selected_pixels_are_told_by_compartment(sparseattn, trained, tmp_path) -> None:
    """Simulated cells bring masks of nucleus and cytoplasm; of others the outline is guessed."""
    cells = ROOT / "sample_data" / "stained"
    model = ROOT / "napari_sparseattn" / "models" / "simulated_stained.safetensors"
    finished = sparseattn("report", model, cells, "-o", tmp_path / "r.html", "--json")
    assert finished.status == 0, finished.err
    for one in finished.json["looks_at"]["classes"].values():
        inside = one["compartments"]
        assert set(inside) == {"cytoplasm", "nucleus", "granule", "cell"}
        parts = sum(inside[name]["selected"] for name in ("cytoplasm", "nucleus", "granule"))
        assert parts == pytest.approx(inside["cell"]["selected"], abs=1e-4)
        assert inside["cell"]["selected"] > inside["cell"]["area"] > 0
    guessed = sparseattn("report", trained.model, trained.cells, "-o", tmp_path / "g.html", "--json")
    assert {name for one in guessed.json["looks_at"]["classes"].values() for name in one["compartments"]} == {
        "cell"
    }
    refused = sparseattn(
        "report", trained.model, trained.cells, "-o", tmp_path / "n.html", "--masks", cells / "_masks"
    )
    assert refused.status == 2 and "named like a cell" in refused.err
    assert not (tmp_path / "n.html").exists()
