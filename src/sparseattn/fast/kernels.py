"""SparseAttnNet for a cell at a time, compiled by numba: all that a cell needs stays in a core's own cache.

Maps have their channels last and a border of zeros that no kernel writes, so that a 3x3 neighbourhood is
nine rows at fixed offsets from its upper left one. All arrays are flat; a place is a count of numbers.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from sparseattn.fast.lanes import (
    LANES,
    add,
    div,
    fma,
    larger,
    load,
    mul,
    number_at,
    power_of_two,
    rounded,
    smaller,
    spread,
    spread_at,
    store,
    sub,
    total,
)

ROWS = 6
"""Rows that a product computes at once: their sums and what they are made of fit in AVX2's registers."""

_compiled = njit(nogil=True, error_model="numpy", fastmath={"contract", "nsz", "arcp", "reassoc"})
_entry = njit(nogil=True, error_model="numpy", cache=True, fastmath={"contract", "nsz", "arcp", "reassoc"})

_EPSILON = np.float32(1e-5)  # of torch's layer norm
_ANYTHING = np.float32(-np.inf)
_NOTHING_BELOW_ZERO = np.float32(0)
# Of a fixed type: for a literal numba would compile a function once more.
_SINGLE = np.int64(1)
_NONE = np.int64(0)


@_compiled
def _product(source, rows, step, count, offsets, panel, bias, least, target, places, stride):
    """Write rows @ weights + bias, nothing below ``least``.

    Number d of row i is ``source[rows[i] * step + offsets[d]]``: rows need not be laid out to be multiplied,
    be they windows of an image. It goes to ``target[places[i] * stride]``. ``panel`` holds sixteen columns of
    the weights after another. Up to five rows after the last are computed as well.
    """
    depth, width = len(offsets), len(bias)
    low = spread(least)
    for i in range(0, count, ROWS):
        row0, row1, row2 = rows[i] * step, rows[i + 1] * step, rows[i + 2] * step
        row3, row4, row5 = rows[i + 3] * step, rows[i + 4] * step, rows[i + 5] * step
        for column in range(0, width, LANES):
            sum0 = sum1 = sum2 = sum3 = sum4 = sum5 = load(bias, column)
            first = column * depth
            for d in range(depth):
                offset = number_at(offsets, d)
                weights = load(panel, first + d * LANES)
                sum0 = fma(spread_at(source, row0 + offset), weights, sum0)
                sum1 = fma(spread_at(source, row1 + offset), weights, sum1)
                sum2 = fma(spread_at(source, row2 + offset), weights, sum2)
                sum3 = fma(spread_at(source, row3 + offset), weights, sum3)
                sum4 = fma(spread_at(source, row4 + offset), weights, sum4)
                sum5 = fma(spread_at(source, row5 + offset), weights, sum5)
            store(target, places[i] * stride + column, larger(sum0, low))
            store(target, places[i + 1] * stride + column, larger(sum1, low))
            store(target, places[i + 2] * stride + column, larger(sum2, low))
            store(target, places[i + 3] * stride + column, larger(sum3, low))
            store(target, places[i + 4] * stride + column, larger(sum4, low))
            store(target, places[i + 5] * stride + column, larger(sum5, low))


@_compiled
def _depthwise(source, corners, count, side, taps, bias, least, target):
    """Write a 3x3 convolution of each channel by itself, a dense row a corner."""
    width = len(bias)
    low = spread(least)
    down = side * width
    for c in range(0, width, LANES):
        start = load(bias, c)
        tap0, tap1, tap2 = load(taps, c), load(taps, width + c), load(taps, 2 * width + c)
        tap3, tap4, tap5 = load(taps, 3 * width + c), load(taps, 4 * width + c), load(taps, 5 * width + c)
        tap6, tap7, tap8 = load(taps, 6 * width + c), load(taps, 7 * width + c), load(taps, 8 * width + c)
        for i in range(count):
            at = corners[i] * width + c
            upper = fma(load(source, at), tap0, start)
            upper = fma(load(source, at + width), tap1, upper)
            upper = fma(load(source, at + 2 * width), tap2, upper)
            at += down
            middle = mul(load(source, at), tap3)
            middle = fma(load(source, at + width), tap4, middle)
            middle = fma(load(source, at + 2 * width), tap5, middle)
            at += down
            upper = fma(load(source, at), tap6, upper)
            middle = fma(load(source, at + width), tap7, middle)
            upper = fma(load(source, at + 2 * width), tap8, upper)
            store(target, i * width + c, larger(add(upper, middle), low))


