"""The child that trains: it reports, obeys, and may die without harm."""

import os
import signal
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from napari_sparseattn.training_process import TrainingPlan, TrainingProcess
from sparseattn.cells import open_cells
from sparseattn.cells.labels import LabelLog
from sparseattn.classifier import Classifier

PATIENCE = 240_000  # ms; the machine may be busy


@pytest.fixture
def plan(make_cells, tmp_path):
    """Return a plan for so many epochs."""
    folder = make_cells()
    cells = open_cells(folder)
    with LabelLog.open(tmp_path / "labels.sqlite") as log:
        for name in ("bright", "dark"):
            log.add_class(name)
        pairs = zip(cells.ids, cells.origins, strict=True)
        log.label_each({name: origin.path.name.partition("_")[0] for name, origin in pairs})

    def make(epochs: int, start: Path | None = None, **changes) -> TrainingPlan:
        places = {
            "cells": folder,
            "labels_log": tmp_path / "labels.sqlite",
            "output": tmp_path / "new.safetensors",
        }
        return TrainingPlan(**(places | changes), start=start, epochs=epochs, size=16)

    return make


def test_it_reports_and_gives_a_model(qtbot, plan, model_file) -> None:
    process = TrainingProcess(plan(3, start=model_file))
    records = []
    process.progressed.connect(records.append)
    with qtbot.waitSignal(process.finished, timeout=PATIENCE) as told:
        process.start()
    assert [record["epoch"] for record in records] == [1, 2, 3]
    (result,) = told.args
    model = Classifier.load(process.plan.output)
    assert result["model_hash"] == model.model_hash and model.classes == ("bright", "dark")
    assert not process.is_running


def test_stop_keeps_the_best_so_far(qtbot, plan) -> None:
    process = TrainingProcess(plan(5000))
    with qtbot.waitSignal(process.progressed, timeout=PATIENCE):
        process.start()
    with qtbot.waitSignal(process.finished, timeout=PATIENCE):
        process.stop()
    assert 0 < len(Classifier.load(process.plan.output).history.epochs) < 5000


def test_cancel_leaves_nothing(qtbot, plan, tmp_path) -> None:
    process = TrainingProcess(plan(5000))
    before = {path.name for path in tmp_path.iterdir()}
    with qtbot.waitSignal(process.progressed, timeout=PATIENCE):
        process.start()
    with qtbot.waitSignal(process.cancelled, timeout=PATIENCE):
        process.cancel()
    assert {path.name for path in tmp_path.iterdir()} == before
    assert not process.is_running


@pytest.mark.skipif(os.name == "nt", reason="kills by a signal")
def test_a_child_that_dies_is_told_in_a_sentence(qtbot, plan) -> None:
    process = TrainingProcess(plan(5000))
    with qtbot.waitSignal(process.progressed, timeout=PATIENCE):
        process.start()
    with qtbot.waitSignal(process.failed, timeout=PATIENCE) as told:
        os.kill(process.process_id, signal.SIGKILL)
    assert "died" in told.args[0] and "as they were" in told.args[0]
    assert not process.plan.output.exists()


def test_what_the_command_refuses_is_passed_on(qtbot, plan, tmp_path) -> None:
    process = TrainingProcess(plan(1, labels_log=tmp_path / "none.sqlite"))
    with qtbot.waitSignal(process.failed, timeout=PATIENCE) as told:
        process.start()
    assert told.args[0].startswith("Training ended: there is no label file")


def test_a_model_for_other_images_goes_on_where_that_is_wanted(qtbot, plan, model_file, tmp_path) -> None:
    replace(Classifier.load(model_file), modality="flow").save(tmp_path / "other.safetensors")
    (plan(1).cells / "cells.json").write_text('{"modality": "fluorescence"}')
    refused = TrainingProcess(plan(1, start=tmp_path / "other.safetensors"))
    with qtbot.waitSignal(refused.failed, timeout=PATIENCE) as told:
        refused.start()
    assert "the model was made for flow" in told.args[0]
    forced = TrainingProcess(plan(1, start=tmp_path / "other.safetensors", force=True))
    with qtbot.waitSignal(forced.finished, timeout=PATIENCE):
        forced.start()
    assert forced.plan.output.is_file()


def test_a_python_that_is_not_there(qtbot, plan, tmp_path, monkeypatch) -> None:
    monkeypatch.setattr(sys, "executable", str(tmp_path / "no-python"))
    process = TrainingProcess(plan(1))
    with qtbot.waitSignal(process.failed, timeout=PATIENCE) as told:
        process.start()
    assert "could not be started" in told.args[0]
