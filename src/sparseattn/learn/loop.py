"""A training loop that is only a loop: any net, any loss, stopped and gone on with at any epoch."""

import copy
import math

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Generator, Tensor, nn

from sparseattn.learn.augment import Augmentation, augment
from sparseattn.learn.losses import LossFunction
from sparseattn.learn.optimizers import optimizers_for
from sparseattn.learn.options import Precision, TrainingOptions
from sparseattn.learn.processes import ALONE, Processes


class Lesson(nn.Module):
    """A net and its loss as one module: what a step runs, and what several processes run together."""

    def __init__(self, net: nn.Module, loss: LossFunction, precision: Precision) -> None:
        super().__init__()
        self.net = net
        self.loss = loss
        self.precision = precision

    def forward(self, images: Tensor, labels: Tensor, generator: Generator) -> Tensor:
        """Return the loss of a batch, a float32 scalar."""
        with torch.autocast(images.device.type, torch.bfloat16, enabled=self.precision == "mixed"):
            return self.loss(self.net, images, labels, generator)


class Loop:
    """Train a net by Muon and AdamW with a warm-up, a cosine and a running average of the weights.

    Attributes
    ----------
    net, average : nn.Module
        The net that is trained, and the running average of its weights, in evaluation mode.
    generator : torch.Generator
        The one source of chance: order, augmentation, noise, k. Alike in all processes.
    epoch : int
        Epochs done.
    """

    def __init__(
        self,
        net: nn.Module,
        loss: LossFunction,
        options: TrainingOptions,
        augmentation: Augmentation,
        device: str,
        processes: Processes = ALONE,
    ) -> None:
        if options.epochs is None:
            raise ValueError("the options of a loop must say how many epochs")
        self.epochs = options.epochs
        self.net = net.to(device)
        self.average = copy.deepcopy(self.net).eval().requires_grad_(False)
        lesson = Lesson(self.net, loss, options.precision)
        self.lesson = processes.joined(lesson, uses_all=options.distillation > 0)
        self.options = options
        self.augmentation = augmentation
        self.device = device
        self.processes = processes
        self.generator = torch.Generator().manual_seed(options.seed)
        self.epoch = 0
        self.step = 0
        self.optimizers = optimizers_for(self.net, options)

    def run_epoch(self, images: NDArray[np.float32], labels: Tensor, rows: NDArray[np.int64]) -> float:
        """Train once over the given rows and return the mean loss.

        Parameters
        ----------
        images : ndarray
            (N, C, S, S) float32, standardised; may be a memory map.
        labels : Tensor
            (N,) int64.
        rows : ndarray
            Of the training cells.
        """
        self.net.train()
        order = rows[torch.randperm(len(rows), generator=self.generator).numpy()]
        steps = max(1, len(rows) // self.options.batch_size)
        total = 0.0
        for number, batch in enumerate(np.array_split(order, steps)):
            self._set_learning_rate((self.epoch + (number + 1) / steps) / self.epochs)
            own = self.processes.share(batch)
            variety, chance = self._generators()
            picture = torch.from_numpy(images[own]).to(self.device)
            picture = augment(picture, self.augmentation, variety)
            loss = self.lesson(picture, labels[own].to(self.device), chance)
            loss = loss * (len(own) * self.processes.count / len(batch))
            self.net.zero_grad()
            loss.backward()
            nn.utils.clip_grad_norm_(self.net.parameters(), self.options.clip)
            for optimizer in self.optimizers:
                optimizer.step()
            self.step += 1
            self._average()
            total += loss.item()
        self.epoch += 1
        return self.processes.mean(total / steps)

    def _generators(self) -> tuple[Generator, Generator]:
        """Return what a step's augmentation and its loss draw from.

        Of several processes each turns its cells in its own way, but all select as many pixels; the loop's
        own generator, drawn from once a step, stays alike in all however many cells each takes.
        """
        if self.processes.count == 1:
            return self.generator, self.generator
        seed = int(torch.randint(2**62, (), generator=self.generator))
        return Generator().manual_seed(seed + 1 + self.processes.rank), Generator().manual_seed(seed)

    def _set_learning_rate(self, progress: float) -> None:
        warm_up = self.options.warm_up
        if progress < warm_up:
            factor = max(progress / warm_up, 0.02)
        else:
            factor = 0.5 * (1 + math.cos(math.pi * (progress - warm_up) / (1 - warm_up)))
        for optimizer in self.optimizers:
            for group in optimizer.param_groups:
                group["lr"] = factor * group["base"]

    @torch.no_grad()
    def _average(self) -> None:
        # Early steps count for little, else the average would remember the random start for too long.
        decay = min(self.options.average, (1 + self.step) / (10 + self.step))
        for mean, now in zip(self.average.state_dict().values(), self.net.state_dict().values(), strict=True):
            if mean.dtype.is_floating_point:
                mean.lerp_(now, 1 - decay)
            else:
                mean.copy_(now)

    def tensors(self) -> dict[str, Tensor]:
        """Return all that another process needs to go on with the run, but for ``epoch`` and ``step``."""
        state = {f"net.{name}": tensor for name, tensor in self.net.state_dict().items()}
        state |= {f"average.{name}": tensor for name, tensor in self.average.state_dict().items()}
        for which, optimizer in enumerate(self.optimizers):
            for number, moments in optimizer.state_dict()["state"].items():
                state |= {f"optimizer.{which}.{number}.{name}": one for name, one in moments.items()}
        state["generator"] = self.generator.get_state()
        return {name: tensor.detach().cpu().clone().contiguous() for name, tensor in state.items()}

    def restore(self, state: dict[str, Tensor], epoch: int, step: int) -> None:
        """Go on where :meth:`tensors` was called."""

        def part(prefix: str) -> dict[str, Tensor]:
            return {
                name.removeprefix(prefix): tensor for name, tensor in state.items() if name.startswith(prefix)
            }

        self.net.load_state_dict(part("net."))
        self.average.load_state_dict(part("average."))
        for which, optimizer in enumerate(self.optimizers):
            moments: dict[int, dict[str, Tensor]] = {}
            for name, tensor in part(f"optimizer.{which}.").items():
                number, key = name.split(".")
                moments.setdefault(int(number), {})[key] = tensor
            optimizer.load_state_dict({**optimizer.state_dict(), "state": moments})
        self.generator.set_state(state["generator"])
        self.epoch, self.step = epoch, step
