"""Whether an explanation points at a known part of the cell."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sparseattn.explain.rankings import ranks

Floats = NDArray[np.float32]

_INSIDE = 0.5  # share of a unit from which on it belongs to a compartment


@dataclass(frozen=True)
class Localisation:
    """How well scores fall into one compartment; NaN for a cell that does not have it.

    Attributes
    ----------
    pointing
        (N,) 1 where the highest score lies inside, else 0: the pointing game (Zhang et al. 2018, "Top-down
        neural attention by excitation backprop").
    mass
        (N,) share of the positive scores that lies inside.
    overlap
        (N,) share of the first n units that lie inside, n being the units that the compartment has:
        relevance rank accuracy (Arras, Osman and Samek 2022). Chance gives ``area``.
    inside
        (N,) share of the first k units that the compartment covers.
    area
        (N,) share of the image that the compartment covers.
    """

    pointing: Floats
    mass: Floats
    overlap: Floats
    inside: Floats
    area: Floats


def localise(scores: Floats, shares: Floats, first: int) -> Localisation:
    """Compare scores with a compartment.

    Parameters
    ----------
    scores : ndarray
        (N, G, G) float32.
    shares : ndarray
        (N, G, G) float32: share of each unit that the compartment covers.
    first : int
        Units that count for ``inside``.
    """
    places = ranks(scores).reshape(len(scores), -1)
    covered = shares.reshape(len(shares), -1)
    inside = covered >= _INSIDE
    count = inside.sum(axis=1)
    missing = np.where(count > 0, 0.0, np.nan)  # NaN is not >= either
    positive = np.maximum(scores, 0).reshape(len(scores), -1)
    total = positive.sum(axis=1)
    mass = np.divide((positive * np.nan_to_num(covered)).sum(axis=1), total, where=total > 0, out=missing * 1)
    hits = ((places < count[:, None]) & inside).sum(axis=1)
    return Localisation(
        *(
            np.asarray(one + missing, dtype=np.float32)
            for one in (
                (inside & (places == 0)).any(axis=1),
                mass,
                hits / np.maximum(count, 1),
                np.nan_to_num(covered).mean(axis=1, where=places < first),
                count / inside.shape[1],
            )
        )
    )


def random_inside(shares: Floats, *, seed: int = 0) -> Floats:
    """Return (N, G, G) scores that are random inside a mask and lower outside: a prior to be beaten."""
    chance = np.random.default_rng(seed).random(shares.shape, dtype=np.float32)
    return np.asarray(chance * (np.nan_to_num(shares) >= _INSIDE), dtype=np.float32)
