"""Memory that was freed, given back to the system once nothing is worked out any more.

The C library of Linux keeps what torch and numpy free, in a pool for every thread that ever asked: after an hour
of classifying and explaining that was half a gigabyte, held for nothing.
"""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

from qtpy.QtCore import QTimer

_PAUSE_SECONDS = 2.0
"""After the last job. Giving back takes up to 30 ms, and the next job has to ask for the memory again."""

_latest = 0.0


def give_back_soon(idle: Callable[[], bool]) -> None:
    """Give freed memory back after a pause, unless something has been begun by then.

    Parameters
    ----------
    idle
        Says whether nothing is being worked out.
    """
    global _latest
    _latest = asked = time.monotonic()

    def give_back() -> None:
        if _latest == asked and idle():
            _TRIM(0)

    if _TRIM is not None:
        QTimer.singleShot(int(_PAUSE_SECONDS * 1000), give_back)


def _find_trim() -> Callable[[int], int] | None:
    """Return glibc's `malloc_trim`; other C libraries have none, and none of their own accord."""
    if sys.platform != "linux":
        return None
    try:
        trim: Callable[[int], int] = ctypes.CDLL(None).malloc_trim
    except (OSError, AttributeError):  # musl
        return None
    return trim


_TRIM = _find_trim()
