"""From training to the report: tiny nets on made-up cells, through the doors that the command line uses."""

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks import report
from benchmarks.datasets import ZHENG, Dataset
from benchmarks.folds import make_fold
from benchmarks.pieces import Document, Piece, finished, measure, write_json
from benchmarks.summary import METHODS, Summary
from benchmarks.training import Recipe
from sparseattn.cells import CellSet
from sparseattn.errors import InputError

SIZE = 16


@pytest.fixture(scope="module")
def dataset() -> Dataset:
    """Two classes: a bright square left or right."""
    generator = np.random.default_rng(0)
    images = generator.normal(100, 10, (60, 3, SIZE, SIZE)).astype(np.float32)
    labels = []
    for number, image in enumerate(images):
        left = number % 2 == 0
        image[:, 4:12, (2 if left else 8) :][..., :6] += 80
        labels.append("left" if left else "right")
    cells = CellSet.from_array(
        images, channels=("red", "green", "blue"), labels=labels, modality="brightfield"
    )
    return Dataset("stained_zheng", replace(ZHENG, size=SIZE, upright=True), cells)


@pytest.fixture(scope="module")
def pieces(dataset: Dataset) -> list[Document]:
    return [
        measure(
            Piece(dataset.name, model, 0, fold), dataset, make_fold(dataset, 0, fold), Recipe(1e-2, 6), "cpu"
        )
        for model in ("sparseattn", "small-cnn")
        for fold in (0, 1)
    ]


def test_a_piece_says_all_that_the_report_needs(pieces: list[Document], dataset: Dataset) -> None:
    ours, peer = pieces[0], pieces[2]
    assert ours["test"] == peer["test"]
    assert ours["learned_k"] in [answer["k"] for answer in ours["answers"]]
    assert ours["answers"][-1]["k"] == SIZE**2
    assert ours["parameters"] != peer["parameters"]
    assert len(peer["training"]["epochs"]) == 6
    assert peer["training"]["epochs"][-1]["loss"] < peer["training"]["epochs"][0]["loss"]
    assert peer["answers"][0]["balanced_accuracy"] > 0.8
    for piece in (ours, peer):
        for answer in piece["answers"]:
            assert len(answer["predicted"]) == len(piece["test"]["labels"])


def test_the_same_piece_again_is_the_same(pieces: list[Document], dataset: Dataset) -> None:
    again = measure(
        Piece(dataset.name, "sparseattn", 0, 0), dataset, make_fold(dataset, 0, 0), Recipe(1e-2, 6), "cpu"
    )
    assert again["answers"] == pieces[0]["answers"]
    assert again["training"]["epochs"] == pieces[0]["training"]["epochs"]


def test_the_report_is_written_from_the_files(pieces: list[Document], tmp_path: Path) -> None:
    for piece in pieces:
        write_json(piece, tmp_path / "pieces" / piece["dataset"] / piece["model"] / f"{piece['fold']}.json")
    assert finished(tmp_path) == pieces[2:] + pieces[:2]
    written = report.write(tmp_path, tmp_path / "docs", tmp_path / "beside_speed.json")
    assert [path.name for path in written] == [
        "accuracy.json",
        "accuracy.md",
        "accuracy_mflop.png",
        "accuracy_k.png",
        "beside_speed.json",
    ]
    figures = json.loads(written[0].read_text())["stained_zheng"]
    peer = next(row for row in figures["methods"] if row["method"]["model"] == "small-cnn")
    answers = [piece["answers"][0]["balanced_accuracy"] for piece in pieces[2:]]
    assert peer["balanced_accuracy"] == pytest.approx(np.mean(answers))
    assert f"{100 * np.mean(answers):.1f}" in written[1].read_text()
    assert sorted((tmp_path / "docs").iterdir()) == sorted(written[:-1])


def test_differences_are_paired(pieces: list[Document]) -> None:
    summary = Summary(pieces)
    ours, peer = METHODS[1], next(method for method in METHODS if method.model == "small-cnn")
    found = summary.compare("stained_zheng", ours, peer)
    assert found is not None and found.over_folds is not None
    pairs = zip(pieces[:2], pieces[2:], strict=True)
    expected = [ours.answer(a)["balanced_accuracy"] - peer.answer(b)["balanced_accuracy"] for a, b in pairs]
    assert found.over_folds.mean == pytest.approx(np.mean(expected))
    assert found.quoted is found.over_folds
    assert summary.compare("stained_zheng", ours, METHODS[-1]) is None


def test_where_the_test_cells_never_change_the_bootstrap_is_quoted(pieces: list[Document]) -> None:
    fixed = [piece | {"test": pieces[0]["test"]} for piece in pieces]
    found = Summary(fixed).compare("stained_zheng", METHODS[1], METHODS[5])
    assert found is not None
    assert found.over_folds is None
    assert found.quoted is found.over_cells


def test_pieces_of_other_cells_or_another_net_are_refused(pieces: list[Document]) -> None:
    with pytest.raises(InputError, match="different cells"):
        Summary([pieces[0], pieces[2] | {"fingerprint": "another"}])
    slower = pieces[1]["options"] | {"learning_rate": 1e-5}
    for other in ({"parameters": 1}, {"options": slower}):
        with pytest.raises(InputError, match="different nets or ways of training"):
            Summary([pieces[0], pieces[1] | other])


def test_without_pieces_there_is_no_report(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no piece"):
        report.write(tmp_path, tmp_path / "docs", tmp_path / "beside_speed.json")
    assert not (tmp_path / "docs").exists()
