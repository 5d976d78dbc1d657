"""Dry mass of a cell from its optical path difference (Barer 1952, doi:10.1038/169366b0)."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.phase.settings import REFRACTION_INCREMENT


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