@_compiled
def _add_dots(source, corners, count, side, taps, width, sums):
    """Add a 3x3 convolution of all channels into one."""
    down = side * width
    for c in range(0, width, LANES):
        tap0, tap1, tap2 = load(taps, c), load(taps, width + c), load(taps, 2 * width + c)
        tap3, tap4, tap5 = load(taps, 3 * width + c), load(taps, 4 * width + c), load(taps, 5 * width + c)
        tap6, tap7, tap8 = load(taps, 6 * width + c), load(taps, 7 * width + c), load(taps, 8 * width + c)
        for i in range(count):
            at = corners[i] * width + c
            upper = mul(load(source, at), tap0)
            upper = fma(load(source, at + width), tap1, upper)
            upper = fma(load(source, at + 2 * width), tap2, upper)
            at += down
            middle = mul(load(source, at), tap3)
            middle = fma(load(source, at + width), tap4, middle)
            middle = fma(load(source, at + 2 * width), tap5, middle)
            at += down
            lower = mul(load(source, at), tap6)
            lower = fma(load(source, at + width), tap7, lower)
            lower = fma(load(source, at + 2 * width), tap8, lower)
            sums[i] += total(add(add(upper, middle), lower))


_ERF_ABOVE = tuple(
    np.float32(c)
    for c in (-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
              -7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02)
)  # fmt: skip
_ERF_BELOW = tuple(
    np.float32(c)
    for c in (-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03,
              -1.42647390514189e-02)
)  # fmt: skip
_ROOT_HALF = np.float32(0.5**0.5)
_HALF = np.float32(0.5)
_FOUR = np.float32(4)
_MINUS_FOUR = np.float32(-4)


@_compiled
def _gelu(x):
    """Return x times the share of a normal distribution below x; erf by a quotient of polynomials (5e-7)."""
    z = larger(smaller(mul(x, spread(_ROOT_HALF)), spread(_FOUR)), spread(_MINUS_FOUR))
    square = mul(z, z)
    above = fma(square, spread(_ERF_ABOVE[0]), spread(_ERF_ABOVE[1]))
    above = fma(square, above, spread(_ERF_ABOVE[2]))
    above = fma(square, above, spread(_ERF_ABOVE[3]))
    above = fma(square, above, spread(_ERF_ABOVE[4]))
    above = fma(square, above, spread(_ERF_ABOVE[5]))
    above = fma(square, above, spread(_ERF_ABOVE[6]))
    below = fma(square, spread(_ERF_BELOW[0]), spread(_ERF_BELOW[1]))
    below = fma(square, below, spread(_ERF_BELOW[2]))
    below = fma(square, below, spread(_ERF_BELOW[3]))
    below = fma(square, below, spread(_ERF_BELOW[4]))
    half = mul(x, spread(_HALF))
    return fma(half, div(mul(z, above), below), half)


_LOG2_E = np.float32(1.4426950408889634)
_LOWEST = np.float32(-126)
_ONE = np.float32(1)
_EXP2 = tuple(np.float32(np.log(2) ** n / np.prod(np.arange(1, n + 1))) for n in range(6, 0, -1))


@_compiled
def _exp(x):
    """Return e to the power of x <= 0: two to a whole number, times a polynomial for the rest (1e-7)."""
    x = larger(mul(x, spread(_LOG2_E)), spread(_LOWEST))
    whole = rounded(x)
    rest = sub(x, whole)
    value = fma(rest, spread(_EXP2[0]), spread(_EXP2[1]))
    value = fma(rest, value, spread(_EXP2[2]))
    value = fma(rest, value, spread(_EXP2[3]))
    value = fma(rest, value, spread(_EXP2[4]))
    value = fma(rest, value, spread(_EXP2[5]))
    return mul(fma(rest, value, spread(_ONE)), power_of_two(whole))


@_compiled
def _moments(source, at, width):
    """Return the mean of a row, and one over its standard deviation."""
    sums = load(source, at)
    for c in range(LANES, width, LANES):
        sums = add(sums, load(source, at + c))
    mean = total(sums) / np.float32(width)
    centre = spread(mean)
    squares = spread(np.float32(0))
    for c in range(0, width, LANES):
        away = sub(load(source, at + c), centre)
        squares = fma(away, away, squares)
    return mean, _ONE / np.sqrt(total(squares) / np.float32(width) + _EPSILON)


