"""The table of new samples: what they are called, and what the model finds in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from qtpy.QtCore import QAbstractTableModel, QModelIndex, Qt, Signal
from qtpy.QtGui import QFont

from napari_sparseattn.apply_job import NewSample, SampleResult
from napari_sparseattn.widgets.foreign_text import tip

FIXED = ("Sample", "Condition", "Cells", "State")
_NAME, _CONDITION, _CELLS, _STATE = range(len(FIXED))
_SIGN = "\N{WARNING SIGN}"


class SampleTableModel(QAbstractTableModel):
    """A row a sample; name and condition can be typed until it is classified."""

    samples_changed = Signal()

    def __init__(self) -> None:
        super().__init__()
        self.samples: list[NewSample] = []
        self.results: dict[Path, SampleResult] = {}
        self._classes: tuple[str, ...] = ()
        self._running: Path | None = None

    # -- what is in it -------------------------------------------------------------------------------

    def set_samples(self, samples: Sequence[NewSample]) -> None:
        """Show other samples, none of them classified."""
        self.beginResetModel()
        self.samples, self.results = list(samples), {}
        self.endResetModel()
        self.samples_changed.emit()

    def add(self, paths: Sequence[Path]) -> int:
        """Add folders that are not there yet, named after themselves; return how many."""
        known = {sample.path for sample in self.samples}
        taken = {sample.name for sample in self.samples}
        added = 0
        for path in paths:
            if path in known:
                continue
            name, number = path.name or str(path), 1
            while name in taken:
                number += 1
                name = f"{path.parent.name}/{path.name}" if number == 2 else f"{path.name} ({number})"
            taken.add(name)
            known.add(path)
            self.beginInsertRows(QModelIndex(), len(self.samples), len(self.samples))
            self.samples.append(NewSample(path, name))
            self.endInsertRows()
            added += 1
        self.samples_changed.emit()
        return added

    def remove(self, rows: Sequence[int]) -> None:
        for row in sorted(rows, reverse=True):
            self.beginRemoveRows(QModelIndex(), row, row)
            self.results.pop(self.samples.pop(row).path, None)
            self.endRemoveRows()
        self.samples_changed.emit()

    def set_classes(self, classes: tuple[str, ...]) -> None:
        """Take another model's classes; what an earlier model found is gone."""
        self.beginResetModel()
        self._classes, self.results, self._running = classes, {}, None
        self.endResetModel()

    def set_running(self, path: Path | None) -> None:
        self._running = path
        self._tell()

    def take(self, result: SampleResult) -> None:
        """Show what was found in a sample that is still there."""
        if any(sample == result.sample for sample in self.samples):
            self.results[result.sample.path] = result
            self._tell()

    def to_do(self) -> list[NewSample]:
        """Return the samples that are not classified."""
        return [sample for sample in self.samples if not self._is_done(sample)]

    def done(self) -> list[SampleResult]:
        """Return the results of the samples that could be classified, in the order of the rows."""
        found = [self.results.get(sample.path) for sample in self.samples]
        return [one for one in found if one is not None and one.predictions is not None]

    def _is_done(self, sample: NewSample) -> bool:
        return sample.path in self.results and self.results[sample.path].predictions is not None

    def texts(self) -> tuple[list[str], list[tuple[str, ...]]]:
        """Return headings and rows as they are shown."""
        columns = [str(self.headerData(i, Qt.Orientation.Horizontal)) for i in range(self.columnCount())]
        rows = [
            tuple(self._text(row, column) for column in range(self.columnCount()))
            for row in range(self.rowCount())
        ]
        return columns, rows

    # -- Qt ------------------------------------------------------------------------------------------

    def rowCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008 - Qt's own signature
        return 0 if parent.isValid() else len(self.samples)

    def columnCount(self, parent: QModelIndex = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(FIXED) + len(self._classes)

    def headerData(
        self, section: int, orientation: Qt.Orientation, role: int = Qt.ItemDataRole.DisplayRole
    ) -> object:
        if orientation != Qt.Orientation.Horizontal or role != Qt.ItemDataRole.DisplayRole:
            return None
        return FIXED[section] if section < len(FIXED) else f"{self._classes[section - len(FIXED)]} (%)"

    def data(self, index: QModelIndex, role: int = Qt.ItemDataRole.DisplayRole) -> object:
        sample = self.samples[index.row()]
        if role in (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.EditRole):
            return self._text(index.row(), index.column())
        if role == Qt.ItemDataRole.ToolTipRole:
            return tip(self._hint(sample))
        if role == Qt.ItemDataRole.TextAlignmentRole and index.column() not in (_NAME, _CONDITION, _STATE):
            return Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        if role == Qt.ItemDataRole.FontRole and index.column() == _STATE and self._warns(sample):
            font = QFont()
            font.setBold(True)
            return font
        return None

    def setData(self, index: QModelIndex, value: object, role: int = Qt.ItemDataRole.EditRole) -> bool:
        text = " ".join(str(value).split())
        sample = self.samples[index.row()]
        if role != Qt.ItemDataRole.EditRole or (index.column() == _NAME and not text):
            return False
        changed = replace(sample, **{("name" if index.column() == _NAME else "condition"): text})
        if changed != sample:
            self.samples[index.row()] = changed
            self.results.pop(sample.path, None)  # its cells carry the old columns
            self._tell()
            self.samples_changed.emit()
        return True

    def flags(self, index: QModelIndex) -> Qt.ItemFlag:
        flags = super().flags(index)
        if index.column() in (_NAME, _CONDITION) and self._running is None:
            flags |= Qt.ItemFlag.ItemIsEditable
        return flags

    def _text(self, row: int, column: int) -> str:
        sample = self.samples[row]
        result = self.results.get(sample.path)
        predictions = None if result is None else result.predictions
        if column == _NAME:
            return sample.name
        if column == _CONDITION:
            return sample.condition
        if column == _STATE:
            return self._state(sample, result)
        if predictions is None:
            return ""
        if column == _CELLS:
            return str(len(predictions))
        share = (predictions.probabilities.argmax(axis=1) == column - len(FIXED)).mean()
        return f"{100 * share:.1f}"

    def _state(self, sample: NewSample, result: SampleResult | None) -> str:
        if self._running == sample.path:
            return "being classified\N{HORIZONTAL ELLIPSIS}"
        if result is None:
            return "to do"
        if result.problem is not None:
            return f"{_SIGN} cannot be used"
        if result.drift is None or not result.drift.checks:
            return "too few to compare"
        return f"{_SIGN} differs" if result.drift.warnings else "like the training cells"

    def _warns(self, sample: NewSample) -> bool:
        result = self.results.get(sample.path)
        return result is not None and (
            result.problem is not None or bool(result.drift and result.drift.warnings)
        )

    def _hint(self, sample: NewSample) -> str:
        result = self.results.get(sample.path)
        if result is None:
            return str(sample.path)
        if result.problem is not None:
            return f"{sample.path}\n{result.problem}"
        said = () if result.drift is None else result.drift.warnings
        return "\n".join((str(sample.path), *said))

    def _tell(self) -> None:
        if self.samples:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self.samples) - 1, self.columnCount() - 1))
