"""Work in threads: progress, stopping, errors as sentences, and nothing that lands where it should not."""

import threading

import pytest
from qtpy.QtCore import QEvent
from qtpy.QtWidgets import QApplication, QLabel

from sparseattn.errors import InputError


@pytest.fixture
def heard(app):
    said = {"failed": [], "said": []}
    app.workspace.failed.connect(said["failed"].append)
    app.workspace.said.connect(said["said"].append)
    return said


def test_progress_and_result(app, qtbot) -> None:
    seen, results = [], []

    def work(report):
        for done in range(1, 4):
            report(done, 3)
        return threading.current_thread() is threading.main_thread()

    app.session.jobs.start("Counting", work, results.append, on_progress=lambda *at: seen.append(at))
    qtbot.waitUntil(lambda: bool(results))
    assert results == [False] and seen == [(1, 3), (2, 3), (3, 3)]
    assert app.session.jobs.running == ()


@pytest.mark.parametrize("bond", ["cells", "model", "neither"])
def test_a_job_ends_with_what_it_is_bound_to(app, qtbot, cells_of, bond: str) -> None:
    classifier = app.load()
    go, results, ended = threading.Event(), [], []
    job = app.session.jobs.start(
        "Waiting", lambda _: go.wait(10), results.append, on_end=lambda: ended.append(True),
        bound_to=() if bond == "neither" else (bond,),
    )  # fmt: skip
    if bond == "cells":
        app.workspace.set_cells(cells_of())
    else:
        app.workspace.set_classifier(classifier)
    assert job.cancelled == (bond != "neither")
    go.set()
    qtbot.waitUntil(lambda: bool(ended))
    assert results == ([True] if bond == "neither" else [])


def test_a_second_job_of_a_kind_replaces_the_first(app, qtbot) -> None:
    go, results = threading.Event(), []
    app.session.jobs.start("One", lambda _: go.wait(10) and 1, results.append, key="kind")
    app.session.jobs.start("Two", lambda _: go.wait(10) and 2, results.append, key="kind")
    go.set()
    qtbot.waitUntil(lambda: not app.session.jobs._running)
    assert results == [2]


def test_stopping_raises_in_the_work(app, qtbot, heard) -> None:
    begun, results = threading.Event(), []

    def work(report):
        begun.set()
        while True:
            report(1, 2)

    job = app.session.jobs.start("Endless", work, results.append)
    qtbot.waitUntil(begun.is_set)
    job.cancel()
    qtbot.waitUntil(lambda: not app.session.jobs._running)
    assert results == [] and heard["failed"] == []


@pytest.mark.parametrize(
    ("error", "sentence"),
    [(InputError("the file is gone; give another"), "the file is gone; give another"),
     (ZeroDivisionError("oh"), "Dividing failed (ZeroDivisionError: oh); all else is as it was.")],
)  # fmt: skip
def test_errors_are_sentences(app, qtbot, heard, caplog, error: Exception, sentence: str) -> None:
    def work(_):
        raise error

    app.session.jobs.start("Dividing", work)
    qtbot.waitUntil(lambda: bool(heard["failed"]))
    assert heard["failed"] == [sentence]
    assert ("Traceback" in caplog.text) == isinstance(error, ZeroDivisionError)


def test_the_answer_to_a_dock_that_was_closed_lands_nowhere(app, qtbot) -> None:
    label, ended = QLabel(), []
    app.session.jobs.start("Late", lambda _: "answer", label.setText, on_end=lambda: ended.append(True))
    label.deleteLater()
    QApplication.sendPostedEvents(label, QEvent.Type.DeferredDelete)
    with qtbot.captureExceptions() as raised:
        qtbot.waitUntil(lambda: bool(ended))
    assert raised == []
