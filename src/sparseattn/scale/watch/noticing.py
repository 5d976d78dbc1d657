"""Noticing new files: by what the system tells, or by looking now and then."""

from __future__ import annotations

import queue
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from sparseattn.errors import InputError
from sparseattn.scale.watch.arrived import Arrived, look_at, may_hold_cells
from sparseattn.scale.watch.settling import Settling, files_of

SETTLE_SECONDS = 1.0
_TICK_SECONDS = 0.1

_LOOK_AGAIN_SECONDS = 60.0
"""The system may lose what is too much at once: the folder is looked at as well."""

_LOOK_AGAIN_FACTOR = 20
"""And at most so large a share of the time as one in this."""


class Noticing:
    """Files of a folder as they become complete; may name one twice, and names those that are there already.

    Parameters
    ----------
    folder : Path
        Watched with its subfolders.
    poll_seconds : float, optional
        Look so often instead of being told: for network drives, which tell nothing.
    settle_seconds : float
        For how long a file must not have changed where nobody saw it being closed.
    known : callable
        Whether a file is known as it is; these are not named again.
    """

    def __init__(
        self,
        folder: Path,
        poll_seconds: float | None,
        settle_seconds: float,
        known: Callable[[Arrived], bool],
    ) -> None:
        self._folder, self._known = folder, known
        self._look_seconds = poll_seconds or _LOOK_AGAIN_SECONDS
        self._settling = Settling(settle_seconds)
        self._told: queue.SimpleQueue[Path] = queue.SimpleQueue()
        self._arrived: queue.SimpleQueue[Arrived] = queue.SimpleQueue()
        self._ended = threading.Event()
        self._thread = threading.Thread(target=self._look, name="looking at the folder", daemon=True)

    def take(self, seconds: float, most: int) -> list[Arrived]:
        """Return complete files, waiting so long for the first."""
        found: list[Arrived] = []
        try:
            found.append(self._arrived.get(timeout=seconds))
            while len(found) < most:
                found.append(self._arrived.get_nowait())
        except queue.Empty:
            pass
        return found

    def settle(self, path: Path) -> None:
        """Name a file again when it has not changed for a while."""
        self._told.put(path)

    def closed(self, path: Path, when: float | None) -> None:
        """Take note that a file was closed."""
        if may_hold_cells(path, self._folder):
            found = look_at(path, when)
            if found is not None:
                self._arrived.put(found)

    def touched(self, path: Path) -> None:
        """Take note that a file is there and may still grow."""
        if may_hold_cells(path, self._folder):
            self._told.put(path)

    def start(self) -> None:
        """Begin."""
        self._thread.start()

    def end(self) -> None:
        """End; returns when nothing is looked at any more."""
        self._ended.set()
        self._thread.join()

    def _look(self) -> None:
        look_at_all = 0.0
        while not self._ended.is_set():
            if time.monotonic() >= look_at_all:
                began = time.monotonic()
                for path in files_of(self._folder):
                    found = look_at(path)
                    if found is not None and not self._known(found):
                        self._settling.add(path)
                spent = time.monotonic() - began
                look_at_all = time.monotonic() + max(self._look_seconds, _LOOK_AGAIN_FACTOR * spent)
            while not self._told.empty():
                self._settling.add(self._told.get())
            for found in self._settling.complete():
                self._arrived.put(found)
            self._ended.wait(_TICK_SECONDS)


@contextmanager
def noticing(
    folder: Path,
    *,
    known: Callable[[Arrived], bool],
    poll_seconds: float | None = None,
    settle_seconds: float = SETTLE_SECONDS,
) -> Iterator[Noticing]:
    """Give a `Noticing` that is at work.

    Raises
    ------
    InputError
        Where watchdog is not installed, or the system will not tell of this folder.
    """
    found = Noticing(folder, poll_seconds, settle_seconds, known)
    observer = None if poll_seconds is not None else _observer(folder, found)
    found.start()
    try:
        yield found
    finally:
        if observer is not None:
            observer.stop()
            observer.join()
        found.end()


def _observer(folder: Path, found: Noticing) -> Any:
    try:
        from watchdog.events import (
            FileClosedEvent,
            FileCreatedEvent,
            FileModifiedEvent,
            FileMovedEvent,
            FileSystemEvent,
            FileSystemEventHandler,
        )
        from watchdog.observers import Observer
    except ImportError:
        raise InputError(
            "watching needs watchdog; install it with: pip install 'napari-sparseattn[scale]', or give "
            "--poll 2"
        ) from None

    class Handler(FileSystemEventHandler):
        def dispatch(self, event: FileSystemEvent) -> None:
            if isinstance(event, FileClosedEvent):
                found.closed(Path(str(event.src_path)), time.time())
            elif isinstance(event, FileMovedEvent):
                found.closed(Path(str(event.dest_path)), time.time())
            elif isinstance(event, FileCreatedEvent | FileModifiedEvent):
                found.touched(Path(str(event.src_path)))

    # Linux alone tells when a file is closed; of those of another folder that are moved here, it does not.
    told: list[type[FileSystemEvent]] = [FileClosedEvent if sys.platform == "linux" else FileModifiedEvent]
    observer = Observer()
    observer.schedule(
        Handler(),
        str(folder),
        recursive=True,
        event_filter=[FileMovedEvent, FileCreatedEvent, *told],
    )
    try:
        observer.start()
    except OSError as error:
        raise InputError(
            f"the system does not tell of new files in {folder} ({error.strerror}); give --poll 2"
        ) from None
    return observer
