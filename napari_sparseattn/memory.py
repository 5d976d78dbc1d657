"""Memory that is free again, given back to the system."""

from __future__ import annotations

import ctypes
import sys
import time
from collections.abc import Callable

from qtpy.QtCore import QTimer

_PAUSE_SECONDS = 2.0
"""After the last job. Giving back takes up to 50 ms, and the next job has to ask for the memory again."""

_latest = 0.0


def give_back_memory() -> None:
    """Have the C library let go of what it keeps for later, at the end of large work.

    Each thread's work has a heap of its own there, which else stays as large as it ever was.
    """
    if "pyarrow" in sys.modules:
        import pyarrow

        pyarrow.default_memory_pool().release_unused()
    if sys.platform == "linux":
        try:
            ctypes.CDLL(None).malloc_trim(0)
        except (AttributeError, OSError):  # another C library than GNU's
            return


def give_back_soon(idle: Callable[[], bool]) -> None:
    """Give memory back after a pause, unless something has been begun by then.

    After five minutes of classifying and explaining the threads' heaps held half a gigabyte for nothing.

    Parameters
    ----------
    idle
        Says whether nothing is being worked out.
    """
    global _latest
    _latest = asked = time.monotonic()

    def give_back() -> None:
        if _latest == asked and idle():
            give_back_memory()

    QTimer.singleShot(int(_PAUSE_SECONDS * 1000), give_back)
