"""One thread: what each engine takes for a cell, how that grows, and where the compiled kernels spend it."""

import tempfile
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.bench.contenders import Contender, Shape
from sparseattn.bench.measure import some_images
from sparseattn.bench.runners import ask_by, in_chunks, write_onnx

SIZES = (32, 64, 96, 128, 192, 256, 384, 512)
SHARES = (0.01, 0.02, 0.05, 0.1, 0.15, 0.25, 0.5, 0.75, 1.0)
BATCHES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
CELLS = (256, 1024, 4096, 16384)
TURNS = 9
CHUNK = 16


def side_by_side(asks: Sequence[Callable[[], object]], turns: int = TURNS) -> list[float]:
    """Return the median seconds of processor time of each, turn by turn."""
    taken: list[list[float]] = [[] for _ in asks]
    for ask in asks:
        ask()
    for _ in range(turns):
        for ask, own in zip(asks, taken, strict=True):
            began = time.process_time()
            ask()
            own.append(time.process_time() - began)
    return [float(np.median(own)) for own in taken]


def _contender(name: str, size: int = 64, share: float | None = None, channels: int = 3) -> Contender:
    shape: Shape = (channels, size, size)
    return Contender(name, shape, None if share is None else max(1, round(share * size**2)))


def measure_engines() -> list[dict[str, Any]]:
    """Microseconds a cell by every engine, in chunks of 8, 16 and 32, one thread."""
    nets = [_contender("sparseattn", share=share) for share in (0.15, 0.05)]
    nets += [_contender("sparseattn-paper", share=0.15), _contender("small-cnn")]
    rows: list[dict[str, Any]] = []
    with tempfile.TemporaryDirectory() as folder:
        asks = []
        for number, net in enumerate(nets):
            onnx = Path(folder) / f"{number}.onnx"
            write_onnx(net, onnx)
            engines = ("torch", "onnxruntime") if net.k is None else ("torch", "onnxruntime", "compiled")
            for engine in engines:
                ask, images = ask_by(engine, net, onnx), some_images(net, 64)
                for chunk in (1, 8, 16, 32):
                    asks.append(lambda ask=ask, images=images, chunk=chunk: in_chunks(ask, images, chunk, 1))
                    rows.append({"net": net.title, "engine": engine, "chunk": chunk})
        for row, seconds in zip(rows, side_by_side(asks), strict=True):
            row["us_per_cell"] = 1e6 * seconds / 64
    return rows


def measure_growth() -> dict[str, list[dict[str, Any]]]:
    """Microseconds a cell of the compiled net, and of the small CNN, as one thing grows."""
    found: dict[str, list[dict[str, Any]]] = {"size": [], "share": [], "batch": [], "cells": []}
    with tempfile.TemporaryDirectory() as folder:
        onnx = Path(folder) / "small.onnx"
        for size in SIZES:
            ours, small = _contender("sparseattn", size, 0.15, 1), _contender("small-cnn", size, channels=1)
            write_onnx(small, onnx)
            count = max(4, 16 * 64**2 // size**2)
            images = some_images(ours, count)
            asks = [ask_by("compiled", ours, onnx), ask_by("onnxruntime", small, onnx)]
            seconds = side_by_side([lambda ask=ask, images=images: ask(images) for ask in asks])
            found["size"].append(_point(size, seconds, count))
        small = _contender("small-cnn")
        write_onnx(small, onnx)
        beside = ask_by("onnxruntime", small, onnx)
        images = some_images(small, 256)
        for share in SHARES:
            ask = ask_by("compiled", _contender("sparseattn", share=share), onnx)
            seconds = side_by_side([lambda ask=ask: ask(images[:CHUNK]), lambda: beside(images[:CHUNK])])
            found["share"].append(_point(share, seconds, CHUNK))
        ours = ask_by("compiled", _contender("sparseattn", share=0.15), onnx)
        for batch in BATCHES:
            asked = [lambda ask=ask, batch=batch: ask(images[:batch]) for ask in (ours, beside)]
            found["batch"].append(_point(batch, side_by_side(asked, 25), batch))
        for cells in CELLS:
            many = np.resize(images, (cells, *images.shape[1:]))
            asked = [lambda ask=ask, many=many: in_chunks(ask, many, 32, 1) for ask in (ours, beside)]
            found["cells"].append(_point(cells, side_by_side(asked, 3), cells))
    return found


def _point(at: float, seconds: Sequence[float], cells: int) -> dict[str, Any]:
    ours, small = (1e6 * one / cells for one in seconds)
    return {"at": at, "sparseattn_us": ours, "small_cnn_us": small}


def measure_stages() -> list[dict[str, Any]]:
    """Microseconds of a cell in each stage of the compiled kernels, as shipped with fewer and fewer parts."""
    from sparseattn.bench.contenders import CLASSES
    from sparseattn.fast.engine import CompiledNet
    from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

    rows = []
    for share in (0.15, 0.05):
        k = round(share * 64**2)
        images = some_images(_contender("sparseattn", share=share), CHUNK)
        nets = {
            blocks: CompiledNet(SparseAttnNet(SparseAttnNetConfig(3, CLASSES, 64, blocks=blocks)).eval())
            for blocks in (0, 1, 3)
        }
        coarse = nets[3].score(images)
        asks = [
            partial(nets[3].score, images),
            partial(nets[0].decide, images, coarse, 1),
            *(partial(net.decide, images, coarse, k) for net in nets.values()),
        ]
        score, fixed, none, near, far = (1e6 * s / CHUNK for s in side_by_side(asks, 60))
        parts = {
            "coarse stage": score,
            "padding, selection, classifying": fixed,
            "words and their reading by CLS": none - fixed,
            "near map": near - none,
            "far map": far - near,
        }
        rows += [{"share": share, "stage": name, "us": value} for name, value in parts.items()]
    return rows
