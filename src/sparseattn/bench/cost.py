"""What one image costs a net: parameters, and arithmetic counted by torch. One multiply-add is two FLOP."""

from collections.abc import Callable
from dataclasses import dataclass

from torch import nn
from torch.utils.flop_counter import FlopCounterMode


@dataclass(frozen=True)
class Arithmetic:
    """MFLOP of convolutions and matrix products for one image; norms, activations, sorting are not counted.

    Attributes
    ----------
    total
        Of the whole net.
    coarse
        Of the stage that looks at the whole image; None for a net of one stage.
    """

    total: float
    coarse: float | None = None

    @property
    def fine(self) -> float | None:
        """MFLOP of the stage that reads the selected pixels."""
        return None if self.coarse is None else self.total - self.coarse


def parameters(net: nn.Module) -> int:
    """Return how many numbers a net learns."""
    return sum(parameter.numel() for parameter in net.parameters())


def arithmetic(net: nn.Module, ask: Callable[[], object]) -> Arithmetic:
    """Count the arithmetic of asking a net about one image; a net with a ``coarse`` child has two stages.

    The net is done with learning: torch cannot tell stages apart while parameters ask for gradients.
    """
    with FlopCounterMode(display=False) as counter:
        ask()
    total = counter.get_total_flops() / 1e6
    if not isinstance(getattr(net, "coarse", None), nn.Module):
        return Arithmetic(total)
    coarse = sum(counter.get_flop_counts()[f"{type(net).__name__}.coarse"].values()) / 1e6
    return Arithmetic(total, coarse)
