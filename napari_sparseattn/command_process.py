"""The command line in a process of its own: started, listened to, told words, ended."""

from __future__ import annotations

import logging
import sys
from typing import Any

from qtpy.QtCore import QObject, QProcess, QProcessEnvironment, QTimer

log = logging.getLogger(__name__)

_LONGEST_SAID = 20_000
"""Bytes of stderr that are kept, the last ones."""


class CommandProcess(QObject):
    """A command of `sparseattn`. What it prints and how it ends is for those who derive from it.

    Parameters
    ----------
    arguments : list of str
        The command line after ``sparseattn``.
    threads : int or None
        Of torch; None: as the environment says.
    """

    def __init__(self, arguments: list[str], threads: int | None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arguments = arguments
        self._said = b""  # on stderr
        self._process = QProcess(self)
        environment = QProcessEnvironment.systemEnvironment()
        environment.insert("PYTHONIOENCODING", "utf-8")
        if threads is not None:
            environment.insert("OMP_NUM_THREADS", str(threads))
        self._process.setProcessEnvironment(environment)
        self._process.readyReadStandardOutput.connect(self._read)
        self._process.readyReadStandardError.connect(self._listen)
        self._process.finished.connect(self._finish)
        self._process.errorOccurred.connect(self._fail)

    def start(self) -> None:
        """Begin."""
        self._process.start(sys.executable, ["-m", "sparseattn", *self._arguments])

    @property
    def is_running(self) -> bool:
        return self._process.state() != QProcess.ProcessState.NotRunning

    @property
    def process_id(self) -> int:
        """Of the child; 0 while it does not run."""
        return int(self._process.processId())

    def tell(self, word: str) -> None:
        """Write a word to its stdin."""
        self._process.write(f"{word}\n".encode())

    def kill_after(self, milliseconds: int) -> None:
        """Kill a child that does not listen."""
        QTimer.singleShot(milliseconds, self._process.kill)

    def kill(self) -> None:
        """End it now, and wait until it is gone."""
        if self.is_running:
            self._process.kill()
            self._process.waitForFinished(2000)

    def last_words(self, doing: str, status: int) -> str | None:
        """Return the sentence that the command ended with, without its full stop; None where it said none."""
        lines = self._said.decode(errors="replace").strip().splitlines()
        log.warning("%s ended with status %s:\n%s", doing, status, "\n".join(lines[-30:]))
        if lines and lines[-1].startswith("sparseattn: "):
            return lines[-1].removeprefix("sparseattn: ").rstrip(".")
        return None

    # -- for those who derive ------------------------------------------------------------------------

    def take_output(self, printed: bytes) -> None:
        """Take what was printed on stdout; nothing is done with it here."""

    def take_end(self, status: int, *, crashed: bool) -> None:
        """Take how it ended, after all that it printed."""
        raise NotImplementedError

    def take_failed_start(self, reason: str) -> None:
        """Take why it could not be started, as the end of a sentence."""
        raise NotImplementedError

    # ------------------------------------------------------------------------------------------------

    def _read(self) -> None:
        self.take_output(bytes(self._process.readAllStandardOutput()))

    def _listen(self) -> None:
        self._said = (self._said + bytes(self._process.readAllStandardError()))[-_LONGEST_SAID:]

    def _finish(self, status: int, how: Any) -> None:
        self._read()
        self._listen()
        self.take_end(status, crashed=how != QProcess.ExitStatus.NormalExit)

    def _fail(self, error: Any) -> None:
        if error == QProcess.ProcessError.FailedToStart:
            self.take_failed_start(f"could not be started: {sys.executable} cannot be run.")
