"""Controls that stand in a row."""

from __future__ import annotations

from qtpy.QtWidgets import QHBoxLayout, QWidget


def in_a_row(*widgets: QWidget | None) -> QHBoxLayout:
    """Return a row of widgets; None is room that grows."""
    laid = QHBoxLayout()
    for widget in widgets:
        if widget is None:
            laid.addStretch(1)
        else:
            laid.addWidget(widget)
    return laid
