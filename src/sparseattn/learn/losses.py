"""What the net is taught by: the class, and its own fine attention."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from sparseattn.learn.options import TrainingOptions
from sparseattn.net import SparseAttnNet, SparseAttnOutput

LossFunction = Callable[[nn.Module, Tensor, Tensor, Generator], Tensor]


def class_weights(labels: Tensor, classes: int, balance: float) -> Tensor:
    """Return (classes,) weights: inverse frequency to the power ``balance``, 1 on average over the cells."""
    counts = torch.bincount(labels, minlength=classes).clamp(min=1).float()
    weights = (counts.sum() / counts) ** balance
    return weights * counts.sum() / (weights * counts).sum()


def random_pixels(pixels: int, options: TrainingOptions, generator: Generator) -> int:
    """Draw k log-uniformly between the least and the most share of the pixels."""
    low, high = math.log(options.least_pixels), math.log(options.most_pixels)
    share = math.exp(low + (high - low) * torch.rand((), generator=generator).item())
    return max(1, round(share * pixels))


def distillation_loss(output: SparseAttnOutput) -> Tensor:
    """Return how far the coarse scores are from the fine stage's attention, over the selected units.

    The Kullback-Leibler divergence from the heads' mean attention, taken without the scores' bias (else the
    coarse stage would be taught its own opinion) and without gradient, to the softmax of the coarse logits.
    """
    teacher = output.relevance.mean(dim=1).detach()
    student = output.coarse.flatten(1).gather(1, output.selected).log_softmax(dim=1)
    return F.kl_div(student, teacher, reduction="batchmean")


def sparse_loss(options: TrainingOptions, weights: Tensor, k: Callable[[Generator], int]) -> LossFunction:
    """Return the loss of a SparseAttnNet, for :class:`sparseattn.learn.loop.Loop`.

    Parameters
    ----------
    options : TrainingOptions
        Label smoothing, distillation and noise are used.
    weights : Tensor
        (classes,) weights of the classes.
    k : callable
        Gives the pixels to select at this step.
    """

    def loss(net: nn.Module, images: Tensor, labels: Tensor, generator: Generator) -> Tensor:
        assert isinstance(net, SparseAttnNet)
        output: SparseAttnOutput = net(images, k(generator), noise=options.noise, generator=generator)
        total = F.cross_entropy(
            output.logits, labels, weights.to(images.device), label_smoothing=options.label_smoothing
        )
        if options.distillation > 0:
            total = total + options.distillation * distillation_loss(output)
        return total

    return loss


def plain_loss(options: TrainingOptions, weights: Tensor) -> LossFunction:
    """Return the loss of a net that maps images to logits, so that peers are trained by the same loop."""

    def loss(net: nn.Module, images: Tensor, labels: Tensor, generator: Generator) -> Tensor:
        return F.cross_entropy(
            net(images), labels, weights.to(images.device), label_smoothing=options.label_smoothing
        )

    return loss
