"""A button with a list of choices to tick: none ticked means any."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtCore import Signal
from qtpy.QtGui import QAction, QColor, QIcon, QMouseEvent, QPixmap
from qtpy.QtWidgets import QMenu, QPushButton, QSizePolicy, QWidget


class ChoiceButton(QPushButton):
    changed = Signal()

    def __init__(self, title: str, hint: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._menu = _StayingMenu(self)
        self._any = self._menu.addAction("Any")
        self._any.triggered.connect(self._clear)
        self._menu.addSeparator()
        self._choices: list[QAction] = []
        self._colours: dict[str, str] = {}
        self.setMenu(self._menu)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setToolTip(hint)
        self._name()

    @property
    def chosen(self) -> tuple[str, ...]:
        """The choices that are ticked."""
        return tuple(action.data() for action in self._choices if action.isChecked())

    def offer(
        self, names: Sequence[str], chosen: Sequence[str], colours: dict[str, str] | None = None
    ) -> None:
        """Offer these choices; those ticked and no longer offered stay on the list, so that they show."""
        wanted = [*names, *(name for name in chosen if name not in names)]
        if wanted != [action.data() for action in self._choices]:
            for action in self._choices:
                self._menu.removeAction(action)
            self._choices, self._colours = [], {}
            for name in wanted:
                action = self._menu.addAction(name or "(none)")
                action.setData(name)
                action.setCheckable(True)
                action.toggled.connect(self._tell)
                self._choices.append(action)
        for action in self._choices:
            action.blockSignals(True)
            action.setChecked(action.data() in chosen)
            action.blockSignals(False)
        if colours is not None and colours != self._colours:
            self._colours = dict(colours)
            for action in self._choices:
                if action.data() in colours:
                    action.setIcon(_square(colours[action.data()]))
        self._name()

    def _clear(self) -> None:
        if self.chosen:
            for action in self._choices:
                action.blockSignals(True)
                action.setChecked(False)
                action.blockSignals(False)
            self._tell()

    def _tell(self) -> None:
        self._name()
        self.changed.emit()

    def _name(self) -> None:
        chosen = self.chosen
        self._any.setEnabled(bool(chosen))
        shown = (
            "any" if not chosen else (chosen[0] or "(none)") if len(chosen) == 1 else f"{len(chosen)} chosen"
        )
        self.setText(f"{self._title}: {shown}")


class _StayingMenu(QMenu):
    """Stays open while choices are ticked."""

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        action = self.activeAction()
        if action is not None and action.isCheckable() and action.isEnabled():
            action.toggle()
            return
        super().mouseReleaseEvent(event)


def _square(colour: str) -> QIcon:
    pixmap = QPixmap(12, 12)
    pixmap.fill(QColor(colour))
    return QIcon(pixmap)
