"""One three-dimensional white blood cell, of five types, for every instrument to look at.

A cell is a bumpy ellipsoid with a nucleus, granules and vacuoles. The nucleus is a level set of a sum of
Gaussian blobs (metaballs; Blinn 1982, doi:10.1145/357306.357310) strung along an arc: a short dense row
makes the round nucleus of a lymphocyte, a long one the kidney of a monocyte, two to five blobs with thin
bridges the lobes of a granulocyte. The level is chosen so that the nucleus fills its share of the volume.

Lengths are micrometres, axes are (x, y, z) with z along the light. Every number is drawn from a distribution
of its type; the types overlap, as they do in blood. docs/simulators.md says where the numbers come from.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.floating[Any]]

PROBES = 4000  # random points in a cell: enough to set the nucleus's volume to 1 % and to seat every granule
BUMPS = 5


@dataclass(frozen=True)
class Spread:
    """A normal distribution, cut at two standard deviations: no cell is a freak."""

    mean: float
    deviation: float

    def draw(self, random: np.random.Generator) -> float:
        """Return one value."""
        return self.mean + self.deviation * float(np.clip(random.standard_normal(), -2, 2))


@dataclass(frozen=True)
class Stain:
    """Optical density (natural logarithm) that one micrometre of a material adds, by dye."""

    azure: float
    eosin: float


@dataclass(frozen=True)
class CellType:
    """What is typical of one type of white blood cell."""

    name: str
    diameter: Spread  # µm, in suspension
    bumpiness: Spread  # share of the radius
    nucleus_share: Spread  # of the cell's volume
    lobes: dict[int, float]  # number of lobes: probability; 1 is an unsegmented nucleus
    arc: Spread  # angle, in radians, along which the nucleus is strung
    arc_radius: Spread  # share of the cell's radius
    bridge: float  # width of the bridges between lobes, share of the lobes' width
    granules: Spread  # number
    granule_radius: Spread  # µm
    granule_index: Spread  # refractive index
    vacuoles: Spread  # number
    cytoplasm_index: Spread
    clumping: float  # contrast of the chromatin's texture
    clump_size: float  # µm
    cytoplasm_stain: Stain
    granule_stain: Stain


CELL_TYPES: tuple[CellType, ...] = (
    CellType(
        name="basophil",
        diameter=Spread(9.0, 0.8),
        bumpiness=Spread(0.05, 0.02),
        nucleus_share=Spread(0.25, 0.04),
        lobes={1: 0.25, 2: 0.5, 3: 0.25},
        arc=Spread(3.0, 0.6),
        arc_radius=Spread(0.38, 0.05),
        bridge=0.8,
        granules=Spread(45, 10),
        granule_radius=Spread(0.50, 0.05),
        granule_index=Spread(1.405, 0.010),
        vacuoles=Spread(1, 1),
        cytoplasm_index=Spread(1.355, 0.003),
        clumping=0.25,
        clump_size=0.7,
        cytoplasm_stain=Stain(0.07, 0.09),
        granule_stain=Stain(2.2, 2.3),
    ),
    CellType(
        name="eosinophil",
        diameter=Spread(9.6, 0.8),
        bumpiness=Spread(0.05, 0.02),
        nucleus_share=Spread(0.20, 0.03),
        lobes={2: 0.75, 3: 0.25},
        arc=Spread(3.3, 0.6),
        arc_radius=Spread(0.52, 0.05),
        bridge=0.35,
        granules=Spread(300, 45),
        granule_radius=Spread(0.33, 0.03),
        granule_index=Spread(1.405, 0.010),
        vacuoles=Spread(0.5, 0.5),
        cytoplasm_index=Spread(1.357, 0.003),
        clumping=0.25,
        clump_size=0.7,
        cytoplasm_stain=Stain(0.05, 0.11),
        granule_stain=Stain(0.2, 1.2),
    ),
    CellType(
        name="lymphocyte",
        diameter=Spread(7.8, 0.9),
        bumpiness=Spread(0.05, 0.02),
        nucleus_share=Spread(0.60, 0.08),
        lobes={1: 1.0},
        arc=Spread(0.5, 0.4),
        arc_radius=Spread(0.18, 0.06),
        bridge=1.0,
        granules=Spread(4, 4),
        granule_radius=Spread(0.20, 0.03),
        granule_index=Spread(1.400, 0.010),
        vacuoles=Spread(0, 0.3),
        cytoplasm_index=Spread(1.357, 0.003),
        clumping=0.25,
        clump_size=0.9,
        cytoplasm_stain=Stain(0.20, 0.06),
        granule_stain=Stain(0.6, 0.9),
    ),
    CellType(
        name="monocyte",
        diameter=Spread(10.4, 1.0),
        bumpiness=Spread(0.09, 0.03),
        nucleus_share=Spread(0.33, 0.04),
        lobes={1: 1.0},
        arc=Spread(2.9, 0.6),
        arc_radius=Spread(0.48, 0.06),
        bridge=1.0,
        granules=Spread(60, 25),
        granule_radius=Spread(0.12, 0.02),
        granule_index=Spread(1.400, 0.010),
        vacuoles=Spread(4, 3),
        cytoplasm_index=Spread(1.353, 0.003),
        clumping=0.30,
        clump_size=0.45,
        cytoplasm_stain=Stain(0.08, 0.05),
        granule_stain=Stain(0.5, 0.8),
    ),
    CellType(
        name="neutrophil",
        diameter=Spread(9.2, 0.7),
        bumpiness=Spread(0.06, 0.03),
        nucleus_share=Spread(0.20, 0.03),
        lobes={1: 0.15, 2: 0.15, 3: 0.40, 4: 0.22, 5: 0.08},
        arc=Spread(4.2, 0.7),
        arc_radius=Spread(0.56, 0.06),
        bridge=0.45,
        granules=Spread(380, 70),
        granule_radius=Spread(0.17, 0.02),
        granule_index=Spread(1.415, 0.010),
        vacuoles=Spread(0.5, 0.7),
        cytoplasm_index=Spread(1.356, 0.003),
        clumping=0.28,
        clump_size=0.7,
        cytoplasm_stain=Stain(0.04, 0.04),
        granule_stain=Stain(0.5, 1.0),
    ),
)

CLASSES: tuple[str, ...] = tuple(cell_type.name for cell_type in CELL_TYPES)


@dataclass(frozen=True)
class Cell:
    """One cell in its own coordinates: the centre is the origin, nothing is on a grid yet.

    Attributes
    ----------
    axes : (3,) µm
        Half axes of the ellipsoid.
    bump_directions, bump_heights : (5, 3) unit vectors and (5,) shares of the radius
        The body's radius towards ``u`` is multiplied by ``1 + sum(height * (u . direction)**3)``.
    blobs, blob_radii : (B, 3) and (B,) µm
        Gaussian blobs of the nucleus.
    nucleus_level : float
        The nucleus is where the sum of the blobs is above this level.
    granules, granule_radii : (G, 3) and (G,) µm
    vacuoles, vacuole_radii : (V, 3) and (V,) µm
    cytoplasm_index, nucleus_index, granule_index : float
        Refractive indices.
    stain_uptake : float
        How well this cell took the dyes, about 1.
    """

    type: CellType
    axes: Floats
    bump_directions: Floats
    bump_heights: Floats
    blobs: Floats
    blob_radii: Floats
    nucleus_level: float
    granules: Floats
    granule_radii: Floats
    vacuoles: Floats
    vacuole_radii: Floats
    cytoplasm_index: float
    nucleus_index: float
    granule_index: float
    stain_uptake: float

    @property
    def reach(self) -> float:
        """Radius in µm of a sphere that holds the whole cell."""
        return float(self.axes.max() * (1 + np.abs(self.bump_heights).sum()))


def grow(cell_type: CellType, random: np.random.Generator) -> Cell:
    """Draw one cell of a type.

    Parameters
    ----------
    cell_type
        One of `CELL_TYPES`.
    random
        Source of all its variation.

    Returns
    -------
    Cell
        In a random orientation.
    """
    radius = cell_type.diameter.draw(random) / 2
    axes = radius * np.exp(random.normal(0, 0.05, 3))
    directions = _directions(random, BUMPS)
    heights = max(0.0, cell_type.bumpiness.draw(random)) * random.standard_normal(BUMPS).clip(-2, 2)
    blobs, blob_radii = _string_nucleus(cell_type, radius, random)

    probes = _directions(random, PROBES) * radius * 1.3 * random.random((PROBES, 1)) ** (1 / 3)
    probes = probes[body_distance(probes, axes, directions, heights) < -0.15]
    inside_nucleus = nucleus_field(probes, blobs, blob_radii)
    share = cell_type.nucleus_share.draw(random)
    level = float(np.quantile(inside_nucleus, 1 - share))

    seats = probes[inside_nucleus < 0.9 * level]
    granule_count = min(max(0, round(cell_type.granules.draw(random))), len(seats))
    granule_radius = cell_type.granule_radius.draw(random)
    granule_radii = granule_radius * np.exp(random.normal(0, 0.15, granule_count))
    # Vacuoles sit where the cytoplasm is deepest: away from the nucleus and from the membrane.
    vacuole_count = max(0, round(cell_type.vacuoles.draw(random)))
    deep = seats[body_distance(seats, axes, directions, heights) < -0.7]
    vacuoles = deep[random.integers(0, len(deep), vacuole_count)] if len(deep) else np.empty((0, 3))
    cytoplasm_index = cell_type.cytoplasm_index.draw(random)
    return Cell(
        type=cell_type,
        axes=axes,
        bump_directions=directions,
        bump_heights=heights,
        blobs=blobs,
        blob_radii=blob_radii,
        nucleus_level=level,
        granules=seats[:granule_count],
        granule_radii=granule_radii,
        vacuoles=vacuoles,
        vacuole_radii=random.uniform(0.3, 0.7, len(vacuoles)),
        cytoplasm_index=cytoplasm_index,
        # Whether a nucleus is denser than its cytoplasm is disputed: both happen here.
        nucleus_index=cytoplasm_index + Spread(0.017, 0.004).draw(random),
        granule_index=cell_type.granule_index.draw(random),
        stain_uptake=Spread(1.0, 0.15).draw(random),
    )


def body_distance(points: Floats, axes: Floats, directions: Floats, heights: Floats) -> Floats:
    """Return roughly how far points (..., 3) are outside the body, in µm; negative inside."""
    scaled = points / axes
    length = np.linalg.norm(scaled, axis=-1) + 1e-9
    # Some BLAS kernels raise the flag of an invalid number by what lies behind the array's end in memory.
    with np.errstate(invalid="ignore"):
        cosines = (scaled / length[..., None]) @ directions.T
        surface = 1 + (cosines * cosines * cosines) @ heights  # numpy's power is slow
    return np.asarray((length - surface) * float(np.mean(axes)))


def nucleus_field(points: Floats, blobs: Floats, radii: Floats) -> Floats:
    """Return the sum of the Gaussian blobs at points (N, 3), as (N,)."""
    squared = ((points[:, None] - blobs) ** 2).sum(-1)
    return np.asarray(np.exp(-squared / radii**2).sum(-1))


def _directions(random: np.random.Generator, count: int) -> Floats:
    vectors = random.standard_normal((count, 3))
    return np.asarray(vectors / np.linalg.norm(vectors, axis=1, keepdims=True))


def _string_nucleus(cell_type: CellType, radius: float, random: np.random.Generator) -> tuple[Floats, Floats]:
    """Return the nucleus's blobs: lobes along an arc in a tilted plane, and bridges between neighbours."""
    lobes = int(random.choice(list(cell_type.lobes), p=list(cell_type.lobes.values())))
    angle = max(0.2, cell_type.arc.draw(random))
    arc_radius = cell_type.arc_radius.draw(random) * radius
    steps = np.linspace(-angle / 2, angle / 2, max(lobes, 2))
    arc = np.stack([np.cos(steps), np.sin(steps), np.zeros_like(steps)], 1) * arc_radius
    arc += random.normal(0, 0.10 * radius, arc.shape)
    length = arc_radius * angle
    if lobes == 1:  # a row so dense that it shows no lobes
        between = np.linspace(0, 1, 9)[:, None]
        arc_angles = steps[0] + (steps[1] - steps[0]) * between[:, 0]
        centres = np.stack([np.cos(arc_angles), np.sin(arc_angles), 0 * arc_angles], 1) * arc_radius
        centres = centres + (1 - between) * (arc[0] - centres[0]) + between * (arc[1] - centres[-1])
        radii = np.full(len(centres), 0.30 * radius) * (1 + 0.12 * random.standard_normal(len(centres)))
    else:
        lobe_radius = min(0.32 * radius, 0.40 * length / (lobes - 1) + 0.08 * radius)
        centres, radii = arc, lobe_radius * np.exp(random.normal(0, 0.15, lobes))
        for first, second in pairwise(arc):
            between = np.array([0.3, 0.5, 0.7])[:, None]
            centres = np.concatenate([centres, first + (second - first) * between])
            radii = np.concatenate([radii, np.full(3, cell_type.bridge * lobe_radius)])
    centres = centres - centres.mean(0) * random.uniform(0.3, 1.0)
    rotation = np.linalg.qr(random.standard_normal((3, 3)))[0]
    return centres @ rotation, radii
