"""What a page of the report is made of."""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QComboBox, QHBoxLayout, QLabel, QScrollArea, QVBoxLayout, QWidget


def row_of(*widgets: QWidget) -> QWidget:
    row = QWidget()
    layout = QHBoxLayout(row)
    layout.setContentsMargins(0, 0, 0, 0)
    for widget in widgets:
        layout.addWidget(widget, int(isinstance(widget, QComboBox)))
    return row


def captioned(caption: str, content: QWidget) -> QWidget:
    whole = QWidget()
    heading = QLabel(f"<b>{escape(caption)}</b>")
    heading.setTextFormat(Qt.TextFormat.RichText)
    heading.setWordWrap(True)
    layout = QVBoxLayout(whole)
    layout.setContentsMargins(0, 6, 0, 0)
    layout.addWidget(heading)
    layout.addWidget(content)
    return whole


def scrolled_page(widgets: list[QWidget], *, fill: bool) -> QWidget:
    """Return a page that is scrolled by itself; with ``fill`` the last widget takes what room there is."""
    page = QWidget()
    layout = QVBoxLayout(page)
    layout.setContentsMargins(0, 6, 0, 0)
    for widget in widgets:
        layout.addWidget(widget)
    if not fill:
        layout.addStretch(1)
    area = QScrollArea()
    area.setWidgetResizable(True)
    area.setFrameShape(QScrollArea.Shape.NoFrame)
    area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
    area.setWidget(page)
    return area
