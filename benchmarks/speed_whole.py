"""The whole way: from picture files to classes, and a Zarr store through the command line."""

import os
import shutil
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image

from benchmarks.datasets import real_data
from benchmarks.memory import spent
from sparseattn.cells import CellSet, open_cells
from sparseattn.classifier import Classifier
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions

TURNS = 3
STORED = 100_000


def small_model() -> Classifier:
    """Return a model that was taught for one epoch: time does not ask how well."""
    cells = open_cells(real_data() / "stained_pbc", subfolders="classes")
    return fit(cells.subset(range(0, len(cells), 4)), options=TrainingOptions(epochs=1))


def measure_files() -> list[dict[str, Any]]:
    """Cells a second of the processor by decoding alone, and by the whole way to the class, turn by turn."""
    classifier = small_model()
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        jpeg = open_cells(real_data() / "stained_pbc", subfolders="classes")
        png = Path(folder) / "png"
        png.mkdir()
        for number in range(0, len(jpeg), 2):
            Image.open(jpeg.origin(number).path).save(png / f"{number}.png")
        for kind, cells in (("JPEG", jpeg), ("PNG", open_cells(png))):
            for engine in ("compiled", "torch"):
                classifier.predict(cells, engine=engine)
                turns = [(_decode(cells), _classify(classifier, cells, engine)) for _ in range(TURNS)]
                shares = [whole / alone for alone, whole in turns]
                alone, whole = np.median(np.array(turns), axis=0)
                rows.append(
                    {
                        "files": f"{kind}, {jpeg.shapes[0][1]}x{jpeg.shapes[0][0]}",
                        "engine": engine,
                        "k": classifier.k,
                        "decoding_per_s": float(alone),
                        "classified_per_s": float(whole),
                        "share": float(np.median(shares)),
                    }
                )
    return rows


def _decode(cells: CellSet) -> float:
    began = time.process_time()
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for _ in pool.map(lambda index: cells.read(index).shape, range(len(cells))):
            pass
    return len(cells) / (time.process_time() - began)


def _classify(classifier: Classifier, cells: CellSet, engine: str) -> float:
    began = time.process_time()
    classifier.predict(cells, engine=engine)
    return len(cells) / (time.process_time() - began)


def measure_memory() -> list[dict[str, Any]]:
    """Peak memory and seconds of `sparseattn predict` on a Zarr store of 10,000 and of 100,000 cells."""
    import zarr

    rows = []
    folder = Path(tempfile.mkdtemp())
    try:
        model = folder / "model.safetensors"
        small_model().save(model)
        random = np.random.default_rng(0)
        some = random.integers(0, 255, (1000, 3, 64, 64)).astype(np.uint8)
        for count in (STORED // 10, STORED):
            store = folder / f"{count}.zarr"
            array = zarr.create_array(store, shape=(count, 3, 64, 64), chunks=(100, 3, 64, 64), dtype="u1")
            for start in range(0, count, 1000):
                array[start : start + 1000] = np.roll(some, start // 1000, axis=3)
            for engine in ("compiled", "torch"):
                words = ("-m", "sparseattn", "predict", model, store, "-o", folder / "out.csv")
                words += ("--layout", "NCYX", "--channel-names", "red,green,blue", "--engine", engine)
                one = spent(engine, *words)
                rows.append(
                    {"cells": count, "engine": engine, "peak_mib": one.peak_mib, "seconds": one.seconds}
                )
            shutil.rmtree(store)
    finally:
        shutil.rmtree(folder)
    return rows
