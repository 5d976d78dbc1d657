"""Memory that was freed, given back to the system once nothing is worked out any more.

The C library of Linux keeps what torch and numpy free, in a pool for each of up to eight threads a core.
After five minutes of classifying and explaining that was half a gigabyte.
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
    if (glibc := _GLIBC) is None:
        return
    _latest = asked = time.monotonic()

    def give_back() -> None:
        if _latest == asked and idle():
            glibc.malloc_trim(0)

    QTimer.singleShot(int(_PAUSE_SECONDS * 1000), give_back)


def _find_glibc() -> ctypes.CDLL | None:
    """Return the C library where it is glibc; others give memory back of their own accord."""
    if sys.platform != "linux":
        return None
    library = ctypes.CDLL(None)
    return library if hasattr(library, "malloc_trim") else None


_GLIBC = _find_glibc()
