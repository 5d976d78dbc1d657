"""The measurement: every net in its best runtime and chunk size, turn by turn, so that noise is shared."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparseattn.bench.contenders import Contender
from sparseattn.bench.cost import arithmetic, parameters
from sparseattn.bench.runners import Ask, Images, ask_by, in_chunks, runtimes_for, write_onnx

BATCH = 256
CHUNKS = (8, 32, 128)
AGAINST = "small-cnn"


@dataclass(frozen=True)
class Effort:
    """How long to measure.

    Attributes
    ----------
    repeats : int
        Turns; each net is measured once a turn.
    seconds : float
        Longest measurement of a net a turn: slow nets see fewer cells than `BATCH`.
    singles : int
        Single cells for the latency; as many as last four times ``seconds``, at least 20.
    alone : bool
        Whether memory and start are measured, each net in a process of its own.
    every : bool
        Whether runtimes are tried that are known to be slower.
    """

    repeats: int = 11
    seconds: float = 0.5
    singles: int = 1000
    alone: bool = True
    every: bool = True


QUICK = Effort(repeats=5, seconds=0.12, singles=300, alone=False, every=False)


@dataclass(frozen=True)
class Measured:
    """What was measured of a net.

    Attributes
    ----------
    rates : tuple of float
        Cells a second, one a turn.
    ratios : tuple of float
        The same over those of the small CNN in the same turn, on images of the same shape.
    p50_ms, p99_ms : float
        Of a single cell, from the array to its class.
    """

    contender: Contender
    runtime: str
    chunk: int
    rates: tuple[float, ...]
    p50_ms: float
    p99_ms: float
    params: int
    mflop: float
    ratios: tuple[float, ...] = ()
    start_s: float | None = None
    peak_mib: float | None = None

    @property
    def cells_per_s(self) -> float:
        """The median turn."""
        return float(np.median(self.rates))

    def row(self, balanced_accuracy: float | None) -> dict[str, Any]:
        """Return the row of the JSON document."""
        return {
            "model": self.contender.name,
            "runtime": self.runtime,
            "image": list(self.contender.shape),
            "k": self.contender.k,
            "cells_per_s": self.cells_per_s,
            "p50_ms": self.p50_ms,
            "p99_ms": self.p99_ms,
            "params": self.params,
            "mflop": self.mflop,
            "peak_mib": self.peak_mib,
            "balanced_accuracy": balanced_accuracy,
        }


@dataclass(frozen=True)
class _Candidate:
    contender: Contender
    runtime: str
    ask: Ask
    chunk: int
    cells: int
    """Of a turn."""


def machine(threads: int) -> dict[str, Any]:
    """Return where it was measured, and with what."""
    versions = {}
    for name in ("torch", "onnxruntime", "numba", "monai"):
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    return {
        "processor": _processor(),
        "cores": os.cpu_count(),
        "threads": threads,
        "gpu": torch.cuda.get_device_name() if torch.cuda.is_available() else None,
        "system": platform.platform(),
        "python": platform.python_version(),
        **versions,
    }


def measure(
    contenders: Sequence[Contender], threads: int, effort: Effort, say: Callable[[str], None]
) -> list[Measured]:
    """Measure nets beside each other.

    Each is tried in every runtime that is here and in several sizes of chunks, of which `threads` are
    computed at a time; the best of its runtimes is then measured turn by turn with the others.

    Parameters
    ----------
    contenders : sequence of Contender
        The nets; ratios are to the small CNN, where it is among them.
    threads : int
        Of the CPU.
    effort : Effort
        How long.
    say : callable
        Told what is done.
    """
    with tempfile.TemporaryDirectory() as folder:
        best = []
        for number, contender in enumerate(contenders):
            shape = "x".join(map(str, contender.shape))
            say(f"preparing {contender.title}, {shape} ({number + 1} of {len(contenders)})")
            onnx = Path(folder) / f"{number}.onnx"
            runtimes = runtimes_for(contender, effort.every)
            if "onnxruntime" in runtimes:
                write_onnx(contender, onnx)
            best += _best(contender, runtimes, onnx, threads, effort)
        say(f"measuring {effort.repeats} turns")
        rates = _turns(best, threads, effort)
        say("measuring single cells")
        measured = []
        for candidate, own in zip(best, rates, strict=True):
            contender = candidate.contender
            onnx = Path(folder) / f"{contenders.index(contender)}.onnx"
            p50, p99 = _latency(candidate, onnx, threads, effort)
            net = contender.build()
            inputs = torch.zeros(1, *contender.shape)
            asked = (inputs,) if contender.k is None else (inputs, contender.k)
            one = Measured(
                contender=contender,
                runtime=candidate.runtime,
                chunk=candidate.chunk,
                rates=own,
                p50_ms=p50,
                p99_ms=p99,
                params=parameters(net),
                mflop=arithmetic(net, lambda net=net, asked=asked: net(*asked)).total,  # type: ignore[misc]
            )
            measured.append(_alone(one, onnx) if effort.alone else one)
    return [_with_ratios(one, measured) for one in measured]


def some_images(contender: Contender, count: int) -> Images:
    """Return images of smooth blobs in noise: what is salient lies together, as in a cell."""
    random = np.random.default_rng(0)
    channels, height, width = contender.shape
    y, x = np.mgrid[:height, :width] / height - 0.5
    places = random.uniform(-0.2, 0.2, (count, 2, 1, 1))
    blobs = np.exp(-((y - places[:, 0]) ** 2 + (x - places[:, 1]) ** 2) / 0.03)
    noise = random.normal(0, 0.3, (count, channels, height, width))
    images: Images = (3 * blobs[:, None] + noise).astype(np.float32)
    return images


def _best(
    contender: Contender, runtimes: Sequence[str], onnx: Path, threads: int, effort: Effort
) -> list[_Candidate]:
    """Return the net in its best runtime on the CPU and, where there is a GPU, on that."""
    images = some_images(contender, BATCH)
    found: dict[str, list[tuple[float, _Candidate]]] = {"cpu": [], "cuda": []}
    for runtime in runtimes:
        ask = ask_by(runtime, contender, onnx)
        ask(images[:8])
        chunks = (BATCH,) if runtime == "cuda" else CHUNKS
        for chunk in chunks:
            workers = 1 if runtime == "cuda" else threads
            cells = min(BATCH, chunk * workers)
            in_chunks(ask, images[:cells], chunk, workers)
            seconds = _seconds(ask, images[:cells], chunk, workers)
            rate = cells / seconds
            whole = max(1, min(BATCH, int(rate * effort.seconds)) // cells) * cells
            place = "cuda" if runtime == "cuda" else "cpu"
            found[place].append((rate, _Candidate(contender, runtime, ask, chunk, whole)))
            if seconds > 2 * effort.seconds:
                break  # larger chunks would take longer still
    return [max(tried, key=lambda one: one[0])[1] for tried in found.values() if tried]


def _turns(best: Sequence[_Candidate], threads: int, effort: Effort) -> list[tuple[float, ...]]:
    rates: list[list[float]] = [[] for _ in best]
    for _ in range(effort.repeats):
        for candidate, own in zip(best, rates, strict=True):
            images = some_images(candidate.contender, candidate.cells)
            workers = 1 if candidate.runtime == "cuda" else threads
            own.append(len(images) / _seconds(candidate.ask, images, candidate.chunk, workers))
    return [tuple(own) for own in rates]


def _latency(candidate: _Candidate, onnx: Path, threads: int, effort: Effort) -> tuple[float, float]:
    """Return the 50th and the 99th percentile of single cells in ms, with one thread or all."""
    images = some_images(candidate.contender, 16)
    found = []
    for count in sorted({1, threads} if candidate.runtime in ("torch", "onnxruntime") else {1}):
        ask = ask_by(candidate.runtime, candidate.contender, onnx, count)
        for _ in range(5):
            ask(images[:1])
        taken: list[float] = []
        end = time.perf_counter() + 4 * effort.seconds
        while len(taken) < effort.singles and (time.perf_counter() < end or len(taken) < 20):
            image = images[len(taken) % 16 : len(taken) % 16 + 1]
            began = time.perf_counter()
            int(ask(image)[0].argmax())
            taken.append(1000 * (time.perf_counter() - began))
        found.append((float(np.percentile(taken, 50)), float(np.percentile(taken, 99))))
    return min(found)


def _seconds(ask: Ask, images: Images, chunk: int, threads: int) -> float:
    began = time.perf_counter()
    in_chunks(ask, images, chunk, threads)
    return time.perf_counter() - began


def _alone(one: Measured, onnx: Path) -> Measured:
    contender = one.contender
    channels, size, _ = contender.shape
    words = (one.runtime, contender.name, channels, size, contender.k or 0, one.chunk, onnx)
    command = [sys.executable, "-m", "sparseattn.bench.alone", *map(str, words)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    found = json.loads(done.stdout.splitlines()[-1])
    return replace(one, start_s=found["start_s"], peak_mib=found["peak_mib"])


def _with_ratios(one: Measured, all_of_them: Sequence[Measured]) -> Measured:
    on_gpu = one.runtime == "cuda"
    for other in all_of_them:
        same = other.contender.shape == one.contender.shape and (other.runtime == "cuda") == on_gpu
        if other.contender.name == AGAINST and same:
            ratios = tuple(own / its for own, its in zip(one.rates, other.rates, strict=True))
            return replace(one, ratios=ratios)
    return one


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.machine()
