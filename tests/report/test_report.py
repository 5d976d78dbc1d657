"""What a report is of, what it says, and that screen, HTML and files agree."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import numpy as np
import pandas as pd
import pytest

from sparseattn.errors import InputError
from sparseattn.export.tables import write_table
from sparseattn.report import draw_figures, make_report, report_tables, write_figures, write_html
from sparseattn.report.figures import CAPTIONS
from sparseattn.report.judged import choose_judged
from sparseattn.report.tables import ShownRows

HOSTILE = '<script>alert("x")</script> & $a$ =1'


@pytest.fixture
def seen(model):
    """Answers for the cells that the model knows, some set aside for testing."""
    predictions = model.classifier.predict(model.cells)
    sides = list(predictions.sides)
    sides[:30] = ["test"] * 30
    return replace(predictions, sides=tuple(sides))


@pytest.mark.parametrize(
    ("left_out", "side", "optimistic", "words"),
    [
        ((), "test", False, "30 cells that were set aside for testing"),
        (("test",), "validation", True, "slightly optimistic"),
        (("test", "validation"), "train", True, "taught the model"),
    ],
)
def test_the_fairest_cells_are_judged(seen, left_out, side, optimistic, words) -> None:
    kept = seen.subset([row for row, one in enumerate(seen.sides) if one not in left_out])
    judged = choose_judged(kept)
    assert (judged.side, judged.optimistic) == (side, optimistic)
    assert words in judged.statement
    assert {kept.sides[row] for row in judged.rows} == {side}


def test_new_cells_go_before_validation_cells(seen) -> None:
    sides = tuple(None if side == "test" else side for side in seen.sides)
    assert choose_judged(replace(seen, sides=sides)).side == "unseen"


def test_all_cells_are_judged_when_asked(seen) -> None:
    judged = choose_judged(seen, "all")
    assert len(judged.rows) == len(seen) and judged.optimistic
    with pytest.raises(InputError, match="no labelled cell is among those that are new to the model"):
        choose_judged(seen, "unseen")


def test_a_report_without_known_classes(model, answers) -> None:
    report = make_report(model.classifier, answers([0, 1, 2] * 8, [None] * 24))
    assert report.judgement is None
    assert any("label some cells" in note for note in report.notes)
    assert set(report_tables(report)) == {"samples", "drift", "cells"}
    assert set(draw_figures(report)) == {"confidence", "fractions", "attention", "looks", "history"}


def test_classes_that_the_model_does_not_know_are_left_out(model, answers) -> None:
    report = make_report(model.classifier, answers([0] * 8, ["round"] * 6 + ["blast"] * 2))
    assert report.judgement.metrics["n"] == 6
    assert any(note.startswith("2 cells are labelled blast") for note in report.notes)


def test_answers_of_another_model_are_refused(model, answers) -> None:
    with pytest.raises(InputError, match="another model"):
        make_report(model.classifier, replace(answers([0] * 8, [None] * 8), model_hash="0" * 32))


def test_methods_name_what_a_reader_needs(model, seen) -> None:
    methods = make_report(model.classifier, seen, with_attention=False).methods
    sides = list(model.classifier.split.sides.values())
    for words in (
        "seed 7", "f00d", "torch 2.13.0", "16 x 16", "k = 64", "25.0 %",
        f"{sides.count('train')} training and {sides.count('validation')} validation cells",
        "set aside for testing", "Wilson", "bootstrap", model.classifier.model_hash, "napari-sparseattn",
    ):  # fmt: skip
        assert words in methods


def test_attention_is_averaged_over_the_cells_of_each_class(model, seen) -> None:
    classifier = model.classifier
    report = make_report(classifier, seen)
    answered = seen.probabilities.argmax(axis=1)
    for one in report.attention:
        rows = np.flatnonzero(answered == classifier.classes.index(one.name))
        assert one.n == min(64, len(rows))
        share = 64 / 16**2
        assert one.chosen.mean() == pytest.approx(share, abs=1e-6)
        assert one.fine.sum() == pytest.approx(1, abs=1e-4)
        assert 0 <= one.coarse.min() <= one.coarse.max() <= 1
        assert 1000 < one.image.mean() < 1500  # in the units of the files
    counts = np.bincount(answered, minlength=3)
    assert len(report.attention) == (counts > 0).sum()


def test_progress_can_end_it(model, seen) -> None:
    class Stopped(Exception):
        pass

    def stop(what: str, done: int, total: int) -> None:
        raise Stopped(what)

    with pytest.raises(Stopped, match="averaging images"):
        make_report(model.classifier, seen, on_progress=stop)


class Cells(HTMLParser):
    """The text of every table cell, and every element and address."""

    def __init__(self) -> None:
        super().__init__()
        self.cells: list[str] = []
        self.tags: set[str] = set()
        self.addresses: list[str] = []
        self._inside = False

    def handle_starttag(self, tag, attrs):
        self.tags.add(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href")]
        if tag == "td":
            self._inside = True
            self.cells.append("")

    def handle_endtag(self, tag):
        self._inside = self._inside and tag != "td"

    def handle_data(self, data):
        if self._inside:
            self.cells[-1] += data


def read_html(path) -> tuple[str, Cells]:
    text = path.read_text(encoding="utf-8")
    parser = Cells()
    parser.feed(text)
    return text, parser


def test_the_html_file_needs_nothing_and_runs_nothing(model, answers, tmp_path) -> None:
    predictions = answers([0, 1, 2] * 8, ["round", "long", None] * 8, sample=[HOSTILE] * 12 + ["b"] * 12)
    report = make_report(model.classifier, predictions)
    write_html(report, tmp_path / "report.html", title=HOSTILE)
    text, parsed = read_html(tmp_path / "report.html")
    assert not parsed.tags & {"script", "link", "iframe", "object", "b2"}
    assert all(address.startswith("data:image/svg+xml;base64,") for address in parsed.addresses)
    assert len(parsed.addresses) == len(draw_figures(report))
    outside = re.sub(r"data:image[^\"]*", "", text)
    assert "http:" not in outside and "https:" not in outside
    assert "<script" not in outside and "&lt;script&gt;" in outside


def test_screen_html_and_files_show_the_same(model, answers, tmp_path) -> None:
    predictions = answers(
        [0, 1, 2, 0] * 10, ["round", "long", "round", None] * 10, sample=["=a"] * 20 + ["b"] * 20
    )
    report = make_report(model.classifier, predictions, with_attention=False)
    write_html(report, tmp_path / "report.html")
    _, parsed = read_html(tmp_path / "report.html")
    tables = report_tables(report)
    assert list(tables) == ["classes", "confusion", "samples", "conditions", "drift", "cells"]
    for name, table in tables.items():
        write_table(table, tmp_path / "t.csv")
        written = pd.read_csv(tmp_path / "t.csv", dtype=str, keep_default_na=False)
        on_screen = ShownRows(table)
        guarded = [[f"'{text}" if text.startswith("=") else text for text in row] for row in on_screen]
        assert written.to_numpy().tolist() == guarded, name
        if name not in ("cells", "confusion"):
            flat = [text for row in on_screen for text in row]
            assert any(parsed.cells[i : i + len(flat)] == flat for i in range(len(parsed.cells))), name
        write_table(table, tmp_path / "t.parquet")
        pd.testing.assert_frame_equal(pd.read_parquet(tmp_path / "t.parquet"), table, check_dtype=False)


def test_the_confusion_table_counts(model, answers) -> None:
    known = ["round"] * 5 + ["long"] * 3 + ["split $x$"] * 2
    report = make_report(model.classifier, answers([0] * 5 + [1, 1, 2, 2, 0], known))
    table = report_tables(report)["confusion"]
    assert table.to_numpy().tolist() == [["round", 5, 0, 0], ["long", 0, 2, 1], ["split $x$", 1, 0, 1]]


def test_figures_are_written_as_vectors(model, seen, tmp_path) -> None:
    report = make_report(model.classifier, seen, with_trust=True)
    figures = draw_figures(report)
    assert set(figures) == set(CAPTIONS) - {"conditions"}
    written = write_figures(figures, tmp_path / "plots")
    assert {path.suffix for path in written} == {".svg", ".pdf"}
    assert (tmp_path / "plots/confusion.pdf").read_bytes().startswith(b"%PDF")
    drawing = (tmp_path / "plots/confusion.svg").read_text()
    assert "split $x$" in drawing and "predicted class" in drawing  # text stays text
    first = (tmp_path / "plots/classes.svg").read_bytes()
    write_figures(draw_figures(report), tmp_path / "plots")
    assert (tmp_path / "plots/classes.svg").read_bytes() == first
    with pytest.raises(InputError, match=r"cannot be written as \.bmp"):
        write_figures(figures, tmp_path, (".bmp",))


def test_a_report_that_cannot_be_written_leaves_the_old_one(model, answers, tmp_path) -> None:
    report = make_report(model.classifier, answers([0] * 4, [None] * 4), with_attention=False)
    with pytest.raises(InputError, match="there is no folder"):
        write_html(report, tmp_path / "nowhere" / "report.html")
    assert list(tmp_path.iterdir()) == []
