"""Teaching a model with the labels that there are; the old one stays until the new one is kept.

The work is done in a child process and in jobs. Knows no widget: the Retrain panel shows it.
"""

from __future__ import annotations

import shutil
import tempfile
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from psygnal import Signal

from napari_sparseattn.labelling import HOME, Labelling
from napari_sparseattn.training_process import TrainingPlan, TrainingProcess
from napari_sparseattn.versions import Version, Versions
from sparseattn.cells.labels import LabelLog, labelled_by
from sparseattn.errors import InputError
from sparseattn.names import some_names

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.compare import Comparison

State = Literal["idle", "preparing", "training", "comparing", "done"]
LEAST_OF_A_CLASS = 2
_COMPARED_CELLS = 300
"""Of more cells a part is asked which answers changed, besides all those set aside: it is to take seconds."""


@dataclass(frozen=True)
class Teachable:
    """What a training would learn from.

    Attributes
    ----------
    counts
        Teaching cells of each class that can be taught.
    too_few
        Classes that are left out: one cell is too few.
    set_aside
        Cells that will test and do not teach: the loaded model has not learned from them either.
    rehearsed
        Cells of the loaded model that are rehearsed with them.
    unseen
        Classes of the loaded model that it keeps no cells of, and that no teaching cell is of: it would
        forget them, so nothing is taught.
    """

    counts: dict[str, int]
    too_few: tuple[str, ...]
    set_aside: int
    rehearsed: int
    unseen: tuple[str, ...]

    @property
    def cells(self) -> int:
        return sum(self.counts.values())


@dataclass(frozen=True, eq=False)
class Retrained:
    """A new model that is neither kept nor discarded yet."""

    classifier: Classifier
    file: Path
    comparison: Comparison | None
    labels: int
    seconds: float
    from_loaded: bool