@_compiled
def _normalise(rows, count, width):
    """Give every row mean 0 and deviation 1, in place: a layer norm whose weights are in what follows."""
    for at in range(0, count * width, width):
        mean, scale = _moments(rows, at, width)
        centre, factor = spread(mean), spread(scale)
        for c in range(at, at + width, LANES):
            store(rows, c, mul(sub(load(rows, c), centre), factor))


@_compiled
def _norm(rows, at, weight, bias):
    """Take the layer norm of a row in place."""
    width = len(weight)
    mean, scale = _moments(rows, at, width)
    centre, factor = spread(mean), spread(scale)
    for c in range(0, width, LANES):
        one = mul(sub(load(rows, at + c), centre), factor)
        store(rows, at + c, fma(one, load(weight, c), load(bias, c)))


@_compiled
def _gelu_rows(rows, count):
    for at in range(0, count, LANES):
        store(rows, at, _gelu(load(rows, at)))


@_compiled
def _mix(grid, side, corners, count, blocks, b, dense, rows, hidden):
    """Mix some places of a map with the eight around each, then their features, in place."""
    width, depth = blocks.spread_bias.shape[1], blocks.up_bias.shape[1]
    _depthwise(grid, corners, count, side, blocks.spread[b], blocks.spread_bias[b], _ANYTHING, rows)
    _normalise(rows, count, width)
    _product(
        rows, dense, width, count, dense[:width], blocks.up[b], blocks.up_bias[b], _ANYTHING,
        hidden, dense, depth,
    )  # fmt: skip
    _gelu_rows(hidden, count * depth)
    _product(
        hidden, dense, depth, count, dense[:depth], blocks.down[b], blocks.down_bias[b], _ANYTHING,
        rows, dense, width,
    )  # fmt: skip
    for i in range(count):
        centre = (corners[i] + side + 1) * width
        for c in range(0, width, LANES):
            store(grid, centre + c, add(load(grid, centre + c), load(rows, i * width + c)))


