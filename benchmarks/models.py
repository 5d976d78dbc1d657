"""Every net of the benchmark: how it is built, taught and asked."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from sparseattn.bench.peers import PEERS
from sparseattn.errors import InputError
from sparseattn.learn.losses import LossFunction, plain_loss, random_pixels, sparse_loss
from sparseattn.learn.options import TrainingOptions
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

Build = Callable[[int, int, int], nn.Module]  # (channels, classes, size)

SHARES = (
    0.01,
    0.02,
    0.03,
    0.05,
    0.075,
    0.1,
    0.15,
    0.2,
    0.3,
    0.5,
    1.0,
)  # of the pixels, at which our nets are asked


PAPER_SHARE = 0.15  # of the pixels, at which the paper's form is taught


@dataclass(frozen=True)
class Model:
    """A net of the benchmark.

    Attributes
    ----------
    title
        For people.
    build
        Makes the net for so many channels and classes and such a size.
    large
        Whether it has millions of parameters: asked for fewer folds.
    """

    title: str
    build: Build
    large: bool = False


def sparse(channels: int, classes: int, size: int) -> nn.Module:
    """Return the net as shipped."""
    return SparseAttnNet(SparseAttnNetConfig(channels, classes, size))


def paper(channels: int, classes: int, size: int) -> nn.Module:
    """Return the paper's form: single pixels, a full-resolution coarse stage."""
    return SparseAttnNet(SparseAttnNetConfig.paper(channels, classes, size))


def context(channels: int, classes: int, size: int) -> nn.Module:
    """Return the net whose words also carry coarse features: not strict, for comparison."""
    return SparseAttnNet(replace(SparseAttnNetConfig(channels, classes, size), context=True))


OURS = {
    "sparseattn": Model("SparseAttnNet", sparse),
    "sparseattn-paper": Model("SparseAttnNet, the paper's form", paper),
    "sparseattn-context": Model("SparseAttnNet with context (not strict)", context),
}
MODELS = OURS | {
    "small-cnn": Model("small CNN", PEERS["small-cnn"]),
    "resnet18": Model("ResNet-18", PEERS["resnet18"], large=True),
    "efficientnet-b0": Model("EfficientNet-B0", PEERS["efficientnet-b0"], large=True),
    "vit": Model("ViT", PEERS["vit"], large=True),
}


def model_named(name: str) -> Model:
    """Return a model; InputError for a name that is no model's."""
    if name not in MODELS:
        raise InputError(f"There is no model {name!r}: choose from {', '.join(MODELS)}.")
    return MODELS[name]


def loss_of(net: nn.Module, options: TrainingOptions, weights: Tensor) -> LossFunction:
    """Return what a net is taught by: ours at random ks, the paper's form at one, peers by cross-entropy."""
    if not isinstance(net, SparseAttnNet):
        return plain_loss(options, weights)
    pixels = net.config.size**2
    if net.config.cell_size == 1:
        return sparse_loss(options, weights, lambda generator: (round(PAPER_SHARE * pixels),))
    return sparse_loss(options, weights, lambda generator: random_pixels(pixels, options, generator))


def logits(net: nn.Module, images: Tensor, k: int | None = None, batch_size: int = 128) -> Tensor:
    """Return logits (N, classes) on the CPU of a net in evaluation mode; ``k`` in pixels is for our nets."""
    device = next(net.parameters()).device
    with torch.inference_mode():
        return torch.cat([_answer(net, batch.to(device), k).cpu() for batch in images.split(batch_size)])


def _answer(net: nn.Module, images: Tensor, k: int | None) -> Tensor:
    answer: Tensor = net(images) if k is None else net(images, k).logits
    return answer
