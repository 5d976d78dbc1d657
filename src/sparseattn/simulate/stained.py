"""Brightfield of a blood smear after May-Gruenwald-Giemsa: dried, flattened, stained by azure and eosin."""

from __future__ import annotations

import numpy as np
from scipy import ndimage
from skimage.color import rgb_from_bex

from sparseattn.simulate.cell_model import Cell, Floats
from sparseattn.simulate.columns import Columns, project, to_pixels
from sparseattn.simulate.view import View

FIELD = 28.0  # µm
# Absorption of each dye in red, green, blue: Landini's Giemsa vectors, as scikit-image holds them.
AZURE, EOSIN = (vector / np.linalg.norm(vector) for vector in rgb_from_bex[:2])
HAEMOGLOBIN = np.array([0.002, 0.05, 0.09])  # optical density a µm of red cell, set by hand
NUCLEAR_AZURE, NUCLEAR_EOSIN = 52.0, 62.0  # µm²: optical density times area; all five types hold the same DNA
CREAM, LAVENDER = np.array([1.0, 0.90, 0.80]), np.array([0.88, 0.86, 0.93])  # white, as cameras were set


def see(cell: Cell, random: np.random.Generator, size: int) -> View:
    """Take a picture of a smeared and stained cell among red cells.

    Returns
    -------
    View
        Image (size, size, 3) uint8 RGB.
    """
    flattening = random.uniform(1.25, 1.45)
    y, x = random.uniform(-4.0, 4.0, 2)
    columns = project(cell, random, size, FIELD, centre=(float(y), float(x)), flattening=flattening)
    density = _dyed(*_dyes(cell, columns, random))
    density += _neighbours(cell, columns, (float(y), float(x)), flattening, random)
    density *= np.exp(random.normal(0, 0.15))  # how long the slide lay in the stain

    transmitted = np.exp(-density)  # Beer-Lambert
    blur = np.hypot(0.18, abs(random.normal(0, 0.45)))  # µm: the lens and how far it is from focus
    transmitted = ndimage.gaussian_filter(transmitted, (0, blur / columns.step, blur / columns.step))
    light = to_pixels(transmitted) * _illumination(size, random)
    glare = random.uniform(0.01, 0.05)
    light = (1 - glare) * light + glare * light.mean((1, 2), keepdims=True)
    electrons = random.uniform(4000, 12000)
    noisy = light + np.sqrt(np.maximum(light, 0) / electrons) * random.standard_normal(light.shape)
    image = np.clip(np.rint(255 * noisy), 0, 255).astype(np.uint8)
    return View(image=np.ascontiguousarray(image.transpose(1, 2, 0)), labels=columns.labels())


def _dyed(azure: Floats, eosin: Floats) -> Floats:
    """Return the optical density (3, S, S) of amounts (S, S) of the two dyes."""
    return np.asarray(AZURE[:, None, None] * azure + EOSIN[:, None, None] * eosin)


def _dyes(cell: Cell, columns: Columns, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return how much azure and eosin the cell took up, each (S, S) in optical density."""
    # Chromatin takes both dyes, which makes it purple (the Romanowsky-Giemsa effect); as every nucleus holds
    # the same DNA, a wide one is paler.
    chromatin = columns.chromatin / max(float(columns.chromatin.sum()) * columns.step**2, 1e-6)
    cytoplasm, granule = cell.type.cytoplasm_stain, cell.type.granule_stain
    granules = columns.granules * random.uniform(0.3, 1.2)  # they dissolve in water, more or less
    azure = NUCLEAR_AZURE * chromatin + cytoplasm.azure * columns.cytoplasm + granule.azure * granules
    eosin = NUCLEAR_EOSIN * chromatin + cytoplasm.eosin * columns.cytoplasm + granule.eosin * granules
    acid = random.normal(0, 0.2)  # an acid buffer favours eosin, a basic one azure
    return cell.stain_uptake * np.exp(-acid) * azure, cell.stain_uptake * np.exp(acid) * eosin


def _neighbours(
    cell: Cell,
    columns: Columns,
    centre: tuple[float, float],
    flattening: float,
    random: np.random.Generator,
) -> Floats:
    """Return the optical density (3, S, S) of red cells and platelets around the white cell."""
    points = len(columns.nucleus)
    grid = (np.arange(points) + 0.5) * columns.step - FIELD / 2
    density = np.zeros((3, points, points))
    reach = float(cell.axes.mean()) * flattening
    taken: list[tuple[float, float]] = []
    crowd = random.uniform(3, 22)
    for _ in range(round(crowd)):
        y, x = random.uniform(-FIELD / 2 - 3, FIELD / 2 + 3, 2)
        apart = random.uniform(4.0, 8.0)  # now and then two red cells overlap
        if np.hypot(y - centre[0], x - centre[1]) < reach + 3.3:
            continue
        if any(np.hypot(y - other_y, x - other_x) < apart for other_y, other_x in taken):
            continue
        taken.append((float(y), float(x)))
        thickness = _red_cell(grid - y, grid - x, random)
        density += _dyed(0.10 * thickness, 0.11 * thickness) + HAEMOGLOBIN[:, None, None] * thickness
    for _ in range(random.poisson(0.5)):
        y, x = random.uniform(-FIELD / 2, FIELD / 2, 2)
        if np.hypot(y - centre[0], x - centre[1]) < reach + 1.5:
            continue
        squared = (grid[:, None] - y) ** 2 + (grid - x) ** 2
        platelet = np.clip(random.uniform(0.8, 1.4) - np.sqrt(squared), 0, 0.5)
        platelet *= 1 + 0.4 * ndimage.gaussian_filter(random.standard_normal(platelet.shape), 1.5) * 5
        density += _dyed(1.1 * platelet, 1.3 * platelet)
    return density


def _red_cell(y: Floats, x: Floats, random: np.random.Generator) -> Floats:
    """Return the thickness (S, S) in µm of a biconcave disc, slightly oval (Evans and Fung 1972)."""
    radius, oval = random.uniform(3.3, 4.1), random.normal(0, 0.06)
    turn, pallor = random.uniform(0, np.pi), random.uniform(0.3, 1.2)
    along = np.cos(turn) * x + np.sin(turn) * y[:, None]
    across = -np.sin(turn) * x + np.cos(turn) * y[:, None]
    squared = (along * (1 + oval) / radius) ** 2 + (across * (1 - oval) / radius) ** 2
    profile = np.sqrt(np.clip(1 - squared, 0, 1))
    # c0 + c1 r² + c2 r⁴ = 0.81 + 7.83 r² - 4.39 r⁴ µm; a smear shows the pale centre more or less.
    return np.asarray(profile * (2.6 - pallor * 1.79 + pallor * (7.83 * squared - 4.39 * squared**2)) * 0.6)


def _illumination(size: int, random: np.random.Generator) -> Floats:
    """Return the light (3, size, size) on an empty slide: colour, exposure and an uneven lamp."""
    y, x = np.meshgrid(*[np.linspace(-1, 1, size)] * 2, indexing="ij")
    lean_y, lean_x = random.normal(0, 0.025, 2)
    lamp = 1 + lean_y * y + lean_x * x - abs(random.normal(0, 0.02)) * (x**2 + y**2)
    white = CREAM + (LAVENDER - CREAM) * random.beta(0.5, 1.0)
    colour = white * np.exp(random.normal(0, 0.04, 3)) * random.uniform(0.92, 1.0)
    return np.asarray(colour[:, None, None] * lamp)
