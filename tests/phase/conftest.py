"""Simulated fields of phase: cells of known place, outline and dry mass on an uneven ground."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import pytest

from sparseattn.simulate.cell_model import CELL_TYPES, grow
from sparseattn.simulate.columns import project, to_pixels
from sparseattn.simulate.opd import FIELD, path_difference

CELL_PIXELS = 64
PIXEL_SIZE_UM = FIELD / CELL_PIXELS


@dataclass(frozen=True)
class PhaseField:
    """What is seen, in nm, and what is true."""

    seen: np.ndarray  # (H, W) float32
    clean: np.ndarray  # (H, W) float32: the cells alone
    labels: np.ndarray  # (H, W) int32: cells from 1
    masses: np.ndarray  # (n,) pg, of all the light of a cell
    pixel_size_um: float = PIXEL_SIZE_UM


def make_phase_field(
    seed: int = 0,
    shape: tuple[int, int] = (384, 448),
    wanted: int = 25,
    tilt: tuple[float, float] = (300, -500),
    bowl: float = 0.0,
    noise: float = 4.0,
) -> PhaseField:
    """Draw cells that do not overlap, though some touch; the tilt is what the ground rises over the field."""
    random = np.random.default_rng(seed)
    clean, labels = np.zeros(shape, np.float32), np.zeros(shape, np.int32)
    masses: list[float] = []
    for number in range(wanted):
        cell = grow(CELL_TYPES[number % len(CELL_TYPES)], random)
        columns = project(cell, random, CELL_PIXELS, FIELD, centre=(0.0, 0.0))
        image, mask = to_pixels(path_difference(cell, columns)), columns.labels() > 0
        for _ in range(200):  # until there is room
            y, x = (int(random.integers(0, length - CELL_PIXELS)) for length in shape)
            window = np.s_[y : y + CELL_PIXELS, x : x + CELL_PIXELS]
            if not (labels[window] * mask).any():
                clean[window] += image
                masses.append(float(image.sum()) / 1000 * PIXEL_SIZE_UM**2 / 0.18)
                labels[window][mask] = len(masses)
                break
    down, across = np.meshgrid(*(np.linspace(-0.5, 0.5, length) for length in shape), indexing="ij")
    ground = tilt[0] * down + tilt[1] * across + bowl * (down**2 + across**2) + 137
    seen = clean + ground + random.normal(0, noise, shape)
    return PhaseField(seen.astype(np.float32), clean, labels, np.array(masses))


@pytest.fixture(scope="session")
def phase_field() -> Callable[..., PhaseField]:
    """Make a simulated field of phase."""
    return lru_cache(make_phase_field)