class Retraining:
    """One viewer's training."""

    state_changed = Signal()
    progressed = Signal(dict)
    versions_changed = Signal()

    def __init__(self, workspace: Workspace, jobs: Jobs, labelling: Labelling) -> None:
        self._workspace, self._jobs, self._labelling = workspace, jobs, labelling
        self._process: TrainingProcess | None = None
        self._folder: Path | None = None
        self._begun = 0.0
        self._labels = 0
        self._from_loaded = False
        self.state: State = "idle"
        self.records: list[dict[str, Any]] = []
        self.result: Retrained | None = None
        self.message = ""
        for signal in (workspace.cells_changed, workspace.channels_changed, workspace.model_changed):
            signal.connect(self._let_go)
        workspace.cells_changed.connect(self.versions_changed.emit)

    # What there is to learn from

    def _labelled(self) -> CellSet | None:
        cells = self._workspace.model_cells
        if cells is None:
            return None
        log = self._labelling.log
        return cells if log is None else labelled_by(cells, log)

    def teachable(self, from_loaded: bool) -> Teachable:
        """Return what a training would learn from."""
        cells = self._labelled()
        classifier = self._workspace.classifier if from_loaded else None
        if cells is None or (self._labelling.log is None and not cells.classes):
            return Teachable({}, (), 0, 0, ())
        log = self._labelling.log
        tests = frozenset() if log is None else log.test_cells
        sides = {} if classifier is None else classifier.split.sides
        labelled = zip(cells.ids, cells.labels, strict=True)
        pairs = [(name, label) for name, label in labelled if label is not None]
        teaching = Counter(
            label for name, label in pairs if name not in tests or sides.get(name) in ("train", "validation")
        )
        taught = () if classifier is None else classifier.classes
        enough = {
            name: count
            for name, count in sorted(teaching.items())
            if count >= LEAST_OF_A_CLASS or name in taught
        }
        known = {label for _, label in pairs}
        kept = set() if classifier is None else classifier.prototypes.shows(taught)
        return Teachable(
            enough,
            tuple(sorted(known - set(enough))),
            sum(name in tests and sides.get(name) in (None, "test") for name, _ in pairs),
            0 if classifier is None else len(classifier.prototypes),
            tuple(name for name in taught if name not in kept and name not in enough),
        )

    # Begin, end

    def start(self, *, from_loaded: bool, epochs: int | None = None, size: int = 64) -> None:
        """Begin to train.

        Raises
        ------
        InputError
            Where there are too few labels, or no model to go on from.
        """
        if self.state not in ("idle", "done"):
            return
        workspace = self._workspace
        classifier = workspace.classifier if from_loaded else None
        if from_loaded and classifier is None:
            raise InputError("there is no model to go on from; load one, or train a new one")
        if from_loaded and workspace.mismatch:
            raise InputError(workspace.mismatch)
        teachable = self.teachable(from_loaded)
        if len(set(teachable.counts) | set(() if classifier is None else classifier.classes)) < 2 or not (
            teachable.counts
        ):
            raise InputError(
                f"label at least {LEAST_OF_A_CLASS} cells of each of two classes first; cells set aside for "
                "testing do not count"
            )
        if teachable.unseen:
            raise InputError(
                "the loaded model keeps no cells to rehearse, and would forget what no label shows it; label "
                f"cells of {some_names(teachable.unseen)} too, or train a new model"
            )
        labelled = self._labelled()
        assert labelled is not None
        self.discard()
        self._folder = Path(tempfile.mkdtemp(prefix="sparseattn-"))
        rows = [row for row, label in enumerate(labelled.labels) if label in teachable.counts]
        chosen = labelled.subset(rows)
        self._copy_labels(chosen)
        self._begun, self._labels, self._from_loaded = time.monotonic(), len(rows), from_loaded
        self.records, self.message = [], ""
        folder = self._folder
        teaching = teachable.cells + teachable.rehearsed

        force = workspace.forced

        def prepare(report: Report) -> TrainingPlan:
            plan = _prepare(folder, chosen, classifier, teaching, epochs, size, report)
            return replace(plan, force=force)

        self._set("preparing")
        self._jobs.start("Handing the labelled cells over", prepare, self._train, on_end=self._after_job)

    def _copy_labels(self, chosen: CellSet) -> None:
        """Write the labels of these cells, and no others, where the training reads them."""
        assert self._folder is not None
        path = self._folder / "labels.sqlite"
        log = self._labelling.log
        if log is not None:
            log.copy(path)
        wanted = dict(zip(chosen.ids, chosen.labels, strict=True))
        with LabelLog.open(path) as copy:
            there = {one.name for one in copy.classes}
            for name in chosen.classes:
                if name not in there:
                    copy.add_class(name)
            now = copy.current()
            copy.label_each({name: None for name in now if name not in wanted})
            # Labels of the files have no part that is set aside: all of them teach.
            of_files = {name: label for name, label in wanted.items() if name not in now}
            copy.label_each(of_files, origin="imported", picked="bulk")

    def _train(self, plan: TrainingPlan) -> None:
        process = TrainingProcess(plan)
        process.progressed.connect(self._take_record)
        process.finished.connect(self._take_model)
        process.failed.connect(self._take_failure)
        process.cancelled.connect(self._take_cancel)
        self._process = process
        self._set("training")
        process.start()

    def _after_job(self) -> None:
        if self.state in ("preparing", "comparing"):  # it failed, which the status line says
            self._give_up("")

    def stop(self) -> None:
        """End early, and keep the best so far."""
        if self._process is not None and self.state == "training":
            self._process.stop()

    def cancel(self) -> None:
        """End, and leave nothing."""
        if self.state == "training" and self._process is not None:
            self._process.cancel()
        elif self.state in ("preparing", "comparing"):
            for job in self._jobs.running:
                if job.name in ("Handing the labelled cells over", "Comparing the models"):
                    job.cancel()
            self._give_up("")

    def close(self) -> None:
        """End everything: the window goes."""
        if self._process is not None:
            self._process.close()
        self._remove_folder()

    def _let_go(self) -> None:
        """Other cells or another model: what is under way is for the former, and is given up."""
        if self.state in ("preparing", "training", "comparing"):
            self.cancel()
            self._workspace.say("Training was cancelled: the cells or the model have changed.")
        elif self.state == "done":
            self.discard()

    def _take_record(self, record: dict[str, Any]) -> None:
        self.records.append(record)
        self.progressed.emit(record)

    def _take_cancel(self) -> None:
        self._give_up("")

    def _take_failure(self, sentence: str) -> None:
        self._give_up(sentence)
        self._workspace.fail(sentence)

    def _give_up(self, message: str) -> None:
        self._process = None
        self.message = message
        self._remove_folder()
        self._set("idle")

    def _remove_folder(self) -> None:
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
        self._folder = None

    def _set(self, state: State) -> None:
        self.state = state
        self.state_changed.emit()

    # Compare, keep, go back

    def _take_model(self, _: dict[str, Any]) -> None:
        assert self._process is not None
        file = self._process.plan.output
        self._process = None
        cells, log = self._labelled(), self._labelling.log
        if cells is None:
            self._give_up("")
            return
        old = self._workspace.classifier
        tests = frozenset() if log is None else log.test_cells
        # A model that was trained from new, for other channels, may not fit the old one.
        comparable = old is not None and not self._workspace.mismatch
        old = old if comparable else None
        force = self._workspace.forced
        about = (file, old, cells, tests, self._labels, self._begun, self._from_loaded, force)

        def work(report: Report) -> Retrained:
            return _compare(*about, report)

        self._set("comparing")
        self._jobs.start("Comparing the models", work, self._take_result, on_end=self._after_job)

    def _take_result(self, result: Retrained) -> None:
        self.result = result
        self._set("done")

    @property
    def versions(self) -> Versions:
        """The kept versions: beside the labels, or in the user's folder."""
        path = self._labelling.default_path()
        if path is None:
            return Versions(HOME.parent / "models")
        log = self._labelling.log
        if log is not None:
            path = log.path
        return Versions(path.with_name(f"{path.name.removesuffix('.sqlite')}_models"))

    def keep(self) -> Version | None:
        """Make the new model the present one, and a version that can be gone back to.

        Raises
        ------
        InputError
            Where it cannot be written; it stays there to be kept elsewhere.
        """
        result = self.result
        if result is None:
            return None
        versions, old = self.versions, self._workspace.classifier
        if not versions.all() and old is not None and self._folder is not None:
            first = self._folder / "before.safetensors"
            old.save(first)
            versions.keep(first, "before the first retraining")
        comparison = result.comparison
        judged = comparison.cells if comparison is not None and comparison.cells else None
        right = None
        if comparison is not None and judged:
            right = round(comparison.new["accuracy"] * judged)
        version = versions.keep(
            result.file,
            "from the model before" if result.from_loaded else "trained from new",
            labels=result.labels,
            judged=judged,
            right=right,
        )
        self.result = None
        self._remove_folder()
        self._set("idle")
        self._workspace.set_classifier(result.classifier, versions.path(version))
        self.versions_changed.emit()
        return version

    def discard(self) -> None:
        """Throw the new model away; the old one was never replaced."""
        self.result = None
        if self.state == "done":
            self._remove_folder()
            self._set("idle")

    def go_back(self, version: Version) -> None:
        """Make a kept version the present model."""
        path = self.versions.path(version)

        def load(report: Report) -> Classifier:
            from sparseattn.classifier import Classifier

            return Classifier.load(path)

        def take(classifier: Classifier) -> None:
            self._workspace.set_classifier(classifier, path)
            self._workspace.say(f"{version.title} of {version.time} is the model now.")

        self._jobs.start("Loading the model", load, take, bound_to=(), key="go back")


