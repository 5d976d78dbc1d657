"""One net in a process of its own: how soon it answers, and how much memory it needs at its highest.

python -m sparseattn.bench.alone RUNTIME NAME C SIZE K CHUNK ONNX   (K is 0 for a peer)
"""

import json
import platform
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

CELLS = 256


def main(arguments: list[str]) -> None:
    """Ask one net about one image, then about a batch, and print what that took as JSON."""
    began = time.perf_counter()
    import numpy as np

    runtime, name, channels, size, k, chunk, onnx = arguments
    shape = (int(channels), int(size), int(size))
    run: Callable[[Any], Any]
    images = np.random.default_rng(0).normal(size=(CELLS, *shape)).astype(np.float32)
    if runtime == "onnxruntime":  # which needs no torch
        import onnxruntime

        session = onnxruntime.InferenceSession(onnx, providers=["CPUExecutionProvider"])
        run = partial(_ask_onnx, session)
    else:
        from sparseattn.bench.contenders import Contender
        from sparseattn.bench.runners import ask_by

        run = ask_by(runtime, Contender(name, shape, int(k) or None), Path(onnx))
    run(images[:1])
    start_s = time.perf_counter() - began
    for start in range(0, CELLS, int(chunk)):
        run(images[start : start + int(chunk)])
    print(json.dumps({"start_s": start_s, "peak_mib": _peak_mib()}))


def _ask_onnx(session: Any, images: Any) -> Any:
    return session.run(None, {"image": images})[0]


def _peak_mib() -> float:
    if sys.platform == "win32":
        import psutil

        return float(psutil.Process().memory_info().peak_wset) / 2**20
    if platform.system() == "Linux":  # getrusage counts the memory of whoever started this process as its own
        lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
        return next(int(line.split()[1]) for line in lines if line.startswith("VmHWM:")) / 2**10
    import resource

    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20  # bytes, on macOS


if __name__ == "__main__":
    main(sys.argv[1:])
