"""The Report tab: a view of the report on the present answers, made while the tab is looked at."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
from qtpy.QtCore import QEvent, QSignalBlocker, Qt, QTimer
from qtpy.QtGui import QGuiApplication, QShowEvent
from qtpy.QtWidgets import (
    QComboBox,
    QFileDialog,
    QLabel,
    QMenu,
    QPushButton,
    QTabWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn import report_job, results_report
from napari_sparseattn.settings import last_folder, remember_folder
from napari_sparseattn.widgets.apply import ApplyPage
from napari_sparseattn.widgets.ask_table_file import ask_table_file
from napari_sparseattn.widgets.report import export
from napari_sparseattn.widgets.report.confusion_view import ConfusionView
from napari_sparseattn.widgets.report.page_parts import captioned, row_of, scrolled_page
from napari_sparseattn.widgets.report.picture_view import PictureView
from napari_sparseattn.widgets.report.text_table import TextTable
from napari_sparseattn.widgets.report.tiles import Tiles
from napari_sparseattn.widgets.sentences import STATEMENT, WARNING, Sentences
from sparseattn.report.headline import headline
from sparseattn.table.filters import CellFilter

if TYPE_CHECKING:
    from napari_sparseattn.report_job import MadeReport
    from napari_sparseattn.results_report import ResultsQuestion
    from napari_sparseattn.session import Session
    from sparseattn.explain.assessment import Assessment
    from sparseattn.report.judged import Judged

_JUDGES = (
    ("auto", "the fairest there are", "Cells set aside for testing, else new ones, else validation cells"),
    ("test", "cells set aside", "Cells that were set aside for testing, once and for ever"),
    ("unseen", "new cells", "Labelled cells that had no part in training the model"),
    ("validation", "validation cells", "Cells that the model did not learn from, but was tuned by"),
    ("train", "training cells", "Cells that taught the model: too good to be true"),
    ("all", "all labelled cells", "All cells that have a class"),
)
_LATER_MS = 500
"""Labels come one after the other: the report waits until they pause."""

_CAPTIONS = {
    "classes": "Precision, recall and F1 with 95 % intervals (judged cells in brackets)",
    "reliability": "How often an answer is right, and how sure it was",
    "confidence": "How sure the model is of all cells",
    "fractions": "Predicted classes of each sample (cells in brackets)",
    "conditions": "Class fractions over the samples, with 95 % intervals",
    "attention": "Where the model looks, on average",
    "looks": "Typical cells, and which pixels are selected in them (dotted: all pixels)",
    "trust": "Whether the selected pixels suffice alone (line: 95 %), and how sure the answer stays",
    "history": "How the model was trained",
}


class ReportWidget(QWidget):
    """Statement and figures above, plots and tables on pages below."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session, self._workspace = session, session.workspace
        self._results = session.results
        self.made: MadeReport | None = None
        self._asked: ResultsQuestion | None = None  # what `made` is of, where that is large results
        self._stale = True
        self._page = 0  # the one to come back to once there is a report again
        self._make_controls()
        self._lay_out()
        self._connect()
        self._show_emptiness()

    # -- the parts -----------------------------------------------------------------------------------

    def _make_controls(self) -> None:
        self.judge = QComboBox()
        for value, text, hint in _JUDGES:
            self.judge.addItem(text, value)
            self.judge.setItemData(self.judge.count() - 1, hint, Qt.ItemDataRole.ToolTipRole)
        self.judge.setToolTip("Which labelled cells the model is judged by")
        self.judge.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
        self.judge.setMinimumContentsLength(14)
        self.export = QPushButton("Export")
        self.export.setToolTip("Write the report, its plots or its tables to files")
        menu = QMenu(self.export)
        self.export_html = menu.addAction("Report as HTML\N{HORIZONTAL ELLIPSIS}", self._export_html)
        self.export_plots = menu.addAction("Plots as SVG and PDF\N{HORIZONTAL ELLIPSIS}", self._export_plots)
        self.export_table = menu.addAction(
            "Table as CSV or Parquet\N{HORIZONTAL ELLIPSIS}", self._export_table
        )
        self.export.setMenu(menu)
        self.statement, self.notes = Sentences(STATEMENT), Sentences(WARNING)
        self.tiles = Tiles()
        self.confusion = ConfusionView()
        self.pictures = {name: PictureView(caption) for name, caption in _CAPTIONS.items()}
        self.drift = Sentences(WARNING)
        self.test_pixels = QPushButton("Test the selected pixels")
        self.test_pixels.setToolTip(
            "Show the model its selected pixels alone, the rest filled in, and see whether it stays with its "
            "answers; takes some seconds"
        )
        self.trust = Sentences(STATEMENT)
        self.methods = QLabel()
        self.methods.setWordWrap(True)
        self.methods.setTextFormat(Qt.TextFormat.PlainText)
        self.methods.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.copy_methods = QPushButton("Copy")
        self.copy_methods.setToolTip("Copy the methods paragraph")
        self.which_table = QComboBox()
        self.which_table.setToolTip("Which table is shown")
        self.table = TextTable()
        self.table.setMinimumHeight(320)
        self.write_table = QPushButton("Export table\N{HORIZONTAL ELLIPSIS}")
        self.write_table.setToolTip("Write this table, as it is shown, as CSV or Parquet")
        self.apply_page = ApplyPage(self._session)
        self.apply = self.apply_page.samples
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(72)

    def _lay_out(self) -> None:
        self.judge_row = row_of(QLabel("Judged by"), self.judge, self.export)
        self.no_judgement = QLabel(
            "No cell has a class that the model knows.\n\nLabel some cells in Label & Retrain, or open class "
            "folders, to see how often the model is right."
        )
        self.no_judgement.setWordWrap(True)
        self.matrix = captioned("Confusion matrix: click a square to see its cells", self.confusion)
        self.some_classes = QLabel()
        self.some_classes.setWordWrap(True)
        plots = {name: captioned(caption, self.pictures[name]) for name, caption in _CAPTIONS.items()}
        self._plots = plots
        self.pages = QTabWidget()
        self.pages.setDocumentMode(True)
        self.pages.tabBar().setStyleSheet("QTabBar::tab { padding: 3px 5px; }")  # all six in a narrow dock
        for title, hint, widgets in (
            (
                "Accuracy",
                "How often the model is right, and how sure it is",
                [
                    self.statement, self.notes, self.tiles, self.no_judgement, self.some_classes, self.matrix,
                    plots["classes"], plots["reliability"], plots["confidence"],
                ],
            ),
            (
                "Samples",
                "Class fractions of each sample, and whether samples are like the training cells",
                [self.drift, plots["fractions"], plots["conditions"]],
            ),
            (
                "Looks at",
                "What it looks at: mean image and attention of each class, and which pixels are selected",
                [
                    plots["attention"], plots["looks"],
                    row_of(self.test_pixels), self.trust, plots["trust"],
                ],
            ),
            (
                "Training",
                "How the model was trained, and a paragraph for a paper",
                [plots["history"], captioned("Methods", self.methods), self.copy_methods],
            ),
            ("Tables", "All figures as tables", [row_of(self.which_table, self.write_table), self.table]),
        ):  # fmt: skip
            page = scrolled_page(widgets, fill=title == "Tables")
            self.pages.setTabToolTip(self.pages.addTab(page, title), hint)
        place = self.pages.addTab(self.apply_page, "Apply")
        self.pages.setTabToolTip(place, "New cells: folders that come later, or one that is being filled")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.judge_row)
        layout.addWidget(self.empty)
        layout.addWidget(self.pages, 1)

    def _connect(self) -> None:
        workspace = self._workspace
        self._later = QTimer(self)
        self._later.setSingleShot(True)
        self._later.setInterval(_LATER_MS)
        self._later.timeout.connect(self._make)
        for signal in (workspace.cells_changed, workspace.model_changed, workspace.channels_changed):
            signal.connect(self._forget)
        self._results.changed.connect(self._forget)
        self._results.pictures_changed.connect(self._take_pictures)
        for signal in (workspace.predictions_changed, workspace.labels_changed, workspace.classes_changed):
            signal.connect(self._grow_stale)
        workspace.blind_changed.connect(self._show_emptiness)
        self.judge.activated.connect(self._grow_stale)
        self.confusion.chosen.connect(self.show_cells)
        self.which_table.activated.connect(self._show_table)
        self.write_table.clicked.connect(self._export_table)
        self.copy_methods.clicked.connect(self._copy_methods)
        self.test_pixels.clicked.connect(self._test_pixels)
        self.pages.currentChanged.connect(self._show_chrome)
        self.apply.used.connect(self._stay_in_apply)

    # -- when it is made -----------------------------------------------------------------------------

    def changeEvent(self, event: QEvent) -> None:
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange and self.made is not None:  # dark became light
            self._grow_stale()

    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        if not self._results.in_front:
            self._session.classification.ask()
        if self._stale:
            self._later.start(0)
        self._show_emptiness()

    def _grow_stale(self, *_: object) -> None:
        self._stale = True
        if self.isVisible():
            self._later.start(_LATER_MS)
        self._show_emptiness()

    def _forget(self) -> None:
        self.made, self._asked = None, None
        for job in self._session.jobs.running:
            if job.key == "report":
                job.cancel()
        self._grow_stale()

    def _take_pictures(self) -> None:
        if self._results.in_front:
            self._grow_stale()

    def _make(self) -> None:
        palette = self.palette()
        ground, ink = (
            palette.color(role).name() for role in (palette.ColorRole.Window, palette.ColorRole.WindowText)
        )
        if self._results.in_front:
            self._make_of_results(ground, ink)
            return
        question = report_job.ask(self._workspace, self.judge.currentData(), ground, ink)
        if question is None:
            self._show_emptiness()
            return
        self._stale = False
        earlier = self.made
        self._session.jobs.start(
            "Making the report",
            lambda progress: report_job.make(question, earlier, progress),
            self._show,
            key="report",
        )

    def _make_of_results(self, ground: str, ink: str) -> None:
        results = self._results
        if results.opened is None:
            return
        self._stale = False
        asked = results_report.ask(results, self.judge.currentData(), self._workspace.colours, ground, ink)
        earlier = None if self._asked is None or self.made is None else (self._asked, self.made)

        def show(made: MadeReport) -> None:
            self._asked = asked
            self._show(made)

        def ended() -> None:
            others = any(one.key == "report" for one in self._session.jobs.running)
            if job.cancelled and not others and self._results.opened is asked.opened:
                self._stale = True  # made when this tab is looked at again
                self._show_emptiness()

        job = self._session.jobs.start(
            "Making the report",
            lambda progress: results_report.make(asked, earlier, progress),
            show,
            on_part=show,
            on_end=ended,
            bound_to=(),
            key="report",
        )

    # -- what is shown -------------------------------------------------------------------------------

    def _show_emptiness(self) -> None:
        """Say what to do next where there is no report; new samples can be classified all the same."""
        workspace = self._workspace
        text = ""
        if self._results.in_front:
            text = "" if self.made is not None else "The report is being made\N{HORIZONTAL ELLIPSIS}"
            if text and self._stale and not self._later.isActive():
                text = "The report was stopped; come back to this tab to have it made."
        elif workspace.classifier is None and workspace.cells is None:
            text = "Open a folder of cells and load a model to see how good the model is and what it finds."
        elif workspace.classifier is None:
            text = "Load a model, or label some cells and train one, to see how good it is."
        elif workspace.cells is None:
            text = "The model is loaded. Open cells to see what it finds in them."
        elif workspace.blind:
            text = "You are labelling blind: what the model thinks is hidden. Switch that off to see it."
        elif workspace.mismatch:
            text = f"The model cannot be used for these cells: {workspace.mismatch}."
        elif self.made is None:
            text = "The report is being made\N{HORIZONTAL ELLIPSIS}"
        was_empty = not self.empty.isHidden()
        if not was_empty and text:
            self._page = self.pages.currentIndex()
        self.empty.setText(text)
        self.empty.setVisible(bool(text))
        for place in range(self.pages.count() - 1):
            self.pages.setTabVisible(place, not text)
        if was_empty and not text:
            self.pages.setCurrentIndex(self._page)
        self._show_chrome()

    def _stay_in_apply(self) -> None:
        """A report that is ready must not tear away from new samples that the user is busy with."""
        self._page = self.pages.indexOf(self.apply_page)

    def _show_chrome(self, *_: object) -> None:
        """What stands above the pages is about the opened cells, not about new samples."""
        report = self.made is not None and self.empty.isHidden()
        self.judge_row.setVisible(report and self.pages.currentWidget() is not self.apply_page)

    def _show(self, made: MadeReport) -> None:
        self.made = made
        report, judgement = made.report, made.report.judgement
        self.statement.say([judgement.cells.statement] if judgement is not None else [])
        # Without labels the first page says so, and what to do.
        self.notes.say([*report.shortcuts, *(note for note in report.notes if note != _no_class_known())])
        self.no_judgement.setVisible(judgement is None)
        self.matrix.setVisible(judgement is not None)
        self.some_classes.hide()
        if judgement is not None:
            self.confusion.show_counts(report.classes, judgement.confusion, made.drawn)
            drawn, known = len(made.drawn), len(report.classes)
            self.some_classes.setText(
                f"{drawn} of {known:,} classes are in the matrix: those of the most cells. All are "
                "under Tables."
            )
            self.some_classes.setVisible(drawn < known)
        self.tiles.show_tiles(headline(made.report))
        for name, picture in self.pictures.items():
            picture.show_png(made.pictures.get(name))
            self._plots[name].setVisible(name in made.pictures)
        self._show_trust()
        self.drift.say([sentence for drift in report.drift for sentence in drift.warnings])
        self.methods.setText(report.methods)
        kept = self.which_table.currentData()
        with QSignalBlocker(self.which_table):
            self.which_table.clear()
            for name in made.tables:
                self.which_table.addItem(_title(name), name)
            self.which_table.setCurrentIndex(max(self.which_table.findData(kept), 0))
        self._show_table()
        self._show_emptiness()

    def _show_table(self) -> None:
        name = self.which_table.currentData()
        if self.made is None or name is None:
            self.table.show_table((), ())
            return
        table = self.made.tables[name]
        numbers = frozenset(
            place
            for place, column in enumerate(table.columns)
            if pd.api.types.is_numeric_dtype(table[column])
        )
        self.table.show_table([str(column) for column in table.columns], self.made.texts[name], numbers)

    # -- what the user does --------------------------------------------------------------------------

    def show_cells(self, known: int, predicted: int) -> None:
        """Show the judged cells of one square of the confusion matrix in the gallery."""
        if self.made is None or self.made.report.judgement is None:
            return
        judged = self.made.report.judgement.cells
        if self._asked is not None:
            self._show_results(known, predicted, judged)
            return
        predictions = self.made.report.predictions
        answered = predictions.probabilities.argmax(axis=1)
        rows = [
            int(row)
            for row, label in zip(judged.rows, judged.known, strict=True)
            if label == known and answered[row] == predicted
        ]
        names = predictions.classes
        sides = {self.made.question.answered.sides[row] or "" for row in rows}
        whole = judged.side == "all"
        chosen = CellFilter(
            given=(names[known],),
            predicted=(names[predicted],),
            samples=() if whole else (("split", tuple(sorted(sides))),),
        )
        self._workspace.set_filters(chosen.to_json())
        self._workspace.selection = [int(predictions.indices[row]) for row in rows]
        self._session.tab_asked.emit("gallery")
        count = "One cell" if len(rows) == 1 else f"{len(rows):,} cells"
        self._workspace.say(f"{count} known as {names[known]} and predicted as {names[predicted]}.")

    def _show_results(self, known: int, predicted: int, judged: Judged) -> None:
        assert self.made is not None
        names = self.made.report.classes
        sides = () if judged.side == "all" else ("" if judged.side == "unseen" else judged.side,)
        self._results.set_filter(
            CellFilter(
                given=(names[known],),
                predicted=(names[predicted],),
                samples=(("split", sides),) if sides else (),
            )
        )
        self._session.tab_asked.emit("gallery")

    def _test_pixels(self) -> None:
        made = self.made
        if made is None:
            return

        def show(trust: Assessment) -> None:
            # Labels may have come meanwhile: the report is another, its answers are the same.
            if self.made is not None and self.made.question.answered is made.question.answered:
                self._show(report_job.with_trust(self.made, trust))

        self._session.jobs.start(
            "Testing the selected pixels",
            lambda progress: report_job.assess(made, progress),
            show,
            key="trust",
        )

    def _show_trust(self) -> None:
        from sparseattn.report.trust import trust_statement

        trust = None if self.made is None else self.made.report.trust
        self.trust.say([] if trust is None else [trust_statement(trust)])
        self.test_pixels.setVisible(trust is None and self._can_test)

    @property
    def _can_test(self) -> bool:
        asked = self._asked
        return asked is None or (asked.cells is not None and asked.classifier is not None)

    def _copy_methods(self) -> None:
        QGuiApplication.clipboard().setText(self.methods.text())
        self._workspace.say("The methods paragraph is on the clipboard.")

    def _export_html(self) -> None:
        if self.made is None:
            return
        start = str(Path(last_folder("report")) / "report.html")
        path, _ = QFileDialog.getSaveFileName(self, "Write the report", start, "HTML (*.html)")
        if path:
            remember_folder("report", Path(path).parent)
            export.export_html(self._session, self.made, Path(path).with_suffix(".html"), "Cell report")

    def _export_plots(self) -> None:
        folder = QFileDialog.getExistingDirectory(self, "Folder for the plots", last_folder("report"))
        if folder and self.made is not None:
            remember_folder("report", Path(folder))
            export.export_figures(self._session, self.made, Path(folder))

    def _export_table(self) -> None:
        name = self.which_table.currentData()
        path = None if self.made is None else ask_table_file(self, "Write the table", f"{name}.csv")
        if path is not None and self.made is not None:
            export.export_table(self._session, self.made, name, path)


def _title(name: str) -> str:
    from sparseattn.report.tables import TITLES

    return TITLES[name]


def _no_class_known() -> str:
    from sparseattn.report.report import NO_CLASS_KNOWN

    return NO_CLASS_KNOWN
