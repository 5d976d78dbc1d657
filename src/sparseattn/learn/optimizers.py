"""How a step is taken: Muon for matrices inside the net, AdamW for everything else."""

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim import AdamW, Optimizer

from sparseattn.learn.options import TrainingOptions

_MUON_RATE = 4.0
"""Of Muon, times the learning rate: found by trial (a rate of 0.05 was no better than 0.02)."""

_MUON_DECAY = 0.2
"""Of Muon, times the weight decay: with four times the rate, both shrink weights by about as much a step."""


class Muon(Optimizer):
    """Momentum whose step is orthogonalised: every direction of a matrix learns at the same pace.

    K. Jordan et al., Muon: an optimizer for hidden layers in neural networks (2024). A convolution's
    kernel is taken as a matrix of its filters.

    Parameters
    ----------
    params : iterable
        Tensors of two or more dimensions.
    lr, momentum, weight_decay : float
        Rate, Nesterov momentum, decoupled weight decay.
    """

    def __init__(
        self,
        params: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        momentum: float = 0.95,
        weight_decay: float = 0.0,
    ) -> None:
        super().__init__(params, {"lr": lr, "momentum": momentum, "weight_decay": weight_decay})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> None:  # type: ignore[override]
        """Take a step along the gradients; ``closure`` is not used."""
        for group in self.param_groups:
            alike: dict[tuple[int, ...], list[Tensor]] = {}
            for weight in group["params"]:
                if weight.grad is not None:
                    alike.setdefault(tuple(weight.flatten(1).shape), []).append(weight)
            for shape, weights in alike.items():  # together: most are small, and each call costs
                updates = []
                for weight in weights:
                    assert weight.grad is not None
                    state = self.state[weight]
                    mean = state.setdefault("momentum", torch.zeros_like(weight))
                    mean.lerp_(weight.grad, 1 - group["momentum"])
                    updates.append(weight.grad.lerp(mean, group["momentum"]).flatten(1))
                tall = max(1.0, shape[0] / shape[1]) ** 0.5
                for weight, update in zip(weights, orthogonal(torch.stack(updates)), strict=True):
                    weight.mul_(1 - group["lr"] * group["weight_decay"])
                    weight.add_(update.view_as(weight), alpha=-group["lr"] * tall)


def orthogonal(matrices: Tensor) -> Tensor:
    """Return about the nearest matrices with singular values of 1, by five Newton-Schulz steps.

    The quintic's coefficients are those of Muon: singular values end between about 0.7 and 1.2.

    Parameters
    ----------
    matrices : Tensor
        (n, rows, columns).
    """
    tall = matrices.shape[1] > matrices.shape[2]
    x: Tensor = matrices.mT if tall else matrices
    x = x / (torch.linalg.matrix_norm(x, keepdim=True) + 1e-7)
    for _ in range(5):
        square = x @ x.mT
        x = torch.baddbmm(
            x, torch.baddbmm(square, square, square, beta=-4.7750, alpha=2.0315), x, beta=3.4445
        )
    nearest: Tensor = x.mT if tall else x
    return nearest


def optimizers_for(net: nn.Module, options: TrainingOptions) -> list[Optimizer]:
    """Return the optimizers of a net, each group of weights with its full rate as ``base``.

    Matrices inside the net go to Muon where ``options.optimizer`` is ``muon``: not the last layer, not maps
    to a single number, as its authors advise. Vectors have no weight decay.
    """
    last = [module for module in net.modules() if isinstance(module, nn.Linear)][-1:]
    outside = {id(weight) for module in last for weight in module.parameters()}

    def inside(weight: Tensor) -> bool:
        return (
            options.optimizer == "muon" and weight.ndim > 1 and len(weight) > 1 and id(weight) not in outside
        )

    weights = list(net.parameters())
    rest = [weight for weight in weights if not inside(weight)]
    optimizers: list[Optimizer] = [
        AdamW(
            [
                {"params": [w for w in rest if w.ndim > 1], "weight_decay": options.weight_decay},
                {"params": [w for w in rest if w.ndim <= 1], "weight_decay": 0.0},
            ],
            lr=options.learning_rate,
        )
    ]
    if matrices := [weight for weight in weights if inside(weight)]:
        decay = _MUON_DECAY * options.weight_decay
        optimizers.append(Muon(matrices, lr=_MUON_RATE * options.learning_rate, weight_decay=decay))
    for optimizer in optimizers:
        for group in optimizer.param_groups:
            group["base"] = group["lr"]
    return optimizers
