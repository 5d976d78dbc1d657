"""Have I seen such a cell: the labelled cells that are most alike, as pictures that lead to them."""

from __future__ import annotations

from collections import Counter

from qtpy.QtCore import QSize, Qt
from qtpy.QtGui import QIcon
from qtpy.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton

from napari_sparseattn.alike_cells import COUNT, AlikeCell
from napari_sparseattn.session import Session
from napari_sparseattn.widgets.explain.question import Question
from napari_sparseattn.widgets.sentences import STATEMENT, WARNING, Sentences
from napari_sparseattn.widgets.shared_contrast import SharedContrast, shares_at_first
from napari_sparseattn.widgets.thumbnail_picture import thumbnail
from napari_sparseattn.widgets.thumbnails import Thumbnails
from sparseattn.explain.familiarity import familiarity, is_unlike

SIDE = 72


class SeenBefore(Question):
    """Five pictures with class and distance, and whether the cell is like those of the training."""

    title = "Have I seen such a cell?"
    hint = "The labelled cells that the model finds most like this one"

    def __init__(self, session: Session) -> None:
        super().__init__(session)
        self.alike = session.alike_cells
        self.thumbnails = Thumbnails(self)
        self.warning = Sentences(WARNING)
        self.statement = Sentences(STATEMENT)
        self.said = QLabel()
        self.said.setWordWrap(True)
        self.pictures = [self._picture() for _ in range(COUNT)]
        self._shown: tuple[AlikeCell, ...] = ()
        row = QHBoxLayout()
        row.setSpacing(4)
        for picture in self.pictures:
            row.addWidget(picture, 1)
        self.stack(self.said, row, self.warning, self.statement)
        self.thumbnails.ready.connect(self._take_thumbnail)
        self.alike.changed.connect(self._show)
        self.workspace.cells_changed.connect(self._take_cells)
        self.workspace.explanation_changed.connect(self._show_familiarity)
        self._take_cells()
        self._show()

    def unfold(self, opened: bool) -> None:
        """The cells are compared when it is first opened."""
        self.alike.switch(opened)
        self._show()

    def _picture(self) -> QToolButton:
        button = QToolButton()
        button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextUnderIcon)
        button.setIconSize(QSize(SIDE, SIDE))
        button.setAutoRaise(True)
        policy = button.sizePolicy()
        policy.setHorizontalPolicy(QSizePolicy.Policy.Ignored)
        policy.setRetainSizeWhenHidden(True)  # the section is not to grow when they come
        button.setSizePolicy(policy)
        button.setFixedHeight(SIDE + 2 * self.fontMetrics().lineSpacing() + 12)
        button.clicked.connect(self._go_there)
        return button

    def _go_there(self) -> None:
        place = self.pictures.index(self.sender())
        if place < len(self._shown):
            self.workspace.current = self._shown[place].index

    def _take_cells(self) -> None:
        cells = self.workspace.cells
        if cells is None:
            self.thumbnails.begin(None)
            return
        shared = SharedContrast(cells) if shares_at_first(cells) else None
        self.thumbnails.begin(
            lambda index: thumbnail(cells, index, None if shared is None else shared.limits())
        )

    def _show(self) -> None:
        self._shown = self.alike.nearest() if self.is_open else ()
        for place, button in enumerate(self.pictures):
            there = place < len(self._shown)
            button.setVisible(there)
            if there:
                one = self._shown[place]
                name = self.fontMetrics().elidedText(one.label, Qt.TextElideMode.ElideMiddle, SIDE + 8)
                button.setText(f"{name}\n{one.distance:.3f} away")
                button.setToolTip(
                    f"Cell {one.index + 1:,}, labelled {one.label}, {one.distance:.3f} away from this one\n"
                    "(0: the same to the model; 1: nothing in common). Click to go there."
                )
                button.setAccessibleName(f"Cell {one.index + 1}, {one.label}")
                self._show_thumbnail(button, one.index)
        self.said.setText(self._sentence())
        self._show_familiarity()

    def _sentence(self) -> str:
        if self._shown:
            counted = Counter(one.label for one in self._shown).most_common()
            most = ", ".join(f"{count} {name}" for name, count in counted)
            return f"Most like it, of the labelled cells: {most}."
        if self.alike.comparing:
            return "Comparing the cells…"
        if self.alike.known:
            return "No other cell has a label: label some, or open cells that have one."
        return "The cells were not compared: fold this away and open it again."

    def _show_familiarity(self) -> None:
        explanation = self.workspace.explanation
        score = 1.0 if explanation is None else explanation.in_distribution
        words = [] if explanation is None else [familiarity(score)]
        self.warning.say(words if is_unlike(score) else [])
        self.statement.say([] if is_unlike(score) else words)

    def _take_thumbnail(self, index: int) -> None:
        for button, one in zip(self.pictures, self._shown, strict=False):
            if one.index == index:
                self._show_thumbnail(button, index)

    def _show_thumbnail(self, button: QToolButton, index: int) -> None:
        ratio = self.devicePixelRatioF()
        pixmap = self.thumbnails.pixmap(index, round(SIDE * ratio))
        if pixmap is None:
            button.setIcon(QIcon())
            return
        pixmap.setDevicePixelRatio(ratio)
        button.setIcon(QIcon(pixmap))
