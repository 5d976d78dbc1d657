"""Old and new model beside each other on the same cells."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QColor, QIcon, QPixmap
from qtpy.QtWidgets import (
    QAbstractItemView,
    QComboBox,
    QHeaderView,
    QLabel,
    QListWidget,
    QListWidgetItem,
    QTableWidget,
    QTableWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.foreign_text import tip
from napari_sparseattn.widgets.thumbnail_picture import thumbnail
from napari_sparseattn.widgets.thumbnails import Thumbnails

if TYPE_CHECKING:
    from napari_sparseattn.retraining import Retrained
    from napari_sparseattn.session import Session
    from sparseattn.compare import ChangedCell, Comparison

_SIDE = 56
_MOST_CHANGED = 200


class ComparisonView(QWidget):
    """What is better and what is worse, how sure that is, and which cells changed."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace = session.workspace
        self._changed: list[ChangedCell] = []
        self.headline = QLabel()
        self.headline.setWordWrap(True)
        self.headline.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.classes = _table(
            ["Class", "Cells", "Recall (%)\nbefore", "\nnow", "Precision (%)\nbefore", "\nnow"]
        )
        self.classes.setToolTip(
            "Recall: the share of a class's cells that are found. Precision: the share of the answers of a "
            "class that are right. In brackets the 95 % confidence interval."
        )
        self.which = QComboBox()
        self.which.addItems(["Confusion of the new model", "Confusion of the model before"])
        self.which.setToolTip("Which model's mistakes are shown")
        self.confusion = _table([])
        self.confusion.setToolTip("Rows: the known class. Columns: what the model says.")
        self.changed_note = QLabel()
        self.changed_note.setWordWrap(True)
        self.changed = QListWidget()
        self.changed.setViewMode(QListWidget.ViewMode.IconMode)
        self.changed.setIconSize(QSize(_SIDE, _SIDE))
        self.changed.setResizeMode(QListWidget.ResizeMode.Adjust)
        self.changed.setMovement(QListWidget.Movement.Static)
        self.changed.setWordWrap(True)
        self.changed.setFixedHeight(2 * (_SIDE + 44))
        self.changed.setAccessibleName("Cells whose class changes")
        self.changed.setToolTip("Click a cell to look at it")
        self._thumbnails = Thumbnails(self)
        self._thumbnails.ready.connect(self._show_thumbnail)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        for widget in (
            self.headline, self.classes, self.which, self.confusion, self.changed_note, self.changed
        ):  # fmt: skip
            layout.addWidget(widget)
        self.which.currentIndexChanged.connect(self._show_confusion)
        self.changed.itemActivated.connect(self._look_at)
        self.changed.itemClicked.connect(self._look_at)
        self._comparison: Comparison | None = None

    def show_result(self, result: Retrained) -> None:
        """Show what the new model does better and worse."""
        comparison = result.comparison
        self._comparison = comparison
        self.headline.setText(headline(result))
        judged = comparison is not None and comparison.cells > 0
        for widget in (self.classes, self.which, self.confusion):
            widget.setVisible(judged)
        if comparison is not None and judged:
            self._show_classes(comparison)
            self._show_confusion()
        self._show_changed([] if comparison is None else list(comparison.changed))

    def _show_classes(self, comparison: Comparison) -> None:
        shown = [name for name in comparison.classes if _has_figures(comparison, name)]
        self.classes.setRowCount(len(shown))
        for row, name in enumerate(shown):
            old, new = comparison.old_figures[name], comparison.new_figures[name]
            texts = [name, f"{comparison.support[name]}"]
            for before, now in (
                ((old.recall, old.recall_interval), (new.recall, new.recall_interval)),
                ((old.precision, old.precision_interval), (new.precision, new.precision_interval)),
            ):
                texts += [_figure(*before), _figure(*now)]
            for column, text in enumerate(texts):
                item = QTableWidgetItem(text)
                if column:
                    item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
                self.classes.setItem(row, column, item)
            for column, before, now in ((3, old.recall, new.recall), (5, old.precision, new.precision)):
                if before is not None and now is not None and before != now:
                    item = self.classes.item(row, column)
                    item.setText(f"{'▲' if now > before else '▼'} {item.text()}")
        _fit(self.classes)

    def _show_confusion(self, *_: Any) -> None:
        comparison = self._comparison
        if comparison is None:
            return
        report = comparison.new if self.which.currentIndex() == 0 else comparison.old
        names = comparison.classes
        self.confusion.setRowCount(len(names))
        self.confusion.setColumnCount(len(names))
        self.confusion.setHorizontalHeaderLabels([_short(name) for name in names])
        self.confusion.setVerticalHeaderLabels(names)
        self.confusion.verticalHeader().setVisible(True)
        for row, counts in enumerate(report["confusion"]):
            total = max(sum(counts), 1)
            for column, count in enumerate(counts):
                item = QTableWidgetItem(str(count) if count else "")
                item.setTextAlignment(Qt.AlignmentFlag.AlignCenter)
                colour = QColor("#0072b2" if row == column else "#d55e00")
                colour.setAlphaF(0.65 * count / total)
                item.setBackground(colour)
                item.setToolTip(tip(f"{count} of {names[row]} called {names[column]}"))
                self.confusion.setItem(row, column, item)
        for column, name in enumerate(names):
            self.confusion.horizontalHeaderItem(column).setToolTip(tip(name))
        _fit(self.confusion)

    def _show_changed(self, changed: list[ChangedCell]) -> None:
        self._changed = changed[:_MOST_CHANGED]
        cells = self._workspace.cells
        self._thumbnails.begin(None if cells is None else lambda index: thumbnail(cells, index))
        self.changed.clear()
        blank = QPixmap(_SIDE, _SIDE)
        blank.fill(QColor(128, 128, 128, 60))
        for one in self._changed:
            item = QListWidgetItem(QIcon(blank), f"{_short(one.old)} → {_short(one.new)}")
            known = "" if one.known is None else f", known as {one.known}"
            item.setToolTip(tip(f"Cell {one.index + 1}: was called {one.old}, now {one.new}{known}"))
            item.setData(Qt.ItemDataRole.UserRole, one.index)
            item.setSizeHint(QSize(_SIDE + 44, _SIDE + 38))
            self.changed.addItem(item)
            self._show_thumbnail(one.index)
        self.changed.setVisible(bool(changed))
        count = len(changed)
        asked = 0 if self._comparison is None else self._comparison.asked
        more = f"; the first {_MOST_CHANGED} are shown" if count > _MOST_CHANGED else ""
        self.changed_note.setText(
            f"Of {asked:,} cells looked at, {count:,} {'is' if count == 1 else 'are'} called otherwise by "
            f"the new model{more}."
            if count
            else ""
        )
        self.changed_note.setVisible(bool(count))

    def _show_thumbnail(self, index: int) -> None:
        pixmap = self._thumbnails.pixmap(index, _SIDE)
        if pixmap is None:
            return
        for row in range(self.changed.count()):
            item = self.changed.item(row)
            if item.data(Qt.ItemDataRole.UserRole) == index:
                item.setIcon(QIcon(pixmap))

    def _look_at(self, item: QListWidgetItem) -> None:
        self._workspace.current = item.data(Qt.ItemDataRole.UserRole)


