"""How a net is asked: by torch, by ONNX Runtime, by our compiled kernels, or on a CUDA GPU."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import nn

from sparseattn.bench.contenders import Contender, Logits
from sparseattn.errors import InputError
from sparseattn.fast.engine import CompiledNet, why_not
from sparseattn.net import SparseAttnNet

RUNTIMES = ("torch", "onnxruntime", "compiled", "cuda")

Images = NDArray[np.float32]
Ask = Callable[[Images], Images]
"""From (n, C, S, S) images to (n, classes) logits."""


def runtimes_for(contender: Contender, every: bool = True) -> list[str]:
    """Return by what a net can be asked here; unless ``every``, not by what is known to be slower."""
    found = ["torch"]
    if find_spec("onnxruntime") is not None and find_spec("onnx") is not None:
        found.append("onnxruntime")
    if contender.k is not None:
        net = contender.build()
        if isinstance(net, SparseAttnNet) and why_not(net.config) is None:
            found = [*found, "compiled"] if every else ["compiled"]
    if torch.cuda.is_available():
        found.append("cuda")
    return found


def write_onnx(contender: Contender, path: Path) -> None:
    """Write a net as ONNX, with k fixed and any number of images."""
    net = Logits(contender.build(), contender.k)
    example = (torch.zeros(2, *contender.shape),)
    common: dict[str, Any] = {"input_names": ["image"], "opset_version": 20}
    with warnings.catch_warnings(action="ignore"), redirect_stdout(io.StringIO()):
        if contender.k is None:  # the older exporter takes a tenth of the time, and cannot do our selection
            torch.onnx.export(
                net, example, str(path), dynamo=False, dynamic_axes={"image": {0: "n"}}, **common
            )
        else:
            number = torch.export.Dim("n", min=1, max=4096)
            program = torch.onnx.export(
                net, example, dynamo=True, dynamic_shapes={"images": {0: number}}, verbose=False, **common
            )
            assert program is not None
            program.save(str(path))


def ask_by(runtime: str, contender: Contender, onnx: Path | None, threads: int = 1) -> Ask:
    """Return what asks a net in one thread of ours.

    Parameters
    ----------
    runtime : str
        One of `RUNTIMES`.
    contender : Contender
        The net.
    onnx : Path or None
        File that `write_onnx` wrote; asked for by ``onnxruntime`` alone.
    threads : int
        Threads that the runtime itself may use for one call.

    Raises
    ------
    InputError
        For an unknown runtime.
    """
    if runtime == "onnxruntime":
        assert onnx is not None
        return _ask_onnx(onnx, threads)
    if runtime == "torch":
        return _ask_torch(Logits(contender.build(), contender.k), threads)
    if runtime == "cuda":
        return _ask_cuda(Logits(contender.build(), contender.k))
    if runtime != "compiled" or contender.k is None:
        raise InputError(f"there is no runtime {runtime!r} for {contender.name}; give {', '.join(RUNTIMES)}")
    net, k = contender.build(), contender.k
    assert isinstance(net, SparseAttnNet)
    compiled = CompiledNet(net)
    return lambda images: compiled.answer(images, k)[0]


def in_chunks(ask: Ask, images: Images, chunk: int, threads: int) -> None:
    """Ask about many images: a chunk at a time, each thread the next one."""
    parts = [images[start : start + chunk] for start in range(0, len(images), chunk)]
    if threads == 1 or len(parts) == 1:
        for part in parts:
            ask(part)
        return
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(ask, parts))


def _ask_onnx(path: Path, threads: int) -> Ask:
    import onnxruntime

    options: Any = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])

    def ask(images: Images) -> Images:
        logits: Images = session.run(None, {"image": images})[0]
        return logits

    return ask


def _ask_torch(net: nn.Module, threads: int) -> Ask:
    def ask(images: Images) -> Images:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)  # counts for the thread that calls it
        with torch.inference_mode():
            logits: Images = net(torch.from_numpy(images)).numpy()
        return logits

    return ask


def _ask_cuda(net: nn.Module) -> Ask:
    net = net.cuda()

    def ask(images: Images) -> Images:
        with torch.inference_mode():
            logits: Images = net(torch.from_numpy(images).cuda()).cpu().numpy()
        return logits

    return ask
