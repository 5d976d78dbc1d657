"""Memory that is free again, given back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> None:
    """Have the C library let go of what it keeps for later; call it in a thread, at the end of large work.

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