def headline(result: Retrained) -> str:
    """Return in sentences how good the new model is, and how sure that is."""
    comparison = result.comparison
    history = result.classifier.history.validation
    kept = history.get("n") or 0
    own = (
        f"On the {kept} cells that training kept to choose by, which flatters it, "
        f"{100 * history['accuracy']:.0f} % are right."
        if kept
        else ""
    )
    if comparison is None:
        return f"There is no model before to compare with. {own}"
    if not comparison.cells or comparison.accuracy_difference is None:
        left = (
            f" {comparison.left_out} set-aside cells do not count: one of the models has learned from them."
            if comparison.left_out
            else ""
        )
        return (
            "No cell is set aside to judge both models: how much better the new one is cannot be said."
            f"{left} {own} Label more cells in order or at random: a fifth of them is set aside."
        )
    count = comparison.cells
    before, now = (round(report["accuracy"] * count) for report in (comparison.old, comparison.new))
    difference, (low, high) = comparison.accuracy_difference
    text = (
        f"Of {count} set-aside cells the model before has {before} right, the new one {now}: "
        f"{100 * difference:+.0f} points (95 % interval {100 * low:+.0f} to {100 * high:+.0f})."
    )
    if low > 0:
        text += " The new one is better."
    elif high < 0:
        text += " The new one is worse."
    else:
        text += " That may be chance: more set-aside cells would tell."
    if comparison.left_out:
        text += f" {comparison.left_out} more do not count, since one of the models has learned from them."
    return text


def _has_figures(comparison: Comparison, name: str) -> bool:
    answered = (comparison.old_figures[name].precision, comparison.new_figures[name].precision)
    return comparison.support[name] > 0 or any(one is not None for one in answered)


def _figure(share: float | None, interval: list[float] | None) -> str:
    if share is None or interval is None:
        return "-"
    return f"{100 * share:.0f} ({100 * interval[0]:.0f}\N{EN DASH}{100 * interval[1]:.0f})"


def _short(name: str) -> str:
    return name if len(name) <= 9 else f"{name[:8]}…"


def _table(titles: list[str]) -> QTableWidget:
    table = QTableWidget(0, len(titles))
    table.setHorizontalHeaderLabels(titles)
    table.verticalHeader().setVisible(False)
    table.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
    table.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
    table.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
    return table


def _fit(table: QTableWidget) -> None:
    """Make a table as high as its rows, with room for a scroll bar."""
    table.resizeRowsToContents()
    rows = sum(table.rowHeight(row) for row in range(table.rowCount()))
    table.setFixedHeight(table.horizontalHeader().sizeHint().height() + rows + 18)
