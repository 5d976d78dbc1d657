"""Signals let go of widgets that Qt has destroyed: a dock that was closed must not be told of anything."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from psygnal import Signal
from qtpy.compat import isalive
from qtpy.QtCore import QObject


def disconnect_dead(owners: Iterable[object], leaving: QObject | None = None) -> None:
    """Disconnect, from all signals of these objects, what belongs to a destroyed widget.

    Parameters
    ----------
    owners : iterable of object
        Objects with psygnal signals.
    leaving : QObject, optional
        A widget that is about to be destroyed: it, and all that is in it, count as destroyed. Nobody is told
        when Python's collector destroys a widget.
    """
    for owner in owners:
        for name in _signal_names(type(owner)):
            signal = getattr(owner, name)
            # psygnal does not say in public which slots a signal has.
            for slot in list(signal._slots):
                call = slot.dereference()
                if call is not None and any(_is_gone(one, leaving) for one in _held(call)):
                    signal.disconnect(call, missing_ok=True)


def is_dead(call: Callable[..., Any]) -> bool:
    """Whether a call belongs to a destroyed widget, such as one of a dock that was closed."""
    return any(not isalive(one) for one in _held(call))


def _signal_names(kind: type) -> set[str]:
    return {name for base in kind.__mro__ for name, value in vars(base).items() if isinstance(value, Signal)}


def _held(call: Callable[..., Any]) -> list[QObject]:
    """Return the objects of Qt that a bound method or a closure holds."""
    held = [getattr(call, "__self__", None)]
    held += [cell.cell_contents for cell in getattr(call, "__closure__", None) or () if _filled(cell)]
    return [one for one in held if isinstance(one, QObject)]


def _is_gone(one: QObject | None, leaving: QObject | None) -> bool:
    """Whether an object is destroyed, or within what is leaving."""
    while one is not None:
        if one is leaving or not isalive(one):
            return True
        one = one.parent()
    return False


def _filled(cell: Any) -> bool:
    try:
        cell.cell_contents  # noqa: B018 - asks whether there are any
    except ValueError:
        return False
    return True
