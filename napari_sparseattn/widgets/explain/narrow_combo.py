"""A box of choices that does not widen the dock."""

from __future__ import annotations

from qtpy.QtWidgets import QComboBox


def narrow_combo(hint: str) -> QComboBox:
    """Return a box that is as narrow as it has to be, however long its entries are."""
    combo = QComboBox()
    combo.setSizeAdjustPolicy(QComboBox.SizeAdjustPolicy.AdjustToMinimumContentsLengthWithIcon)
    combo.setMinimumContentsLength(1)
    combo.setToolTip(hint)
    return combo
