"""Dry mass of a cell from its optical path difference (Barer 1952, doi:10.1038/169366b0)."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.errors import InputError

REFRACTION_INCREMENT = 0.18
"""Of the matter of animal cells in µm³/pg (that is, mL/g): mostly protein, 0.18 to 0.19."""

INCREMENTS = (0.01, 1.0)


def check_increment(increment: float) -> None:
    """Raise InputError unless it can be a refraction increment in µm³/pg."""
    low, high = INCREMENTS
    if not (math.isfinite(increment) and low <= increment <= high):
        raise InputError(
            f"The refraction increment is {increment:g}; give {low:g} to {high:g} µm³/pg "
            f"(proteins {REFRACTION_INCREMENT:g})."
        )


def dry_mass(
    path_difference_nm: npt.NDArray[Any], pixel_size_um: float, increment: float = REFRACTION_INCREMENT
) -> float:
    """Return the dry mass of a cell in picograms: the sum of its path difference over its area.

    Parameters
    ----------
    path_difference_nm
        Of the cell's own pixels, above the ground, in nanometres; of any shape.
    pixel_size_um
        Side of a pixel in micrometres, in the sample.
    increment
        By how much the refractive index grows with the concentration of matter, in µm³/pg.
    """
    volume = float(np.sum(path_difference_nm, dtype=np.float64)) / 1000 * pixel_size_um**2  # µm³
    return volume / increment
