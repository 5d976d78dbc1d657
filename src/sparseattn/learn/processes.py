"""One training by several processes, as `torchrun` starts them: each takes its share of every step."""

from __future__ import annotations

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
import torch.distributed as dist
from numpy.typing import NDArray
from torch import nn
from torch.nn.parallel import DistributedDataParallel

from sparseattn.errors import InputError


@dataclass(frozen=True)
class Processes:
    """The processes of a training, and which of them this one is; 0 of 1 where it is alone."""

    rank: int = 0
    count: int = 1

    def share(self, rows: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return the rows of a step that this process takes.

        Raises
        ------
        InputError
            Where there are fewer rows than processes.
        """
        if len(rows) < self.count:
            raise InputError(
                f"a step has {len(rows)} cells, too few for {self.count} processes; start at most {len(rows)}"
            )
        return rows[self.rank :: self.count]

    def mean(self, value: float) -> float:
        """Return the mean of a number over the processes."""
        if self.count == 1:
            return value
        total = torch.tensor(value, dtype=torch.float64)
        if dist.get_backend() == "nccl":
            total = total.cuda()
        dist.all_reduce(total)
        return float(total) / self.count

    def agree(self, answer: bool) -> bool:
        """Return the answer of the first process, in all: none must end a training that others go on with."""
        return self.mean(answer and not self.rank) > 0

    def joined(self, module: nn.Module, *, uses_all: bool) -> nn.Module:
        """Return the module with its gradients averaged over the processes; itself where it is alone.

        Batch statistics are of each process's own cells, and those of the first are kept.
        """
        if self.count == 1:
            return module
        return DistributedDataParallel(module, find_unused_parameters=not uses_all)


ALONE = Processes()


@contextmanager
def started_processes(device: str) -> Iterator[tuple[Processes, str]]:
    """Join the processes that `torchrun` has started, and give each its own GPU where there is one for each.

    Parameters
    ----------
    device : str
        ``cpu``, ``cuda`` or another of torch.

    Yields
    ------
    Processes, str
        `ALONE` and the same device where nothing has been started; a group that is there already is taken
        as it is.
    """
    if not dist.is_available():
        yield ALONE, device
        return
    if dist.is_initialized():
        yield Processes(dist.get_rank(), dist.get_world_size()), device
        return
    if not dist.is_torchelastic_launched() or os.environ["WORLD_SIZE"] == "1":
        yield ALONE, device
        return
    own_gpu = False
    if device == "cuda":
        place, gpus = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
        own_gpu = gpus >= int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        device = f"cuda:{place % gpus}"
        torch.cuda.set_device(device)
    dist.init_process_group("nccl" if own_gpu else "gloo")
    try:
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Grad strides do not match bucket view strides")
            yield Processes(dist.get_rank(), dist.get_world_size()), device
    finally:
        dist.destroy_process_group()
