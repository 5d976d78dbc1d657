"""The peers are what they are said to be."""

import pytest
import torch

from benchmarks.models import MODELS, logits
from sparseattn.bench.cost import arithmetic, parameters


def test_the_small_cnn_is_that_of_the_design() -> None:
    net = MODELS["small-cnn"].build(3, 7, 64).eval()
    assert parameters(net) == 72_759
    # 2 * (output pixels * 9 * channels in * channels out) of each convolution, and the linear layer.
    multiply_adds = 9 * (
        4096 * 3 * 16 + 1024 * (16 * 16 + 16 * 32) + 256 * (32 * 32 + 32 * 64) + 64 * 64 * 64
    )
    expected = 2 * (multiply_adds + 64 * 7) / 1e6
    cost = arithmetic(net, lambda: logits(net, torch.zeros(1, 3, 64, 64)))
    assert cost.total == pytest.approx(expected)
    assert (cost.coarse, cost.fine) == (None, None)


@pytest.mark.parametrize("size", [36, 40, 64])
@pytest.mark.parametrize("name", ["small-cnn", "resnet18", "efficientnet-b0", "vit"])
def test_a_peer_takes_small_images_of_any_channels(name: str, size: int) -> None:
    if name != "small-cnn":
        pytest.importorskip("monai", reason="the large peers come from MONAI: install the extra `bench`")
    net = MODELS[name].build(2, 5, size).eval()
    assert logits(net, torch.zeros(2, 2, size, size)).shape == (2, 5)


def test_both_stages_of_our_net_are_counted_apart() -> None:
    net = MODELS["sparseattn"].build(3, 7, 64).eval().requires_grad_(False)
    image = torch.zeros(1, 3, 64, 64)
    few, more, most = (arithmetic(net, lambda k=k: logits(net, image, k)) for k in (200, 400, 800))
    assert few.coarse == more.coarse == most.coarse
    assert few.coarse is not None and few.coarse > 0
    assert few.fine is not None and more.fine is not None and most.fine is not None
    assert few.coarse + few.fine == pytest.approx(few.total)
    assert most.fine - more.fine == pytest.approx(2 * (more.fine - few.fine), rel=0.05)
    assert more.fine > few.fine
