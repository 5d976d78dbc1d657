"""Fine attention: the selected pixels as words, and a CLS token that reads them."""

import math
from typing import cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn


def fourier_positions(units: int, frequencies: int) -> Tensor:
    """Return sine and cosine features of every unit's place: (units * units, 6 * frequencies) float32.

    The row, the column and the distance from the centre are each encoded; the distance does not change when a
    cell is rotated.
    """
    axis = (torch.arange(units) + 0.5) / units * 2 - 1
    y, x = torch.meshgrid(axis, axis, indexing="ij")
    places = torch.stack([y, x, torch.hypot(y, x)], dim=-1).flatten(0, 1)
    angles = places[..., None] * math.pi * 2.0 ** torch.arange(frequencies)
    return torch.cat([angles.sin(), angles.cos()], dim=-1).flatten(1)


class PixelEmbedding(nn.Module):
    """Embed (place, window of raw values) of every selected unit as a word of ``width`` numbers."""

    places: Tensor

    def __init__(self, values: int, units: int, width: int, frequencies: int) -> None:
        super().__init__()
        self.register_buffer("places", fourier_positions(units, frequencies), persistent=False)
        self.embed = nn.Linear(values + 6 * frequencies, width)
        self.norm = nn.LayerNorm(width)

    def forward(self, windows: Tensor, selected: Tensor) -> Tensor:
        """Return (B, K, width) words from (B, K, values) windows and (B, K) flat unit indices."""
        # One linear layer over both, without laying them side by side for every word.
        of_windows, of_places = self.embed.weight.tensor_split([windows.shape[-1]], dim=1)
        places = F.embedding(selected, F.linear(self.places, of_places, self.embed.bias))
        words = torch.addmm(places.flatten(0, 1), windows.flatten(0, 1), of_windows.T)
        return F.gelu(cast(Tensor, self.norm(words.view_as(places))))


class NeighbourBlock(nn.Module):
    """Mix each place of a map with the eight around it, then its features."""

    def __init__(self, width: int, hidden: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(width, width, 3, padding=1, groups=width)
        self.norm = nn.LayerNorm(width)
        self.mix = nn.Sequential(nn.Linear(width, hidden), nn.GELU(), nn.Linear(hidden, width))

    def forward(self, grid: Tensor) -> Tensor:
        """Return (B, Y, X, width) from the same."""
        near = self.spread(grid.permute(0, 3, 1, 2)).permute(0, 2, 3, 1)
        return grid + cast(Tensor, self.mix(self.norm(near)))


class Neighbourhood(nn.Module):
    """Let each selected pixel's word know the selected pixels around it, near and far.

    The words are laid out on a map of half the units' resolution, empty where nothing was selected, and mixed
    with their neighbours there; the map is then halved once more and mixed again, where a step reaches twice
    as far at a quarter of the cost. Both maps are added back to the words. Only words enter, so the net stays
    strict; what it gains is what makes convolutions learn from few images: the same rule everywhere in the
    image.
    """

    def __init__(self, units: int, width: int, hidden: int, blocks: int) -> None:
        super().__init__()
        self.units = units
        self.near = NeighbourBlock(width, hidden)
        self.near_norm = nn.LayerNorm(width)
        self.far = nn.Sequential(*(NeighbourBlock(width, hidden) for _ in range(blocks - 1)))
        self.far_norm = nn.LayerNorm(width) if blocks > 1 else None

    def forward(self, words: Tensor, selected: Tensor) -> Tensor:
        """Return (B, K, width) words from (B, K, width) words and (B, K) flat unit indices."""
        batch, _, width = words.shape
        side = math.ceil(self.units / 2)
        image = torch.arange(batch, device=words.device)[:, None]
        row, column = selected // self.units // 2, selected % self.units // 2
        places = (image * side**2 + row * side + column).flatten()
        near = words.new_zeros(batch * side**2, width)
        near = near.index_add_(0, places, words.flatten(0, 1)).div_(2)
        near = self.near(near.view(batch, side, side, width))
        known: Tensor = self.near_norm(near)
        if self.far_norm is not None:
            far = 2 * F.avg_pool2d(near.permute(0, 3, 1, 2), 2, ceil_mode=True).permute(0, 2, 3, 1)
            far = self.far_norm(self.far(far)).permute(0, 3, 1, 2)
            # Each place of the far map lies over 2 x 2 of the near one.
            known = known + F.interpolate(far, scale_factor=2)[..., :side, :side].permute(0, 2, 3, 1)
        # Whole rows by one index: several times faster than gather, which takes an index a number.
        return words + known.flatten(0, 2).index_select(0, places).view_as(words)


class ClassAttention(nn.Module):
    """Multi-head attention of the CLS token over the selected pixels.

    Only the CLS row is evaluated, since the class needs no other: with q the CLS token's query, the weights
    are softmax(q . (W_k word_i) / sqrt(d) + bias_i). W_k folds into the query and W_v acts after the sum,
    so the cost is O(k); the numbers are those of full attention among all words.
    """

    def __init__(self, width: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.norm = nn.LayerNorm(width)
        self.query = nn.Linear(width, width)
        self.key = nn.Linear(width, width, bias=False)  # a bias would cancel in the softmax
        self.value = nn.Linear(width, width)
        self.output = nn.Linear(width, width)

    def forward(self, cls: Tensor, words: Tensor, bias: Tensor | None) -> tuple[Tensor, Tensor, Tensor]:
        """Let the CLS token read the words.

        Parameters
        ----------
        cls : Tensor
            (B, D).
        words : Tensor
            (B, K, D).
        bias : Tensor or None
            (B, K), added to the logits of every head.

        Returns
        -------
        cls : Tensor
            (B, D), the token after reading.
        weights, unbiased : Tensor
            (B, heads, K) attention with and without the bias; each sums to 1 over K.
        """
        batch, _, width = words.shape
        depth = width // self.heads
        query = self.query(self.norm(cls)).view(batch, self.heads, depth)
        key = self.key.weight.view(self.heads, depth, width)
        folded = torch.einsum("bhd,hdw->bhw", query, key) / math.sqrt(depth)
        # Words first, so that their gradient has their own layout: adding it up takes half the time.
        logits = (words @ folded.transpose(1, 2)).transpose(1, 2)
        unbiased = logits.softmax(dim=-1)
        weights = unbiased if bias is None else (logits + bias[:, None]).softmax(dim=-1)
        value = self.value.weight.view(self.heads, depth, width)
        attended = torch.einsum("bhw,hdw->bhd", weights @ words, value).flatten(1) + self.value.bias
        return cls + self.output(attended), weights, unbiased
