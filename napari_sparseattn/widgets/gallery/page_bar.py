"""Leafing through pages: a number to type, and buttons to the neighbours and the ends."""

from __future__ import annotations

from qtpy.QtCore import Qt, Signal
from qtpy.QtGui import QKeySequence, QShortcut
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSpinBox, QToolButton, QWidget


class PageBar(QWidget):
    turned = Signal(int)
    """To this page, from 0."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.first = _button("\N{LEFTWARDS ARROW TO BAR}", "First page")
        self.before = _button("\N{LEFTWARDS ARROW}", "Page before (Alt+Left)")
        self.after = _button("\N{RIGHTWARDS ARROW}", "Next page (Alt+Right)")
        self.last = _button("\N{RIGHTWARDS ARROW TO BAR}", "Last page")
        self.page = QSpinBox()
        self.page.setAccessibleName("Page")
        self.page.setToolTip("Which page is shown")
        self.page.setKeyboardTracking(False)
        self.page.setMinimum(1)
        self.of = QLabel()
        layout = QHBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.addWidget(QLabel("Page"))
        for widget in (self.first, self.before, self.page, self.of, self.after, self.last):
            layout.addWidget(widget)
        layout.addStretch(1)
        self.first.clicked.connect(self._to_first)
        self.before.clicked.connect(self.turn_back)
        self.after.clicked.connect(self.turn_on)
        self.last.clicked.connect(self._to_last)
        self.page.valueChanged.connect(self._tell)
        self.set_pages(1)

    def listen_for_keys(self, within: QWidget) -> None:
        """Turn pages by Alt with an arrow while the focus is within a widget."""
        for key, turn in ((Qt.Key.Key_Left, self.turn_back), (Qt.Key.Key_Right, self.turn_on)):
            keys = QKeySequence(Qt.KeyboardModifier.AltModifier | key)
            shortcut = QShortcut(keys, within, turn)
            shortcut.setContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)

    @property
    def number(self) -> int:
        """The page, from 0."""
        return self.page.value() - 1

    def set_pages(self, pages: int) -> None:
        """Say how many pages there are, and show the first, without telling it back."""
        self.page.blockSignals(True)
        self.page.setMaximum(max(pages, 1))
        self.page.setValue(1)
        self.page.blockSignals(False)
        self.of.setText(f"of {max(pages, 1):,}")
        self._show()

    def turn_on(self) -> None:
        self.page.setValue(self.page.value() + 1)

    def turn_back(self) -> None:
        self.page.setValue(self.page.value() - 1)

    def _to_first(self) -> None:
        self.page.setValue(1)

    def _to_last(self) -> None:
        self.page.setValue(self.page.maximum())

    def _tell(self) -> None:
        self._show()
        self.turned.emit(self.number)

    def _show(self) -> None:
        for button in (self.first, self.before):
            button.setEnabled(self.page.value() > 1)
        for button in (self.after, self.last):
            button.setEnabled(self.page.value() < self.page.maximum())


def _button(text: str, hint: str) -> QToolButton:
    button = QToolButton()
    button.setText(text)
    button.setToolTip(hint)
    button.setAccessibleName(hint.partition(" (")[0])
    return button
