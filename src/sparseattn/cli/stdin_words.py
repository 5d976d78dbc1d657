"""Words on stdin for work that another program has begun: they work where there are no signals."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.learn.history import EpochRecord


class StdinWords:
    """Listens from when it is made. ``stop`` ends training; ``cancel`` or the end of stdin gives it up."""

    def __init__(self) -> None:
        self._stop = threading.Event()
        self._cancel = threading.Event()
        threading.Thread(target=self._listen, name="stdin words", daemon=True).start()

    def said_stop(self) -> bool:
        """Whether to end with the best so far."""
        return self._stop.is_set()

    def said_to_end(self) -> bool:
        """Whether to end, be it by a word or since the program that began this is gone."""
        return self._stop.is_set() or self._cancel.is_set()

    def checking(self, on_epoch: Callable[[EpochRecord], None]) -> Callable[[EpochRecord], None]:
        """Return the same, but that it raises KeyboardInterrupt once training is to be given up."""

        def check(record: EpochRecord) -> None:
            if self._cancel.is_set():
                raise KeyboardInterrupt
            on_epoch(record)

        return check

    def _listen(self) -> None:
        for line in sys.stdin:
            if line.strip() == "stop":
                self._stop.set()
            elif line.strip() == "cancel":
                break
        else:  # the end of stdin: the program that began this is gone, unless it had no more to say
            if self._stop.is_set():
                return
        self._cancel.set()
