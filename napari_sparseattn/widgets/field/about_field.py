"""What is known of a field and of one of its cells, in words."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.cells import Field, FieldCells

_MEASURED = {"area_um2": "µm²", "mean_opd_nm": "nm on average", "dry_mass_pg": "pg dry mass"}


def about_field(field: Field) -> str:
    """Return what the pixels are and how large, in one line."""
    if field.modality == "phase" and field.unit == "nm":
        what = "Path difference in nm"
    elif len(field.channels) > 1 and field.channels != ("red", "green", "blue"):
        what = f"{len(field.channels)} channels"
    else:
        what = "Colour" if len(field.channels) == 3 else "One channel"
    height, width = field.shape
    size = field.pixel_size_um
    scale = "pixel size not known" if size is None else f"{size:.4g} µm a pixel"
    return f"{what}, {height} x {width}, {scale}"


def measured_text(found: FieldCells, index: int) -> str:
    """Return what was measured of a cell, "" where nothing was."""
    parts = [
        f"{values[index]:,.0f} {unit}"
        for name, unit in _MEASURED.items()
        if (values := found.cells.column(name)) is not None
    ]
    return ", ".join(parts)
