"""Work at scale: a million packed cells in parts, workers, kills, and a watched folder.

python -m benchmarks.scale make      # a packed store of 1,000,000 simulated cells: 7 GB, some minutes
python -m benchmarks.scale million   # all of them in parts
python -m benchmarks.scale share     # a part of them, in memory and in parts, turn by turn
python -m benchmarks.scale workers   # 1, 2, 4 processes and Dask workers
python -m benchmarks.scale kills     # 20 random kills
python -m benchmarks.scale watch     # from the closing of a file to its row

Times are of the clock and of the processors; where the machine does other things beside, only the latter mean
something.
"""

import argparse
import hashlib
import json
import os
import platform
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.cells import CellSet, open_cells
from sparseattn.cells.cell_file import CellFile
from sparseattn.scale.pack import pack
from sparseattn.simulate import simulate

ROOT = Path(__file__).resolve().parents[1]
WORK = Path(os.environ.get("SPARSEATTN_SCALE_WORK", ROOT / "benchmarks" / "results" / "work" / "scale"))
RESULTS = ROOT / "benchmarks" / "results" / "scale"
MODEL = ROOT / "napari_sparseattn" / "models" / "simulated_opd.safetensors"
SIMULATED, MILLION, MANY, SOME = 3000, 1_000_000, 262_144, 65_536
NOISE_NM = 1 / 16  # the step of the simulated values, so that the store stays small


@dataclass(frozen=True)
class Repeated:
    """Simulated cells again and again: turned, mirrored, moved, with other noise."""

    path: Path
    images: np.ndarray

    def read(self, row: int) -> np.ndarray:
        """Return cell `row`, (1, H, W) float32."""
        draw = np.random.default_rng(row)
        image = np.rot90(self.images[row % len(self.images)], draw.integers(4), axes=(1, 2))
        image = image[:, :, ::-1] if draw.integers(2) else image
        image = np.roll(image, draw.integers(-3, 4, 2), axis=(1, 2))
        return (image + NOISE_NM * draw.integers(-1, 2, image.shape)).astype(np.float32)


def name_of(row: int) -> str:
    return f"{row:016x}"


def repeated(count: int) -> CellSet:
    folder = WORK / "simulated"
    if not folder.exists():
        simulate("opd", folder, SIMULATED)
    cells = open_cells(folder, subfolders="classes")
    images = np.stack([cells.read(index) for index in range(len(cells))])
    source = Repeated(WORK / "repeated", images)
    file = CellFile(source, count, 1, images.shape[2:], images.dtype, name_of=name_of, modality="phase")
    labels = [cells.labels[row % len(cells)] for row in range(count)]
    samples = [f"day {row * 10 // count}" for row in range(count)]
    return CellSet.from_files(
        [file],
        channels=cells.channels,
        modality="phase",
        labels=labels,
        columns={"sample": samples},
        unit="nm",
    )


def store_of(count: int) -> Path:
    path = WORK / f"{count}.zarr"
    if not path.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        began, began_processor = time.monotonic(), time.process_time()
        packed = pack(
            repeated(count), path, on_cells=lambda done, of: print(f"\rpacked {done} of {of}", end="")
        )
        print()
        seconds, processor = time.monotonic() - began, time.process_time() - began_processor
        size = packed.bytes_on_disk
        save(
            f"pack_{count}",
            cells=count,
            seconds=seconds,
            processor_seconds=processor,
            bytes_a_cell=size / count,
            files=packed.files,
            bytes_of_pixels=packed.bytes_of_pixels,
        )
    return path


def predict(store: Path, out: Path, *more: object) -> list[str]:
    # Of phase images dry mass is measured as well, which takes longer than the net and is not asked for here.
    words = ["-m", "sparseattn", "predict", MODEL, store, "-o", out, "--modality", "unknown", "--json", *more]
    return [sys.executable, *map(str, words)]


def run(command: list[str]) -> dict[str, Any]:
    began = time.monotonic()
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-1000:])
    return {**json.loads(done.stdout), "seconds_with_start": time.monotonic() - began}


