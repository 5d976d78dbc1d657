"""What this machine could do at best: multiply-adds of large matrices, and bytes copied a second."""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import torch

from sparseattn.bench.contenders import Contender
from sparseattn.bench.cost import arithmetic
from sparseattn.bench.measure import some_images
from sparseattn.bench.runners import ask_by, in_chunks

SIDE = 768
BYTES = 128 << 20


def _best(work: object, threads: int, turns: int = 12) -> float:
    """Return the fewest seconds of processor time in which each of so many threads did the work."""
    assert callable(work)
    taken = []
    with ThreadPoolExecutor(threads) as pool:
        for _ in range(turns):
            began = time.process_time()
            list(pool.map(lambda _: work(), range(threads)))
            taken.append((time.process_time() - began) / threads)
    return min(taken)


def measure_roofline() -> dict[str, Any]:
    """GFLOP/s and GB/s with one and two threads, and where the nets lie: GFLOP/s and FLOP a byte."""
    a, b = torch.rand(SIDE, SIDE), torch.rand(SIDE, SIDE)
    room = [np.ones(BYTES // 4, np.float32) for _ in range(4)]

    def multiply() -> None:
        torch.set_num_threads(1)
        torch.mm(a, b)

    def copy() -> None:
        np.copyto(room[1], room[0])

    peaks = []
    for threads in (1, 2):
        peaks.append(
            {
                "threads": threads,
                "gflops": threads * 2 * SIDE**3 / _best(multiply, threads) / 1e9,
                "gb_per_s": threads * 2 * BYTES / _best(copy, threads) / 1e9,
            }
        )
    nets = []
    for contender in (
        Contender("sparseattn", (3, 64, 64), 614),
        Contender("sparseattn", (3, 64, 64), 205),
        Contender("sparseattn-paper", (3, 64, 64), 614),
    ):
        net, images = contender.build(), some_images(contender, 64)
        ask = ask_by("compiled", contender, None)
        mflop = arithmetic(net, lambda net=net, k=contender.k: net(torch.zeros(1, 3, 64, 64), k)).total
        config = net.config  # what is folded beforehand is not done again: the code of all places
        mflop -= 2e-6 * config.units**2 * 6 * config.frequencies * config.width
        for threads in (1, 2):
            seconds = min(_seconds(ask, images, threads) for _ in range(20)) / len(images)
            nets.append(
                {
                    "net": contender.title,
                    "threads": threads,
                    "us_per_cell": 1e6 * seconds,
                    "gflops": mflop / seconds / 1e3,
                    "flop_per_byte": 1e6 * mflop / images[0].nbytes,
                }
            )
    return {"peaks": peaks, "nets": nets}


def _seconds(ask: Any, images: Any, threads: int) -> float:
    began = time.process_time()  # of all threads: other programs on the machine hardly move it
    in_chunks(ask, images, 16, threads)
    return (time.process_time() - began) / threads
