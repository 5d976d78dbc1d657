"""The line under the tabs: what is going on, with a button to stop it, or what was said last."""

from __future__ import annotations

from qtpy.QtCore import Qt, QTimer
from qtpy.QtWidgets import QHBoxLayout, QLabel, QProgressBar, QPushButton, QSizePolicy, QWidget

from napari_sparseattn.jobs import Job
from napari_sparseattn.session import Session

_SECONDS = 12
"""How long a sentence stays: an old one would seem to be about what is done now. What went wrong stays."""

_BAD = "QLabel#status { background: #d55e00; color: white; padding: 4px; border-radius: 3px; }"


class StatusLine(QWidget):
    """Progress of the newest job that is not quiet; sentences; errors in a colour that is seen."""

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._jobs = session.jobs
        self.text = QLabel()
        self.text.setWordWrap(True)
        self.text.setObjectName("status")
        self.text.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self.text.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)
        self.bar = QProgressBar()
        self.bar.setFixedWidth(90)
        self.bar.setTextVisible(False)
        self.stop = QPushButton("Stop")
        self.stop.setToolTip("Stop what is going on; everything stays as it was")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(8, 2, 8, 4)
        layout.addWidget(self.text, 1)
        layout.addWidget(self.bar)
        layout.addWidget(self.stop)
        self._sentence, self._bad = "", False
        self._went_wrong_beside: set[Job] = set()
        self._fading = QTimer(self)
        self._fading.setSingleShot(True)
        self._fading.setInterval(_SECONDS * 1000)
        self._fading.timeout.connect(self._fade)
        self.stop.clicked.connect(self._stop)
        session.jobs.changed.connect(self._show)
        session.workspace.said.connect(self.say)
        session.workspace.failed.connect(self.fail)
        self._show()

    def say(self, sentence: str) -> None:
        self._sentence, self._bad = sentence, False
        self._fading.start()
        self._show()

    def _fade(self) -> None:
        self._sentence = ""
        self._show()

    def fail(self, sentence: str) -> None:
        self._sentence, self._bad = sentence[:1].upper() + sentence[1:], True
        self._fading.stop()
        self._went_wrong_beside = set(self._jobs.running)
        self._show()

    def _newest(self):  # type: ignore[no-untyped-def]
        loud = [job for job in self._jobs.running if not job.quiet]
        return loud[-1] if loud else None

    def _stop(self) -> None:
        if (job := self._newest()) is not None:
            job.cancel()
            self.say(f"{job.name}: stopped.")

    def _show(self) -> None:
        job = self._newest()
        if self._bad and job is not None and job not in self._went_wrong_beside:
            self._sentence, self._bad = "", False  # the user has gone on to something else
        self.bar.setVisible(job is not None)
        self.stop.setVisible(job is not None and not job.vital)
        if job is not None:
            self.bar.setRange(0, job.total)  # 0: how long is not known, and the bar says so
            self.bar.setValue(job.done)
            count = f" {job.done:,} of {job.total:,}" if job.total else "…"
            self.text.setText(f"{job.name}{count}")
        else:
            self.text.setText(self._sentence)
        style = _BAD if self._bad and job is None else ""
        if self.text.styleSheet() != style:  # setting it lays the whole dock out anew
            self.text.setStyleSheet(style)