@_compiled
def _pad(image, plan, padded):
    """Lay an image within its border."""
    size = plan.size
    side = size + 2 * plan.margin
    for row in range(len(image) // size):
        at = (row // size * side + row % size + plan.margin) * side + plan.margin
        for x in range(0, size - LANES + 1, LANES):
            store(padded, at + x, load(image, row * size + x))
        for x in range(size - size % LANES, size):
            padded[at + x] = image[row * size + x]


@_compiled
def _score(net, plan, work, logits):
    """Write the coarse logits of each unit of the cell in ``work.image``."""
    units, half, quarter = plan.units, plan.half, plan.quarter
    narrow, wide = len(net.stem.bias), len(net.deepen.bias)
    _product(
        work.image, plan.stem_corners, _SINGLE, units**2, plan.stem_offsets, net.stem.panel,
        net.stem.bias, _NOTHING_BELOW_ZERO, work.stem, plan.stem_places, narrow,
    )  # fmt: skip
    _depthwise(
        work.stem, plan.half_corners, half**2, units + 2, net.half, net.half_bias, _NOTHING_BELOW_ZERO,
        work.rows,
    )  # fmt: skip
    _product(
        work.rows, plan.dense, narrow, half**2, plan.dense[:narrow], net.widen.panel, net.widen.bias,
        _NOTHING_BELOW_ZERO, work.half, plan.half_places, wide,
    )  # fmt: skip
    _depthwise(
        work.half, plan.quarter_corners, quarter**2, half + 2, net.quarter, net.quarter_bias,
        _NOTHING_BELOW_ZERO, work.rows,
    )  # fmt: skip
    _product(
        work.rows, plan.dense, wide, quarter**2, plan.dense[:wide], net.deepen.panel, net.deepen.bias,
        _NOTHING_BELOW_ZERO, work.quarter, plan.quarter_places, wide,
    )  # fmt: skip
    _depthwise(
        work.quarter, plan.quarter_all, quarter**2, quarter + 2, net.deep, net.deep_bias,
        _NOTHING_BELOW_ZERO, work.rows,
    )  # fmt: skip
    for i in range(quarter**2):
        sums = spread(np.float32(0))
        for c in range(0, wide, LANES):
            sums = fma(load(work.rows, i * wide + c), load(net.shape, c), sums)
        work.shape[i] = total(sums) + net.shape_bias[0]
    _enlarge(work.shape, quarter, plan.lower, plan.upper, plan.share, units, work.line, logits)
    _add_dots(work.stem, plan.unit_corners, units**2, units + 2, net.detail, narrow, logits)


@_compiled
def _enlarge(small, side, lower, upper, share, units, line, large):
    """Enlarge a map by bilinear interpolation."""
    for y in range(units):
        above, below, part = lower[y] * side, upper[y] * side, share[y]
        for x in range(side):
            line[x] = small[above + x] + part * (small[below + x] - small[above + x])
        for x in range(units):
            large[y * units + x] = line[lower[x]] + share[x] * (line[upper[x]] - line[lower[x]])


@_compiled
def _select(logits, preference, count, scores, keys, selected):
    """Write the ``count`` places of the highest preferred scores, in the order of the image."""
    mean = np.float32(0)
    for i in range(len(logits)):
        mean += logits[i]
    mean /= np.float32(len(logits))
    square = np.float32(0)
    for i in range(len(logits)):
        away = logits[i] - mean
        square += away * away
    deviation = np.sqrt(square / np.float32(len(logits)))
    for i in range(len(logits)):
        scores[i] = logits[i] + deviation * preference[i]
    # As whole numbers floats are in order but for the negative ones; then their bits are found one by one.
    bits = scores.view(np.int32)
    for i in range(len(logits)):
        keys[i] = bits[i] ^ ((bits[i] >> np.int32(31)) & np.int32(0x7FFFFFFF))
    low, high = np.int64(keys[0]), np.int64(keys[0])
    for i in range(len(logits)):
        low, high = min(low, np.int64(keys[i])), max(high, np.int64(keys[i]))
    while low < high:  # the largest key that at least ``count`` units reach
        middle = np.int32(low + (high - low + 1) // 2)
        reach = np.int32(0)
        for i in range(len(logits)):
            reach += np.int32(keys[i] >= middle)
        if reach >= count:
            low = np.int64(middle)
        else:
            high = np.int64(middle) - 1
    above = 0
    for i in range(len(logits)):
        above += keys[i] > low
    spare = count - above
    found = 0
    for i in range(len(logits)):
        if keys[i] > low:
            selected[found] = i
            found += 1
        elif keys[i] == low and spare > 0:
            selected[found] = i
            found += 1
            spare -= 1


@_compiled
def _embed(net, plan, work, count):
    """Write the words of the selected units."""
    width = len(net.embed.bias)
    for i in range(count):
        work.corners[i] = plan.window_corners[work.selected[i]]
    for i in range(count, count + ROWS - 1):
        work.corners[i] = work.corners[0]
    _product(
        work.image, work.corners, _SINGLE, count, plan.window_offsets, net.embed.panel, net.embed.bias,
        _ANYTHING, work.words, plan.dense, width,
    )  # fmt: skip
    for i in range(count):
        at, place = i * width, work.selected[i] * width
        for c in range(0, width, LANES):
            store(work.words, at + c, add(load(work.words, at + c), load(net.places, place + c)))
        mean, scale = _moments(work.words, at, width)
        centre, factor = spread(mean), spread(scale)
        for c in range(0, width, LANES):
            one = mul(sub(load(work.words, at + c), centre), factor)
            one = fma(one, load(net.embed_norm.weight, c), load(net.embed_norm.bias, c))
            store(work.words, at + c, _gelu(one))


@_compiled
def _meet(net, plan, work, count):
    """Let words know their neighbours; places of the map that nothing reaches are not computed."""
    width = len(net.embed.bias)
    side, blocks = plan.half + 2, len(net.blocks.up)
    half = spread(_HALF)
    work.near[:] = 0
    work.reached[:] = 0
    for i in range(count):
        place = plan.near_places[work.selected[i]]
        for c in range(0, width, LANES):
            at = place * width + c
            store(work.near, at, fma(load(work.words, i * width + c), half, load(work.near, at)))
        for y in range(-side, side + 1, side):
            work.reached[place + y - 1] = 1
            work.reached[place + y] = 1
            work.reached[place + y + 1] = 1
    found = _NONE
    for y in range(1, plan.half + 1):
        for x in range(1, plan.half + 1):
            if work.reached[y * side + x]:
                work.corners[found] = (y - 1) * side + x - 1
                found += 1
    _mix(work.near, side, work.corners, found, net.blocks, _NONE, plan.dense, work.rows, work.hidden)
    if blocks > 1:
        for y in range(1, plan.half + 1):
            for x in range(1, plan.half + 1):
                if not work.reached[y * side + x]:
                    for c in range(0, width, LANES):
                        store(work.near, (y * side + x) * width + c, load(net.unreached, c))
        _pool(work.near, plan.half, width, work.far, plan.quarter)
        for b in range(1, blocks):
            _mix(
                work.far, plan.quarter + 2, plan.quarter_all, plan.quarter**2, net.blocks, b, plan.dense,
                work.rows, work.hidden,
            )  # fmt: skip
    for i in range(count):  # several words may lie on a place, whose norm is then taken once
        place = plan.near_places[work.selected[i]]
        if work.reached[place] < 2:
            work.reached[place] = 2
            _norm(work.near, place * width, net.near_norm.weight, net.near_norm.bias)
        for c in range(0, width, LANES):
            at = i * width + c
            store(work.words, at, add(load(work.words, at), load(work.near, place * width + c)))
    if blocks > 1:
        for i in range(plan.quarter**2):
            _norm(
                work.far,
                (plan.quarter_all[i] + plan.quarter + 3) * width,
                net.far_norm.weight,
                net.far_norm.bias,
            )
        for i in range(count):
            place = plan.far_places[work.selected[i]] * width
            for c in range(0, width, LANES):
                at = i * width + c
                store(work.words, at, add(load(work.words, at), load(work.far, place + c)))


@_compiled
def _pool(near, half, width, far, quarter):
    """Write twice the mean of every 2x2 places, of as many as there are at the border."""
    for y in range(quarter):
        for x in range(quarter):
            rows, columns = min(2, half - 2 * y), min(2, half - 2 * x)
            share = spread(np.float32(2) / np.float32(rows * columns))
            corner = (2 * y + 1) * (half + 2) + 2 * x + 1
            to = ((y + 1) * (quarter + 2) + x + 1) * width
            for c in range(0, width, LANES):
                sums = spread(np.float32(0))
                for row in range(rows):
                    for column in range(columns):
                        sums = add(sums, load(near, (corner + row * (half + 2) + column) * width + c))
                store(far, to + c, mul(sums, share))


@_compiled
def _attend(net, plan, work, count, biased, logits):
    """Let the CLS token read the words: heads lie side by side in the lanes."""
    width, lanes = len(net.embed.bias), len(net.query.bias)
    _product(
        work.words, plan.dense, width, count, plan.dense[:width], net.query.panel, net.query.bias, _ANYTHING,
        work.attention, plan.dense, lanes,
    )  # fmt: skip
    for c in range(0, lanes, LANES):
        highest = spread(_ANYTHING)
        for i in range(count):
            one = load(work.attention, i * lanes + c)
            if biased:
                one = add(one, spread_at(logits, work.selected[i]))
                store(work.attention, i * lanes + c, one)
            highest = larger(highest, one)
        sums = spread(np.float32(0))
        for i in range(count):
            one = _exp(sub(load(work.attention, i * lanes + c), highest))
            store(work.attention, i * lanes + c, one)
            sums = add(sums, one)
        store(work.line, c, div(spread(_ONE), sums))
    for head in range(net.heads):
        factor = spread_at(work.line, head)
        for c in range(0, width, LANES):
            sums = spread(np.float32(0))
            for i in range(count):
                sums = fma(spread_at(work.attention, i * lanes + head), load(work.words, i * width + c), sums)
            store(work.read, head * width + c, mul(sums, factor))


@_entry
def answer_cells(images, coarse, looks, count, net, plan, work, logits, features):
    """Answer for cells: (B, C * S * S) images.

    Where it ``looks``, the coarse logits of each unit are written, (B, G * G); else they are read. Logits and
    features are written by the ``count`` units of the highest coarse logits, unless it is 0.
    """
    width = len(net.embed.bias)
    for cell in range(len(images)):
        _pad(images[cell], plan, work.image)
        if looks:
            _score(net, plan, work, coarse[cell])
        if count == 0:
            continue
        _select(coarse[cell], net.preference, count, work.scores, work.keys, work.selected)
        _embed(net, plan, work, count)
        if len(net.blocks.up) > 0:
            _meet(net, plan, work, count)
        _attend(net, plan, work, count, net.biased, coarse[cell])
        _product(
            work.read, plan.first, _SINGLE, _SINGLE, plan.dense[: net.heads * width], net.output.panel,
            net.output.bias, _ANYTHING, work.rows, plan.dense, width,
        )  # fmt: skip
        _norm(work.rows, 0, net.norm.weight, net.norm.bias)
        for c in range(width):
            features[cell, c] = work.rows[c]
        _product(
            work.rows, plan.first, _SINGLE, _SINGLE, plan.dense[:width], net.classify.panel,
            net.classify.bias, _ANYTHING, work.hidden, plan.dense, len(net.classify.bias),
        )  # fmt: skip
        for c in range(logits.shape[1]):
            logits[cell, c] = work.hidden[c]
