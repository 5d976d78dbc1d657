"""Event-camera recordings: opened in packets, kept in the order of time on disk, searched for passing cells.

Names are loaded when first used (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.events.event import EVENT, Events
    from sparseattn.events.files import is_recording, open_recording
    from sparseattn.events.frames import EventFrames
    from sparseattn.events.passages import Passages, find_passages
    from sparseattn.events.recording import Recording
    from sparseattn.events.settings import EventSettings
    from sparseattn.events.store import EventStore

__all__ = [
    "EVENT",
    "EventFrames",
    "EventSettings",
    "EventStore",
    "Events",
    "Passages",
    "Recording",
    "find_passages",
    "is_recording",
    "open_recording",
]

_HOMES = {
    "EVENT": "event",
    "EventFrames": "frames",
    "EventSettings": "settings",
    "EventStore": "store",
    "Events": "event",
    "Passages": "passages",
    "Recording": "recording",
    "find_passages": "passages",
    "is_recording": "files",
    "open_recording": "files",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
