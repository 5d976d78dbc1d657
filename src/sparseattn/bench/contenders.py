"""Who is measured: our net at several numbers of pixels, its paper form, and the peers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from importlib.util import find_spec

import torch
from torch import Tensor, nn

from sparseattn.bench.peers import PEERS, MixedPrecision
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

Shape = tuple[int, int, int]
"""(C, H, W) of an image."""

CLASSES = 7
SHIPPED_SHARE = 0.03
"""Of the pixels: what the model of stained blood cells that comes with the plugin selects."""

SHARES = (0.15, SHIPPED_SHARE, 0.05)
PAPER_SHARE = 0.15

NAMES = ("sparseattn", "sparseattn-paper", "small-cnn", "resnet18", "efficientnet-b0", "densenet121", "vit")
LARGE = ("resnet18", "efficientnet-b0", "densenet121", "vit")
"""Those that MONAI builds."""


@dataclass(frozen=True)
class Contender:
    """A net, and how many pixels it selects.

    Attributes
    ----------
    name : str
        One of `NAMES`.
    shape : tuple
        (C, H, W) of its images.
    k : int or None
        Selected pixels; None for a peer, which looks at all.
    """

    name: str
    shape: Shape
    k: int | None = None

    @property
    def title(self) -> str:
        """Name, with the share of the pixels where it selects."""
        pixels = self.shape[1] * self.shape[2]
        return self.name if self.k is None else f"{self.name} {100 * self.k / pixels:.0f} %"

    def build(self) -> nn.Module:
        """Return the net in evaluation mode, all in float32, with weights of chance: time does not ask."""
        channels, size, _ = self.shape
        torch.manual_seed(0)
        if self.name == "sparseattn":
            net: nn.Module = SparseAttnNet(SparseAttnNetConfig(channels, CLASSES, size))
        elif self.name == "sparseattn-paper":
            net = SparseAttnNet(SparseAttnNetConfig.paper(channels, CLASSES, size))
        else:
            net = PEERS[self.name](channels, CLASSES, size)
        net = net.net if isinstance(net, MixedPrecision) else net
        return net.eval().requires_grad_(False)


class Logits(nn.Module):
    """A net as a function of images alone that returns logits."""

    def __init__(self, net: nn.Module, k: int | None) -> None:
        super().__init__()
        self.net = net
        self.k = k

    def forward(self, images: Tensor) -> Tensor:
        """Return (B, classes) logits of (B, C, S, S) images."""
        logits: Tensor = self.net(images) if self.k is None else self.net(images, self.k).logits
        return logits


def contenders(
    shapes: Sequence[Shape], names: Sequence[str] = NAMES, k: int | None = None
) -> list[Contender]:
    """Return who is measured on images of some shapes; ``k`` is one more number of pixels for our net."""
    chosen = []
    for shape in shapes:
        pixels = shape[1] * shape[2]
        for name in names:
            if name == "sparseattn":
                chosen += [Contender(name, shape, round(share * pixels)) for share in SHARES]
            elif name == "sparseattn-paper":
                chosen.append(Contender(name, shape, round(PAPER_SHARE * pixels)))
            else:
                chosen.append(Contender(name, shape))
    return chosen


def missing(names: Sequence[str]) -> str | None:
    """Return which extra has to be installed for some of the nets; None where all are there."""
    if any(name in LARGE for name in names) and find_spec("monai") is None:
        return "the large peers come from MONAI; install it with: pip install 'napari-sparseattn[bench]'"
    return None
