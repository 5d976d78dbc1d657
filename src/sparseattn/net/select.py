"""Selection: the k most salient pixels, spread out, and the window of raw values around each."""

import torch
import torch.nn.functional as F
from torch import Generator, Tensor


def units_for(k: int, size: int, unit: int) -> int:
    """Return how many units hold ``k`` pixels: rounded to the nearest, at least one.

    Raises
    ------
    ValueError
        If ``k`` is not in 1..size*size.
    """
    if not 1 <= k <= size * size:
        raise ValueError(f"k is {k}; it must lie between 1 and the {size * size} pixels of the image")
    return max(1, round(k / unit**2))


def _preference(units: int, device: torch.device) -> Tensor:
    """Return (units * units,) what each unit has ahead of others: 2 the even ones, 0.5 the odd, else 0.

    The even units (even row and column) are a quarter of all; with the odd ones they make a chequerboard.
    """
    even = torch.arange(units, device=device) % 2 == 0
    rows, columns = even[:, None], even[None]
    return (2.0 * (rows & columns) + 0.5 * (~rows & ~columns)).flatten()


def select_top(
    logits: Tensor,
    count: int,
    *,
    spread: float = 0.0,
    noise: float = 0.0,
    generator: Generator | None = None,
) -> Tensor:
    """Return the flat indices of the ``count`` highest scores, the highest first.

    Windows of units side by side show nearly the same pixels. With ``spread`` every second unit of every
    second row goes before its neighbours unless these are far more salient, so that as many units show more
    of the cell.

    Parameters
    ----------
    logits : Tensor
        (B, G, G) coarse logits.
    count : int
        Number of units.
    spread : float
        How much the preferred units have ahead, in standard deviations of an image's own logits (twice that
        for the even units); 0 for the highest scores alone.
    noise : float
        Scale of Gumbel noise in standard deviations of an image's own logits, for exploration in training:
        noise of a fixed scale would drown logits that lie close together.
    generator : Generator or None
        On the CPU: the same state gives the same noise on every device.

    Returns
    -------
    Tensor
        (B, count) int64.
    """
    flat = logits.detach().flatten(1)
    if spread == 0 and noise == 0:
        return flat.topk(count, dim=1, sorted=True).indices
    centred = flat - flat.mean(dim=1, keepdim=True)
    deviation = centred.square().mean(dim=1, keepdim=True).sqrt()  # many times faster than torch.std
    if spread > 0:
        flat = flat + spread * deviation * _preference(logits.shape[-1], flat.device)
    if noise > 0:
        uniform = torch.rand(flat.shape, generator=generator).clamp_(1e-6, 1 - 1e-6).to(flat.device)
        flat = flat - noise * deviation * torch.log(-torch.log(uniform))
    return flat.topk(count, dim=1, sorted=True).indices


def read_pixels(selected: Tensor, size: int, unit: int, window: int) -> Tensor:
    """Return (B, 1, size, size) bool: the pixels of the selected units and of their windows.

    Parameters as of :func:`gather_windows`.
    """
    units, margin = size // unit, (window - unit) // 2
    chosen = torch.zeros(len(selected), units**2, device=selected.device).scatter_(1, selected, 1.0)
    pixels = F.interpolate(chosen.view(-1, 1, units, units), size=(size, size))
    return F.max_pool2d(pixels, 2 * margin + 1, stride=1, padding=margin).bool()


def gather_windows(image: Tensor, selected: Tensor, unit: int, window: int) -> Tensor:
    """Return the raw values around each selected unit and nothing else of the image.

    Parameters
    ----------
    image : Tensor
        (B, C, S, S).
    selected : Tensor
        (B, K) flat indices into the G x G units.
    unit, window : int
        Sides in pixels; the window is centred on the unit and reaches into zeros beyond the border.

    Returns
    -------
    Tensor
        (B, K, C * window * window).
    """
    batch, channels, size, _ = image.shape
    units, margin = size // unit, (window - unit) // 2
    side = size + 2 * margin
    padded = F.pad(image, (margin, margin, margin, margin)) if margin else image
    corner = selected // units * unit * side + selected % units * unit
    within = torch.arange(window, device=image.device)
    channel = torch.arange(channels, device=image.device)[:, None, None] * side**2
    offsets = (channel + within[:, None] * side + within).flatten()
    places = (corner[..., None] + offsets).flatten(1)
    return padded.flatten(1).gather(1, places).view(batch, -1, len(offsets))


def gather_units(features: Tensor, selected: Tensor) -> Tensor:
    """Return the (B, K, F) features of the selected units from (B, F, G, G) maps."""
    flat = features.flatten(2).transpose(1, 2)
    return flat.gather(1, selected[..., None].expand(-1, -1, flat.shape[2]))
