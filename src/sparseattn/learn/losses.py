"""What the net is taught by: the class, and its own fine attention."""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Generator, Tensor, nn

from sparseattn.learn.options import TrainingOptions
from sparseattn.net import SparseAttnNet, SparseAttnOutput
from sparseattn.net.select import units_for

_STEPS = 8

LossFunction = Callable[[nn.Module, Tensor, Tensor, Generator], Tensor]


def class_weights(labels: Tensor, classes: int, balance: float) -> Tensor:
    """Return (classes,) weights: inverse frequency to the power ``balance``, 1 on average over the cells."""
    counts = torch.bincount(labels, minlength=classes).clamp(min=1).float()
    weights = (counts.sum() / counts) ** balance
    return weights * counts.sum() / (weights * counts).sum()


def random_pixels(pixels: int, options: TrainingOptions, generator: Generator) -> tuple[int, int]:
    """Draw many and few pixels, log-uniformly above and below ``options.few_pixels``.

    They come from a ladder of few steps: with any number of pixels every step would allocate blocks of
    another size, and the memory of a process grows with the variety of sizes that it has asked for.
    """

    def draw(low: float, high: float) -> int:
        place = int(torch.randint(_STEPS, (), generator=generator)) / (_STEPS - 1)
        share: float = low * (high / low) ** place
        return max(1, round(pixels * share))

    many = draw(options.few_pixels, options.most_pixels)
    return many, draw(options.least_pixels, options.few_pixels)


def distillation_loss(output: SparseAttnOutput) -> Tensor:
    """Return how far the coarse scores are from the fine stage's attention, over the selected units.

    The Kullback-Leibler divergence from the heads' mean attention, taken without the scores' bias (else the
    coarse stage would be taught its own opinion) and without gradient, to the softmax of the coarse logits.
    """
    teacher = output.relevance.mean(dim=1).detach()
    student = output.coarse.flatten(1).gather(1, output.selected).log_softmax(dim=1)
    return F.kl_div(student, teacher, reduction="batchmean")


def sparse_loss(
    options: TrainingOptions, weights: Tensor, draw: Callable[[Generator], tuple[int, ...]]
) -> LossFunction:
    """Return the loss of a SparseAttnNet, for :class:`sparseattn.learn.loop.Loop`.

    One net is to serve every k. Each step draws many pixels and few of them; the class teaches both, and the
    answer from many teaches the one from few (the sandwich rule of slimmable nets, Yu and Huang, ICCV 2019).

    Parameters
    ----------
    options : TrainingOptions
        Label smoothing, consistency, distillation and noise are used.
    weights : Tensor
        (classes,) weights of the classes.
    draw : callable
        Gives the pixels to select at this step, the most first; a single number for training at one k.
    """

    def loss(net: nn.Module, images: Tensor, labels: Tensor, generator: Generator) -> Tensor:
        assert isinstance(net, SparseAttnNet)

        def class_loss(answer: SparseAttnOutput) -> Tensor:
            weight = weights.to(images.device)
            return F.cross_entropy(answer.logits, labels, weight, label_smoothing=options.label_smoothing)

        k, *fewer = draw(generator)
        coarse, selected, context = net.choose(images, k, noise=options.noise, generator=generator)
        words = net.words(images, selected, context)
        output = net.judge(coarse, selected, words)
        total = class_loss(output)
        for k in fewer:
            teacher = output.logits.detach().softmax(dim=1)
            units = units_for(k, net.config.size, net.config.cell_size)
            output = net.judge(coarse, selected[:, :units], words[:, :units])
            taught = F.kl_div(output.logits.log_softmax(dim=1), teacher, reduction="batchmean")
            total = total + (1 - options.consistency) * class_loss(output) + options.consistency * taught
        total = total / (1 + len(fewer))
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
