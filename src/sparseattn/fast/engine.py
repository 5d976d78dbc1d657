"""Which engine answers: torch, or the compiled kernels where they know the net and pay."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from functools import lru_cache
from importlib.util import find_spec
from pathlib import Path
from typing import Literal, cast, get_args

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.fast.packed import Plan, Work, can_pack, make_plan, make_room, pack
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig
from sparseattn.net.select import units_for

Engine = Literal["torch", "compiled"]

WORTH_LOADING = 5_000
"""Cells from which on loading the kernels, a second, is less than they save."""

WORTH_COMPILING = 50_000
"""Cells from which on compiling them is: that takes 15 seconds, once a machine and version."""

_CHUNK = 16
"""Cells between two looks of a thread at what is next."""


class CompiledNet:
    """A net's answers by the compiled kernels: those of torch within 1e-5, several times faster.

    Parameters
    ----------
    net : SparseAttnNet
        One that :func:`why_not` has nothing against. Its weights are taken as they are now: a net that
        learns on needs another `CompiledNet`.
    threads : int
        Threads that share the cells of a batch.
    """

    def __init__(self, net: SparseAttnNet, threads: int = 1) -> None:
        self.config = net.config
        self._threads = threads
        self._net = pack(net)
        self._plan = _plan(net.config)
        self._rooms: list[Work] = []

    def answer(self, images: NDArray[np.float32], k: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Classify images by k of their pixels.

        Parameters
        ----------
        images : ndarray
            (B, C, S, S) float32, standardised.
        k : int
            As of the net.

        Returns
        -------
        logits, feature : ndarray
            (B, classes) and (B, width) float32.
        """
        coarse = np.empty((len(images), self.config.units**2), np.float32)
        return self._run(images, coarse, k, looks=True)

    def score(self, images: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return (B, G * G) coarse logits: what does not change with k."""
        coarse = np.empty((len(images), self.config.units**2), np.float32)
        self._run(images, coarse, None, looks=True)
        return coarse

    def decide(
        self, images: NDArray[np.float32], coarse: NDArray[np.float32], k: int
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Classify by k pixels where the coarse logits are known; see `answer`."""
        return self._run(images, coarse, k, looks=False)

    def _run(
        self, images: NDArray[np.float32], coarse: NDArray[np.float32], k: int | None, looks: bool
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        from sparseattn.fast import kernels

        config = self.config
        count = 0 if k is None else units_for(k, config.size, config.cell_size)
        cells = np.ascontiguousarray(images, np.float32).reshape(len(images), -1)
        logits = np.empty((len(images), config.classes), np.float32)
        feature = np.empty((len(images), config.width), np.float32)

        def work(start: int) -> None:
            part = slice(start, start + _CHUNK)
            room = self._room(count)
            kernels.answer_cells(
                cells[part],
                coarse[part],
                looks,
                count,
                self._net,
                self._plan,
                room,
                logits[part],
                feature[part],
            )
            self._rooms.append(room)

        starts = range(0, len(images), _CHUNK)
        if self._threads == 1 or len(starts) < 2:
            for start in starts:
                work(start)
        else:
            with ThreadPoolExecutor(self._threads) as pool:
                list(pool.map(work, starts))
        return logits, feature

    def _room(self, count: int) -> Work:
        """Return room that no other thread has; what is too small is dropped."""
        try:
            room = self._rooms.pop()
        except IndexError:
            return make_room(self.config, self._plan, count)
        return room if room.units >= count else make_room(self.config, self._plan, count)


def why_not(config: SparseAttnNetConfig) -> str | None:
    """Return why the compiled kernels cannot answer for nets of a shape; None where they can."""
    if not can_pack(config):
        return "the compiled engine knows nets of one attention layer, strict, with widths in sixteens"
    if find_spec("numba") is None:
        return "the compiled engine needs numba; install it with: pip install 'napari-sparseattn[fast]'"
    return None


def choose_engine(name: str, config: SparseAttnNetConfig, device: str, cells: int) -> Engine:
    """Return the engine that a name stands for.

    Parameters
    ----------
    name : str
        ``torch``, ``compiled``, or ``auto``: the compiled kernels on a CPU where they know the net, and
        where for so many cells they save more time than it takes to get them ready.
    config : SparseAttnNetConfig
        Of the net.
    device : str
        Where the net is to run.
    cells : int
        How many are to be classified.

    Raises
    ------
    InputError
        For another name, and where ``compiled`` cannot be.
    """
    if name not in ("auto", *get_args(Engine)):
        raise InputError(f"there is no engine {name!r}; give auto, compiled or torch")
    if name == "auto":
        if device != "cpu" or why_not(config) is not None:
            return "torch"
        if "sparseattn.fast.kernels" in sys.modules:
            return "compiled"
        return "compiled" if cells >= (WORTH_LOADING if is_compiled() else WORTH_COMPILING) else "torch"
    if name == "compiled":
        reason = (
            why_not(config) if device == "cpu" else f"the compiled engine runs on the CPU, not on {device}"
        )
        if reason is not None:
            raise InputError(f"{reason}; or give --engine torch")
    return cast(Engine, name)


def is_compiled() -> bool:
    """Tell, without importing numba, whether an earlier process has left the kernels in numba's cache."""
    kernels = Path(__file__).with_name("kernels.py")
    changed = kernels.stat().st_mtime
    cached = (kernels.parent / "__pycache__").glob("kernels.answer_cells-*.nbi")
    return any(file.stat().st_mtime >= changed for file in cached)


@lru_cache(maxsize=4)
def _plan(config: SparseAttnNetConfig) -> Plan:
    return make_plan(config)
