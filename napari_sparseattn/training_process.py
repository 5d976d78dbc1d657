"""Training in a process of its own: the command line, its progress, and the words that end it."""

from __future__ import annotations

import json
import logging
import os
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qtpy.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

log = logging.getLogger(__name__)

MILLISECONDS_TO_OBEY = 1500
_KILLED = 9
"""The signal by which Linux and macOS end a process when there is no memory left."""
_MOST_THREADS = 4  # the nets are small: more threads wait for each other


@dataclass(frozen=True)
class TrainingPlan:
    """What is to be trained: cells handed over in a folder, and the labels by their ids."""

    cells: Path
    labels_log: Path
    output: Path
    start: Path | None
    epochs: int
    seed: int = 0
    size: int = 64
    policy: Literal["resize", "crop"] = "resize"
    samples_csv: Path | None = None
    force: bool = False
    """Whether the model that it goes on from was made for other cells."""

    def arguments(self) -> list[str]:
        """Return the command line after ``sparseattn``."""
        if self.start is None:
            words = ["train", str(self.cells), "--size", str(self.size), "--policy", self.policy]
        else:
            words = ["finetune", str(self.start), str(self.cells), *(["--force"] if self.force else [])]
        words += ["--output", str(self.output), "--labels-log", str(self.labels_log)]
        words += ["--epochs", str(self.epochs), "--seed", str(self.seed), "--device", "auto"]
        if self.samples_csv is not None:
            words += ["--samples-csv", str(self.samples_csv)]
        return [*words, "--progress", "stdout", "--obey-stdin", "--json"]


class TrainingProcess(QObject):
    """One training. Its signals come in the thread that made it; after one of the last three it is over."""

    progressed = Signal(dict)
    """The record of an epoch, as `sparseattn.learn.history.EpochRecord` has it."""
    finished = Signal(dict)
    """What the command said in the end; the model is at the plan's ``output``."""
    failed = Signal(str)
    """One sentence: it could not be started, gave up, or died. There is no new model."""
    cancelled = Signal()
    """It was told to leave nothing, and has."""

    def __init__(self, plan: TrainingPlan, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.plan = plan
        self._unread = b""
        self._said = b""  # on stderr
        self._result: dict[str, Any] | None = None
        self._cancelling = self._over = False
        self._process = QProcess(self)
        self._process.setProcessEnvironment(_environment())
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._listen)
        self._process.finished.connect(self._end)
        self._process.errorOccurred.connect(self._fail_to_start)

    def start(self) -> None:
        """Begin."""
        self._process.start(sys.executable, ["-m", "sparseattn", *self.plan.arguments()])

    @property
    def is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def process_id(self) -> int:
        """Of the child; 0 while it does not run."""
        return int(self._process.processId())

    def stop(self) -> None:
        """End after the present epoch, and keep the best so far."""
        self._process.write(b"stop\n")

    def cancel(self) -> None:
        """End, and leave nothing. A child that does not listen is killed."""
        self._cancelling = True
        if not self.is_running:
            return
        self._process.write(b"cancel\n")
        self._process.closeWriteChannel()
        QTimer.singleShot(MILLISECONDS_TO_OBEY, self._process.kill)

    def close(self) -> None:
        """End at once: the window goes."""
        self._cancelling = self._over = True
        if self.is_running:
            self._process.kill()
            self._process.waitForFinished(2000)

    def _read(self) -> None:
        *lines, self._unread = (self._unread + bytes(self._process.readAllStandardOutput())).split(b"\n")
        for line in lines:
            try:
                document = json.loads(line)
            except ValueError:
                log.debug("not from the command line: %r", line[:200])
                continue
            if isinstance(document, dict) and "epoch" in document:
                self.progressed.emit(document)
            elif isinstance(document, dict) and "model" in document:
                self._result = document

    def _listen(self) -> None:
        self._said = (self._said + bytes(self._process.readAllStandardError()))[-20000:]

    def _fail_to_start(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self._tell(self.failed, f"Training could not be started: {sys.executable} cannot be run.")

    def _end(self, status: int, how: QProcess.ExitStatus) -> None:
        self._read()
        self._listen()
        if self._cancelling:
            self.plan.output.unlink(missing_ok=True)
            self._tell(self.cancelled)
        elif how == QProcess.ExitStatus.NormalExit and status == 0 and self._result is not None:
            self._tell(self.finished, self._result)
        else:
            self._tell(self.failed, self._sentence(status, how))

    def _sentence(self, status: int, how: QProcess.ExitStatus) -> str:
        lines = self._said.decode(errors="replace").strip().splitlines()
        rest = "The labels and the model are as they were; "
        log.warning("training ended with status %s:\n%s", status, "\n".join(lines[-30:]))
        if how == QProcess.ExitStatus.NormalExit and lines and lines[-1].startswith("sparseattn: "):
            return f"Training ended: {lines[-1].removeprefix('sparseattn: ')}."
        if how == QProcess.ExitStatus.CrashExit and status == _KILLED:
            return (
                "Training ended unexpectedly: its process died, perhaps since there was no memory left. "
                f"{rest}close other programs and try again, or train with fewer cells."
            )
        return f"Training ended unexpectedly: its process died. {rest}try again."

    def _tell(self, signal: Any, *values: Any) -> None:
        if not self._over:
            self._over = True
            signal.emit(*values)


def _environment() -> QProcessEnvironment:
    """Leave the window a core of its own."""
    environment = QProcessEnvironment.systemEnvironment()
    if not environment.contains("OMP_NUM_THREADS"):
        threads = min(_MOST_THREADS, max(1, (os.cpu_count() or 1) - 1))
        environment.insert("OMP_NUM_THREADS", str(threads))
    environment.insert("PYTHONIOENCODING", "utf-8")
    return environment
