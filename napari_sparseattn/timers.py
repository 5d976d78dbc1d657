"""Timers that fire once, however often they are started meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from qtpy.QtCore import QTimer


def once_after(milliseconds: int, call: Callable[[], None]) -> QTimer:
    """Return a timer that calls so long after it was started last; 0 is the next turn of the event loop."""
    timer = QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(call)
    return timer
