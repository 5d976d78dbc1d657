"""Captum's methods as rankings, on a net of which the answer is known."""

import numpy as np
import pytest
import torch

pytest.importorskip("captum", reason="captum is not installed: no peers to compare with")

from sparseattn.explain.peers import peer_rankings


@pytest.fixture(scope="module")
def weights():
    return torch.from_numpy(np.random.default_rng(0).normal(size=(2, 16, 16)).astype(np.float32))


def linear(weights):
    def forward(images):
        score = (images * weights).flatten(1).sum(dim=1)
        return torch.stack([score, -score], dim=1)

    return forward


def by_unit(pixels):
    return pixels.reshape(len(pixels), 8, 2, 8, 2).mean(axis=(2, 4))


def test_of_a_linear_net_every_method_is_exact(weights):
    images = np.random.default_rng(1).normal(size=(5, 2, 16, 16)).astype(np.float32)
    ways = peer_rankings(linear(weights), unit=2)
    answered = linear(weights)(torch.from_numpy(images)).argmax(dim=1).numpy()
    sign = np.where(answered == 0, 1, -1)[:, None, None]
    product = by_unit((images * weights.numpy()).sum(axis=1)) * sign
    assert ways["integrated gradients"](images) == pytest.approx(product, abs=1e-4)
    slope = by_unit(np.abs(weights.numpy()).sum(axis=0)[None])
    assert ways["saliency"](images) == pytest.approx(np.broadcast_to(slope, product.shape), abs=1e-4)
    shap = ways["gradient SHAP"](images)
    assert np.corrcoef(shap.ravel(), product.ravel())[0, 1] > 0.95
    assert (ways["gradient SHAP"](images) == shap).all()  # the seed holds
    # A window is worth the fall of the score without it; a corner unit lies in one window alone.
    corner = (images * weights.numpy()).sum(axis=1)[:, :8, :8].sum(axis=(1, 2)) * sign[:, 0, 0]
    found = ways["occlusion"](images)[:, 0, 0]
    assert np.corrcoef(found, corner)[0, 1] > 0.999


def test_numpys_state_stays(weights):
    images = np.zeros((2, 2, 16, 16), np.float32)
    np.random.seed(3)
    expected = np.random.rand()
    np.random.seed(3)
    peer_rankings(linear(weights), unit=2)["gradient SHAP"](images)
    assert np.random.rand() == expected
