"""A watched folder as the window shows it: its table is followed, whoever writes it."""

from __future__ import annotations

import time
from collections import Counter, deque
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sparseattn.watch_process import WatchPlan, WatchProcess
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Job, Jobs, Report
    from napari_sparseattn.workspace import Workspace
    from sparseattn.scale.watch.following import NewCell

_LOOK_SECONDS = 0.25
_RATE_SECONDS = 10.0
"""The rate is that of the last so many seconds."""

NEWEST = 60
"""Cells that are shown."""


def table_beside(folder: Path) -> Path:
    """Return where the table of a watched folder lies where nothing else is said: beside it, not in it."""
    return folder.with_name(f"{folder.name}.watched.csv")


@dataclass(frozen=True)
class Looked:
    """What one look at the table found; made in the thread."""

    cells: tuple[NewCell, ...]
    classes: tuple[str, ...]
    anew: bool
    when: float


class WatchWork:
    """Starts and stops the watching, and counts what comes."""

    changed = Signal()
    """It was begun or has ended: `is_running`, `is_here`."""
    updated = Signal()
    """New cells: at most four times a second."""

    def __init__(self, workspace: Workspace, jobs: Jobs) -> None:
        self._workspace, self._jobs = workspace, jobs
        self._process: WatchProcess | None = None
        self._job: Job | None = None
        self.folder: Path | None = None
        self.table: Path | None = None
        self._forget()

    def _forget(self) -> None:
        self.counts: Counter[str] = Counter()
        self.classes: tuple[str, ...] = ()
        self.cells = self.errors = 0
        self.last_error: NewCell | None = None
        self.newest: deque[tuple[int, NewCell]] = deque(maxlen=NEWEST)
        """The newest first, each with its row in the table."""
        self.delay: float | None = None
        """Seconds from the writing of the newest file until its class was seen here; None: not known."""
        self._began = 0.0
        self._arrivals: deque[tuple[float, int]] = deque()

    @property
    def is_running(self) -> bool:
        return self._job is not None

    @property
    def is_here(self) -> bool:
        """Whether this window watches; else it follows the table that another program writes."""
        return self._process is not None

    @property
    def rate(self) -> float:
        """Cells a second that came of late."""
        since = time.monotonic() - _RATE_SECONDS
        while self._arrivals and self._arrivals[0][0] < since:
            self._arrivals.popleft()
        return sum(count for _, count in self._arrivals) / _RATE_SECONDS

    def start(self, folder: Path, table: Path) -> None:
        """Watch a folder with the loaded model; rows are added to the table.

        Raises
        ------
        InputError
            Where there is no model with a file, or no such folder.
        """
        if self.is_running:
            return
        model, classifier = self._workspace.model_path, self._workspace.classifier
        if classifier is None or model is None:
            raise InputError("load a model first; one that was only trained here must be kept first")
        if not folder.is_dir():
            raise InputError(f"there is no folder {folder}; choose the one that the instrument writes to")
        process = WatchProcess(WatchPlan(model, folder, table, self._workspace.k))
        process.ended.connect(self._take_end)
        self._process, self.folder = process, folder
        process.start()
        self._follow(table)

    def follow(self, table: Path) -> None:
        """Show what is added to a table that ``sparseattn watch`` writes elsewhere."""
        if not self.is_running:
            self.folder = None
            self._follow(table)

    def stop(self) -> None:
        """End; what is in the table stays."""
        if self._process is not None:
            self._process.stop()  # what it has begun is finished, and shown
        elif self._job is not None:
            self._job.cancel()

    def close(self) -> None:
        """End now: the viewer goes."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _follow(self, table: Path) -> None:
        self._forget()
        self.table = table
        self._began = time.time()

        def ended() -> None:
            self._job = None
            if self._process is not None:  # the table cannot be read: nobody would see what is done
                self._process.stop()
            self.changed.emit()

        self._job = self._jobs.start(
            f"Following {table.name}",
            lambda report: follow(table, report),
            on_part=self._take,
            on_end=ended,
            bound_to=(),
            key="follow",
            quiet=True,
        )
        self.changed.emit()
        self.updated.emit()

    def _take(self, looked: Looked) -> None:
        if looked.anew:
            self._forget()
        self.classes = looked.classes
        self._count(looked.cells, looked.when)
        self.updated.emit()

    def _count(self, cells: Sequence[NewCell], when: float) -> None:
        for row, cell in enumerate(cells, self.cells):
            if cell.predicted is None:
                self.errors += 1
                self.last_error = cell
            else:
                self.counts[cell.predicted] += 1
                self.newest.appendleft((row, cell))
        self.cells += len(cells)
        if cells:
            self._arrivals.append((time.monotonic(), len(cells)))
            written = cells[-1].modified_ns / 1e9
            self.delay = when - written if written > self._began else None

    def _take_end(self, sentence: str) -> None:
        """The watching has ended; the table is looked at once more."""
        self._process = None
        if sentence:
            self._workspace.fail(sentence)
        if self._job is not None:
            QTimer.singleShot(round(3000 * _LOOK_SECONDS), self._job.cancel)
        self.changed.emit()


def follow(table: Path, report: Report) -> None:
    """Look at a table until told to stop; runs in a thread."""
    from sparseattn.scale.watch.following import Following

    following = Following(table)
    told = False
    while not report.cancelled:
        cells: list[NewCell] = []
        until = time.monotonic() + _LOOK_SECONDS
        anew, more = False, True
        while time.monotonic() < until and not report.cancelled:
            if more:
                found = following.read()
                if found.anew:
                    cells, anew = [], True
                cells += found.cells
                more = found.more
            else:
                time.sleep(0.02)
        if cells or anew or not told:
            report.part(Looked(tuple(cells), following.classes, anew, time.time()))
            told = True
