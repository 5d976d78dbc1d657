"""Classifying and measuring in the background: whole, in parts, stopped, and never on other cells."""

import threading
from collections.abc import Callable

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

import napari_sparseattn.classify_job as classify_job
from napari_sparseattn.session import Session
from sparseattn.cells import CellSet
from sparseattn.classifier import Classifier
from sparseattn.export.tables import predictions_table
from sparseattn.predictions import Predictions
from sparseattn.table.filters import CellFilter, CellOrder

from .conftest import make_cells

Settle = Callable[[], None]


def test_the_answers_are_those_of_the_library(session: Session, classifier: Classifier, qtbot: QtBot) -> None:
    cells = make_cells(150)
    progress: list[tuple[int, int]] = []
    session.workspace.predictions_progressed.connect(lambda *done: progress.append(done))
    session.workspace.set_classifier(classifier)
    session.workspace.set_cells(cells)
    assert session.workspace.predictions is None
    session.classification.ask()
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=20_000)
    found, wanted = session.workspace.predictions, classifier.predict(cells, batch_size=64)
    assert found is not None
    assert predictions_table(found).equals(predictions_table(wanted))
    assert progress == [(64, 150), (128, 150), (150, 150)]


def test_parts_are_shown_before_all_is_done(
    session: Session, classifier: Classifier, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(classify_job, "_SECONDS_A_PART", 0)
    counts: list[int] = []

    def count() -> None:
        partial = session.classification.partial
        counts.append(0 if partial is None else len(partial))

    session.classification.partial_changed.connect(count)
    session.workspace.set_classifier(classifier)
    session.workspace.set_cells(make_cells(150))
    session.classification.ask()
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=20_000)
    assert counts == [64, 128, 150]
    assert session.classification.partial is None


class Slow:
    """A model that answers when it is let."""

    def __init__(self, classifier: Classifier, monkeypatch: pytest.MonkeyPatch) -> None:
        self.go = threading.Event()
        self.begun = threading.Event()
        self.batches: list[int] = []
        answers = Classifier.answers

        def slow(model: Classifier, cells: CellSet, **options: object):
            for part in answers(model, cells, **options):
                self.begun.set()
                assert self.go.wait(20)
                self.batches.append(len(cells))
                yield part

        monkeypatch.setattr(Classifier, "answers", slow)


def test_a_late_result_never_lands_on_other_cells(
    session: Session, classifier: Classifier, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(classifier, monkeypatch)
    landed: list[Predictions] = []

    def land() -> None:
        if session.workspace.predictions is not None:
            landed.append(session.workspace.predictions)

    session.workspace.predictions_changed.connect(land)
    session.workspace.set_classifier(classifier)
    session.workspace.set_cells(make_cells(60, seed=1))
    session.classification.ask()
    assert slow.begun.wait(20)
    other = make_cells(70, seed=2)
    session.workspace.set_cells(other)
    slow.go.set()
    qtbot.waitUntil(lambda: len(landed) == 1 and not session.jobs.running, timeout=20_000)
    qtbot.wait(50)
    assert [found.ids for found in landed] == [other.ids]
    assert 60 in slow.batches  # the first job had gone on, and came late


def test_another_model_begins_anew_and_a_stop_leaves_nothing(
    session: Session, classifier: Classifier, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    slow = Slow(classifier, monkeypatch)
    session.workspace.set_classifier(classifier)
    session.workspace.set_cells(make_cells(150))
    session.classification.ask()
    assert slow.begun.wait(20) and session.classification.running
    session.jobs.cancel_all()
    slow.go.set()
    qtbot.waitUntil(lambda: not session.jobs._running, timeout=20_000)
    assert session.workspace.predictions is None and not session.classification.running
    assert len(slow.batches) <= 2  # it looked up between batches
    session.workspace.set_classifier(classifier.extended(["rare"]))
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=20_000)
    assert session.workspace.predictions.classes == ("large", "small", "rare")


def test_a_model_for_other_channels_is_not_asked(session: Session, classifier: Classifier) -> None:
    session.workspace.set_classifier(classifier)
    images = np.random.default_rng(0).integers(0, 9, (5, 1, 16, 16)).astype(np.uint8)
    session.workspace.set_cells(CellSet.from_array(images, channels=("phase",)))
    session.classification.ask()
    session.classification.start()
    assert session.workspace.mismatch and not session.classification.running


def test_the_table_has_answers_labels_and_measurements(
    session: Session, classifier: Classifier, settle: Settle, qtbot: QtBot
) -> None:
    shown = session.shown_cells
    session.workspace.set_cells(make_cells(60))
    assert shown.table is None and not len(shown.rows)  # nobody has asked
    shown.ask()
    assert shown.rows.tolist() == list(range(60))  # the cells are there before anything is known of them
    settle()
    assert shown.table is not None
    assert shown.table["area"].notna().all() and shown.table["mean_stain"].notna().all()
    assert shown.table["predicted"].isna().all()
    session.workspace.set_classifier(classifier)
    session.classification.ask()
    settle()
    assert shown.table["predicted"].notna().all()
    assert shown.table["labelled"].sum() == 30


def test_filter_and_order_choose_the_rows_and_come_back_from_the_project(
    session: Session, classifier: Classifier, settle: Settle
) -> None:
    shown = session.shown_cells
    session.workspace.set_cells(make_cells(60))
    shown.ask()
    settle()
    shown.set_filter(CellFilter(samples=(("donor", ("A",)),), labelled=True))
    shown.set_order(CellOrder("area", descending=True))
    table = shown.shown_table
    assert table is not None and len(table) == 10 and set(table["donor"]) == {"A"}
    assert table["area"].is_monotonic_decreasing
    again = Session(session.layers.viewer)
    again.workspace.extras.update(session.workspace.extras)
    again.workspace.set_filters(session.workspace.filters)
    assert again.shown_cells.filter == shown.filter and again.shown_cells.order == shown.order
    again.close()


def test_a_filter_that_cannot_be_used_says_so_and_hides_nothing_for_good(
    session: Session, settle: Settle
) -> None:
    shown = session.shown_cells
    session.workspace.set_cells(make_cells(30))
    shown.ask()
    settle()
    shown.set_filter(CellFilter(samples=(("plate", ("1",)),)))
    assert not len(shown.rows) and "plate" in (shown.problem or "")
    shown.set_filter(CellFilter())
    assert len(shown.rows) == 30 and shown.problem is None
    session.workspace.set_filters({"confidence": "high"})  # a project file that was edited
    assert len(shown.rows) == 30
