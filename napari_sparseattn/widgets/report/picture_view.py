"""A plot as a picture that fits the width of its place; opened in a window of its own it is larger."""

from __future__ import annotations

from qtpy.QtCore import QBuffer, QSize, Qt
from qtpy.QtGui import QImageReader, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QPixmap
from qtpy.QtWidgets import QDialog, QSizePolicy, QVBoxLayout, QWidget

_DPI = 200
_INCH = 96
"""Pixels of the screen that an inch of a figure takes where there is room."""


class PictureView(QWidget):
    """Shows a PNG. Double click or Enter enlarges it."""

    def __init__(self, title: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._title = title
        self._png: bytes | None = None
        self._size = QSize()
        self._drawn: QPixmap | None = None
        policy = QSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setAccessibleName(title)
        self.setToolTip(f"{title}\nDouble click, or press Enter, to enlarge.")

    def show_png(self, png: bytes | None) -> None:
        """Show a picture, or nothing; it is decoded when it comes in sight."""
        self._png, self._drawn, self._size = png, None, QSize()
        if png is not None:
            buffer = QBuffer()
            buffer.setData(png)
            self._size = QImageReader(buffer).size()
        self.setVisible(png is not None)
        self.updateGeometry()
        self.update()

    @property
    def has_picture(self) -> bool:
        return self._size.isValid()

    @property
    def _pixmap(self) -> QPixmap:
        if self._drawn is None:
            self._drawn = QPixmap()
            if self._png is not None:
                self._drawn.loadFromData(self._png)
        return self._drawn

    def hasHeightForWidth(self) -> bool:
        return True

    def heightForWidth(self, width: int) -> int:
        size = self._natural()
        if not self.has_picture:
            return 0
        return round(size.height() * min(1.0, width / size.width()))

    def sizeHint(self) -> QSize:
        return self._natural() if self.has_picture else QSize(0, 0)

    def minimumSizeHint(self) -> QSize:
        return QSize(160, 0)

    def _natural(self) -> QSize:
        return self._size * (_INCH / _DPI)

    def paintEvent(self, event: QPaintEvent) -> None:
        if not self.has_picture:
            return
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        ratio = self.devicePixelRatioF()
        place = self._natural().scaled(self.size(), Qt.AspectRatioMode.KeepAspectRatio)
        if place.width() > self._natural().width():
            place = self._natural()
        # Scaled once for the size on the screen: drawing the large picture into a small place is coarse.
        small = self._pixmap.scaled(
            place * ratio, Qt.AspectRatioMode.KeepAspectRatio, Qt.TransformationMode.SmoothTransformation
        )
        small.setDevicePixelRatio(ratio)
        painter.drawPixmap((self.width() - place.width()) // 2, 0, small)
        if self.hasFocus():
            painter.setPen(self.palette().highlight().color())
            painter.drawRect(self.rect().adjusted(0, 0, -1, -1))
        painter.end()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self.enlarge()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.enlarge()
        else:
            super().keyPressEvent(event)

    def enlarge(self) -> None:
        """Show the picture in a window."""
        if not self.has_picture or self.window() is self:
            return
        dialog = QDialog(self.window())
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.setWindowTitle(self._title)
        large = PictureView(self._title)
        large.show_png(self._png)
        layout = QVBoxLayout(dialog)
        layout.addWidget(large)
        screen = self.screen().availableSize() * 0.85
        dialog.resize((self._size * 0.75).boundedTo(screen))
        dialog.show()
