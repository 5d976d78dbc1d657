"""What the kernels read: a net's weights, folded and laid out; where everything lies; room to work in."""

from __future__ import annotations

import math
from typing import NamedTuple, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparseattn.net import SparseAttnNet, SparseAttnNetConfig
from sparseattn.net.fine import ClassAttention, NeighbourBlock
from sparseattn.net.select import _preference

LANES = 16
SPARE = 8
"""Rows behind the last that a product may write."""

Floats = NDArray[np.float32]
Places = NDArray[np.int64]


class Linear(NamedTuple):
    """A matrix in panels of sixteen columns, (columns / 16, depth, 16) flat; its bias, (columns,)."""

    panel: Floats
    bias: Floats


class Norm(NamedTuple):
    """Weight and bias of a layer norm."""

    weight: Floats
    bias: Floats


class Blocks(NamedTuple):
    """The mixing blocks one after another: taps (n, 9 * width), panels (n, width * hidden), biases."""

    spread: Floats
    spread_bias: Floats
    up: Floats
    up_bias: Floats
    down: Floats
    down_bias: Floats


class PackedNet(NamedTuple):
    """Weights, with batch norms, layer norms, projections and positions folded where they can be."""

    stem: Linear
    half: Floats
    half_bias: Floats
    widen: Linear
    quarter: Floats
    quarter_bias: Floats
    deepen: Linear
    deep: Floats
    deep_bias: Floats
    shape: Floats
    shape_bias: Floats
    detail: Floats
    preference: Floats
    embed: Linear
    places: Floats
    embed_norm: Norm
    blocks: Blocks
    unreached: Floats
    near_norm: Norm
    far_norm: Norm
    heads: int
    biased: bool
    query: Linear
    output: Linear
    norm: Norm
    classify: Linear


class Plan(NamedTuple):
    """Where everything lies, for one shape of net; corners are the upper left of a 3x3 neighbourhood."""

    size: int
    units: int
    half: int
    quarter: int
    margin: int
    stem_corners: Places
    stem_offsets: Places
    stem_places: Places
    unit_corners: Places
    half_corners: Places
    half_places: Places
    quarter_corners: Places
    quarter_places: Places
    quarter_all: Places
    lower: Places
    upper: Places
    share: Floats
    window_corners: Places
    window_offsets: Places
    near_places: Places
    far_places: Places
    dense: Places
    first: Places


class Work(NamedTuple):
    """Room for one cell at a time, of which up to ``units`` units are selected."""

    units: int
    image: Floats
    stem: Floats
    half: Floats
    quarter: Floats
    shape: Floats
    line: Floats
    scores: Floats
    keys: NDArray[np.int32]
    selected: Places
    corners: Places
    words: Floats
    near: Floats
    reached: NDArray[np.uint8]
    far: Floats
    rows: Floats
    hidden: Floats
    attention: Floats
    read: Floats


def can_pack(config: SparseAttnNetConfig) -> bool:
    """Tell whether the kernels know such a net: one layer, widths of whole vectors, strict."""
    widths = (config.width, config.coarse_width, config.hidden if config.blocks else LANES)
    return config.layers == 1 and not config.context and all(width % LANES == 0 for width in widths)