def measure_million() -> None:
    out = WORK / "million"
    shutil.rmtree(out, ignore_errors=True)
    print("cells that were there are opened ...")
    said = run(predict(store_of(MILLION), out, "--workers", 2))
    size = sum(file.stat().st_size for file in out.glob("*.parquet"))
    save("million", **said, bytes_a_row=size / said["cells"])


IN_MEMORY = """
import json, sys, time
import numpy as np, torch
from sparseattn.cells import CellSet, open_cells
from sparseattn.classifier import Classifier
torch.set_num_threads(1)
model, store, count = sys.argv[1], sys.argv[2], int(sys.argv[3])
stored = open_cells(store).subset(range(count))
images = np.stack([stored.read(index) for index in range(count)])
classifier = Classifier.load(model)
def cells():
    return CellSet.from_array(images, channels=stored.channels, modality=stored.modality)
classifier.predict(cells().subset(range(1000)), engine="compiled")
began, processor = time.monotonic(), time.process_time()
classifier.predict(cells(), engine="compiled")
print(json.dumps({"seconds": time.monotonic() - began, "processor_seconds": time.process_time() - processor}))
"""


def measure_share(turns: int = 3) -> None:
    store = store_of(SOME)
    count = SOME // 4
    rows = []
    for _ in range(turns):
        said = subprocess.run(
            [sys.executable, "-c", IN_MEMORY, MODEL, store, str(count)],
            capture_output=True,
            text=True,
            env={**os.environ, "OMP_NUM_THREADS": "1"},
        )
        memory = json.loads(said.stdout)
        with fresh("share") as out:
            parts = run(predict(store, out, "--workers", 1, "--engine", "compiled"))
        rows.append(
            {
                "in_memory_per_processor_second": count / memory["processor_seconds"],
                "in_parts_per_processor_second": parts["cells_per_processor_second"],
                "in_memory_per_second": count / memory["seconds"],
                "in_parts_per_second": parts["cells_per_second"],
                "peak_mib_per_worker": parts["peak_mib_per_worker"],
            }
        )
        print(rows[-1])
    shares = [row["in_parts_per_processor_second"] / row["in_memory_per_processor_second"] for row in rows]
    save("share", turns=rows, share=float(np.median(shares)))


def measure_workers() -> None:
    store, rows = store_of(MANY), []
    for kind, count in (("processes", 1), ("processes", 2), ("processes", 4), ("dask", 1), ("dask", 2)):
        with fresh("workers") as out, workers(kind, count) as words:
            said = run(predict(store, out, "--cells-a-part", 4096, "--engine", "compiled", *words))
        names = (
            "cells_per_second",
            "cells_per_processor_second",
            "peak_mib_per_worker",
            "seconds",
            "workers",
        )
        rows.append(
            {"kind": kind, "count": count, **{name: said[name] for name in names}, "load": os.getloadavg()[0]}
        )
        print(rows[-1])
    save("workers", rows=rows)


@contextmanager
def workers(kind: str, count: int) -> Iterator[list[object]]:
    """Words for the command; Dask's workers are started, and have torch and the kernels loaded."""
    if kind == "processes":
        yield ["--workers", count]
        return
    from distributed import Client, LocalCluster

    with (
        LocalCluster(n_workers=count, threads_per_worker=1, dashboard_address=None) as cluster,
        Client(cluster) as client,
    ):
        client.run(warm)
        yield ["--scheduler", cluster.scheduler_address]


def warm() -> None:
    import sparseattn.classifier
    import sparseattn.fast.kernels  # noqa: F401


def measure_kills(kills: int = 20) -> None:
    store = store_of(SOME)
    draw = random.Random(0)
    with fresh("whole") as whole, fresh("killed") as killed:
        more = ("--cells-a-part", 512, "--workers", 2, "--engine", "torch")
        undisturbed = run(predict(store, whole, *more))
        wanted = sums(whole)
        done = 0
        while done < kills:
            before = lines(killed)
            process = subprocess.Popen(
                predict(store, killed, *more),
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
            )
            while process.poll() is None and lines(killed) == before:
                time.sleep(0.01)
            time.sleep(draw.uniform(0, 3))
            if process.poll() is not None:
                break
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
            done += 1
            print(f"kill {done}: {lines(killed)} of {len(wanted)} parts")
        run(predict(store, killed, *more))
        save(
            "kills",
            kills=done,
            parts=len(wanted),
            cells=undisturbed["cells"],
            equal=sums(killed) == wanted,
            left_behind=len(list(killed.glob(".*partial"))),
        )


