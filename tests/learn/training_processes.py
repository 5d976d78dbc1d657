"""What `test_processes` starts by torchrun: two processes that train together and say what they found."""

import json
import os
import sys
from pathlib import Path

import numpy as np
import torch
import torch.distributed as dist
from torch import nn

from sparseattn.cells import open_cells
from sparseattn.learn.augment import Augmentation
from sparseattn.learn.fit import fit
from sparseattn.learn.history import EpochRecord
from sparseattn.learn.loop import Loop
from sparseattn.learn.losses import plain_loss
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.processes import ALONE, Processes, started_processes

EPOCHS = 4


def gradients(processes: Processes) -> torch.Tensor:
    """Return the gradients of a step of 37 cells in which nothing is left to chance."""
    torch.manual_seed(0)
    # Ours has batch statistics, which are of each process's own cells: another step, as good.
    net = nn.Sequential(nn.Flatten(), nn.Linear(256, 32), nn.ReLU(), nn.Linear(32, 3))
    options = TrainingOptions(epochs=1, batch_size=37)
    loss = plain_loss(options, torch.ones(3))
    augmentation = Augmentation(rotation=0.0, flip=False, shift=0.0)
    loop = Loop(net, loss, options, augmentation, "cpu", processes)
    chance = np.random.default_rng(0)
    images = chance.normal(size=(37, 1, 16, 16)).astype(np.float32)
    loop.run_epoch(images, torch.from_numpy(chance.integers(0, 3, 37)), np.arange(37))
    return torch.cat([weight.grad.flatten() for weight in loop.net.parameters() if weight.grad is not None])


def compare(folder: Path) -> None:
    """Write how far the gradients of two processes are from those of one, and from each other."""
    with started_processes("cpu") as (processes, _):
        together = gradients(processes)
        first = together.clone()
        dist.broadcast(first, src=0)
        found = {
            "processes": processes.count,
            "from_one": (gradients(ALONE) - together).abs().max().item(),
            "from_the_first": (first - together).abs().max().item(),
        }
        (folder / f"{processes.rank}.json").write_text(json.dumps(found))


def train(cells: str, output: str, epochs: int) -> None:
    """Train; the first process falls over after so many epochs. What goes on goes on from the checkpoint."""

    def fall(record: EpochRecord) -> None:
        if record.epoch == epochs:
            sys.exit(3)

    path = Path(output)
    model = fit(
        open_cells(cells, subfolders="classes"),
        options=TrainingOptions(epochs=EPOCHS),
        size=16,
        on_epoch=fall,
        checkpoint=path.with_suffix(".checkpoint"),
        resume=True,
    )
    if os.environ["RANK"] == "0":
        model.save(path)


if __name__ == "__main__":
    if sys.argv[1] == "compare":
        compare(Path(sys.argv[2]))
    else:
        train(sys.argv[2], sys.argv[3], int(sys.argv[4]))