def pack(net: SparseAttnNet) -> PackedNet:
    """Return the weights of a net in evaluation mode, as they are now."""
    config = net.config
    with torch.no_grad():
        coarse, neighbourhood = net.coarse, net.neighbourhood
        stem, down = coarse.stem, coarse.down
        half, half_bias = _depthwise(down[0])
        quarter, quarter_bias = _depthwise(down[2])
        deep, deep_bias = _depthwise(down[4])
        detail_bias, shape_bias = coarse.detail.bias, coarse.shape.bias
        assert detail_bias is not None and shape_bias is not None
        of_windows, of_places = net.embedding.embed.weight.tensor_split(
            [config.channels * config.window**2], dim=1
        )
        blocks = [] if neighbourhood is None else [neighbourhood.near, *neighbourhood.far]
        unreached = torch.zeros(config.width)
        norms = [nn.LayerNorm(config.width)] * 2
        if neighbourhood is not None:
            near = neighbourhood.near
            unreached = near.mix(near.norm(near.spread.bias))
            norms = [neighbourhood.near_norm, neighbourhood.far_norm or neighbourhood.near_norm]
        attention = cast(ClassAttention, net.attention[0])
        depth = config.width // config.heads
        query = attention.query(attention.norm(net.cls)).view(config.heads, depth)
        key = attention.key.weight.view(config.heads, depth, config.width)
        value = attention.value.weight.view(config.heads, depth, config.width)
        output = attention.output.weight.view(config.width, config.heads, depth)
        return PackedNet(
            stem=_convolution(stem),
            half=half,
            half_bias=half_bias,
            widen=_convolution(down[1]),
            quarter=quarter,
            quarter_bias=quarter_bias,
            deepen=_convolution(down[3]),
            deep=deep,
            deep_bias=deep_bias,
            shape=_floats(coarse.shape.weight),
            shape_bias=_floats(shape_bias + detail_bias),
            detail=_floats(coarse.detail.weight[0].permute(1, 2, 0)),
            preference=_floats(config.spread * _preference(config.units, torch.device("cpu"))),
            embed=_linear(of_windows, torch.zeros(config.width)),
            places=_floats(net.embedding.places @ of_places.T + net.embedding.embed.bias),
            embed_norm=_norm(net.embedding.norm),
            blocks=_blocks(cast(list[NeighbourBlock], blocks), config),
            unreached=_floats(unreached),
            near_norm=_norm(norms[0]),
            far_norm=_norm(norms[1]),
            heads=config.heads,
            biased=config.score_bias,
            query=_linear(
                torch.einsum("hd,hdw->hw", query, key) / math.sqrt(depth), torch.zeros(config.heads)
            ),
            output=_linear(
                torch.einsum("whd,hdv->whv", output, value).flatten(1),
                net.cls + attention.output(attention.value.bias),
            ),
            norm=_norm(net.norm),
            classify=_linear(net.classify.weight, net.classify.bias),
        )