def lines(folder: Path) -> int:
    journal = folder / "done.jsonl"
    return journal.read_bytes().count(b"\n") if journal.exists() else 0


def sums(folder: Path) -> dict[str, str]:
    return {
        path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.glob("*.parquet"))
    }


def measure_watch(files: int = 4000, per_second: int = 200) -> None:
    """Files are written one by one; another thread sees when their rows are in the table."""
    sample = sorted((ROOT / "sample_data" / "opd").rglob("cell_*.tif"))
    pixels = [path.read_bytes() for path in sample if "_masks" not in path.parts]
    closed: dict[str, float] = {}
    there: dict[str, float] = {}
    with fresh("watched") as folder, fresh("table") as place:
        folder.mkdir(parents=True)
        place.mkdir(parents=True)
        shutil.copy(ROOT / "sample_data" / "opd" / "cells.json", folder)
        table = place / "rows.csv"
        command = [
            sys.executable,
            "-m",
            "sparseattn",
            "watch",
            str(MODEL),
            str(folder),
            "-o",
            str(table),
            "--json",
        ]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        (folder / "first.tif").write_bytes(pixels[0])
        while not table.exists() or table.read_bytes().count(b"\n") < 2:
            time.sleep(0.1)
        ended = threading.Event()

        def look() -> None:
            with table.open("rb") as stream:
                rest = b""
                while not ended.is_set():
                    rest += stream.read()
                    now = time.time()
                    *whole, rest = rest.split(b"\n")
                    for line in whole:
                        there[line.split(b",")[1].decode().rpartition("/")[2]] = now
                    time.sleep(0.002)

        looking = threading.Thread(target=look, daemon=True)
        looking.start()
        began = time.time()
        for number in range(files):
            name = f"{number:06}.tif"
            with (folder / name).open("wb") as stream:
                stream.write(pixels[number % len(pixels)])
            closed[name] = time.time()
            time.sleep(max(0, began + (number + 1) / per_second - time.time()))
        reached = files / (time.time() - began)
        until = time.time() + 60
        while not closed.keys() <= there.keys() and time.time() < until:
            time.sleep(0.1)
        ended.set()
        looking.join(timeout=5)
        process.send_signal(signal.SIGINT)
        printed, _ = process.communicate(timeout=60)
    latencies = [1000 * (there[name] - when) for name, when in closed.items() if name in there]
    p50, p99 = np.percentile(latencies, [50, 99])
    save(
        "watch",
        files=files,
        files_per_second=reached,
        rows=len(latencies),
        p50_ms=float(p50),
        p99_ms=float(p99),
        most_ms=max(latencies),
        as_the_command_says=json.loads(printed),
    )


@contextmanager
def fresh(name: str) -> Iterator[Path]:
    """A folder that is not there yet, and is removed afterwards."""
    WORK.mkdir(parents=True, exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix=f"{name}_", dir=WORK))
    folder.rmdir()
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def save(name: str, **measured: Any) -> None:
    RESULTS.mkdir(parents=True, exist_ok=True)
    about = {
        "machine": platform.processor() or platform.machine(),
        "cores": os.cpu_count(),
        "load": os.getloadavg(),
    }
    text = json.dumps({**about, **measured}, indent=1, default=str)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")
    print(text)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    measures = {
        "make": lambda: [store_of(count) for count in (SOME, MANY, MILLION)],
        "million": measure_million,
        "share": measure_share,
        "workers": measure_workers,
        "kills": measure_kills,
        "watch": measure_watch,
    }
    parser.add_argument("what", nargs="+", choices=measures)
    for what in parser.parse_args().what:
        measures[what]()


if __name__ == "__main__":
    main()
