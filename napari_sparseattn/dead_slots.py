"""Signals let go of widgets that Qt has destroyed: a dock that was closed must not be told of anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtCore import QObject


def disconnect_dead(owners: Iterable[object]) -> None:
    """Disconnect, from all signals of these objects, what belongs to a destroyed widget."""
    for owner in owners:
        for name in _signal_names(type(owner)):
            signal = getattr(owner, name)
            # psygnal does not say in public which slots a signal has.
            for slot in list(signal._slots):
                call = slot.dereference()
                if call is not None and _is_dead(call):
                    signal.disconnect(call, missing_ok=True)


def _signal_names(kind: type) -> set[str]:
    return {name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, Signal)}


def _is_dead(call: Callable[..., Any]) -> bool:
    """Whether a bound method or a closure holds an object that Qt has destroyed."""
    held = [getattr(call, "__self__", None)]
    held += [cell.cell_contents for cell in getattr(call, "__closure__", None) or () if _filled(cell)]
    return any(isinstance(one, QObject) and not isalive(one) for one in held)


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asks whether there are any
    except ValueError:
        return False
    return True
