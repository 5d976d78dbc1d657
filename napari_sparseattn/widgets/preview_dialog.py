"""A dialog about how files are read, with the current cell as it would be seen."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from qtpy.QtCore import Qt, QTimer
from qtpy.QtGui import QImage, QPixmap
from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QHBoxLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.remember_box import RememberBox
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report

SIDE = 260
"""Of the preview, in pixels of the screen."""

_LINES = 3  # of text below it


class PreviewDialog(QDialog):
    """Shows what comes of its settings, a moment after they were changed; OK where something comes of them.

    What it asks for is said by `said`; what a cell looks like then, by `_look`.

    Parameters
    ----------
    jobs
        In whose threads the preview is computed.
    path, options
        The source and how it is opened, as `sparseattn.cells.open_cells` takes it, without what is said here.
    pause_ms
        Without a change, after which the preview is computed.
    """

    def __init__(
        self, jobs: Jobs, path: Path, options: Mapping[str, Any], pause_ms: int, parent: QWidget | None
    ) -> None:
        super().__init__(parent)
        self._jobs, self._path, self._options = jobs, path, dict(options)
        self.picture = QLabel()
        self.picture.setFixedSize(SIDE, SIDE)
        self.picture.setAlignment(Qt.AlignmentFlag.AlignCenter)
        self.picture.setAccessibleName("Preview")
        self.says = QLabel()
        self.says.setWordWrap(True)
        self.says.setFixedSize(SIDE, _LINES * self.says.fontMetrics().lineSpacing())
        self.says.setAlignment(Qt.AlignmentFlag.AlignTop)
        self.remember = RememberBox()
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        self._timer = QTimer(self)
        self._timer.setSingleShot(True)
        self._timer.setInterval(pause_ms)
        self._timer.timeout.connect(self._preview)

    @property
    def options(self) -> dict[str, Any]:
        """What `open_cells` is to be given, as plain JSON values."""
        return {**self._options, **self.said}

    @property
    def said(self) -> dict[str, Any]:
        """Of these, what is said here; InputError where it makes no sense."""
        raise NotImplementedError

    def _look(self, options: dict[str, Any]) -> Callable[[Report], Any]:
        """Return the work that looks at the cell; in a thread, InputError where there is none."""
        raise NotImplementedError

    def _picture_of(self, seen: Any) -> tuple[QImage, str]:
        """Return the picture of what that work gave, and a line about it."""
        raise NotImplementedError

    def _lay_out(self, heading: str, form: QFormLayout) -> None:
        seen = QVBoxLayout()
        seen.addWidget(self.picture)
        seen.addWidget(self.says)
        seen.addStretch()
        beside = QHBoxLayout()
        beside.addLayout(form)
        beside.addLayout(seen)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel(heading))
        layout.addLayout(beside)
        layout.addWidget(self.remember)
        layout.addWidget(self.buttons)

    def _preview(self) -> None:
        try:
            look = self._look(self.options)
        except InputError as error:  # such as a number that is half typed
            self._show(error)
            return

        def work(report: Report) -> Any:
            try:
                return look(report)
            except InputError as error:
                return error

        key = f"preview of {type(self).__name__}"  # two dialogs do not end each other's
        self._jobs.start("Preview", work, self._show, bound_to=(), key=key, quiet=True)

    def _show(self, seen: Any) -> None:
        refused = isinstance(seen, InputError)
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not refused)
        if refused:
            text = str(seen)
            self.picture.clear()
            self.says.setText(text[:1].upper() + text[1:])
            return
        picture, text = self._picture_of(seen)
        keep = Qt.AspectRatioMode.KeepAspectRatio
        self.picture.setPixmap(QPixmap.fromImage(picture).scaled(SIDE, SIDE, keep))  # copies the pixels
        self.says.setText(text)


def choices(names: Mapping[str, Any], chosen: Any, hint: str = "") -> QComboBox:
    """Return a box of names, each with its value as data."""
    box = QComboBox()
    for name, value in names.items():
        box.addItem(name, value)
    box.setCurrentIndex(list(names.values()).index(chosen))
    box.setToolTip(hint)
    return box
