"""Digital holography: the optical path difference of a living cell in suspension."""

from __future__ import annotations

import numpy as np

from sparseattn.simulate.cell_model import Cell, Floats
from sparseattn.simulate.columns import Columns, project, to_pixels
from sparseattn.simulate.optics import speckle, through_lens
from sparseattn.simulate.view import View

FIELD = 24.0  # µm
MEDIUM_INDEX = 1.334  # phosphate-buffered saline
WAVELENGTH = 0.633  # µm, helium-neon laser
APERTURE = 0.75
CHROMATIN_INDEX = 0.010  # by how much chromatin twice as dense as the mean is above the nucleus's mean
QUANTUM = 1 / 16  # nm; far below the noise, and it lets the files be compressed


def path_difference(cell: Cell, columns: Columns) -> Floats:
    """Return the OPD in nm on the fine grid: the sum of (n - n_medium) dz."""
    return 1000 * (
        columns.cytoplasm * (cell.cytoplasm_index - MEDIUM_INDEX)
        + columns.nucleus * (cell.nucleus_index - MEDIUM_INDEX)
        + (columns.chromatin - columns.nucleus) * CHROMATIN_INDEX
        + columns.granules * (cell.granule_index - MEDIUM_INDEX)
    )


def see(cell: Cell, random: np.random.Generator, size: int) -> View:
    """Record a cell by off-axis holography and unwrap it.

    Returns
    -------
    View
        Image (size, size) float32 in nm, with coherent speckle and what background correction left behind.
    """
    columns = project(cell, random, size, FIELD, centre=_somewhere(random, 3.0))
    radians = 2 * np.pi / (1000 * WAVELENGTH)
    phase = radians * path_difference(cell, columns)
    wave = np.exp(1j * phase)
    lens = {"wavelength": WAVELENGTH, "aperture": APERTURE, "index": MEDIUM_INDEX}
    seen = through_lens(wave, columns.step, defocus=random.normal(0, 1.0), **lens)
    seen = seen + random.uniform(0.02, 0.06) * speckle(random, len(wave), columns.step, **lens)
    # Lens and noise move the phase by far less than pi: it is unwrapped by the phase that is known.
    recorded = to_pixels((phase + np.angle(seen * wave.conj())) / radians)
    image = recorded + _background(random, size)
    return View(image=(np.round(image / QUANTUM) * QUANTUM).astype(np.float32), labels=columns.labels())


def _somewhere(random: np.random.Generator, reach: float) -> tuple[float, float]:
    y, x = random.uniform(-reach, reach, 2)
    return float(y), float(x)


def _background(random: np.random.Generator, size: int) -> Floats:
    """Return what background correction left, (size, size) in nm: tilt, bowl, parasitic fringes."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, size)] * 2, indexing="ij")
    tilt_y, tilt_x, bowl, offset = random.normal(0, [8, 8, 5, 4])
    fringe_y, fringe_x = random.normal(0, 6, 2)
    fringes = random.exponential(1.5) * np.cos(fringe_y * y + fringe_x * x + random.uniform(0, 2 * np.pi))
    return np.asarray(tilt_y * y + tilt_x * x + bowl * (x**2 + y**2) + offset + fringes)
