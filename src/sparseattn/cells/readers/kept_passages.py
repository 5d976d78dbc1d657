"""The passages of the recordings that were looked at last: found once, whatever their images show."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from threading import Lock

from sparseattn.events.files import open_recording
from sparseattn.events.passages import Passages, find_passages
from sparseattn.events.settings import EventSettings
from sparseattn.events.store import EventStore

_MOST_FOUND, _MOST_STORES = 4, 2
_Key = tuple[Path, int, float, int]

_found: OrderedDict[_Key, Passages] = OrderedDict()
_lock = Lock()


def passages_of(
    path: Path,
    changed: int,
    settings: EventSettings,
    on_slice: Callable[[int, int], None] | None = None,
) -> Passages:
    """Return the passages of a recording; they are looked for where that was not done of late.

    Parameters
    ----------
    path, changed
        The file, and when it was changed (ns).
    settings
        How they are found, and shown.
    on_slice
        See `find_passages`.

    Raises
    ------
    ValueError, OSError
        With the reason why the recording cannot be read.
    """
    key = (path, changed, settings.diameter, settings.slice_us)
    with _lock:
        known = _found.get(key)
    if known is None:
        known = find_passages(_store(path, changed), settings, on_slice=on_slice)
    with _lock:
        _found[key] = known
        _found.move_to_end(key)
        while len(_found) > _MOST_FOUND:
            _found.popitem(last=False)
    return replace(known, settings=settings)


@lru_cache(maxsize=_MOST_STORES)
def _store(path: Path, changed: int) -> EventStore:
    return open_recording(path).store()
