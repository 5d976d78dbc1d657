"""Thumbnails, made in threads when they are first looked at, and kept while there is room."""

from __future__ import annotations

import threading
from collections import OrderedDict, deque
from collections.abc import Callable
from contextlib import suppress

from qtpy.QtCore import QObject, QRunnable, Qt, QThreadPool, Signal
from qtpy.QtGui import QImage, QPixmap

from napari_sparseattn.widgets.thumbnail_picture import Picture
from sparseattn.errors import InputError

_THREADS = 1
"""One core stays with the user interface; decoding holds the next screen of cells within a few blinks."""
_KEPT = 2000
_WAITING = 300
"""What was asked for longest ago has been scrolled away: it is asked for again when it comes back."""


class Thumbnails(QObject):
    """Gives pixmaps of cells by their index."""

    ready = Signal(int)
    """A thumbnail that was asked for is there (or cannot be made)."""
    _made = Signal(int, int, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pool = _Pool()  # no child: as one it would be waited for with the interpreter locked
        self._pool.setMaxThreadCount(_THREADS)
        self._lock = threading.Lock()
        self._waiting: deque[int] = deque()
        self._asked: set[int] = set()
        self._make: Callable[[int], Picture] | None = None
        self._version = 0
        self._images: OrderedDict[int, QImage | None] = OrderedDict()
        self._pixmaps: dict[int, QPixmap] = {}
        self._stale: set[int] = set()  # of the function before
        self._side = 0
        self._made.connect(self._keep)
        self.destroyed.connect(self._pool.forget)

    def begin(self, make: Callable[[int], Picture] | None, *, keep: bool = False) -> None:
        """Make thumbnails by another function from now on; ``make`` is called in a thread.

        ``keep`` leaves the present ones to be seen until the new ones are there.
        """
        with self._lock:
            self._version += 1
            self._make = make
            self._waiting.clear()
            self._asked.clear()
        self._pool.clear()
        self._stale = set(self._images) if keep else set()
        if not keep:
            self._images.clear()
            self._pixmaps.clear()

    def pixmap(self, index: int, side: int) -> QPixmap | None:
        """Return the thumbnail in a square of ``side`` device pixels; None while it is made."""
        if side != self._side:
            self._side = side
            self._pixmaps.clear()
        if index not in self._images or index in self._stale:
            self._ask(index)
        if index not in self._images:
            return None
        self._images.move_to_end(index)
        if index not in self._pixmaps:
            self._pixmaps[index] = self._scaled(index, side)
        return self._pixmaps[index]

    def failed(self, index: int) -> bool:
        """Return whether the cell cannot be read."""
        return index in self._images and self._images[index] is None

    def close(self) -> None:
        self.begin(None)
        self._pool.waitForDone(2000)

    def _scaled(self, index: int, side: int) -> QPixmap:
        image = self._images[index]
        if image is None:
            return QPixmap()
        larger = max(image.width(), image.height()) < side
        how = (
            Qt.TransformationMode.FastTransformation if larger else Qt.TransformationMode.SmoothTransformation
        )
        return QPixmap.fromImage(image.scaled(side, side, Qt.AspectRatioMode.KeepAspectRatio, how))

    def _ask(self, index: int) -> None:
        with self._lock:
            if self._make is None or index in self._asked:
                return
            self._asked.add(index)
            self._waiting.append(index)
            if len(self._waiting) > _WAITING:
                self._asked.discard(self._waiting.popleft())
        self._pool.start(_Errand(self))

    def make_next(self) -> None:
        """Make what was asked for last. Called in a thread."""
        with self._lock:
            if not self._waiting or self._make is None:
                return
            index, make, version = self._waiting.pop(), self._make, self._version
        image: QImage | None = None
        try:
            pixels = make(index)
            height, width, _ = pixels.shape
            image = QImage(pixels.tobytes(), width, height, 3 * width, QImage.Format.Format_RGB888).copy()
        except InputError:
            pass  # shown as a cell that cannot be read
        with suppress(RuntimeError):  # the window has gone meanwhile
            self._made.emit(version, index, image)

    def _keep(self, version: int, index: int, image: QImage | None) -> None:
        if version != self._version:
            return
        self._asked.discard(index)
        self._stale.discard(index)
        self._images[index] = image
        self._images.move_to_end(index)
        self._pixmaps.pop(index, None)
        while len(self._images) > _KEPT:
            gone, _ = self._images.popitem(last=False)
            self._pixmaps.pop(gone, None)
            self._stale.discard(gone)
        self.ready.emit(index)


class _Pool(QThreadPool):
    def forget(self, *_: object) -> None:
        """Do nothing more of what waits.

        `clear` refuses the object that `destroyed` hands on, and a closure may have been emptied by the
        collector that destroys it: calling it would end the program.
        """
        self.clear()


class _Errand(QRunnable):
    def __init__(self, thumbnails: Thumbnails) -> None:
        super().__init__()
        self._thumbnails = thumbnails

    def run(self) -> None:
        try:
            self._thumbnails.make_next()
        except Exception:  # nothing may escape into Qt's thread; the thumbnail stays empty
            import logging

            logging.getLogger(__name__).exception("a thumbnail cannot be made")
