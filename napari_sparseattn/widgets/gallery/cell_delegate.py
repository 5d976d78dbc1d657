"""Paints a cell of the grid: its picture, a border in its class's colour, and what is known of it."""

from __future__ import annotations

from qtpy.QtCore import QModelIndex, QObject, QRect, QSize, Qt
from qtpy.QtGui import QColor, QFont, QPainter, QPalette, QPen
from qtpy.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from napari_sparseattn.colours import NO_CLASS, text_on
from napari_sparseattn.widgets.gallery.cards import Card
from napari_sparseattn.widgets.gallery.cell_list_model import CARD, CELL
from napari_sparseattn.widgets.thumbnails import Thumbnails

_BORDER = 3
_GAP = 4
_NEARLY_SQUARE = 0.03


class CellDelegate(QStyledItemDelegate):
    def __init__(self, thumbnails: Thumbnails, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thumbnails = thumbnails
        self.side = 96
        """Of the picture, in pixels of the screen."""

    def sizeHint(self, option: QStyleOptionViewItem, index: QModelIndex) -> QSize:
        return self.card_size(option.fontMetrics.height())

    def card_size(self, line: int) -> QSize:
        around = 2 * (_BORDER + _GAP)
        return QSize(self.side + around, self.side + around + 2 * line)

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: QModelIndex) -> None:
        cell, card = index.data(CELL), index.data(CARD)
        if cell is None:
            return
        painter.save()
        chosen = bool(option.state & QStyle.StateFlag.State_Selected)
        if chosen:
            painter.fillRect(option.rect, option.palette.color(QPalette.ColorRole.Highlight))
            painter.setPen(QPen(option.palette.color(QPalette.ColorRole.WindowText), 2))
            painter.drawRect(option.rect.adjusted(1, 1, -1, -1))
        edge = option.rect.adjusted(_GAP, _GAP, -_GAP, -_GAP)
        edge.setHeight(self.side + 2 * _BORDER)
        self._paint_border(painter, edge, card)
        inner = edge.adjusted(_BORDER, _BORDER, -_BORDER, -_BORDER)
        self._paint_picture(painter, inner, cell)
        if card.disagreement:
            _paint_mark(painter, inner, card)
        text = QRect(edge.left(), edge.bottom() + 1, edge.width(), option.rect.bottom() - edge.bottom())
        role = QPalette.ColorRole.HighlightedText if chosen else QPalette.ColorRole.WindowText
        painter.setPen(option.palette.color(role))
        _paint_captions(painter, option, text, card)
        if option.state & QStyle.StateFlag.State_HasFocus:
            pen = QPen(option.palette.color(QPalette.ColorRole.WindowText), 1, Qt.PenStyle.DotLine)
            painter.setPen(pen)
            painter.drawRect(option.rect.adjusted(3, 3, -4, -4))
        painter.restore()

    def _paint_border(self, painter: QPainter, edge: QRect, card: Card) -> None:
        if card.colour != NO_CLASS:
            painter.fillRect(edge, QColor(card.colour))

    def _paint_picture(self, painter: QPainter, inner: QRect, cell: int) -> None:
        painter.fillRect(inner, QColor("#202020"))
        ratio = painter.device().devicePixelRatioF()
        pixmap = self._thumbnails.pixmap(cell, round(self.side * ratio))
        if pixmap is None:
            return
        if self._thumbnails.failed(cell):
            painter.setPen(QColor("#d0d0d0"))
            painter.drawText(inner, Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap, "cannot be read")
            return
        if abs(pixmap.width() - pixmap.height()) <= _NEARLY_SQUARE * self.side * ratio:
            painter.drawPixmap(inner, pixmap)  # a sliver of ground beside it would look like a frame
            return
        width, height = round(pixmap.width() / ratio), round(pixmap.height() / ratio)
        left = inner.left() + (inner.width() - width) // 2
        top = inner.top() + (inner.height() - height) // 2
        painter.drawPixmap(QRect(left, top, width, height), pixmap)


def _paint_mark(painter: QPainter, inner: QRect, card: Card) -> None:
    """Say in the upper right corner that the given class, whose colour it has, is not the predicted one."""
    side = max(14, inner.width() // 6)
    corner = QRect(inner.right() - side + 1, inner.top(), side, side)
    painter.fillRect(corner, QColor(card.given_colour))
    painter.setPen(QColor(text_on(card.given_colour)))
    font = QFont(painter.font())
    font.setPixelSize(round(side * 0.8))
    font.setBold(True)
    before = painter.font()
    painter.setFont(font)
    painter.drawText(corner, Qt.AlignmentFlag.AlignCenter, "\N{NOT EQUAL TO}")
    painter.setFont(before)


def _paint_captions(painter: QPainter, option: QStyleOptionViewItem, text: QRect, card: Card) -> None:
    metrics = option.fontMetrics
    line = QRect(text.left(), text.top(), text.width(), metrics.height())
    given = ""
    if card.given is not None:
        sign = "\N{NOT EQUAL TO}" if card.disagreement else "\N{CHECK MARK}"
        given = f"{sign} {card.given}" if card.predicted is not None else card.given
    for caption in (card.caption, given):
        shown = metrics.elidedText(caption, Qt.TextElideMode.ElideRight, line.width())
        painter.drawText(line, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, shown)
        line.translate(0, metrics.height())
