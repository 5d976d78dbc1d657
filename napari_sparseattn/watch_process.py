"""Watching a folder in a process of its own: the command line, which writes the table that is followed."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from qtpy.QtCore import QObject, Signal

from napari_sparseattn.command_process import CommandProcess

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


class WatchProcess(CommandProcess):
    """One watching. Its signals come in the thread that made it."""

    ended = Signal(str)
    """Why it ended, as a sentence; empty where it was told to."""

    def __init__(self, plan: WatchPlan, parent: QObject | None = None) -> None:
        super().__init__(plan.arguments(), 1, parent)
        self.plan = plan
        self._told = False

    def stop(self) -> None:
        """End when what is begun is finished; one that does not listen is killed, which loses no row."""
        self._told = True
        self.tell("stop")
        self.kill_after(_MILLISECONDS_TO_OBEY)

    def close(self) -> None:
        """End now: the window goes."""
        self._told = True
        self.blockSignals(True)
        self.kill()

    def take_failed_start(self, reason: str) -> None:
        self.ended.emit(f"Watching {reason}")

    def take_end(self, status: int, *, crashed: bool) -> None:
        if self._told or (not crashed and status == 0):
            self.ended.emit("")
            return
        said = self.last_words("watching", status)
        if said is not None:
            self.ended.emit(f"Watching ended: {said}.")
        else:
            self.ended.emit("Watching ended unexpectedly; what is in the table stays. Start it again.")
