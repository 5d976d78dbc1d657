"""What a model looks at in general: where the selected pixels of each class lie, and how bright they are."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.cells.spread_rows import spread_rows
from sparseattn.errors import CellError

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.explain.compartments import Compartments, OwnOutlines
    from sparseattn.predictions import Predictions

Floats = NDArray[np.float64]

MOST_CELLS = 48
"""Cells a class: enough for a distribution, and a few seconds in all."""
TYPICAL = 3
_GRADIENTS = 8  # cells a class of which the evidence is computed, which costs most
_STEPS = 8
RADII = np.linspace(0, 1.5, 16)
_BINS, _SPREADS = 48, 6.0


@dataclass(frozen=True, eq=False)
class ClassLook:
    """What the model looked at in the cells that it gave one class.

    Attributes
    ----------
    name
        The class.
    n
        Cells that were looked at; at least 1.
    typical
        Pictures (C, H, W) of some that are most like the training cells, as they are.
    radius
        (15,) float64: share of the selected pixels by their distance from the middle; sums to 1.
    intensity
        (C, 48) float64: share of the selected pixels by brightness; each row sums to 1.
    intensity_of_all
        The same of all pixels of these cells.
    channels
        (C,) float64: share of the evidence, for and against, that each channel brings; sums to 1.
    compartments
        By name: share of the selected pixels that it covers, and of the picture. Empty where no masks were
        given.
    """

    name: str
    n: int
    typical: tuple[NDArray[Any], ...]
    radius: Floats
    intensity: Floats
    intensity_of_all: Floats
    channels: Floats
    compartments: dict[str, tuple[float, float]] = field(default_factory=dict)


@dataclass(frozen=True, eq=False)
class GeneralLook:
    """What a model looks at in general.

    Attributes
    ----------
    classes
        One for each class that some cell was given.
    channels, unit
        Names of the channels that the net sees, and the unit of their values; None where it is not known.
    radii
        (16,) limits of the distances from the middle, in half sides of the net's grid; 1 is the middle of an
        edge.
    radius_of_all
        (15,) share of all pixels at these distances.
    intensities
        (C, 49) limits of the brightness, in the units of the files.
    """

    classes: tuple[ClassLook, ...]
    channels: tuple[str, ...]
    unit: str | None
    radii: Floats
    radius_of_all: Floats
    intensities: Floats

    def document(self) -> dict[str, Any]:
        """Return all but the pictures as JSON values."""
        return {
            "radii": self.radii.tolist(),
            "radius_of_all": self.radius_of_all.tolist(),
            "intensities": dict(zip(self.channels, self.intensities.tolist(), strict=True)),
            "classes": {
                one.name: {
                    "cells": one.n,
                    "radius": one.radius.tolist(),
                    "intensity": dict(zip(self.channels, one.intensity.tolist(), strict=True)),
                    "intensity_of_all": dict(zip(self.channels, one.intensity_of_all.tolist(), strict=True)),
                    "channels": dict(zip(self.channels, one.channels.tolist(), strict=True)),
                    "compartments": {
                        name: {"selected": selected, "area": area}
                        for name, (selected, area) in one.compartments.items()
                    },
                }
                for one in self.classes
            },
        }


def look_in_general(
    classifier: Classifier,
    predictions: Predictions,
    *,
    compartments: Compartments | OwnOutlines | None = None,
    most: int = MOST_CELLS,
    on_batch: Callable[[int, int], None] | None = None,
) -> GeneralLook:
    """Say what the selected pixels of each class have in common.

    Parameters
    ----------
    classifier : Classifier
        The model that answered.
    predictions : Predictions
        Its answers; k is theirs.
    compartments : Compartments or OwnOutlines, optional
        Of the cells of the predictions, row by row.
    most : int
        Cells a class, spread evenly over those of the class.
    on_batch : callable, optional
        Called after each class with the number of cells that are done, and of all; what it raises ends it.
    """
    prepare, unit = classifier.prepare, classifier.net.config.cell_size
    std, mean = np.array(prepare.std), np.array(prepare.mean)
    limits = mean[:, None] + std[:, None] * np.linspace(-_SPREADS, _SPREADS, _BINS + 1)
    side = prepare.size
    middle = np.abs(np.arange(side) + 0.5 - side / 2) / (side / 2)
    distance = np.hypot(middle[:, None], middle)
    answered = predictions.probabilities.argmax(axis=1)
    wanted = [
        spread_rows(np.flatnonzero(answered == label), most) for label in range(len(predictions.classes))
    ]
    total, done = sum(map(len, wanted)), 0
    looks: list[ClassLook] = []
    for label, rows in enumerate(wanted):
        radius = np.zeros(len(RADII) - 1)
        chosen_bins, all_bins = np.zeros((2, len(std), _BINS))
        evidence = np.zeros(len(std))
        inside: list[Floats] = []
        n = 0
        for batch in prepare.batches(predictions.cells.subset(rows), most):
            selected = classifier.inspect(batch.images, predictions.k).selected.numpy()
            chosen = np.zeros((len(selected), (side // unit) ** 2), dtype=bool)
            np.put_along_axis(chosen, selected, True, axis=1)
            units = chosen.reshape(len(selected), side // unit, side // unit)
            pixels = units.repeat(unit, axis=1).repeat(unit, axis=2)
            radius += np.histogram(np.broadcast_to(distance, pixels.shape)[pixels], RADII)[0]
            for channel in range(len(std)):
                values = (batch.images[:, channel] * std[channel] + mean[channel]).clip(
                    limits[channel, 0], limits[channel, -1]
                )
                chosen_bins[channel] += np.histogram(values[pixels], limits[channel])[0]
                all_bins[channel] += np.histogram(values, limits[channel])[0]
            if not n:
                evidence = _evidence(classifier, batch.images[:_GRADIENTS], predictions.k, label)
            if compartments is not None:
                inside += _inside(compartments, rows[batch.indices], units)
            n += len(batch.indices)
        done += len(rows)
        if not n:
            continue
        looks.append(
            ClassLook(
                name=predictions.classes[label],
                n=n,
                typical=_typical(predictions, rows),
                radius=_shares(radius),
                intensity=_shares(chosen_bins),
                intensity_of_all=_shares(all_bins),
                channels=_shares(evidence),
                compartments=_means(compartments, inside),
            )
        )
        if on_batch is not None:
            on_batch(done, total)
    return GeneralLook(
        classes=tuple(looks),
        channels=prepare.channels,
        unit=predictions.cells.unit,
        radii=RADII,
        radius_of_all=_shares(np.histogram(distance, RADII)[0].astype(np.float64)),
        intensities=limits,
    )


def _evidence(classifier: Classifier, images: NDArray[np.float32], k: int, label: int) -> Floats:
    """Return (C,): sums of the absolute evidence that the pixels of each channel bring for a class."""
    import torch

    from sparseattn.explain.evidence import integrated_gradients

    net = classifier.net.eval()
    tensor = torch.from_numpy(images).to(next(net.parameters()).device)
    which = torch.full((len(images),), label, device=tensor.device)
    found = integrated_gradients(net, tensor, k, which, steps=_STEPS)
    return np.asarray(found.abs().sum(dim=(0, 2, 3)).cpu().numpy(), dtype=np.float64)


def _inside(
    compartments: Compartments | OwnOutlines, rows: NDArray[np.int64], units: NDArray[np.bool_]
) -> list[Floats]:
    """Return for each cell with a mask (compartments, 2): its share of the selected units, and of all."""
    found: list[Floats] = []
    for row, chosen in zip(rows.tolist(), units, strict=True):
        shares = compartments.of(row)
        if shares is not None:
            shares = shares.astype(np.float64)
            found.append(np.stack([shares[:, chosen].mean(axis=1), shares.mean(axis=(1, 2))], axis=1))
    return found


def _means(
    compartments: Compartments | OwnOutlines | None, inside: list[Floats]
) -> dict[str, tuple[float, float]]:
    if compartments is None or not inside:
        return {}
    means = np.mean(inside, axis=0)
    return {
        name: (float(selected), float(area))
        for name, (selected, area) in zip(compartments.names, means, strict=True)
    }


def _typical(predictions: Predictions, rows: NDArray[np.int64]) -> tuple[NDArray[Any], ...]:
    """Return pictures of the cells that are most like the training cells, then the surest."""
    order = np.lexsort((-predictions.confidence[rows], -predictions.in_distribution[rows]))
    pictures: list[NDArray[Any]] = []
    for row in rows[order].tolist():
        try:
            pictures.append(predictions.cells.read(row))
        except CellError:
            continue
        if len(pictures) == TYPICAL:
            break
    return tuple(pictures)


def _shares(counts: Floats) -> Floats:
    total = counts.sum(axis=-1, keepdims=True)
    return np.asarray(np.divide(counts, total, out=np.zeros(counts.shape), where=total > 0), dtype=np.float64)
