"""Which channel of the cells is which of the model."""

from __future__ import annotations

from collections.abc import Sequence

from qtpy.QtWidgets import (
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFormLayout,
    QLabel,
    QVBoxLayout,
    QWidget,
)

from napari_sparseattn.widgets.foreign_text import show_as_text
from napari_sparseattn.widgets.remember_box import RememberBox


class ChannelDialog(QDialog):
    """Asks for a channel of the cells for each of the model's."""

    def __init__(
        self,
        ours: Sequence[str],
        theirs: Sequence[str],
        *,
        can_remember: bool = False,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(parent)
        self.setWindowTitle("Match Channels")
        self.boxes: dict[str, QComboBox] = {}
        form = QFormLayout()
        for place, name in enumerate(theirs):
            box = QComboBox()
            box.addItems(list(ours))
            box.setCurrentIndex(ours.index(name) if name in ours else min(place, len(ours) - 1))
            box.currentIndexChanged.connect(self._check)
            self.boxes[name] = box
            form.addRow(f"{name} of the model is", box)
        self.remember = RememberBox()
        self.remember.offer(can_remember)
        self.hint = QLabel()
        self.hint.setWordWrap(True)
        self.buttons = QDialogButtonBox(
            QDialogButtonBox.StandardButton.Ok | QDialogButtonBox.StandardButton.Cancel
        )
        self.buttons.accepted.connect(self.accept)
        self.buttons.rejected.connect(self.reject)
        layout = QVBoxLayout(self)
        layout.addWidget(QLabel("The channels of the cells have other names than those of the model."))
        layout.addLayout(form)
        layout.addWidget(self.hint)
        layout.addWidget(self.remember)
        layout.addWidget(self.buttons)
        show_as_text(self)
        self._check()

    @property
    def names(self) -> dict[str, str]:
        """The cells' name -> the model's name."""
        return {box.currentText(): name for name, box in self.boxes.items()}

    def _check(self) -> None:
        twice = len(self.names) < len(self.boxes)
        self.hint.setText("Each channel can be taken once." if twice else "")
        self.buttons.button(QDialogButtonBox.StandardButton.Ok).setEnabled(not twice)
