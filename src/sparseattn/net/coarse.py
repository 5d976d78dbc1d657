"""Coarse attention: a cheap look at the whole image that gives every unit of pixels a score."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def _convolution(
    channels_in: int, channels_out: int, *, stride: int = 1, groups: int = 1, kernel: int = 3
) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(channels_in, channels_out, kernel, stride, kernel // 2, groups=groups, bias=False),
        nn.BatchNorm2d(channels_out),
        nn.ReLU(inplace=True),
    )


class CoarseAttention(nn.Module):
    """Score every unit of ``unit`` x ``unit`` pixels with a small convolutional pyramid.

    The first convolution has the stride of a unit; a depthwise-separable branch looks at a quarter of that
    resolution, so that a score knows the shape of the cell around it at little cost.

    Parameters
    ----------
    channels : int
        Channels of the image.
    width : int
        Channels of the finest feature map; the deeper map has twice as many.
    unit : int
        Side of a unit in pixels of the net's grid (1 gives the paper's one score a pixel).
    """

    def __init__(self, channels: int, width: int, unit: int) -> None:
        super().__init__()
        self.stem = _convolution(channels, width, stride=unit)
        self.down = nn.Sequential(
            _convolution(width, width, stride=2, groups=width),
            _convolution(width, 2 * width, kernel=1),
            _convolution(2 * width, 2 * width, stride=2, groups=2 * width),
            _convolution(2 * width, 2 * width, kernel=1),
            _convolution(2 * width, 2 * width, groups=2 * width),
        )
        self.shape = nn.Conv2d(2 * width, 1, 1)
        self.detail = nn.Conv2d(width, 1, 3, padding=1)

    def forward(self, image: Tensor) -> tuple[Tensor, tuple[Tensor, Tensor]]:
        """Return the logits of the coarse attention, and the feature maps they came from.

        Parameters
        ----------
        image : Tensor
            (B, C, S, S) float.

        Returns
        -------
        logits : Tensor
            (B, G, G) with G = S / unit; the paper's A_coarse is their sigmoid.
        features : tuple of Tensor
            (B, width, G, G) and (B, 2 * width, about G / 4, about G / 4).
        """
        # So few channels are convolved in half the time with the channels last, forth and back.
        stem = self.stem(image.contiguous(memory_format=torch.channels_last))
        deep = self.down(stem)
        logits = self._detailed(stem) + self._to_units(self.shape(deep), stem).squeeze(1)
        return logits, (stem, deep)

    def _detailed(self, stem: Tensor) -> Tensor:
        """Return what ``detail`` makes of (B, width, G, G): (B, G, G).

        To one channel a 1x1 convolution for each of the nine places, shifted and summed, takes half the time
        of a 3x3 convolution, forth and back.
        """
        kernel = self.detail.weight.flatten(2).permute(2, 1, 0)[..., None]
        shifted = [
            F.pad(one, (1 - place % 3, place % 3 - 1, 1 - place // 3, place // 3 - 1))
            for place, one in enumerate(F.conv2d(stem, kernel).unbind(1))
        ]
        assert self.detail.bias is not None
        return sum(shifted, start=self.detail.bias)

    def context(self, features: tuple[Tensor, Tensor]) -> Tensor:
        """Return both feature maps at the units' resolution: (B, 3 * width, G, G)."""
        stem, deep = features
        return torch.cat([stem, self._to_units(deep, stem)], dim=1)

    @staticmethod
    def _to_units(deep: Tensor, stem: Tensor) -> Tensor:
        return F.interpolate(deep, size=stem.shape[-2:], mode="bilinear", align_corners=False)
