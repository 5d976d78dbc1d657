"""Watching a folder in a process of its own: the command line, which writes the table that is followed."""

from __future__ import annotations

import logging
import sys
from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

log = logging.getLogger(__name__)

_MILLISECONDS_TO_OBEY = 5000


@dataclass(frozen=True)
class WatchPlan:
    """What is to be watched, by which model, and the table that grows."""

    model: Path
    folder: Path
    table: Path
    k: int

    def arguments(self) -> list[str]:
        """Return the command line after ``sparseattn``."""
        words = ["watch", str(self.model), str(self.folder), "--output", str(self.table)]
        return [*words, "--pixels", str(self.k), "--obey-stdin", "--json"]


class WatchProcess(QObject):
    """One watching. Its signals come in the thread that made it."""

    ended = Signal(str)
    """Why it ended, as a sentence; empty where it was told to."""

    def __init__(self, plan: WatchPlan, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.plan = plan
        self._said = b""
        self._told = False
        self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("OMP_NUM_THREADS", "1")
        environment.insert("PYTHONIOENCODING", "utf-8")
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(self._process.readAllStandardOutput)
        self._process.readyReadStandardError.connect(self._listen)
        self._process.finished.connect(self._end)
        self._process.errorOccurred.connect(self._fail_to_start)

    def start(self) -> None:
        """Begin."""
        self._process.start(sys.executable, ["-m", "sparseattn", *self.plan.arguments()])

    @property
    def is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    def stop(self) -> None:
        """End when what is begun is finished; one that does not listen is killed, which loses no row."""
        self._told = True
        self._process.write(b"stop\n")
        QTimer.singleShot(_MILLISECONDS_TO_OBEY, self._process.kill)

    def close(self) -> None:
        """End now: the window goes."""
        self._process.blockSignals(True)
        if self.is_running:
            self._process.kill()
            self._process.waitForFinished(2000)

    def _listen(self) -> None:
        self._said = (self._said + bytes(self._process.readAllStandardError()))[-20000:]

    def _fail_to_start(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.ended.emit(f"Watching could not be started: {sys.executable} cannot be run.")

    def _end(self, status: int, how: QProcess.ExitStatus) -> None:
        self._listen()
        if self._told or (how == QProcess.ExitStatus.NormalExit and status == 0):
            self.ended.emit("")
            return
        lines = self._said.decode(errors="replace").strip().splitlines()
        log.warning("watching ended with status %s:\n%s", status, "\n".join(lines[-30:]))
        if lines and lines[-1].startswith("sparseattn: "):
            self.ended.emit(f"Watching ended: {lines[-1].removeprefix('sparseattn: ').rstrip('.')}.")
        else:
            self.ended.emit("Watching ended unexpectedly; what is in the table stays. Start it again.")
