"""Ten thousand labels, a thousand classes, cells of one pixel and of 4,096 pixels a side.

python -m benchmarks.reliability.large
"""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.cells.labels import LabelLog

RESULT = Path(__file__).resolve().parents[1] / "results" / "reliability" / "large.json"
LABELS, ONE_BY_ONE, CLASSES = 10_000, 300, 1_000
SIDES = (1, 2, 16, 256, 4096)


def timed(work: Callable[[], Any], times: int = 20) -> float:
    """Return the median time of some calls, in milliseconds."""
    taken = []
    for _ in range(times):
        began = time.perf_counter()
        work()
        taken.append(time.perf_counter() - began)
    return round(1000 * float(np.median(taken)), 1)


def measure_labels(folder: Path) -> dict[str, float]:
    """Label many cells, some one by one; then open, label, undo and copy."""
    path = folder / "labels.sqlite"
    with LabelLog.open(path) as log:
        log.add_class("A")
        log.add_class("B")
        began = time.perf_counter()
        ids = [f"{number:016x}" for number in range(LABELS)]
        for number in range(ONE_BY_ONE):
            log.label([ids[number]], "AB"[number % 2])
        each = (time.perf_counter() - began) / ONE_BY_ONE
        log.label(ids[ONE_BY_ONE:], "A")
        return {
            "labels": LABELS,
            "one_by_one_ms": round(1000 * each, 1),
            "mib": round(path.stat().st_size / 2**20, 2),
            "open_ms": timed(lambda: LabelLog.open(path).close(), 5),
            "label_one_ms": timed(lambda: log.label([ids[5]], "B")),
            "undo_one_ms": timed(log.undo),
            "label_all_ms": timed(lambda: log.label(ids, "A"), 3),
            "undo_all_ms": timed(log.undo, 3),
            "copy_ms": timed(lambda: log.copy(folder / "copy.sqlite"), 5),
        }


def measure_classes(folder: Path) -> dict[str, Any]:
    """Train on a thousand classes of four cells."""
    chance = np.random.default_rng(0)
    images = chance.integers(0, 255, (4 * CLASSES, 16, 16), dtype=np.uint8)
    np.save(folder / "many.npy", images)
    rows = [f"many.npy#{number},class {number // 4:04}" for number in range(4 * CLASSES)]
    (folder / "many.csv").write_text("id,class\n" + "\n".join(rows) + "\n")
    words = ["train", "many.npy", "--layout", "NYX", "--labels-csv", "many.csv", "--size", "16"]
    began = time.perf_counter()
    said, status = sparseattn(folder, *words, "--epochs", "1", "-o", "many.safetensors")
    result: dict[str, Any] = {
        "classes": CLASSES,
        "status": status,
        "train_s": round(time.perf_counter() - began, 1),
    }
    if status:
        return result | {"said": said}
    said, status = sparseattn(
        folder, "predict", "many.safetensors", "many.npy", "--layout", "NYX", "-o", "t.csv"
    )
    return result | {
        "predict_status": status,
        "table_mib": round((folder / "t.csv").stat().st_size / 2**20, 1),
    }


def measure_sides(folder: Path) -> list[dict[str, Any]]:
    """Open, classify and explain very small and very large images with a model that comes along."""
    chance = np.random.default_rng(0)
    model = (
        Path(__file__).resolve().parents[2] / "napari_sparseattn" / "models" / "simulated_stained.safetensors"
    )
    results = []
    for side in SIDES:
        np.save(folder / f"{side}.npy", chance.integers(0, 255, (2, side, side, 3), dtype=np.uint8))
        options = ["--layout", "NYXC", "--modality", "brightfield"]
        row: dict[str, Any] = {"side": side}
        for command, words in (
            ("info", ["info", f"{side}.npy", *options]),
            ("predict", ["predict", str(model), f"{side}.npy", *options, "-o", f"{side}.csv", "--force"]),
            (
                "explain",
                ["explain", str(model), f"{side}.npy", *options, "-o", f"explained{side}", "--force"],
            ),
        ):
            began = time.perf_counter()
            said, status = sparseattn(folder, *words)
            row[command] = (
                "done" if status == 0 else said.strip().splitlines()[-1].removeprefix("sparseattn: ")
            )
            row[f"{command}_s"] = round(time.perf_counter() - began, 1)
        results.append(row)
    return results


def sparseattn(folder: Path, *words: str) -> tuple[str, int]:
    """Run a command in a folder; return what it said on stderr, and its status."""
    line = [sys.executable, "-m", "sparseattn", *words]
    done = subprocess.run(line, cwd=folder, capture_output=True, text=True, check=False)
    return done.stderr, done.returncode


def main() -> None:
    """Measure, and keep the result."""
    with tempfile.TemporaryDirectory() as room:
        folder = Path(room)
        result = {
            "labels": measure_labels(folder),
            "classes": measure_classes(folder),
            "sides": measure_sides(folder),
        }
    RESULT.write_text(json.dumps(result, indent=1) + "\n")
    print(json.dumps(result, indent=1))


if __name__ == "__main__":
    main()
