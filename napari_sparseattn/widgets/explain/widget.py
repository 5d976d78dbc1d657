"""The Explain tab: a view of the workspace's current cell."""

from __future__ import annotations

from html import escape
from pathlib import Path
from typing import Any

import numpy as np
from qtpy.QtCore import QSignalBlocker, Qt
from qtpy.QtWidgets import (
    QCheckBox,
    QFileDialog,
    QGridLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSizePolicy,
    QSlider,
    QSpinBox,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.session import Session
from napari_sparseattn.settings import last_folder, remember_folder, settings
from napari_sparseattn.widgets.explain.ask_box import AskBox
from napari_sparseattn.widgets.explain.bars import ProbabilityBars
from napari_sparseattn.widgets.explain.curve_plot import CurvePlot
from napari_sparseattn.widgets.explain.figure_export import FORMATS, save_figure
from napari_sparseattn.widgets.explain.k_slider import KSlider
from napari_sparseattn.widgets.explain.narrow_combo import narrow_combo
from napari_sparseattn.widgets.foreign_text import tip
from sparseattn.explain.familiarity import familiarity, is_unlike

OVERLAYS = (
    ("selected", "Selected pixels", "The pixels that the class was computed from, coloured by their weight"),
    ("neighbourhood", "Outline of windows", "The selected pixels and the small windows around them"),
    ("coarse", "Coarse attention", "Where the first, cheap look at the whole image would look closer"),
    ("fine", "Fine attention", "How much each selected pixel counted"),
)
REMEMBERED = (*(name for name, _, _ in OVERLAYS), "evidence")


class ExplainWidget(QWidget):
    """Probabilities, k and overlays of the current cell."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.workspace = session.workspace
        self._build()
        self._connect()
        self._recall()
        self._show_model()
        self._show_cell()

    # -- the parts -----------------------------------------------------------------------------------

    def _build(self) -> None:
        self.empty = QLabel()
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.empty.setMinimumHeight(120)
        self.content = QWidget()
        layout = QVBoxLayout(self)
        layout.setContentsMargins(8, 8, 8, 8)
        layout.addWidget(self.empty)
        layout.addWidget(self.content)
        layout.addStretch(1)
        inner = QVBoxLayout(self.content)
        inner.setContentsMargins(0, 0, 0, 0)
        inner.setSpacing(8)
        inner.addLayout(self._build_header())
        inner.addWidget(self._build_answer())
        inner.addWidget(self._build_pixels())
        inner.addWidget(self._build_overlays())
        self.ask = AskBox(self.session)
        inner.addWidget(self.ask)

    def _build_header(self) -> QHBoxLayout:
        self.previous = _arrow(Qt.ArrowType.LeftArrow, "Previous cell (Page Up)", "PgUp")
        self.following = _arrow(Qt.ArrowType.RightArrow, "Next cell (Page Down)", "PgDown")
        self.cell = QLabel()
        self.cell.setTextFormat(Qt.TextFormat.RichText)
        self.cell.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.cell.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout()
        row.addWidget(self.previous)
        row.addWidget(self.following)
        row.addWidget(self.cell, 1)
        return row

    def _build_answer(self) -> QGroupBox:
        box = QGroupBox("Class")
        self.verdict = QLabel()
        self.verdict.setTextFormat(Qt.TextFormat.RichText)
        self.verdict.setWordWrap(True)
        self.warning = QLabel()
        self.warning.setWordWrap(True)
        self.warning.setObjectName("warning")
        self.warning.setStyleSheet(
            "QLabel#warning { background: #e69f00; color: black; padding: 5px; border-radius: 3px; }"
        )
        self.bars = ProbabilityBars()
        layout = QVBoxLayout(box)
        layout.setContentsMargins(6, 4, 6, 6)
        layout.addWidget(self.verdict)
        layout.addWidget(self.warning)
        layout.addWidget(self.bars)
        return box

    def _build_pixels(self) -> QGroupBox:
        box = QGroupBox("Selected pixels")
        self.slider = KSlider()
        self.slider.setToolTip(
            "How many pixels the class is computed from. Drag, or use the arrow keys;\n"
            "the orange mark is the number that the model learned."
        )
        self.slider.setAccessibleName("Selected pixels")
        self.spin = QSpinBox()
        self.spin.setKeyboardTracking(False)
        self.spin.setMaximumWidth(110)
        self.spin.setToolTip("Number of selected pixels of the model's grid")
        self.per_cent = QLabel()
        self.learned = QPushButton("Learned")
        self.learned.setToolTip("Go back to the number of pixels that the model learned")
        self.fewest = QPushButton("Fewest")
        self.fewest.setToolTip("Find the fewest pixels that still give this class")
        self.facts = QLabel()
        self.facts.setWordWrap(True)
        numbers = QHBoxLayout()
        numbers.addWidget(self.spin)
        numbers.addWidget(self.per_cent)
        numbers.addStretch(1)
        numbers.addWidget(self.fewest)
        numbers.addWidget(self.learned)
        layout = QVBoxLayout(box)
        layout.setContentsMargins(6, 4, 6, 6)
        layout.addWidget(self.slider)
        layout.addLayout(numbers)
        layout.addWidget(self._build_plot())
        layout.addWidget(self.facts)
        return box

    def _build_plot(self) -> CurvePlot:
        self.plot = CurvePlot()
        self.plot.setToolTip("Class probability against the number of selected pixels. Click to go there.")
        return self.plot

    def _build_overlays(self) -> QGroupBox:
        box = QGroupBox("Show on the image")
        grid = QGridLayout(box)
        grid.setContentsMargins(6, 4, 6, 6)
        grid.setVerticalSpacing(4)
        self.switches: dict[str, QCheckBox] = {}
        for place, (name, title, hint) in enumerate(OVERLAYS):
            switch = QCheckBox(title)
            switch.setToolTip(hint)
            self.switches[name] = switch
            grid.addWidget(switch, place // 2, place % 2)
        self.opacity = QSlider(Qt.Orientation.Horizontal)
        self.opacity.setRange(5, 100)
        self.opacity.setToolTip("How strongly the overlays cover the image")
        self.opacity.setAccessibleName("Opacity of the overlays")
        self.head = narrow_combo(
            "The fine attention looks with several heads at once; show their mean, or one of them"
        )
        self.save = QPushButton("Save Figure…")
        self.save.setToolTip("A figure for a paper (SVG, PDF or PNG), with its source data as CSV beside it")
        choices = QGridLayout()
        choices.setVerticalSpacing(4)
        for column, (title, control) in enumerate((("Attention", self.head), ("Opacity", self.opacity))):
            choices.addWidget(QLabel(title), 0, 2 * column)
            choices.addWidget(control, 0, 2 * column + 1)
        choices.addWidget(self.save, 1, 2, 1, 2)
        choices.setColumnStretch(1, 1)
        choices.setColumnStretch(3, 1)
        grid.addLayout(choices, len(OVERLAYS) // 2, 0, 1, 2)
        return box

    def _connect(self) -> None:
        workspace = self.workspace
        workspace.model_changed.connect(self._show_model)
        workspace.cells_changed.connect(self._show_cell)
        workspace.channels_changed.connect(self._show_cell)
        workspace.current_changed.connect(self._show_cell)
        workspace.labels_changed.connect(self._show_cell)
        workspace.explanation_changed.connect(self._show_explanation)
        workspace.classes_changed.connect(self._show_explanation)
        workspace.target_changed.connect(self._show_target)
        workspace.curve_changed.connect(self._show_curve)
        workspace.k_changed.connect(self._show_k)
        workspace.shown_changed.connect(self._show_switches)
        workspace.blind_changed.connect(self._show_empty)
        self.previous.clicked.connect(self._go_back)
        self.following.clicked.connect(self._go_on)
        self.bars.chosen.connect(self._choose_class)
        self.slider.k_moved.connect(self._take_k)
        self.spin.valueChanged.connect(self._take_k)
        self.plot.k_picked.connect(self._take_k)
        self.learned.clicked.connect(self._take_learned)
        self.fewest.clicked.connect(self._find_fewest)
        for name, switch in self.switches.items():
            switch.toggled.connect(lambda on, name=name: workspace.show(**{name: on}))
        self.opacity.valueChanged.connect(lambda value: workspace.show(opacity=value / 100))
        self.head.currentIndexChanged.connect(self._take_head)
        self.save.clicked.connect(self._save_figure)

    # -- what the user does --------------------------------------------------------------------------

    def _go_back(self) -> None:
        self.workspace.current = self.workspace.current - 1

    def _go_on(self) -> None:
        self.workspace.current = self.workspace.current + 1

    def _choose_class(self, name: str) -> None:
        """A second click on the class lets it follow the prediction again."""
        self.workspace.target_class = None if self.workspace.target_class == name else name

    def _take_k(self, k: int) -> None:
        self.workspace.k = k

    def _take_learned(self) -> None:
        if self.workspace.classifier is not None:
            self.workspace.k = self.workspace.classifier.k

    def _find_fewest(self) -> None:
        def tell(k: int, name: str) -> None:
            self.workspace.say(f"{k:,} pixels are the fewest that give {name}.")

        self.session.live.find_fewest(tell)

    def _take_head(self, place: int) -> None:
        self.workspace.head = self.head.itemData(place)

    def _save_figure(self) -> None:
        explanation = self.workspace.explanation
        if explanation is None:
            return
        start = str(Path(last_folder("figure")) / f"{explanation.predicted}_{explanation.cell_id}.svg")
        name, _ = QFileDialog.getSaveFileName(self, "Save Figure", start, ";;".join(FORMATS))
        if not name:
            return
        path = Path(name)
        remember_folder("figure", path.parent)
        save_figure(self.session, path)

    # -- what is shown -------------------------------------------------------------------------------

    def _show_model(self) -> None:
        classifier = self.workspace.classifier
        with QSignalBlocker(self.head), QSignalBlocker(self.spin):
            self.head.clear()
            self.head.addItem("mean of heads", None)
            if classifier is not None:
                for head in range(classifier.net.config.heads):
                    self.head.addItem(f"head {head + 1}", head)
                grid, unit = classifier.prepare.size**2, classifier.net.config.cell_size**2
                self.slider.set_stops(grid, unit, classifier.k)
                self.spin.setRange(1, grid)
                self.spin.setSingleStep(unit)
        self._show_k(self.workspace.k)
        self._show_cell()

    def _show_cell(self, *_: Any) -> None:
        workspace = self.workspace
        index, cells = workspace.current, workspace.cells
        self._show_empty()
        if cells is None or index < 0:
            return
        label = workspace.label_of(index)
        given = f" · {label}" if label is not None else ""
        origin = cells.origin(index)
        where = origin.path.name if origin.index is None else f"{origin.path.name} #{origin.index}"
        self.cell.setText(f"<b>Cell {index + 1:,} of {len(cells):,}</b>{escape(given)}<br>{escape(where)}")
        self.cell.setToolTip(tip(str(origin)))
        self.previous.setEnabled(index > 0)
        self.following.setEnabled(index < len(cells) - 1)

    def _show_empty(self) -> None:
        """Say what to do next where there is nothing to explain."""
        workspace = self.workspace
        if workspace.cells is None and workspace.classifier is None:
            text = (
                "Open a folder of cells and load a model (above), or try File > Open Sample.\n\n"
                "You will see each cell's class, and the pixels that decided."
            )
        elif workspace.cells is None:
            text = "The model is loaded. Open a folder of cells, or drop one on the viewer."
        elif workspace.classifier is None:
            text = "The cells are open. Load a model to see their classes, or label some and train one."
        elif workspace.mismatch:
            text = f"The model cannot be used for these cells: {workspace.mismatch}."
        elif workspace.blind:
            text = (
                "You are labelling blind: what the model thinks is hidden, here and on the image. Switch "
                "that off in Label & Retrain to see it."
            )
        elif workspace.explanation is None:
            text = "…"
        else:
            text = ""
        self.empty.setText(text)
        self.empty.setVisible(bool(text))
        self.content.setVisible(not text)

    def _show_explanation(self) -> None:
        explanation, workspace = self.workspace.explanation, self.workspace
        if explanation is None or self.content.isHidden():
            self._show_empty()
        if explanation is None:
            return
        label = workspace.label_of(workspace.current)
        known = "" if label is None else " · agrees with its label" if label == explanation.predicted else (
            f" · labelled {label}"
        )  # fmt: skip
        self.verdict.setText(
            f"<span style='font-size: large'><b>{escape(explanation.predicted)}</b></span> "
            f"{100 * explanation.confidence:.0f} %{escape(known)}"
        )
        score = explanation.in_distribution
        self.warning.setVisible(is_unlike(score))
        self.warning.setText(familiarity(score))
        self.warning.setToolTip("The share of held-out training cells that look at least as unusual")
        colours = workspace.colours
        self.bars.show_rows(
            [
                (name, float(share), colours.get(name, "#8c8c8c"))
                for name, share in zip(explanation.classes, explanation.probabilities, strict=True)
            ],
            workspace.explained_class,
            label,
        )
        selected, read, grid = explanation.selected_pixels, explanation.read_pixels, explanation.grid_pixels
        how = "" if explanation.strict else " This model also takes what the first look saw elsewhere."
        self.facts.setText(
            f"{selected:,} pixels are selected, {read:,} ({100 * read / grid:.0f} %) read with the windows "
            f"around them. The coarse stage looked at all {grid:,} to choose them.{how}"
        )

    def _show_target(self) -> None:
        self._show_explanation()
        self._show_curve()

    def _show_curve(self) -> None:
        curve, workspace = self.workspace.curve, self.workspace
        if curve is None or workspace.classifier is None:
            self.plot.show_curve(None, [], None)
            return
        colours = workspace.colours
        lines = [
            (name, colours.get(name, "#8c8c8c"), curve.probabilities[:, place])
            for place, name in enumerate(workspace.classifier.classes)
        ]
        self.plot.show_curve(curve.k, lines, workspace.explained_class)

    def _show_k(self, k: int) -> None:
        classifier = self.workspace.classifier
        if classifier is None:
            return
        grid = classifier.prepare.size**2
        self.slider.show_k(k)
        with QSignalBlocker(self.spin):
            self.spin.setValue(k)
        share = 100 * k / grid
        self.per_cent.setText(f"{share:.{0 if share >= 10 else 1}f} %")
        self.learned.setEnabled(k != classifier.k)
        self.plot.show_k(k, classifier.k, grid)

    def _show_switches(self) -> None:
        shown = self.workspace.shown
        for name, switch in self.switches.items():
            with QSignalBlocker(switch):
                switch.setChecked(getattr(shown, name))
        with QSignalBlocker(self.opacity):
            self.opacity.setValue(round(100 * shown.opacity))
        self._remember()

    # -- remembered from time to time ----------------------------------------------------------------

    def _remember(self) -> None:
        shown = self.workspace.shown
        names = [name for name in REMEMBERED if getattr(shown, name)]
        settings().setValue("explain/shown", ",".join(names))
        settings().setValue("explain/opacity", shown.opacity)

    def _recall(self) -> None:
        names = settings().value("explain/shown", None)
        changes: dict[str, Any] = {}
        if names is not None:
            changes = {name: name in str(names).split(",") for name in REMEMBERED}
        opacity = float(settings().value("explain/opacity", self.workspace.shown.opacity))
        self.workspace.show(**changes, opacity=float(np.clip(opacity, 0.05, 1)))
        self._show_switches()


def _arrow(direction: Qt.ArrowType, hint: str, key: str) -> QToolButton:
    button = QToolButton()
    button.setArrowType(direction)
    button.setToolTip(hint)
    button.setShortcut(key)
    return button
