"""Names of files, classes and channels in the window: text, even where they are written like HTML.

Qt takes text for HTML by itself where it begins like it: it would load the pictures that it names, from
anywhere, and hide the rest.
"""

from __future__ import annotations

from html import escape

from qtpy.QtCore import Qt
from qtpy.QtWidgets import QLabel, QWidget


def show_as_text(widget: QWidget) -> None:
    """Let every label in a widget show its text as it is, but those that say that theirs is HTML."""
    for label in widget.findChildren(QLabel):
        if label.textFormat() == Qt.TextFormat.AutoText:
            label.setTextFormat(Qt.TextFormat.PlainText)


def tip(text: str) -> str:
    """Return a text as a tooltip that shows it as it is."""
    return f"<span>{escape(text)}</span>".replace("\n", "<br>") if "<" in text else text
