"""What an epoch of training takes, beside the small CNN in the same loop."""

import time
from typing import Any

import numpy as np
import torch

from benchmarks.models import loss_of, model_named
from sparseattn.learn.augment import Augmentation
from sparseattn.learn.loop import Loop
from sparseattn.learn.options import TrainingOptions

CELLS = 512
TURNS = 9


def measure_training() -> list[dict[str, Any]]:
    """Seconds of processor time an epoch of so many cells of 64x64x3, turn by turn, one thread."""
    torch.set_num_threads(1)
    random = np.random.default_rng(0)
    images = random.normal(size=(CELLS, 3, 64, 64)).astype(np.float32)
    labels, rows = torch.from_numpy(random.integers(0, 7, CELLS)), np.arange(CELLS)
    loops: dict[str, Loop] = {}
    for name in ("sparseattn", "small-cnn"):
        torch.manual_seed(0)
        net = model_named(name).build(3, 7, 64)
        options = TrainingOptions(epochs=100, optimizer="muon" if name == "sparseattn" else "adamw")
        loops[name] = Loop(net, loss_of(net, options, torch.ones(7)), options, Augmentation(), "cpu")
    taken: dict[str, list[float]] = {name: [] for name in loops}
    for _ in range(TURNS):
        for name, loop in loops.items():
            began = time.process_time()
            loop.run_epoch(images, labels, rows)
            taken[name].append(time.process_time() - began)
    ratios = np.array(taken["sparseattn"]) / np.array(taken["small-cnn"])
    return [
        {"net": name, "cells": CELLS, "seconds": float(np.median(own)), "ratio": float(np.median(ratios))}
        for name, own in taken.items()
    ]
