"""How cells are found where there is no labels layer: the settings, and a switch to see what they do."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import QSignalBlocker, Qt, Signal
from qtpy.QtWidgets import (
    QCheckBox,
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QLabel,
    QSlider,
    QSpinBox,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.section import Section
from sparseattn.cells import SegmentSettings

_LOOKS = (
    ("Bright or dark, as it is", "auto", "Whichever covers less of the field is taken for the cells"),
    ("Bright on dark", "bright", "Fluorescence, darkfield"),
    ("Dark on bright", "dark", "Brightfield, absorbing stains"),
    ("Stained nuclei (colour)", "stain", "Blue to purple nuclei; red cells are passed over"),
)
_THRESHOLDS = (
    ("For each place", "local", "For cells of uneven brightness"),
    ("One for all", "otsu", "For even brightness; quicker"),
)
_SPLITS = (
    ("By their outline", "distance", "Round cells that touch"),
    ("By their brightness", "intensity", "Cells with a bright middle, packed close"),
    ("Not at all", "none", "What touches is one cell"),
)


class FindPanel(QWidget):
    """The settings for finding cells."""

    changed = Signal()
    """`value`, or whether a preview is wanted."""

    def __init__(self) -> None:
        super().__init__()
        self.looks = _choices(_LOOKS, "What the cells look like")
        self.channel = QComboBox()
        self.channel.setToolTip("The channel in which cells are looked for")
        self.threshold = _choices(_THRESHOLDS, "How bright a pixel must be to be part of a cell")
        self.sensitivity = QSlider(Qt.Orientation.Horizontal)
        self.sensitivity.setRange(-100, 100)
        self.sensitivity.setToolTip("To the right fainter pixels count as cell, to the left only strong ones")
        self.sensitivity.setAccessibleName("Sensitivity")
        self.split = _choices(_SPLITS, "How cells that touch are told apart")
        self.diameter = QDoubleSpinBox()
        self.diameter.setRange(0, 2000)
        self.diameter.setDecimals(0)
        self.diameter.setSpecialValueText("automatic")
        self.diameter.setSuffix(" px")
        self.diameter.setToolTip("Diameter of a usual cell; say it where cells are packed close")
        self.smallest = QSpinBox()
        self.smallest.setRange(1, 10_000_000)
        self.smallest.setSuffix(" px²")
        self.smallest.setToolTip("Smaller objects are left out")
        self.smoothing = QDoubleSpinBox()
        self.smoothing.setRange(0, 50)
        self.smoothing.setSingleStep(0.5)
        self.smoothing.setDecimals(1)
        self.smoothing.setSuffix(" px")
        self.smoothing.setToolTip("How far the image is smoothed first, so that noise makes no cells")
        self.grow = QSpinBox()
        self.grow.setRange(0, 200)
        self.grow.setSuffix(" px")
        self.grow.setToolTip("How far each cell is grown, as from its nucleus to its rim")
        self.preview = QCheckBox("Show what is found while I change this")
        self.preview.setToolTip("Outlines of the cells that are found on this plane")
        self.count = QLabel()
        usual, rare = QWidget(), QWidget()
        self._usual = _form(
            usual, ("Cells are", self.looks), ("Channel", self.channel), ("Sensitivity", self.sensitivity),
            ("Smallest", self.smallest),
        )  # fmt: skip
        self._rare = _form(
            rare, ("Threshold", self.threshold), ("Split", self.split), ("Diameter", self.diameter),
            ("Smoothing", self.smoothing), ("Grow by", self.grow),
        )  # fmt: skip
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(usual)
        layout.addWidget(Section("More settings", rare, opened=False))
        layout.addWidget(self.preview)
        layout.addWidget(self.count)
        self._offered: tuple[str, ...] = ()
        self._phase = False
        self.set_value(SegmentSettings())
        self.looks.currentIndexChanged.connect(self._take_looks)
        for combo in (self.channel, self.threshold, self.split):
            combo.currentIndexChanged.connect(self.changed)
        for spin in (self.diameter, self.smallest, self.smoothing, self.grow):
            spin.valueChanged.connect(self.changed)
        self.sensitivity.valueChanged.connect(self.changed)
        self.preview.toggled.connect(self.changed)

    def offer(self, channels: Sequence[str], *, phase: bool = False) -> None:
        """Say which channels the image has, and whether it is phase."""
        self._phase = phase
        if tuple(channels) == self._offered:
            return
        self._offered = tuple(channels)
        chosen = self.channel.currentData()
        with QSignalBlocker(self.channel):
            self.channel.clear()
            self.channel.addItem("all, their mean", None)
            for name in channels:
                self.channel.addItem(name, name)
            self.channel.setCurrentIndex(max(self.channel.findData(chosen), 0))
        self._show_rows()

    @property
    def value(self) -> SegmentSettings:
        smallest = self.smallest.value()
        return SegmentSettings(
            looks=self.looks.currentData(),
            channel=None if self.looks.currentData() == "stain" else self.channel.currentData(),
            threshold=self.threshold.currentData(),
            sensitivity=self.sensitivity.value() / 100,
            smoothing=self.smoothing.value(),
            split=self.split.currentData(),
            diameter=self.diameter.value() if self.diameter.value() >= 2 else None,
            smallest=smallest,
            grow=self.grow.value(),
        )

    def set_value(self, settings: SegmentSettings) -> None:
        """Show settings, without telling."""
        controls = (
            self.looks, self.channel, self.threshold, self.sensitivity, self.split, self.diameter,
            self.smallest, self.smoothing, self.grow,
        )  # fmt: skip
        blockers = [QSignalBlocker(control) for control in controls]
        for combo, chosen in (
            (self.looks, settings.looks), (self.channel, settings.channel),
            (self.threshold, settings.threshold), (self.split, settings.split),
        ):  # fmt: skip
            combo.setCurrentIndex(max(combo.findData(chosen), 0))
        self.sensitivity.setValue(round(100 * settings.sensitivity))
        self.diameter.setValue(settings.diameter or 0)
        self.smallest.setValue(settings.smallest)
        self.smoothing.setValue(settings.smoothing)
        self.grow.setValue(settings.grow)
        del blockers
        self._show_rows()

    def _take_looks(self) -> None:
        """Nuclei and whole cells want other settings altogether: begin with those that suit."""
        looks = self.looks.currentData()
        if looks == "stain":
            settings = SegmentSettings.for_stain()
        elif self._phase and looks in ("auto", "bright"):
            settings = SegmentSettings.for_phase()
        else:
            settings = SegmentSettings(looks=looks)
        self.set_value(settings)
        self.changed.emit()

    def _show_rows(self) -> None:
        stain = self.looks.currentData() == "stain"
        self._usual.setRowVisible(self.channel, not stain and len(self._offered) > 1)
        self._rare.setRowVisible(self.threshold, not stain)


def _form(widget: QWidget, *rows: tuple[str, QWidget]) -> QFormLayout:
    form = QFormLayout(widget)
    form.setContentsMargins(0, 0, 0, 0)
    form.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    for title, control in rows:
        form.addRow(title, control)
    return form


def _choices(choices: Sequence[tuple[str, str, str]], hint: str) -> QComboBox:
    combo = QComboBox()
    combo.setToolTip(hint)
    for place, (title, value, about) in enumerate(choices):
        combo.addItem(title, value)
        combo.setItemData(place, about, Qt.ItemDataRole.ToolTipRole)
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(10)
    return combo
