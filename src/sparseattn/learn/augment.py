"""Augmentation fit for cells: a cell has no up, and little else may change."""

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from sparseattn.cells import Modality


@dataclass(frozen=True)
class Augmentation:
    """What may vary between two pictures of one cell.

    Parameters
    ----------
    rotation : float
        Largest turn either way in degrees; 180 for cells, which have no up.
    flip : bool
        Mirror along either axis.
    shift : float
        Largest displacement along either axis as a fraction of the image's side.
    scale : float
        Largest relative change of size; 0 where size is the signal.
    intensity : float
        Largest relative change of contrast, and of offset in standard deviations, a channel; 0 where
        intensity is the signal (optical path difference, fluorescence, DNA stain).
    noise : float
        Largest standard deviation of Gaussian noise, in standard deviations of a channel over all cells; each
        picture gets as much of it as is drawn for it. For images that are mostly noise of their sensor, which
        a net with few cells learns by heart (docs/experiments.md, fifth round).
    """

    rotation: float = 180.0
    flip: bool = True
    shift: float = 0.06
    scale: float = 0.0
    intensity: float = 0.0
    noise: float = 0.0

    @classmethod
    def for_modality(cls, modality: Modality) -> "Augmentation":
        """Return the default for a modality.

        Only stained brightfield varies in intensity and size; recordings of events are noisy by themselves.
        """
        if modality == "brightfield":
            return cls(scale=0.1, intensity=0.15)
        return cls(noise=1.0) if modality == "events" else cls()


def augment(images: Tensor, augmentation: Augmentation, generator: torch.Generator) -> Tensor:
    """Return a random variant of each image.

    Parameters
    ----------
    images : Tensor
        (B, C, S, S) float32, standardised (zero is the background that turning and shifting bring in).
    augmentation : Augmentation
        What may vary.
    generator : torch.Generator
        On the CPU: the same state gives the same variants on every device.

    Returns
    -------
    Tensor
        (B, C, S, S), on the device of ``images``.
    """
    batch, channels = images.shape[:2]

    def uniform(*shape: int) -> Tensor:
        return torch.rand(shape, generator=generator) * 2 - 1

    turn = uniform(batch) * math.radians(augmentation.rotation)
    size = 1 + uniform(batch) * augmentation.scale
    mirror = torch.where(uniform(batch) < 0, -1.0, 1.0) if augmentation.flip else torch.ones(batch)
    affine = torch.zeros(batch, 2, 3)
    affine[:, 0, 0] = turn.cos() * size * mirror
    affine[:, 0, 1] = -turn.sin() * size
    affine[:, 1, 0] = turn.sin() * size * mirror
    affine[:, 1, 1] = turn.cos() * size
    affine[:, :, 2] = uniform(batch, 2) * 2 * augmentation.shift
    grid = F.affine_grid(affine.to(images.device), list(images.shape), align_corners=False)
    moved = F.grid_sample(images, grid, padding_mode="reflection", align_corners=False)
    if augmentation.intensity > 0:
        contrast = 1 + uniform(batch, channels, 1, 1) * augmentation.intensity
        offset = uniform(batch, channels, 1, 1) * augmentation.intensity
        moved = moved * contrast.to(images.device) + offset.to(images.device)
    if augmentation.noise > 0:
        strength = torch.rand(batch, 1, 1, 1, generator=generator) * augmentation.noise
        moved = moved + (strength * torch.randn(moved.shape, generator=generator)).to(images.device)
    return moved
