"""Other nets' maps as rankings, and the tables of what was run."""

import json

import numpy as np
import pytest
import torch

from benchmarks.explanations import RESULTS
from benchmarks.explanations_report import tables
from benchmarks.other_maps import grad_cam, last_convolution, rollout
from sparseattn.bench.peers import PEERS


def images():
    return np.random.default_rng(0).normal(size=(3, 3, 64, 64)).astype(np.float32)


def test_attention_rollout_of_a_vit():
    pytest.importorskip("monai", reason="monai is not installed: no ViT")
    torch.manual_seed(0)
    net = PEERS["vit"](3, 4, 64).eval()
    scores = rollout(net, unit=2)(images())
    assert scores.shape == (3, 32, 32) and (scores > 0).all()
    assert np.abs(scores[0] - scores[1]).max() > 0
    # Rows of the rollout sum to 1, and most of the CLS token's stays with itself.
    assert (scores.mean(axis=(1, 2)) * 64 < 1).all()


@pytest.mark.parametrize("name", ["small-cnn", "resnet18"])
def test_grad_cam(name):
    pytest.importorskip("captum", reason="captum is not installed: no Grad-CAM")
    if name == "resnet18":
        pytest.importorskip("monai", reason="monai is not installed: no ResNet-18")
    torch.manual_seed(0)
    net = PEERS[name](3, 4, 64).eval()
    scores = grad_cam(net, last_convolution(net, name), unit=2)(images())
    assert scores.shape == (3, 32, 32) and (scores >= 0).all() and scores.max() > 0


def test_tables_show_every_way_that_was_run():
    paths = sorted(RESULTS.glob("*/*.json"))
    found = {(path.parent.name, path.stem): json.loads(path.read_text()) for path in paths}
    assert ("stained_pbc", "sparseattn") in found
    text = tables(found, ("stained_pbc",))
    for way, one in found["stained_pbc", "sparseattn"]["methods"].items():
        assert f"| {way} | {one['faithfulness']['mean']:.3f} |" in text
    columns = {line.count("|") for line in text.split("\n\n")[1].splitlines()}
    assert len(columns) == 1
