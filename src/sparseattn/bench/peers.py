"""The nets that SparseAttnNet is measured against, each built for C channels and small square images.

MONAI takes seconds to import, so it is imported where a net of it is built.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

EFFICIENTNET_B0 = [  # the published B0, as MONAI writes it
    "r1_k3_s11_e1_i32_o16_se0.25",
    "r2_k3_s22_e6_i16_o24_se0.25",
    "r2_k5_s22_e6_i24_o40_se0.25",
    "r3_k3_s22_e6_i40_o80_se0.25",
    "r3_k5_s11_e6_i80_o112_se0.25",
    "r4_k5_s22_e6_i112_o192_se0.25",
    "r1_k3_s11_e6_i192_o320_se0.25",
]
LARGE_IMAGE = 64  # pixels a side; from here on EfficientNet's stem may halve the image


class SmallCNN(nn.Sequential):
    """Six 3x3 convolutions with batch normalisation and ReLU, average pool, linear: 73k parameters."""

    def __init__(self, channels: int, classes: int) -> None:
        layers: list[nn.Module] = []
        before = channels
        for width, stride in zip((16, 16, 32, 32, 64, 64), (1, 2, 1, 2, 1, 2), strict=True):
            layers += [
                nn.Conv2d(before, width, 3, stride, padding=1, bias=False),
                nn.BatchNorm2d(width),
                nn.ReLU(),
            ]
            before = width
        super().__init__(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, classes))


class ClassToken(nn.Module):
    """MONAI's ViT returns (logits, hidden states); a peer returns logits."""

    def __init__(self, vit: nn.Module) -> None:
        super().__init__()
        self.vit = vit

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) of images (B, C, S, S)."""
        logits: Tensor = self.vit(images)[0]
        return logits


class MixedPrecision(nn.Module):
    """Convolutions and matrix products in bfloat16, weights and logits in float32: half the time on a CPU."""

    def __init__(self, net: nn.Module) -> None:
        super().__init__()
        self.net = net

    def forward(self, images: Tensor) -> Tensor:
        """Return logits (B, classes) float32 of images (B, C, S, S)."""
        with torch.autocast(images.device.type, torch.bfloat16):
            logits: Tensor = self.net(images)
        return logits.float()


def small_cnn(channels: int, classes: int, size: int) -> nn.Module:
    """Return the small CNN; it takes any image size."""
    return SmallCNN(channels, classes)


def resnet18(channels: int, classes: int, size: int) -> nn.Module:
    """Return ResNet-18 with a 3x3 stem of stride 2 and no max pool, so that 64 pixels end as 4x4, not 2x2."""
    from monai.networks.nets.resnet import ResNet

    net = ResNet(
        "basic",
        [2, 2, 2, 2],
        [64, 128, 256, 512],
        spatial_dims=2,
        n_input_channels=channels,
        num_classes=classes,
        conv1_t_size=3,
        conv1_t_stride=2,
        no_max_pool=True,
        bias_downsample=False,
    )
    return MixedPrecision(net)


def efficientnet_b0(channels: int, classes: int, size: int) -> nn.Module:
    """Return EfficientNet-B0; below 64 pixels its stem keeps the resolution, so that 40 pixels end as 3x3.

    Batch statistics move by 0.1 a step, torch's habit, not by 0.01: an epoch has tens of steps here.
    """
    from monai.networks.nets.efficientnet import EfficientNet

    keep_resolution = size < LARGE_IMAGE
    net: Any = EfficientNet(
        EFFICIENTNET_B0,
        spatial_dims=2,
        in_channels=channels,
        num_classes=classes,
        image_size=2 * size
        if keep_resolution
        else size,  # the paddings are laid out for what the stem hands on
        norm=("batch", {"eps": 1e-3, "momentum": 0.1}),
    )
    if keep_resolution:
        net._conv_stem.stride = (1, 1)
        net._conv_stem_padding = nn.ZeroPad2d(1)
    # Its depthwise convolutions are a third faster so on a CPU; bfloat16 brings them nothing.
    last: nn.Module = net.to(memory_format=torch.channels_last)
    return last


def densenet121(channels: int, classes: int, size: int) -> nn.Module:
    """Return DenseNet121 as MONAI makes it, its stem and pooling those for large images."""
    from monai.networks.nets.densenet import DenseNet121

    net: nn.Module = DenseNet121(spatial_dims=2, in_channels=channels, out_channels=classes)
    return net


def vit(channels: int, classes: int, size: int) -> nn.Module:
    """Return a ViT for small images: about 8x8 patches, six layers of 192 with three heads."""
    from monai.networks.nets.vit import ViT

    patch = max(patch for patch in (8, 5, 4, 2, 1) if size % patch == 0 and size // patch >= 8)
    net = ViT(
        channels,
        size,
        patch,
        hidden_size=192,
        mlp_dim=768,
        num_layers=6,
        num_heads=3,
        classification=True,
        num_classes=classes,
        dropout_rate=0.1,
        spatial_dims=2,
        post_activation="none",
    )
    return MixedPrecision(ClassToken(net))


PEERS: dict[str, Callable[[int, int, int], nn.Module]] = {
    "small-cnn": small_cnn,
    "resnet18": resnet18,
    "efficientnet-b0": efficientnet_b0,
    "densenet121": densenet121,
    "vit": vit,
}
