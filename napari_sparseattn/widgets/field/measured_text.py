"""What was measured of a cell of a field, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.cells import FieldCells

_MEASURED = {"area_um2": "µm²", "mean_opd_nm": "nm on average", "dry_mass_pg": "pg dry mass"}


def measured_text(found: FieldCells, index: int) -> str:
    """Return what was measured of a cell, "" where nothing was."""
    parts = [
        f"{values[index]:,.0f} {unit}"
        for name, unit in _MEASURED.items()
        if (values := found.cells.column(name)) is not None
    ]
    return ", ".join(parts)
