"""The cell on a grid: how much of each material lies above every pixel.

All three instruments look along z, so the column integrals of the materials are all that they see of the
cell.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from sparseattn.simulate.cell_model import Cell, Floats, body_distance

OVERSAMPLING = 2  # fine points along each side of a pixel: light is computed there, the sensor averages
DEPTH_STEP = 0.35  # µm


@dataclass(frozen=True)
class Columns:
    """Thickness in µm of each material above each point of the fine grid, all (S, S) float32.

    Attributes
    ----------
    cytoplasm, nucleus, granules
        Thickness in µm; they do not overlap, vacuoles count as none of them.
    chromatin
        Thickness of the nucleus times its local relative chromatin density (mean 1).
    granule_cover
        Share of the point that granules cover.
    step
        Distance between two points of the fine grid, in µm.
    """

    cytoplasm: Floats
    nucleus: Floats
    granules: Floats
    chromatin: Floats
    granule_cover: Floats
    step: float

    def labels(self) -> NDArray[np.uint8]:
        """Return the label image (size, size): 0 background, 1 cytoplasm, 2 nucleus, 3 granule.

        A pixel is a granule where granules cover half of it, outside the nucleus: in an eosinophil they lie
        above and below all of it.
        """
        nucleus = to_pixels(self.nucleus)
        labels = np.zeros(nucleus.shape, np.uint8)
        labels[to_pixels(self.cytoplasm + self.nucleus + self.granules) > 0.5] = 1
        labels[(labels == 1) & (to_pixels(self.granule_cover) > 0.5)] = 3
        labels[nucleus > 0.5] = 2
        return labels


def to_pixels(fine: Floats) -> Floats:
    """Average the fine grid (..., S, S) over the sensor's pixels (..., S / 2, S / 2)."""
    *rest, height, width = fine.shape
    blocks = fine.reshape(*rest, height // OVERSAMPLING, OVERSAMPLING, width // OVERSAMPLING, OVERSAMPLING)
    return np.asarray(blocks.mean((-3, -1)), np.float32)


def project(
    cell: Cell,
    random: np.random.Generator,
    size: int,
    field: float,
    centre: tuple[float, float] = (0.0, 0.0),
    flattening: float = 1.0,
) -> Columns:
    """Integrate a cell's materials along z.

    Parameters
    ----------
    cell
        What to look at.
    random
        Draws the chromatin's texture.
    size
        Pixels along each side of the picture.
    field
        What the picture covers, in µm along each side.
    centre
        (y, x) of the cell, in µm from the middle of the field.
    flattening
        1 in suspension; in a smear the cell is this much wider and its square lower, at the same volume.

    Returns
    -------
    Columns
        On a fine grid of ``2 * size`` points along each side.
    """
    points = size * OVERSAMPLING
    step = field / points
    grid = (np.arange(points) + 0.5) * step - field / 2
    window_y, window_x = (_window(grid, middle, cell.reach * flattening) for middle in centre)
    # Coordinates of the cell, before it was flattened.
    y = (grid[window_y] - centre[0]) / flattening
    x = (grid[window_x] - centre[1]) / flattening
    layers = max(8, round(2 * cell.reach / flattening**2 / DEPTH_STEP))
    z = (np.arange(layers) + 0.5) / layers * 2 * cell.reach - cell.reach
    depth = 2 * cell.reach / layers / flattening**2

    body = np.clip(0.5 - _body(cell, x, y, z) / 0.3, 0, 1)
    nucleus = _nucleus(cell, x, y, z) * body
    texture = ndimage.gaussian_filter(
        random.standard_normal(body.shape, np.float32),
        cell.type.clump_size / 2 / np.array([depth * flattening**2, step, step]),
        truncate=2.5,
        mode="wrap",
    )
    texture *= cell.type.clumping / max(float(texture.std()), 1e-6)
    chromatin = nucleus * np.maximum(0.2, 1 + texture)

    def place(volume: Floats) -> Floats:
        plane = np.zeros((points, points), np.float32)
        plane[window_y, window_x] = volume.sum(0) * depth
        return plane

    nucleus_plane, body_plane, chromatin_plane = place(nucleus), place(body), place(chromatin)
    granules = _splat(cell.granules, cell.granule_radii, grid, centre, flattening)
    vacuoles = _splat(cell.vacuoles, cell.vacuole_radii, grid, centre, flattening)
    cytoplasm = np.maximum(0, body_plane - nucleus_plane - granules - vacuoles)
    mean_chord = 4 / 3 * float(np.mean(cell.granule_radii)) if len(cell.granule_radii) else 1.0
    return Columns(
        cytoplasm=cytoplasm,
        nucleus=nucleus_plane,
        granules=granules,
        chromatin=chromatin_plane,
        granule_cover=granules / mean_chord,
        step=step,
    )


def _window(grid: Floats, middle: float, reach: float) -> slice:
    first, last = np.searchsorted(grid, [middle - reach, middle + reach])
    return slice(int(first), int(last))


def _body(cell: Cell, x: Floats, y: Floats, z: Floats) -> Floats:
    mesh = np.stack(np.broadcast_arrays(x[None, None], y[None, :, None], z[:, None, None]), -1)
    parts = (mesh, cell.axes, cell.bump_directions, cell.bump_heights)
    return body_distance(*(part.astype(np.float32) for part in parts))


def _nucleus(cell: Cell, x: Floats, y: Floats, z: Floats) -> Floats:
    """Return the nucleus's occupancy (Z, Y, X), 0 to 1.

    A Gaussian is a product of its factors along the axes, so the sum of the blobs is one matrix product.
    """

    def along(axis: int, coordinates: Floats) -> Floats:
        offset = coordinates[:, None] - cell.blobs[:, axis]
        return np.exp(-((offset / cell.blob_radii) ** 2)).astype(np.float32)

    field = (along(2, z)[:, None] * along(1, y)[None]) @ along(0, x).T
    # log(field) falls by about 2 / radius per µm at the surface of a blob.
    distance = np.log((field + 1e-12) / cell.nucleus_level) * float(cell.blob_radii.mean()) / 2
    return np.clip(0.5 + distance / 0.3, 0, 1).astype(np.float32)


def _splat(
    centres: Floats,
    radii: Floats,
    grid: Floats,
    centre: tuple[float, float],
    flattening: float,
) -> Floats:
    """Return the thickness (S, S) in µm of small spheres: their volumes, blurred to their size.

    The projection of a sphere of radius r has variance r² / 5 along each axis; a Gaussian of that width
    cannot be told from it after the optics.
    """
    points, step = len(grid), float(grid[1] - grid[0])
    plane = np.zeros((points + 1) ** 2)
    if len(centres) == 0:
        return plane.reshape(points + 1, -1)[:points, :points].astype(np.float32)
    row = (centres[:, 1] * flattening + centre[0] - grid[0]) / step
    column = (centres[:, 0] * flattening + centre[1] - grid[0]) / step
    inside = (row >= 0) & (row < points - 1) & (column >= 0) & (column < points - 1)
    row, column, radii = row[inside], column[inside], radii[inside]
    thickness = 4 / 3 * np.pi * radii**3 / step**2
    top, left = np.floor(row).astype(int), np.floor(column).astype(int)
    down, right = row - top, column - left
    for shift_y, weight_y in ((0, 1 - down), (1, down)):
        for shift_x, weight_x in ((0, 1 - right), (1, right)):
            place = (top + shift_y) * (points + 1) + left + shift_x
            plane += np.bincount(place, thickness * weight_y * weight_x, len(plane))
    blur = float(radii.mean()) / np.sqrt(5) / step if len(radii) else 0.0
    plane = plane.reshape(points + 1, -1)[:points, :points]
    return np.asarray(ndimage.gaussian_filter(plane, blur), np.float32)
