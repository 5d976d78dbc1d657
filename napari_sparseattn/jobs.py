"""Work off the user interface's thread: bound to the cells and the model that it was begun for."""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable
from typing import Any, Literal

from psygnal import Signal as Psignal
from qtpy.compat import isalive
from qtpy.QtCore import QObject, QRunnable, QThreadPool, Signal

from napari_sparseattn.dead_slots import is_dead
from napari_sparseattn.garbage import allow_full_collections, put_off_full_collections
from napari_sparseattn.workspace import Workspace
from sparseattn.errors import InputError

log = logging.getLogger(__name__)

_TURN_SECONDS = 0.0005
"""How long a thread may go on before the user interface gets its turn. Python's 5 ms, for each of the
hundreds of calls of a repaint that let go of the interpreter's lock, would add up to a window that hangs."""

_SELDOM_SECONDS = 0.25

_PATIENCE_MS = 120_000
"""How long a closing window waits for what is being saved."""

Bond = Literal["cells", "model"]


class Cancelled(Exception):
    """Raised inside a job that was told to stop."""


class Report:
    """What a job's work is given: call it with (done, total) often; it raises `Cancelled` when stopped."""

    def __init__(self, job: Job) -> None:
        self._job = job

    def __call__(self, done: int, total: int) -> None:
        if self._job.cancelled:
            raise Cancelled
        self._job._progressed.emit(done, total)

    def part(self, result: Any) -> None:
        """Give what is known before the work is done: ``on_part`` of `Jobs.start` gets it, in its thread."""
        self._job._parted.emit(result)

    @property
    def cancelled(self) -> bool:
        return self._job.cancelled


def seldom(report: Report) -> Callable[[int, int], None]:
    """Return what tells of progress a few times a second, and ends the work at once when it is stopped.

    For what takes a second: where the screen is drawn by the processor, each repaint takes it from the work.
    """
    last = -_SELDOM_SECONDS

    def tell(done: int, total: int) -> None:
        nonlocal last
        if report.cancelled or time.monotonic() - last >= _SELDOM_SECONDS:
            last = time.monotonic()
            report(done, total)

    return tell


class Job(QObject):
    """One piece of work in a thread of the pool. Made by `Jobs.start`."""

    _progressed = Signal(int, int)
    _parted = Signal(object)
    _ended = Signal(object, object)

    def __init__(self, jobs: Jobs, name: str, work: Callable[[Report], Any]) -> None:
        super().__init__()
        self.name = name
        self.done, self.total = 0, 0
        self._jobs, self._work = jobs, work
        self._stop = threading.Event()
        self.on_result: Callable[[Any], None] | None = None
        self.on_end: Callable[[], None] | None = None
        self.on_progress: Callable[[int, int], None] | None = None
        self.on_part: Callable[[Any], None] | None = None
        self.key: str | None = None
        self.quiet, self.vital = False, False
        self.bonds: frozenset[Bond] = frozenset()
        # Bound methods of an object of this thread: Qt delivers to them here, whatever thread emits.
        self._progressed.connect(self._take_progress)
        self._parted.connect(self._take_part)
        self._ended.connect(self._take_end)

    @property
    def cancelled(self) -> bool:
        return self._stop.is_set()

    def cancel(self) -> None:
        """Ask it to stop; its result will not land, however far it is."""
        self._stop.set()

    def run(self) -> None:
        """Do the work. Called in the pool's thread."""
        result, error = None, None
        try:
            if not self.cancelled:
                result = self._work(Report(self))
        except Cancelled:
            self._stop.set()
        except BaseException as raised:  # nothing may escape into Qt's thread, where it would end the program
            error = raised
        self._ended.emit(result, error)

    def _take_progress(self, done: int, total: int) -> None:
        if self.cancelled:
            return
        self.done, self.total = done, total
        if self.on_progress is not None:
            self.on_progress(done, total)
        self._jobs.changed.emit()

    def _take_part(self, result: Any) -> None:
        if not self.cancelled and self.on_part is not None:
            self.on_part(result)

    def _take_end(self, result: Any, error: BaseException | None) -> None:
        self._jobs._end(self, result, error)


class _Runnable(QRunnable):
    def __init__(self, job: Job) -> None:
        super().__init__()
        self.job = job

    def run(self) -> None:
        self.job.run()


