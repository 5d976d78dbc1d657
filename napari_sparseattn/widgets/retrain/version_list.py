"""The kept models, and the way back to one of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt
from qtpy.QtWidgets import (
    QHBoxLayout,
    QLabel,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.foreign_text import tip
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.session import Session
    from napari_sparseattn.versions import Version

_MOST_ROWS = 6


class VersionList(QWidget):
    """A row a kept version, the newest first; hidden while there is none."""

    def __init__(self, session: Session, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._workspace, self._retraining = session.workspace, session.retraining
        self.table = QTreeWidget()
        self.table.setHeaderLabels(["Kept model", "When", "Labels", "Right"])
        self.table.setRootIsDecorated(False)
        self.table.setAccessibleName("Kept models")
        self.table.setToolTip(
            "Models that you kept. The present one is bold. Labels: the cells that taught it. "
            "Right: how many set-aside cells it has right."
        )
        self.use = QPushButton("Use this one")
        self.use.setToolTip("Make the chosen version the present model; the others stay in the list")
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Kept models"))
        layout.addWidget(self.table)
        row = QHBoxLayout()
        row.addWidget(self.use)
        row.addStretch()
        layout.addLayout(row)
        self.use.clicked.connect(self._use)
        self.table.itemActivated.connect(self._use)
        self.table.currentItemChanged.connect(lambda *_: self._enable())
        self._retraining.versions_changed.connect(self.refresh)
        self._workspace.model_changed.connect(self.refresh)
        self._workspace.labels_changed.connect(self._refresh_for_all)
        self.refresh()

    def _refresh_for_all(self, ids: tuple[str, ...]) -> None:
        if not ids:  # another label file, beside which other models lie
            self.refresh()

    def refresh(self) -> None:
        """Show the list as it is on disk."""
        versions = self._retraining.versions
        try:
            found = versions.all()
        except InputError as error:
            self._workspace.fail(error)
            found = ()
        self.table.clear()
        for version in found:
            known = "" if version.judged is None else f"{version.right} of {version.judged}"
            labels = "" if version.labels is None else f"{version.labels:,}"
            item = QTreeWidgetItem([version.title, version.time[5:], labels, known])
            item.setData(0, Qt.ItemDataRole.UserRole, version)
            item.setToolTip(0, tip(f"{version.time}, {version.note}: {versions.path(version)}"))
            if versions.path(version) == self._workspace.model_path:
                font = item.font(0)
                font.setBold(True)
                for column in range(4):
                    item.setFont(column, font)
            self.table.addTopLevelItem(item)
        for column in range(4):
            self.table.resizeColumnToContents(column)
        rows = min(max(len(found), 1), _MOST_ROWS)
        self.table.setFixedHeight(self.table.header().sizeHint().height() + rows * 22 + 6)
        self.setVisible(bool(found))
        self._enable()

    @property
    def chosen(self) -> Version | None:
        """The version whose row is chosen."""
        item = self.table.currentItem()
        return None if item is None else item.data(0, Qt.ItemDataRole.UserRole)

    def _enable(self) -> None:
        self.use.setEnabled(self.chosen is not None)

    def _use(self, *_: Any) -> None:
        if self.chosen is not None:
            self._retraining.go_back(self.chosen)
