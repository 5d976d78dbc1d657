"""Widgets come and go while the workspace stays: it must not call those that have gone."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from psygnal import SignalInstance
from qtpy.QtCore import QObject


def listen(widget: QObject, *pairs: tuple[SignalInstance, Callable[..., Any]]) -> None:
    """Connect signals of the workspace to slots of a widget, for as long as Qt has the widget."""
    for signal, slot in pairs:
        signal.connect(slot)

    def stop() -> None:
        for signal, slot in pairs:
            signal.disconnect(slot, missing_ok=True)

    widget.destroyed.connect(stop)
