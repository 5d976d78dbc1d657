"""The compiled kernels answer as torch does, for every shape of net that they know."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from torch import nn

from sparseattn.errors import InputError
from sparseattn.fast.engine import CompiledNet, choose_engine, why_not
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

pytest.importorskip("numba")

SHAPES = {
    "as shipped": SparseAttnNetConfig(3, 7, 64),
    "two channels, odd units": SparseAttnNetConfig(2, 4, 42),
    "one channel": SparseAttnNetConfig(1, 3, 128, spread=0.0),
    "five channels, many classes": SparseAttnNetConfig(5, 33, 24),
    "smallest": SparseAttnNetConfig(1, 2, 8),
    "paper": SparseAttnNetConfig.paper(3, 7, 40),
    "one block": SparseAttnNetConfig(2, 5, 36, blocks=1),
    "another shape": SparseAttnNetConfig(
        4, 5, 33, cell_size=3, window=9, width=96, heads=8, blocks=4, hidden=128, coarse_width=32
    ),
    "no bias, no places": SparseAttnNetConfig(2, 3, 32, window=2, score_bias=False, frequencies=0),
}


def learned(config: SparseAttnNetConfig) -> SparseAttnNet:
    """Return a net whose norms do something, as after training."""
    torch.manual_seed(0)
    net = SparseAttnNet(config).eval()
    for module in net.modules():
        if isinstance(module, nn.BatchNorm2d):
            assert module.running_mean is not None and module.running_var is not None
            module.running_mean.normal_(0, 0.2)
            module.running_var.uniform_(0.5, 2)
        if isinstance(module, nn.BatchNorm2d | nn.LayerNorm):
            nn.init.uniform_(module.weight, 0.5, 1.5)
            nn.init.normal_(module.bias, 0, 0.2)
    return net


def some_images(config: SparseAttnNetConfig, count: int) -> np.ndarray:
    """Return images with structure and noise; noise leaves no two scores alike."""
    random = np.random.default_rng(1)
    y, x = np.mgrid[: config.size, : config.size] / config.size - 0.5
    blobs = [np.exp(-((y - a) ** 2 + (x - b) ** 2) / 0.05) for a, b in random.uniform(-0.3, 0.3, (count, 2))]
    noise = random.normal(size=(count, config.channels, config.size, config.size))
    return (3 * np.stack(blobs)[:, None] + noise).astype(np.float32)


@pytest.mark.parametrize("config", SHAPES.values(), ids=SHAPES.keys())
def test_answers_are_those_of_torch_at_every_k(config):
    net = learned(config)
    images = some_images(config, 19)
    compiled = CompiledNet(net, threads=2)
    for share in (0.0, 0.01, 0.05, 0.15, 0.4, 1.0):
        k = max(1, round(share * config.size**2))
        with torch.inference_mode():
            wanted = net(torch.from_numpy(images), k)
        logits, feature = compiled.answer(images, k)
        np.testing.assert_allclose(compiled.score(images), wanted.coarse.flatten(1), atol=1e-5)
        np.testing.assert_allclose(
            torch.from_numpy(logits).softmax(1), wanted.logits.softmax(1), atol=1e-5, err_msg=f"k = {k}"
        )
        np.testing.assert_allclose(feature, wanted.feature, atol=1e-4)
        assert logits.argmax(1).tolist() == wanted.logits.argmax(1).tolist()


def test_k_may_change_where_the_scores_are_known():
    config = SHAPES["as shipped"]
    compiled, images = CompiledNet(learned(config)), some_images(config, 3)
    scores = compiled.score(images)
    for k in (40, 4000, 205):
        for known, anew in zip(compiled.decide(images, scores, k), compiled.answer(images, k), strict=True):
            np.testing.assert_array_equal(known, anew)


def test_scores_that_are_all_alike_still_select_so_many():
    config = SHAPES["as shipped"]
    net = learned(config)
    with torch.no_grad():
        for layer in (net.coarse.detail, net.coarse.shape):
            layer.weight.zero_()
    blank = np.zeros((2, 3, 64, 64), np.float32)
    logits, _ = CompiledNet(net).answer(blank, 600)
    assert np.isfinite(logits).all()
    np.testing.assert_array_equal(logits[0], logits[1])


def test_nets_that_the_kernels_do_not_know_are_left_to_torch():
    known = SHAPES["as shipped"]
    others = [replace(known, context=True), replace(known, layers=2), replace(known, width=24)]
    for config in others:
        assert choose_engine("auto", config, "cpu", 10**6) == "torch"
        with pytest.raises(InputError, match="compiled engine knows nets of one attention layer"):
            choose_engine("compiled", config, "cpu", 1)
    assert why_not(known) is None
    assert choose_engine("auto", known, "cpu", 10**6) == "compiled"
    assert choose_engine("auto", known, "cuda", 10**6) == "torch"
    with pytest.raises(InputError, match="runs on the CPU, not on cuda"):
        choose_engine("compiled", known, "cuda", 1)
    with pytest.raises(InputError, match="no engine 'warp'"):
        choose_engine("warp", known, "cpu", 1)
