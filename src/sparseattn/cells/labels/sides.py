"""Which labelled cells test models and never teach them, and what that means for a set of cells."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from sparseattn.cells.cellset import CellSet

if TYPE_CHECKING:
    from sparseattn.cells.labels.log import LabelLog
    from sparseattn.cells.labels.records import LabelEvent

TEST_SHARE = 0.2
"""Share of the cells labelled by hand that are set aside for testing."""


def is_set_aside(event: LabelEvent) -> bool:
    """Return whether a cell whose first label this is tests for ever.

    The hash is another one than that which splits training from validation, else these would be drawn from
    what it leaves. Copies of one image have one content, and one side.
    """
    if event.origin == "bulk" or event.picked in ("uncertain", "bulk"):
        return False
    content = event.cell.split("-", 1)[0]
    digest = hashlib.blake2b(content.encode(), digest_size=8, person=b"set aside").digest()
    return int.from_bytes(digest, "big") / 2**64 < TEST_SHARE


def labelled_by(cells: CellSet, log: LabelLog) -> CellSet:
    """Return the cells with the log's labels over their own.

    Cells that are unsure, to be excluded, or set aside and yet not fit to test with, have no label.
    """
    labels = log.labels

    def of(cell: str, own: str | None) -> str | None:
        label = labels.get(cell)
        if label is None:
            return own
        return label.name if label.is_class and label.set_aside == label.tests else None

    return cells.with_labels([of(*pair) for pair in zip(cells.ids, cells.labels, strict=True)])
