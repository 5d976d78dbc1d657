"""Training in a process of its own: the command line, its progress, and the words that end it."""

from __future__ import annotations

import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from qtpy.QtCore import QObject, Signal

from napari_sparseattn.command_process import CommandProcess

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


class TrainingProcess(CommandProcess):
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
        super().__init__(plan.arguments(), _threads(), parent)
        self.plan = plan
        self._unread = b""
        self._result: dict[str, Any] | None = None
        self._cancelling = self._over = False

    def stop(self) -> None:
        """End after the present epoch, and keep the best so far."""
        self.tell("stop")

    def cancel(self) -> None:
        """End, and leave nothing. A child that does not listen is killed."""
        self._cancelling = True
        if not self.is_running:
            return
        self.tell("cancel")
        self._process.closeWriteChannel()
        self.kill_after(MILLISECONDS_TO_OBEY)

    def close(self) -> None:
        """End at once: the window goes."""
        self._cancelling = self._over = True
        self.kill()

    def take_output(self, printed: bytes) -> None:
        *lines, self._unread = (self._unread + printed).split(b"\n")
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

    def take_failed_start(self, reason: str) -> None:
        self._conclude(self.failed, f"Training {reason}")

    def take_end(self, status: int, *, crashed: bool) -> None:
        if self._cancelling:
            self.plan.output.unlink(missing_ok=True)
            self._conclude(self.cancelled)
        elif not crashed and status == 0 and self._result is not None:
            self._conclude(self.finished, self._result)
        else:
            self._conclude(self.failed, self._sentence(status, crashed))

    def _sentence(self, status: int, crashed: bool) -> str:
        rest = "The labels and the model are as they were; "
        said = self.last_words("training", status)
        if not crashed and said is not None:
            return f"Training ended: {said}."
        if crashed and status == _KILLED:
            return (
                "Training ended unexpectedly: its process died, perhaps since there was no memory left. "
                f"{rest}close other programs and try again, or train with fewer cells."
            )
        return f"Training ended unexpectedly: its process died. {rest}try again."

    def _conclude(self, signal: Any, *values: Any) -> None:
        if not self._over:
            self._over = True
            signal.emit(*values)


def _threads() -> int | None:
    """Leave the window a core of its own."""
    if "OMP_NUM_THREADS" in os.environ:
        return None
    return min(_MOST_THREADS, max(1, (os.cpu_count() or 1) - 1))
