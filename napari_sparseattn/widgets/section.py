"""A part of a tab that folds away under its title."""

from __future__ import annotations

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QFrame, QSizePolicy, QToolButton, QVBoxLayout, QWidget


class Section(QWidget):
    """A title with an arrow, and below it what a click on it shows or hides."""

    def __init__(self, title: str, content: QWidget, *, opened: bool, hint: str = "") -> None:
        super().__init__()
        self.header = QToolButton()
        self.header.setText(title)
        self.header.setCheckable(True)
        self.header.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.header.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.header.setToolTip(hint or f"Show or hide: {title}")
        self.header.setStyleSheet(
            "QToolButton { border: none; background: transparent; text-align: left; padding: 2px; }"
            "QToolButton:focus { border: 1px solid palette(highlight); }"
        )
        self.content = QFrame()
        inner = QVBoxLayout(self.content)
        inner.setContentsMargins(12, 0, 4, 4)
        inner.addWidget(content)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(2)
        layout.addWidget(self.header)
        layout.addWidget(self.content)
        self.header.toggled.connect(self._show)
        self.header.setChecked(opened)
        self._show(opened)

    def set_open(self, opened: bool) -> None:
        self.header.setChecked(opened)

    @property
    def is_open(self) -> bool:
        return self.header.isChecked()

    def _show(self, opened: bool) -> None:
        self.header.setArrowType(Qt.ArrowType.DownArrow if opened else Qt.ArrowType.RightArrow)
        self.content.setVisible(opened)