def _prepare(
    folder: Path,
    cells: CellSet,
    start: Classifier | None,
    teaching: int,
    epochs: int | None,
    size: int,
    report: Report,
) -> TrainingPlan:
    """Write the cells and the model to go on from where the child reads them. In a thread."""
    from sparseattn.cells.hand_over import SAMPLES, hand_over
    from sparseattn.learn.effort import epochs_for

    hand_over(cells, folder / "cells", report)
    if start is not None:
        start.save(folder / "start.safetensors")
    samples = folder / "cells" / SAMPLES
    new = 0 if start is None else len(set(cells.classes) - set(start.classes))
    return TrainingPlan(
        cells=folder / "cells",
        labels_log=folder / "labels.sqlite",
        output=folder / "model.safetensors",
        start=None if start is None else folder / "start.safetensors",
        epochs=epochs or epochs_for(teaching, goes_on=start is not None, new_classes=new),
        size=size,
        samples_csv=samples if samples.is_file() else None,
    )


def _compare(
    file: Path,
    old: Classifier | None,
    cells: CellSet,
    tests: frozenset[str],
    labels: int,
    begun: float,
    from_loaded: bool,
    force: bool,
    report: Report,
) -> Retrained:
    """Ask both models about the same cells. In a thread."""
    import torch

    from sparseattn.classifier import Classifier
    from sparseattn.compare import compare

    torch.set_num_threads(1)  # of this thread alone: the window keeps a core
    new = Classifier.load(file)
    known = {
        name: label
        for name, label in zip(cells.ids, cells.labels, strict=True)
        if name in tests and label is not None
    }
    comparison = None
    if old is not None:
        rows = _rows_to_ask(cells, tests)
        some = cells.subset(rows)
        answers = [model.predict(some, on_batch=report, force=force) for model in (old, new)]
        comparison = compare(*_at(answers, rows), known)
    return Retrained(new, file, comparison, labels, time.monotonic() - begun, from_loaded)


def _rows_to_ask(cells: CellSet, tests: frozenset[str]) -> list[int]:
    if len(cells) <= _COMPARED_CELLS:
        return list(range(len(cells)))
    aside = [row for row, name in enumerate(cells.ids) if name in tests]
    step = -(-len(cells) // _COMPARED_CELLS)
    return sorted({*aside, *range(0, len(cells), step)})


def _at(answers: Sequence[Any], rows: Sequence[int]) -> list[Any]:
    """Return predictions whose indices point into all the cells again."""
    import numpy as np

    places = np.asarray(rows, dtype=np.int64)
    return [replace(one, indices=places[one.indices]) for one in answers]
