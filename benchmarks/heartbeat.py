"""How long the window was deaf: a timer of the event loop that should beat every 5 ms."""

from __future__ import annotations

import time
from collections.abc import Callable

import numpy as np

BEAT = 5


class Heartbeat:
    """Gaps between the beats of a timer of the event loop."""

    def __init__(self) -> None:
        from qtpy.QtCore import Qt, QTimer

        self.gaps: list[float] = []
        self.worked: list[float] = []
        self._timer = QTimer()
        self._timer.setTimerType(Qt.TimerType.PreciseTimer)
        self._timer.setInterval(BEAT)
        self._timer.timeout.connect(self._beat)

    def start(self) -> None:
        self.gaps.clear()
        self.worked.clear()
        self._last, self._last_work = time.perf_counter(), time.thread_time()
        self._timer.start()

    def stop(self) -> dict[str, float]:
        self._timer.stop()
        late = np.array(self.gaps) * 1000 - BEAT
        return {
            "beats": len(late),
            "blocked_longest_ms": round(float(late.max()), 1),
            "blocked_longest_after_s": round(float(np.cumsum(self.gaps)[late.argmax()]), 1),
            "own_work_longest_ms": round(max(self.worked) * 1000, 1),
            "over_100_ms": int((late > 100).sum()),
            "blocked_p99_ms": round(float(np.percentile(late, 99)), 1),
            "blocked_median_ms": round(float(np.median(late)), 1),
        }

    def _beat(self) -> None:
        now, work = time.perf_counter(), time.thread_time()
        self.gaps.append(now - self._last)
        self.worked.append(work - self._last_work)
        self._last, self._last_work = now, work


def wait(done: Callable[[], bool], seconds: float) -> float:
    """Run the event loop until something is done; return how long it took."""
    from qtpy.QtCore import QEventLoop, QTimer

    start = time.perf_counter()
    loop, timer = QEventLoop(), QTimer()
    timer.setInterval(20)
    timer.timeout.connect(lambda: loop.quit() if done() or time.perf_counter() - start > seconds else None)
    timer.start()
    loop.exec()
    return time.perf_counter() - start
