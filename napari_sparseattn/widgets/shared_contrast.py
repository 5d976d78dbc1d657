"""The contrast that all thumbnails of a set share, found when the first of them is made."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from napari_sparseattn.widgets.thumbnail_picture import shared_limits
from sparseattn.explain.display import RGB

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.explain.display import Limits

_BRIGHTNESS_TELLS = ("flow", "fluorescence", "phase")
"""Where how bright a cell is, is what was measured."""


class SharedContrast:
    """Asked in the thread that makes thumbnails: some cells are read at the first question."""

    def __init__(self, cells: CellSet) -> None:
        self.cells = cells
        self._lock = threading.Lock()
        self._found = False
        self._limits: Limits | None = None

    def limits(self) -> Limits | None:
        with self._lock:
            if not self._found:
                self._limits, self._found = shared_limits(self.cells), True
            return self._limits


def can_share(cells: CellSet) -> bool:
    """Return whether there is a contrast to choose: colour pictures are shown as they are."""
    return cells.channels[:3] != RGB


def shares_at_first(cells: CellSet) -> bool:
    """Return whether cells have one contrast where nobody has chosen."""
    return can_share(cells) and cells.modality in _BRIGHTNESS_TELLS
