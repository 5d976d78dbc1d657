"""The questions that can be asked about the current cell, each in a section that folds away."""

from __future__ import annotations

from qtpy.QtCore import QTimer
from qtpy.QtWidgets import QGroupBox, QScrollArea, QVBoxLayout

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.may_be import MayBe
from napari_sparseattn.widgets.explain.on_background import OnBackground
from napari_sparseattn.widgets.explain.question import Question
from napari_sparseattn.widgets.explain.seen_before import SeenBefore
from napari_sparseattn.widgets.explain.what_if import WhatIf
from napari_sparseattn.widgets.explain.why_not import WhyNot
from napari_sparseattn.widgets.explain.would_change import WouldChange
from napari_sparseattn.widgets.section import Section


class AskBox(QGroupBox):
    """All questions, folded at first; one that is opened is brought into sight."""

    def __init__(self, session: Session) -> None:
        super().__init__("Ask about this cell")
        self.why_not = WhyNot(session)
        self.what_if = WhatIf(session)
        self.would_change = WouldChange(session)
        self.seen_before = SeenBefore(session)
        self.may_be = MayBe(session)
        self.on_background = OnBackground(session)
        self.sections: dict[Question, Section] = {}
        self._opened: Section | None = None
        self._soon = QTimer(self)
        self._soon.setSingleShot(True)
        self._soon.setInterval(20)
        self._soon.timeout.connect(self._bring_into_sight)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(6, 4, 6, 6)
        layout.setSpacing(2)
        for question in (
            self.why_not,
            self.what_if,
            self.would_change,
            self.seen_before,
            self.may_be,
            self.on_background,
        ):
            section = Section(question.title, question, opened=False, hint=question.hint)
            question.toggle(False)  # a dock that was closed may have left it open
            section.header.toggled.connect(question.toggle)
            section.header.toggled.connect(self._take_toggle)
            self.sections[question] = section
            layout.addWidget(section)

    def _take_toggle(self, opened: bool) -> None:
        header = self.sender()
        self._opened = next(one for one in self.sections.values() if one.header is header)
        if opened:
            self._soon.start()  # when the layout has made room for it

    def _bring_into_sight(self) -> None:
        area = self.parentWidget()
        while area is not None and not isinstance(area, QScrollArea):
            area = area.parentWidget()
        if area is not None and self._opened is not None:
            area.ensureWidgetVisible(self._opened, 0, 8)