class Jobs:
    """The jobs of one viewer."""

    changed = Psignal()
    """A job was begun, went on or ended; see `running`."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._pool = QThreadPool()
        self._pool.setMaxThreadCount(8)  # jobs mostly wait for torch or a disk; none may starve a short one
        self._pool.setExpiryTimeout(-1)  # Matplotlib opens its fonts for each new thread, and keeps them
        self._running: list[Job] = []
        self._closed = False
        sys.setswitchinterval(min(sys.getswitchinterval(), _TURN_SECONDS))
        workspace.cells_changed.connect(self._let_go_of_cells)
        workspace.channels_changed.connect(self._let_go_of_cells)
        workspace.model_changed.connect(self._let_go_of_model)

    @property
    def running(self) -> tuple[Job, ...]:
        """Jobs that have not ended and were not cancelled, the newest last."""
        return tuple(job for job in self._running if not job.cancelled)

    def start(
        self,
        name: str,
        work: Callable[[Report], Any],
        on_result: Callable[[Any], None] | None = None,
        *,
        on_progress: Callable[[int, int], None] | None = None,
        on_part: Callable[[Any], None] | None = None,
        on_end: Callable[[], None] | None = None,
        bound_to: tuple[Bond, ...] = ("cells", "model"),
        key: str | None = None,
        quiet: bool = False,
        vital: bool = False,
    ) -> Job:
        """Begin work in a thread.

        Parameters
        ----------
        name
            What the status line says while it runs: "Classifying cells".
        work
            Called in the thread with a `Report`. It touches no widget, no layer and no workspace: what it
            needs is bound beforehand. `sparseattn.errors.InputError` becomes its sentence in the status line.
        on_result, on_progress, on_part, on_end
            Called in this thread. ``on_result`` only if the job was not cancelled, ``on_part`` with what
            `Report.part` was given, until then; ``on_end`` always, last.
        bound_to
            The job is cancelled when these change in the workspace.
        key
            A job with the same key is cancelled first.
        quiet
            Not shown in the status line: for what takes under a second.
        vital
            Goes on to its end when the window is closed: work of the user that is being saved.
        """
        if key is not None:
            for other in self._running:
                if other.key == key:
                    other.cancel()
        job = Job(self, name, work)
        job.on_result, job.on_progress, job.on_end = on_result, on_progress, on_end
        job.on_part = on_part
        job.key, job.quiet, job.vital, job.bonds = key, quiet, vital, frozenset(bound_to)
        if self._closed:
            job.cancel()
            return job
        self._running.append(job)
        put_off_full_collections()
        self._pool.start(_Runnable(job))
        self.changed.emit()
        return job

    def cancel_all(self) -> None:
        """Cancel all jobs but those that save something."""
        for job in self._running:
            if not job.vital:
                job.cancel()
        self.changed.emit()

    def close(self, milliseconds: int = 5000) -> None:
        """Cancel all but what is being saved, and wait until no thread is left: the window goes."""
        self.cancel_all()
        self._closed = True
        if not isalive(self._pool):  # the program ends, and Qt has waited for it
            return
        saving = any(job.vital for job in self._running)
        self._pool.waitForDone(_PATIENCE_MS if saving else milliseconds)

    def _let_go_of_cells(self) -> None:
        self._let_go("cells")

    def _let_go_of_model(self) -> None:
        self._let_go("model")

    def _let_go(self, bond: Bond) -> None:
        for job in self._running:
            if bond in job.bonds:
                job.cancel()
        self.changed.emit()

    def _end(self, job: Job, result: Any, error: BaseException | None) -> None:
        self._running.remove(job)
        allow_full_collections()
        if self._closed:  # there may be no widget any more to tell it to
            return
        try:
            if job.cancelled:
                return
            if error is None:
                if job.on_result is not None and not is_dead(job.on_result):
                    job.on_result(result)
            elif isinstance(error, InputError):
                self._workspace.fail(error)
            else:
                log.error("%s failed", job.name, exc_info=error)
                self._workspace.fail(
                    f"{job.name} failed ({type(error).__name__}: {error}); all else is as it was."
                )
        finally:
            if job.on_end is not None:
                job.on_end()
            self.changed.emit()
