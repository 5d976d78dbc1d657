"""A box to tick: whether what is said of files is kept for their later openings."""

from __future__ import annotations

from qtpy.QtWidgets import QCheckBox


class RememberBox(QCheckBox):
    def __init__(self) -> None:
        super().__init__("Remember it for these files")
        self.setToolTip(
            "Written to cells.json beside them, or to your own settings where that cannot be written"
        )
        self.setChecked(True)

    def offer(self, can: bool) -> None:
        """Offer it or not: of files that are not the user's nothing is kept."""
        self.setChecked(can)
        self.setVisible(can)
