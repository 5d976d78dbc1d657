"""The Field tab."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

from qtpy.QtCore import QSignalBlocker, Qt, QTimer
from qtpy.QtGui import QKeyEvent
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGroupBox,
    QHBoxLayout,
    QLabel,
    QPushButton,
    QSlider,
    QSpinBox,
    QStackedWidget,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.colours import DISTINCT_COLOURS, NO_CLASS
from napari_sparseattn.field_choice import FieldChoice, crop_from, segment_from
from napari_sparseattn.field_tables import OTHER
from napari_sparseattn.session import Session
from napari_sparseattn.settings import last_folder, recall, remember, remember_folder
from napari_sparseattn.widgets.field.about_cell import UNPAINTED, about_cell
from napari_sparseattn.widgets.field.class_legend import ClassLegend
from napari_sparseattn.widgets.field.find_panel import FindPanel
from napari_sparseattn.widgets.section import Section
from sparseattn.cells import CropSettings, SegmentSettings
from sparseattn.errors import InputError

_PREVIEW_MS = 300
MARK_FILES = "Cells (*.tif *.tiff *.png *.npy *.npz *.mat *.h5 *.txt *.json *.geojson);;All files (*)"


class FieldWidget(QWidget):
    """Choose an image and its cells, classify them, look at them and correct them in their place."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self.session = session
        self.workspace, self.work = session.workspace, session.field
        self._preview_timer = QTimer(self)
        self._preview_timer.setSingleShot(True)
        self._preview_timer.setInterval(_PREVIEW_MS)
        self._preview_timer.timeout.connect(self._show_preview)
        self._previewed: tuple[Any, ...] | None = None
        self._brought: set[str] = set()
        self._images: list[tuple[str, ...]] = []
        self._phase = False
        self._segments = {False: SegmentSettings(), True: SegmentSettings.for_phase()}
        self._build()
        self._recall()
        self._connect()
        chosen = self.work.chosen_images
        self._list_layers()
        self._choose_images(chosen)
        self._show_result()

    # -- the parts -----------------------------------------------------------------------------------

    def _build(self) -> None:
        self.empty = QLabel(
            "Open an image of many cells: drop it on the viewer, or File > Open.\n\n"
            "Add a Labels layer that tells its cells, or let them be found here."
        )
        self.empty.setWordWrap(True)
        self.empty.setAlignment(Qt.AlignmentFlag.AlignCenter)
        content = QWidget()
        inner = QVBoxLayout(content)
        inner.setContentsMargins(8, 8, 8, 8)
        inner.setSpacing(8)
        inner.addWidget(self._build_choice())
        inner.addWidget(self._build_find())
        inner.addWidget(self._build_crop())
        inner.addLayout(self._build_run())
        inner.addWidget(self._build_result())
        inner.addStretch(1)
        self.pages = QStackedWidget()
        self.pages.addWidget(content)
        self.pages.addWidget(self.empty)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(self.pages)

    def _build_choice(self) -> QGroupBox:
        self.image = _combo("The image of many cells: one layer, or several of one shape as its channels")
        self.cells = _combo("Where the cells are: a Labels layer with a number a cell, or let them be found")
        box = QGroupBox("Field")
        form = _form(box)
        form.addRow("Image", self.image)
        self.open_marks = QPushButton("Open\N{HORIZONTAL ELLIPSIS}")
        self.open_marks.setToolTip(
            "Take the cells that others have marked: a label image, YOLO, COCO or GeoJSON (or drop it here)"
        )
        form.addRow("Cells", _beside(self.cells, self.open_marks))
        return box

    def _build_find(self) -> Section:
        self.find = FindPanel()
        self.find_box = Section("How cells are found", self.find, opened=True)
        return self.find_box

    def _build_crop(self) -> Section:
        self.neighbours = _combo("What the model is shown of the cells beside a cell")
        self.neighbours.addItem("Filled with background", "mask")
        self.neighbours.addItem("Left as they are", "keep")
        self.by = _combo("Crops should look like the pictures that the model was trained with")
        self.by.addItem("By the cell, and around it", "margin")
        self.by.addItem("The same for every cell", "side")
        self.margin = QSpinBox()
        self.margin.setRange(0, 400)
        self.margin.setSingleStep(10)
        self.margin.setSuffix(" % of its length")
        self.margin.setToolTip("What is shown around a cell on each side, as a share of its longer side")
        self.side = QSpinBox()
        self.side.setRange(4, 4096)
        self.side.setSuffix(" px")
        self.side.setToolTip("Side of the square that is cut out around every cell")
        self.crop_size = QStackedWidget()
        self.crop_size.addWidget(self.margin)
        self.crop_size.addWidget(self.side)
        box = QWidget()
        form = _form(box)
        form.setContentsMargins(0, 0, 0, 0)
        form.addRow("Neighbours", self.neighbours)
        form.addRow("Size", self.by)
        form.addRow("", self.crop_size)
        return Section("What the model sees of a cell", box, opened=False)

    def _build_run(self) -> QHBoxLayout:
        self.run = QPushButton("Classify cells")
        self.run.setToolTip("Find or take the cells, classify each, and paint it in the colour of its class")
        self.planes = _combo(
            "Of a stack: the plane that is shown (the next when it is shown), or all at once"
        )
        self.planes.addItem("this plane", False)
        self.planes.addItem("all planes", True)
        row = QHBoxLayout()
        row.addWidget(self.run, 1)
        row.addWidget(self.planes)
        return row

    def _build_result(self) -> QGroupBox:
        self.result = QGroupBox("Classes")
        self.cell = QLabel()
        self.cell.setWordWrap(True)
        self.legend = ClassLegend()
        self.familiar = _slider(
            0, 50, "Cells less like those that the model was trained with are painted grey"
        )
        self.sure = _slider(0, 100, "Cells of which the model is less sure are painted grey")
        self.familiar_text, self.sure_text = QLabel(), QLabel()
        self.opacity = _slider(5, 100, "How strongly the classes cover the image")
        self.outlines = QCheckBox("Outlines only")
        self.outlines.setToolTip("Draw the rims of the cells in the colours of their classes")
        form = QFormLayout()
        form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
        form.addRow("Grey if unlike", _beside(self.familiar, self.familiar_text))
        form.addRow("Grey if unsure", _beside(self.sure, self.sure_text))
        form.addRow("Opacity", _beside(self.opacity, self.outlines))
        self.export = QPushButton("Export table\N{HORIZONTAL ELLIPSIS}")
        self.export.setToolTip(
            "Write a row a cell, as CSV or Parquet: what each is shown as, and all that the model said"
        )
        layout = QVBoxLayout(self.result)
        layout.addWidget(self.cell)
        layout.addWidget(self.legend)
        layout.addLayout(form)
        layout.addWidget(self.export)
        return self.result

    def _connect(self) -> None:
        workspace, work = self.workspace, self.work
        work.layers.watch.changed.connect(self._list_layers)
        workspace.project_changed.connect(self._recall)
        work.found_changed.connect(self._fold)
        work.found_changed.connect(self._show_result)
        work.painted_changed.connect(self._show_result)
        work.preview_changed.connect(self._show_count)
        work.image_opened.connect(self._choose_images)
        for signal in (workspace.cells_changed, workspace.classes_changed, workspace.current_changed,
                       workspace.predictions_changed):  # fmt: skip
            signal.connect(self._show_result)
        self.image.currentIndexChanged.connect(self._take_image)
        self.cells.currentIndexChanged.connect(self._take_choice)
        self.find.changed.connect(self._take_choice)
        self.neighbours.currentIndexChanged.connect(self._take_choice)
        self.by.currentIndexChanged.connect(self._take_choice)
        self.planes.currentIndexChanged.connect(self._take_choice)
        self.margin.valueChanged.connect(self._take_choice)
        self.side.valueChanged.connect(self._take_choice)
        self.run.clicked.connect(self._classify)
        self.open_marks.clicked.connect(self._ask_marks)
        work.marks_opened.connect(self._choose_cells)
        self.legend.chosen.connect(self._label)
        self.export.clicked.connect(self._export)
        self.familiar.valueChanged.connect(self._take_look)
        self.sure.valueChanged.connect(self._take_look)
        self.opacity.valueChanged.connect(self._take_look)
        self.outlines.toggled.connect(self._take_look)

    # -- what is remembered --------------------------------------------------------------------------

    def _recall(self) -> None:
        """Show the settings of the project, else those that were used last."""
        kept = self.workspace.extras.get("field")
        said: dict[str, Any] = kept if isinstance(kept, dict) else recall("field/settings")
        crop = crop_from(said.get("crop", {}))
        self.neighbours.setCurrentIndex(self.neighbours.findData(crop.neighbours))
        self.by.setCurrentIndex(0 if crop.side is None else 1)
        self.margin.setValue(round(100 * crop.margin))
        self.side.setValue(crop.side or 128)
        self._segments = {
            False: segment_from(said.get("segment", {})),
            True: segment_from(said.get("segment_phase", SegmentSettings.for_phase().to_json())),
        }
        self.find.set_value(self._segments[self._phase])
        self.familiar.setValue(
            round(100 * float(said.get("least_familiar", self.work.painting.refusal.least_familiar)))
        )
        self.sure.setValue(
            round(100 * float(said.get("least_confidence", self.work.painting.refusal.least_confidence)))
        )
        self.opacity.setValue(round(100 * float(said.get("opacity", self.work.painting.opacity))))
        self.outlines.setChecked(bool(said.get("outlines", False)))
        self._show_rows()
        self._show_look()

    def _remember(self) -> None:
        choice = self.choice
        self._segments[self._phase] = self.find.value
        settings = {
            "crop": self.crop.to_json(),
            "segment": self._segments[False].to_json(),
            "segment_phase": self._segments[True].to_json(),
            "least_familiar": self.work.painting.refusal.least_familiar,
            "least_confidence": self.work.painting.refusal.least_confidence,
            "opacity": self.work.painting.opacity,
            "outlines": self.outlines.isChecked(),
        }
        remember("field/settings", settings)
        self.workspace.extras["field"] = {
            **settings,
            "images": list(choice.images) if choice else [],
            "labels": choice.labels if choice else None,
        }

    # -- what the user chooses -----------------------------------------------------------------------

    @property
    def crop(self) -> CropSettings:
        by_side = self.by.currentData() == "side"
        return CropSettings(
            self.neighbours.currentData(), self.margin.value() / 100, self.side.value() if by_side else None
        )

    @property
    def choice(self) -> FieldChoice | None:
        """What is chosen; None where there is no image."""
        images = self.image.currentData()
        if not images:
            return None
        return FieldChoice(
            tuple(images),
            self.cells.currentData(),
            bool(self.planes.currentData()),
            self.crop,
            self.find.value,
        )

    def _list_layers(self) -> None:
        images = self.work.layers.images()
        with QSignalBlocker(self.image), QSignalBlocker(self.cells):
            _refill(self.image, [(_title(names), names) for names in images])
            # Who opens an image while no field is worked on means it to be looked at.
            fresh = [names for names in images if names not in self._images and len(names) == 1]
            if fresh and not self.work.is_current:
                active = self.work.layers.active_image()
                chosen = (active,) if (active,) in fresh else fresh[-1]
                self.image.setCurrentIndex(images.index(chosen))
            self._images = images
            labels: list[tuple[str, str | None]] = [(name, name) for name in self.work.layers.labels()]
            _refill(self.cells, [*labels, ("Find them", None)])
            # Who adds a labels layer means it to be used.
            brought = self.work.layers.labels_of_user()
            new = sorted(brought - self._brought)
            if new and self.cells.currentData() not in self._brought:
                self.cells.setCurrentIndex(self.cells.findData(new[-1]))
            self._brought = brought
        self.pages.setCurrentIndex(0 if images else 1)
        self._take_image()

    def _take_image(self) -> None:
        images = self.image.currentData()
        self.work.choose_image(tuple(images or ()))
        if images:
            try:
                field = self.work.layers.image(images).field
            except InputError as error:
                self.workspace.fail(error)
            else:
                self._take_kind(field.modality == "phase")
                self.find.offer(field.channels, phase=self._phase)
                self.planes.setVisible(field.planes > 1)
        self._take_choice()

    def _take_kind(self, phase: bool) -> None:
        """Phase has settings of its own for finding cells; those of other images are kept meanwhile."""
        if phase != self._phase:
            self._segments[self._phase] = self.find.value
            self._phase = phase
            self.find.set_value(self._segments[phase])

    def _choose_images(self, names: tuple[str, ...]) -> None:
        """Choose an image that was opened to be worked on."""
        place = next((i for i in range(self.image.count()) if self.image.itemData(i) == names), -1)
        if place >= 0:
            self.image.setCurrentIndex(place)

    def _ask_marks(self) -> None:
        name, _ = QFileDialog.getOpenFileName(
            self, "Open the Cells of the Field", last_folder("marks"), MARK_FILES
        )
        if name:
            remember_folder("marks", Path(name).parent)
            self.work.open_marks(Path(name))

    def _choose_cells(self, name: str) -> None:
        self.cells.setCurrentIndex(self.cells.findData(name))

    def _take_choice(self) -> None:
        self._show_rows()
        self._remember()
        choice = self.choice
        wanted = None
        if choice is not None and choice.labels is None and self.find.preview.isChecked():
            wanted = (choice.images, choice.segment)
        if wanted == self._previewed:
            return
        self._previewed = wanted
        self.find.count.setText("")
        if wanted is None:
            self._preview_timer.stop()
        else:
            self._preview_timer.start()

    def _show_preview(self) -> None:
        choice = self.choice
        if choice is not None:
            self.work.preview(choice)

    def _show_count(self, count: int) -> None:
        self.find.count.setText(
            "One cell found." if count == 1 else f"{count:,} cells found." if count else
            "No cell found; raise the sensitivity, or say what the cells look like."
        )  # fmt: skip

    def _classify(self) -> None:
        choice = self.choice
        if choice is None:
            return
        if self.workspace.classifier is None:
            self.workspace.say("Load a model first; the cells are cut out meanwhile.")
        self.work.classify(choice)

    def _take_look(self) -> None:
        self.work.set_refusal(self.familiar.value() / 100, self.sure.value() / 100)
        self.work.set_look(self.opacity.value() / 100, 3 if self.outlines.isChecked() else 0)
        self._show_look()
        self._remember()

    def _label(self, name: str) -> None:
        if not self.work.is_current:
            return
        try:
            self.session.labelling.label((self.workspace.current,), name)
        except InputError as error:
            self.workspace.fail(error)

    def _export(self) -> None:
        from sparseattn.export.tables import write_table

        name, _ = QFileDialog.getSaveFileName(
            self, "Export the cells of the field", "cells.csv", "CSV (*.csv);;Parquet (*.parquet)"
        )
        if not name or not self.work.is_current:
            return
        try:
            table = self.work.export_table()
            write_table(table, name)
        except InputError as error:
            self.workspace.fail(error)
        else:
            self.workspace.say(f"{len(table):,} cells written to {Path(name).name}.")

    def keyPressEvent(self, event: QKeyEvent) -> None:
        given = {"u": "unsure", "x": "exclude"}.get(event.text(), event.text())
        if event.key() in (Qt.Key.Key_Backspace, Qt.Key.Key_Delete):
            given = ""
        elif given not in (*"123456789", "unsure", "exclude"):
            super().keyPressEvent(event)
            return
        self.work.press(given)

    # -- what is shown -------------------------------------------------------------------------------

    def _show_rows(self) -> None:
        self.find_box.setVisible(self.cells.currentData() is None)
        self.crop_size.setCurrentIndex(self.by.currentIndex())

    def _show_look(self) -> None:
        self.familiar_text.setText(f"{self.familiar.value()} %")
        self.sure_text.setText(f"{self.sure.value()} %")

    def _fold(self) -> None:
        """Once there is a result it is to be seen without scrolling."""
        self.find_box.set_open(False)

    def _show_result(self, *_: Any) -> None:
        classes = self.work.classes()
        self.result.setVisible(bool(classes))
        if not classes:
            return
        counts = Counter(name or UNPAINTED for name in classes)
        items = self.workspace.classes
        others = {OTHER: NO_CLASS}
        known = {item.name for item in items}
        if len(items) > DISTINCT_COLOURS:  # further ones share colours: those that are there are told
            most = {name for name, _ in counts.most_common(DISTINCT_COLOURS)}
            items = tuple(item for item in items if item.name in most)
        others |= {name: NO_CLASS for name in counts if name not in known and name != OTHER}
        self.legend.show_classes(items, others)
        self.legend.show_counts(counts)
        self.cell.setText(about_cell(self.work, self.workspace, classes))


def _title(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{len(names)} channels: {', '.join(names)}"


def _refill(combo: QComboBox, items: list[tuple[str, Any]]) -> None:
    """Offer other items; what was chosen stays so where it is still there."""
    chosen = combo.currentData() if combo.count() else ...
    combo.clear()
    for title, data in items:
        combo.addItem(title, data)
    place = next((at for at, (_, data) in enumerate(items) if data == chosen), 0)
    combo.setCurrentIndex(place)


def _combo(hint: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(hint)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(8)
    return combo


def _form(box: QGroupBox) -> QFormLayout:
    form = QFormLayout(box)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return form


def _slider(low: int, high: int, hint: str) -> QSlider:
    slider = QSlider(Qt.Orientation.Horizontal)
    slider.setRange(low, high)
    slider.setToolTip(hint)
    slider.setAccessibleName(hint)
    return slider


def _beside(wide: QWidget, narrow: QWidget) -> QHBoxLayout:
    row = QHBoxLayout()
    row.addWidget(wide, 1)
    row.addWidget(narrow)
    return row