def make_plan(config: SparseAttnNetConfig) -> Plan:
    """Return where everything lies for nets of a shape."""
    units, unit, size = config.units, config.cell_size, config.size
    half = math.ceil(units / 2)
    quarter = math.ceil(half / 2)
    margin = max(1, (config.window - unit) // 2)
    side = size + 2 * margin
    lower, upper, share = _bilinear(quarter, units)
    unit_rows = np.arange(units)
    return Plan(
        size=size,
        units=units,
        half=half,
        quarter=quarter,
        margin=margin,
        stem_corners=np.pad(_grid(unit_rows * unit + margin - 1, side), (0, SPARE)),
        stem_offsets=_offsets(config.channels, 3, side),
        stem_places=_inside(units),
        unit_corners=_grid(unit_rows, units + 2),
        half_corners=_grid(2 * np.arange(half), units + 2),
        half_places=_inside(half),
        quarter_corners=_grid(2 * np.arange(quarter), half + 2),
        quarter_places=_inside(quarter),
        quarter_all=_grid(np.arange(quarter), quarter + 2),
        lower=lower,
        upper=upper,
        share=share,
        window_corners=_grid(unit_rows * unit + margin - (config.window - unit) // 2, side),
        window_offsets=_offsets(config.channels, config.window, side),
        near_places=_grid(unit_rows // 2 + 1, half + 2),
        far_places=_grid(unit_rows // 4 + 1, quarter + 2),
        dense=np.arange(
            max(units**2, config.width * config.heads, config.hidden, config.coarse_width * 2) + SPARE
        ),
        first=np.zeros(SPARE, np.int64),
    )


def make_room(config: SparseAttnNetConfig, plan: Plan, count: int) -> Work:
    """Return room for cells of which up to ``count`` units are selected; borders are zeros and stay so."""
    units, half, quarter = plan.units, plan.half, plan.quarter
    narrow, width = config.coarse_width, config.width
    rows = max(half**2 * max(narrow, width), quarter**2 * 2 * narrow)
    lanes = _whole(config.heads)
    return Work(
        units=count,
        image=_room(config.channels * (config.size + 2 * plan.margin) ** 2),
        stem=_room(((units + 2) ** 2 + 1) * narrow),
        half=_room(((half + 2) ** 2 + 1) * 2 * narrow),
        quarter=_room(((quarter + 2) ** 2 + 1) * 2 * narrow),
        shape=_room(quarter**2),
        line=_room(max(units, lanes)),
        scores=_room(units**2),
        keys=np.zeros(units**2, np.int32),
        selected=np.zeros(units**2, np.int64),
        corners=np.zeros(max(count, half**2) + SPARE, np.int64),
        words=_room((count + SPARE) * width),
        near=_room((half + 2) ** 2 * width),
        reached=np.zeros((half + 2) ** 2, np.uint8),
        far=_room((quarter + 2) ** 2 * width),
        rows=_room(rows + SPARE * max(2 * narrow, width)),
        hidden=_room(max((half**2 + SPARE) * config.hidden, SPARE * _whole(config.classes))),
        attention=_room((count + SPARE) * lanes),
        read=_room(config.heads * width),
    )


def _room(count: int) -> Floats:
    """Return zeros that begin where a line of the cache does: vectors across two lines take twice as long."""
    memory = np.zeros(4 * count + 64, np.uint8)
    start = -memory.ctypes.data % 64
    return memory[start : start + 4 * count].view(np.float32)


def _floats(tensor: Tensor) -> Floats:
    room = _room(tensor.numel())
    room[:] = tensor.detach().cpu().float().numpy().ravel()
    return room


def _whole(count: int) -> int:
    return math.ceil(count / LANES) * LANES


def _linear(weight: Tensor, bias: Tensor) -> Linear:
    """Lay out (columns, depth) weights and (columns,) bias; columns are filled up with zeros."""
    columns, depth = weight.shape
    padded = torch.zeros(_whole(columns), depth)
    padded[:columns] = weight
    panel = padded.view(-1, LANES, depth).transpose(1, 2)
    return Linear(_floats(panel), _floats(torch.cat([bias, torch.zeros(len(padded) - columns)])))


def _folded(layer: nn.Sequential) -> tuple[Tensor, Tensor]:
    """Return kernel and bias of a convolution with its batch norm in it."""
    convolution, norm = layer[0], layer[1]
    assert isinstance(convolution, nn.Conv2d) and isinstance(norm, nn.BatchNorm2d)
    assert norm.running_var is not None and norm.running_mean is not None
    scale = norm.weight / torch.sqrt(norm.running_var + norm.eps)
    return convolution.weight * scale[:, None, None, None], norm.bias - norm.running_mean * scale


def _convolution(layer: nn.Module) -> Linear:
    assert isinstance(layer, nn.Sequential)
    kernel, bias = _folded(layer)
    return _linear(kernel.flatten(1), bias)


def _depthwise(layer: nn.Module) -> tuple[Floats, Floats]:
    assert isinstance(layer, nn.Sequential)
    kernel, bias = _folded(layer)
    return _floats(kernel.flatten(1).T), _floats(bias)


def _norm(norm: nn.LayerNorm) -> Norm:
    return Norm(_floats(norm.weight), _floats(norm.bias))


def _blocks(blocks: list[NeighbourBlock], config: SparseAttnNetConfig) -> Blocks:
    width, hidden = config.width, config.hidden
    room = Blocks(
        *(
            _room(len(blocks) * count).reshape(len(blocks), count)
            for count in (9 * width, width, width * hidden, hidden, hidden * width, width)
        )
    )
    for number, block in enumerate(blocks):
        first, last = cast(nn.Linear, block.mix[0]), cast(nn.Linear, block.mix[2])
        # (x * weight + bias) of the norm, within the linear layer after it.
        up = _linear(first.weight * block.norm.weight, first.bias + first.weight @ block.norm.bias)
        down = _linear(last.weight, last.bias)
        spread_bias = block.spread.bias
        assert spread_bias is not None
        packed = (_floats(block.spread.weight.flatten(1).T), _floats(spread_bias), *up, *down)
        for array, values in zip(room, packed, strict=True):
            array[number] = values
    return room


def _grid(rows: Places, side: int) -> Places:
    """Return the places of rows x rows on a map of a side, flat."""
    return (rows[:, None] * side + rows).ravel()


def _offsets(channels: int, window: int, side: int) -> Places:
    """Return the places of a window's numbers from its upper left: (channels * window * window,)."""
    channel = np.arange(channels)[:, None, None] * side**2
    return (channel + np.arange(window)[:, None] * side + np.arange(window)).ravel()


def _inside(side: int) -> Places:
    """Return the places of a map within its border of one; then that behind the map, for what is spare."""
    return np.concatenate([_grid(np.arange(side) + 1, side + 2), np.full(SPARE, (side + 2) ** 2)])


def _bilinear(small: int, large: int) -> tuple[Places, Places, Floats]:
    """Return between which two places each of a larger axis lies, and how near to the second."""
    at = np.maximum((np.arange(large) + 0.5) * (small / large) - 0.5, 0)
    lower = np.minimum(at.astype(np.int64), small - 1)
    return lower, np.minimum(lower + 1, small - 1), (at - lower).astype(np.float32)
