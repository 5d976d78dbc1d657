"""New samples: folders to classify with the loaded model, what it finds, and which samples differ."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QDragEnterEvent, QDropEvent, QKeyEvent, QKeySequence
from qtpy.QtWidgets import (
    QAbstractItemView,
    QFileDialog,
    QLabel,
    QProgressBar,
    QPushButton,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn import apply_job
from napari_sparseattn.apply_job import NewSample, SampleResult
from napari_sparseattn.settings import last_folder, remember_folder
from napari_sparseattn.versions import title_of
from napari_sparseattn.widgets.apply.sample_table import FIXED, SampleTableModel
from napari_sparseattn.widgets.ask_table_file import ask_table_file
from napari_sparseattn.widgets.rows import in_a_row
from napari_sparseattn.widgets.sentences import STATEMENT, WARNING, Sentences
from napari_sparseattn.workspace import CellSource
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Job
    from napari_sparseattn.session import Session

_WIDTHS = (110, 90, 56, 140)
_ELLIPSIS = "\N{HORIZONTAL ELLIPSIS}"


class _SampleView(QTableView):
    delete_pressed = Signal()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.matches(QKeySequence.StandardKey.Delete):
            self.delete_pressed.emit()
        else:
            super().keyPressEvent(event)


class ApplyWidget(QWidget):
    """A table of samples with buttons above, and what differs below."""

    used = Signal()
    """The user adds samples, or has them classified."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._workspace = session, session.workspace
        self._job: Job | None = None
        self._make_controls()
        self._lay_out()
        self._connect()
        self._take_model()
        self._recall()

    # -- the parts -----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.model = QLabel()
        self.model.setTextFormat(Qt.TextFormat.RichText)
        self.model.setWordWrap(True)
        self.add = QPushButton(f"Add Folder{_ELLIPSIS}")
        self.add.setToolTip("Add a folder of cell images as a sample; folders can be dropped here too")
        self.add_all = QPushButton(f"Add Subfolders{_ELLIPSIS}")
        self.add_all.setToolTip("Add every subfolder of a folder as a sample of its own")
        self.remove = QPushButton("Remove")
        self.remove.setToolTip("Take the chosen samples from the table; nothing is deleted (Del)")
        self.classify = QPushButton("Classify")
        self.classify.setToolTip("Classify the samples that are not classified yet, one after the other")
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Stop; samples that are done stay")
        self.progress = QProgressBar()
        self.progress.setTextVisible(False)
        self.progress.setMaximumHeight(8)
        self.samples = SampleTableModel()
        self.table = _SampleView()
        self.table.setModel(self.samples)
        self.table.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        self.table.verticalHeader().setVisible(False)
        self.table.setMinimumHeight(150)
        self.table.setToolTip("Double click a name or a condition to change it")
        for column, width in enumerate(_WIDTHS):
            self.table.setColumnWidth(column, width)
        self.differs, self.fine = Sentences(WARNING), Sentences(STATEMENT)
        self.empty = QLabel(
            "Add the folders of samples that came later: a folder a sample.\n\nEach is classified with the "
            "loaded model, and compared with the cells that the model was trained on."
        )
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.open = QPushButton("Open These Samples")
        self.open.setToolTip(
            "Make the classified samples the open cells: gallery and report are then of them, by sample"
        )
        self.export = QPushButton(f"Export Table{_ELLIPSIS}")
        self.export.setToolTip("Write the table as it is shown, as CSV or Parquet")
        self.setAcceptDrops(True)

    def _lay_out(self) -> None:
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 6, 0, 0)
        layout.addWidget(self.model)
        layout.addLayout(in_a_row(self.add, self.add_all, self.remove))
        layout.addWidget(self.empty)
        layout.addWidget(self.table, 2)
        layout.addLayout(in_a_row(self.classify, self.stop))
        layout.addWidget(self.progress)
        layout.addWidget(self.differs)
        layout.addWidget(self.fine)
        layout.addLayout(in_a_row(self.open, self.export))
        layout.addStretch(1)

    def _connect(self) -> None:
        self._workspace.model_changed.connect(self._take_model)
        self._workspace.project_changed.connect(self._recall)
        self.add.clicked.connect(self._ask_folder)
        self.add_all.clicked.connect(self._ask_subfolders)
        self.remove.clicked.connect(self._remove)
        self.classify.clicked.connect(self.start)
        self.stop.clicked.connect(self._stop)
        self.open.clicked.connect(self.open_samples)
        self.export.clicked.connect(self._export)
        self.samples.samples_changed.connect(self._remember)
        self.table.selectionModel().selectionChanged.connect(self._show)
        self.table.delete_pressed.connect(self._remove)

    # -- samples -------------------------------------------------------------------------------------

    def add_folders(self, paths: list[Path]) -> None:
        """Add samples."""
        self.used.emit()
        if not self.samples.add(paths):
            self._workspace.say("These folders are in the table already.")

    def _ask_folder(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A folder of cells", last_folder("apply"))
        if folder:
            remember_folder("apply", Path(folder).parent)
            self.add_folders([Path(folder)])

    def _ask_subfolders(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "A folder of samples", last_folder("apply"))
        if not folder:
            return
        remember_folder("apply", Path(folder))
        found = sorted(
            path for path in Path(folder).iterdir() if path.is_dir() and path.name[:1] not in ("_", ".")
        )
        if found:
            self.add_folders(found)
        else:
            self._workspace.fail(f"{folder} has no subfolders; add it as one sample instead.")

    def _remove(self) -> None:
        if self._job is None:
            self.samples.remove([index.row() for index in self.table.selectionModel().selectedRows()])

    def dragEnterEvent(self, event: QDragEnterEvent) -> None:
        if event.mimeData().hasUrls() and self._job is None:
            event.acceptProposedAction()

    def dropEvent(self, event: QDropEvent) -> None:
        paths = [Path(url.toLocalFile()) for url in event.mimeData().urls() if url.isLocalFile()]
        event.acceptProposedAction()
        self.add_folders(paths)

    def _remember(self) -> None:
        """Keep the list of samples in the project."""
        self._workspace.extras["apply"] = {
            "samples": [
                {"path": str(one.path), "name": one.name, "condition": one.condition}
                for one in self.samples.samples
            ]
        }
        self._show()

    def _recall(self) -> None:
        """Bring the list of samples of a project back; entries that make no sense are left out."""
        kept = self._workspace.extras.get("apply", {})
        listed = kept.get("samples", []) if isinstance(kept, dict) else []
        samples = [
            NewSample(Path(one["path"]), str(one.get("name") or one["path"]), str(one.get("condition", "")))
            for one in listed
            if isinstance(one, dict) and isinstance(one.get("path"), str)
        ]
        if samples != self.samples.samples:
            self.samples.set_samples(samples)

    # -- classifying ---------------------------------------------------------------------------------

    def _take_model(self) -> None:
        classifier, path = self._workspace.classifier, self._workspace.model_path
        self._job = None
        self.samples.set_classes(() if classifier is None else classifier.classes)
        for column in range(len(FIXED), self.samples.columnCount()):
            self.table.setColumnWidth(column, 96)
        if classifier is None:
            self.model.setText("Load a model first: new samples are classified with it.")
        else:
            self.model.setText(
                f"New samples are classified with <b>{escape(title_of(path))}</b>, by the number of pixels "
                "that it learned to need."
            )
        self._show()

    def start(self) -> None:
        """Classify the samples that are to do."""
        classifier, samples = self._workspace.classifier, self.samples.to_do()
        if classifier is None or not samples or self._job is not None:
            return
        self.used.emit()
        waiting = [one.path for one in samples]
        self.samples.set_running(waiting[0])

        def take(result: SampleResult) -> None:
            self.samples.take(result)
            waiting.remove(result.sample.path)
            self.samples.set_running(waiting[0] if waiting else None)
            self._show()

        def end() -> None:
            self._job = None
            self.samples.set_running(None)
            self._show()

        self.progress.setRange(0, 0)
        self._job = self._session.jobs.start(
            f"Classifying {len(samples)} sample{'' if len(samples) == 1 else 's'}",
            lambda report: apply_job.apply_model(classifier, samples, report),
            lambda results: self._workspace.say(_said(results)),
            on_progress=self._show_progress,
            on_part=take,
            on_end=end,
            bound_to=("model",),
            key="apply",
        )
        self._show()

    def _show_progress(self, done: int, total: int) -> None:
        self.progress.setRange(0, total)
        self.progress.setValue(done)

    def _stop(self) -> None:
        if self._job is not None:
            self._job.cancel()
            self._workspace.say("Stopped; the samples that are done stay.")

    # -- what was found ------------------------------------------------------------------------------

    def _show(self, *_: Any) -> None:
        running = self._job is not None
        there, done = bool(self.samples.samples), self.samples.done()
        self.empty.setVisible(not there)
        self.table.setVisible(there)
        self.add.setEnabled(not running)
        self.add_all.setEnabled(not running)
        self.remove.setEnabled(not running and self.table.selectionModel().hasSelection())
        self.classify.setVisible(not running)
        self.classify.setEnabled(self._workspace.classifier is not None and bool(self.samples.to_do()))
        self.stop.setVisible(running)
        self.progress.setVisible(running)
        self.open.setEnabled(bool(done) and not running)
        self.export.setEnabled(bool(done))
        self._show_differences()

    def _show_differences(self) -> None:
        """Say all of the chosen samples, else the gravest of each, so that many samples stay readable."""
        chosen = {index.row() for index in self.table.selectionModel().selectedRows()}
        sentences: list[str] = []
        fine = 0
        for row, sample in enumerate(self.samples.samples):
            result = self.samples.results.get(sample.path)
            if result is None or (chosen and row not in chosen):
                continue
            said = list(_differences(result))
            fine += not said
            if len(said) > 1 and not chosen:
                said = [f"{said[0]} ({len(said) - 1} more: choose the sample to read them.)"]
            sentences += said
        self.differs.say(sentences)
        which = "The sample is" if fine == 1 else f"The {fine} samples are"
        alike = f"{which} like the cells that the model was trained on, as far as can be told."
        self.fine.say([alike] if fine and not sentences else [])

    def open_samples(self) -> None:
        """Make the classified samples the open cells, with what the model said of them."""
        results = self.samples.done()
        sources = [CellSource(one.sample.path, one.options, one.sample.name) for one in results]
        workspace = self._workspace

        def land(found: Any) -> None:
            cells, predictions = found
            workspace.set_cells(cells, sources)
            for job in self._session.jobs.running:
                if job.key == "classify":  # the answers are known
                    job.cancel()
            workspace.k = predictions.k
            workspace.set_predictions(predictions)
            samples = "one sample" if len(results) == 1 else f"{len(results)} samples"
            workspace.say(f"{len(cells):,} cells of {samples} are open.")

        self._session.jobs.start(
            "Opening the samples",
            lambda _: apply_job.joined(results),
            land,
            bound_to=("model",),
            key="open",
        )

    def _export(self) -> None:
        path = ask_table_file(self, "Write the table", "samples.csv")
        if path is not None:
            self.write_table(path)

    def write_table(self, path: Path) -> None:
        """Write the table as it is shown."""
        import pandas as pd

        from sparseattn.export.tables import write_table

        columns, rows = self.samples.texts()
        table = pd.DataFrame(rows, columns=pd.Index(columns))
        for column in (columns[2], *columns[len(FIXED) :]):
            table[column] = pd.to_numeric(table[column])
        try:
            write_table(table, path)
        except InputError as error:
            self._workspace.fail(error)
            return
        self._workspace.say(f"The table is in {path}.")


def _differences(result: SampleResult) -> tuple[str, ...]:
    if result.problem is not None:
        return (f"“{result.sample.name}” cannot be used: {result.problem.rstrip('.')}.",)
    return () if result.drift is None else result.drift.warnings


def _said(results: list[SampleResult]) -> str:
    differ = sum(bool(one.drift and one.drift.warnings) for one in results)
    failed = sum(one.problem is not None for one in results)
    parts = [f"{len(results) - failed} of {len(results)} sample{'s' * (len(results) > 1)} classified"]
    if differ:
        parts.append(f"{differ} {'differs' if differ == 1 else 'differ'} from the training cells")
    return "; ".join(parts) + "."
