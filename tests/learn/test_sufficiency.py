"""Whether the selected pixels alone keep the class."""

import numpy as np
import pytest
import torch

from sparseattn.cells.spread_rows import spread_rows
from sparseattn.explain.faithfulness import arrivals, keep_only
from sparseattn.explain.rankings import selection
from sparseattn.fills import FILLS, fill_images
from sparseattn.learn.sufficiency import class_kept
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig
from sparseattn.net.select import units_for


@pytest.fixture(scope="module")
def net() -> SparseAttnNet:
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(channels=2, classes=5, size=24)).eval()
    with torch.no_grad():
        net.classify.weight.mul_(20)  # an untrained net gives all images one class
        net.classify.bias.zero_()
    return net


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return np.random.default_rng(0).standard_normal((70, 2, 24, 24)).astype(np.float32)


@pytest.mark.parametrize("k", [4, 40, 160])
def test_it_is_what_the_explanations_measure(net: SparseAttnNet, images: np.ndarray, k: int) -> None:
    """By another way to the same figure: pixels come in as they are selected, and only the first are kept."""
    config = net.config
    arrival = arrivals(selection(net, images), config.size, (config.window - config.cell_size) // 2)
    read = (arrival < units_for(k, config.size, config.cell_size)).sum(axis=(1, 2))

    def ask(some: np.ndarray) -> np.ndarray:
        with torch.no_grad():
            return net(torch.from_numpy(some), k).logits.softmax(dim=1).numpy()

    # In the batches in which it is asked, since the background is drawn anew for each.
    parts = [slice(0, 64), slice(64, 70)]
    kept = {
        fill: np.concatenate(
            [keep_only(ask, images[p], arrival[p], read[p], fill_images(images[p], fill)).same for p in parts]
        )
        for fill in FILLS
    }
    assert class_kept(net, images, k) == pytest.approx(min(same.mean() for same in kept.values()))


def test_all_pixels_suffice(net: SparseAttnNet, images: np.ndarray) -> None:
    assert class_kept(net, images, 24 * 24) == 1
    assert class_kept(net, images, 4) < 1


@pytest.mark.parametrize("cells", [0, 1, 256, 257, 10_000])
def test_few_cells_stand_for_many(cells: int) -> None:
    rows = spread_rows(np.arange(cells), 256)
    assert len(rows) == min(cells, 256)
    assert len(set(rows.tolist())) == len(rows)
    if cells > 256:
        assert np.ptp(rows) > 0.98 * cells
