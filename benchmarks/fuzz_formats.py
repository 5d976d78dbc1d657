"""Damaged files of every format, opened in processes with limits: none may crash, hang or fill the memory.

python -m benchmarks.fuzz_formats --samples DIR [--own 2000] [--library 200] [--only NAME ...]

Files are truncated, bits of them are flipped, parts are overwritten, cut out, doubled, or given to another
reader by a wrong ending. Of a file that still opens three cells and a plane are read. What comes is sorted:
"opened", "refused" (an InputError, one line), or one of what must not be: "crash", "slow" (over 10 s),
"memory" (over 2 GiB), "other error".
"""

import argparse
import json
import multiprocessing
import os
import random
import resource
import shutil
import signal
import tempfile
import time
from collections import Counter
from importlib import import_module
from pathlib import Path

from sparseattn.errors import InputError

SECONDS, MEMORY_MIB = 10, 2048
BATCH = 25

LOADED = (
    "bioio_czi",
    "bioio_lif",
    "bioio_nd2",
    "faery",
    "h5py",
    "pandas",
    "skimage.draw",
    "sparseattn.cells.marks",
    "sparseattn.events.passages",
    "zarr",
)
RESULT = Path(__file__).parent / "results" / "fuzz_formats.json"

OWN = (".bin", ".npy", ".npz", ".csv", ".txt", ".json", ".geojson", ".ome.zarr")
"""Endings of what we parse ourselves; the others are read by a library."""


SERIES = {".lif": "0", ".zarr": "A/1/0"}
"""What is opened of samples that hold several images."""


def mutated(data: bytes, dice: random.Random) -> bytes:
    """Return a damaged copy."""
    changed = bytearray(data)
    kind = dice.randrange(6)
    if kind == 0:
        return bytes(changed[: dice.randrange(len(changed))])
    if kind == 1:
        for _ in range(dice.choice((1, 4, 32, 256))):
            changed[dice.randrange(len(changed))] ^= 1 << dice.randrange(8)
    elif kind == 2:  # where headers are
        for _ in range(dice.choice((1, 2, 8))):
            changed[dice.randrange(min(len(changed), 512))] = dice.choice(
                (0, 1, 127, 128, 255, dice.randrange(256))
            )
    elif kind == 3:
        start = dice.randrange(len(changed))
        length = min(dice.choice((4, 8, 64, 1024)), len(changed) - start)
        changed[start : start + length] = dice.randbytes(length)
    elif kind == 4:
        start = dice.randrange(len(changed))
        del changed[start : start + dice.choice((1, 2, 7, 500))]
    else:
        start = dice.randrange(len(changed))
        changed[start:start] = changed[start : start + dice.choice((1, 4, 100, 5000))]
    return bytes(changed)


def damaged_store(source: Path, target: Path, dice: random.Random) -> None:
    """Copy a folder (Zarr) with one of its files damaged, or left out."""
    shutil.copytree(source, target)
    files = sorted(path for path in target.rglob("*") if path.is_file())
    metadata = [path for path in files if path.name.startswith(".z") or path.name == "zarr.json"]
    chosen = dice.choice(metadata if dice.random() < 0.8 else files)
    if dice.random() < 0.1:
        chosen.unlink()
    else:
        chosen.write_bytes(mutated(chosen.read_bytes() or b" ", dice))


def read_all(path: Path) -> None:
    """Open a file by every door that its ending has, and read what it holds."""
    from sparseattn.cells import Field, cut_marked_cells, open_cells, open_field, open_marks

    if path.suffix in (".txt", ".json", ".geojson"):
        import numpy as np

        field = Field.from_array(np.zeros((480, 640), np.uint8), "YX", name="smear.png")
        refusals = [_refusal(lambda: cut_marked_cells(field, open_marks(path, field)))]
        if path.suffix == ".txt":
            refusals.append(_refusal(lambda: _read_cells(open_cells(path))))
        if all(refusals):
            raise InputError(str(refusals[0]))
        return
    refusals = [_refusal(lambda: _read_cells(open_cells(path)))]
    if path.suffix in (".nd2", ".czi", ".lif", ".zarr"):
        refusals.append(_refusal(lambda: open_field(path, dataset=SERIES.get(path.suffix)).plane(0)))
    if all(refusals):
        raise InputError(str(refusals[0]))


def _refusal(act: object) -> InputError | None:
    try:
        act()  # type: ignore[operator]
    except InputError as error:
        if "\n" in str(error):
            raise RuntimeError(f"more than one line: {error}") from None
        return error
    return None


def _read_cells(cells: object) -> None:
    for index in range(min(len(cells), 3)):  # type: ignore[arg-type]
        cells.read(index)  # type: ignore[attr-defined]


def work(paths: list[Path], answers: object) -> None:
    """Read files one after the other in this process, and say of each what came."""
    resource.setrlimit(resource.RLIMIT_AS, (6 << 30, 6 << 30))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    for path in paths:
        begun = time.monotonic()
        signal.alarm(3 * SECONDS)
        answers.send(("begin", path.name))  # type: ignore[attr-defined]
        try:
            read_all(path)
            what = "opened"
        except InputError:
            what = "refused"
        except MemoryError:
            what = "memory"
        except BaseException as error:
            what = f"other error: {type(error).__name__}: {str(error)[:100]}"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        if peak > MEMORY_MIB:
            what = "memory"
        if time.monotonic() - begun > SECONDS:
            what = "slow"
        answers.send((what, peak))  # type: ignore[attr-defined]
    answers.close()  # type: ignore[attr-defined]


def run_batch(paths: list[Path]) -> tuple[list[str], float]:
    """Return what came of each file, and the largest memory in MiB; a process that dies is begun anew."""
    came: list[str] = []
    peak = 0.0
    context = multiprocessing.get_context("fork")
    while len(came) < len(paths):
        mine, theirs = context.Pipe(duplex=False)
        process = context.Process(target=work, args=(paths[len(came) :], theirs))
        process.start()
        theirs.close()
        under_way = False
        try:
            while True:
                what, value = mine.recv()
                if what == "begin":
                    under_way = True
                    continue
                under_way = False
                came.append(what)
                peak = max(peak, value)
        except EOFError:
            pass
        process.join()
        if under_way:
            came.append("slow" if process.exitcode == -signal.SIGALRM else f"crash: {process.exitcode}")
    return came, peak


def fuzz(name: str, source: Path, suffix: str, count: int) -> dict[str, object]:
    """Damage one file so many times and return what came."""
    counts: Counter[str] = Counter()
    peak, longest = 0.0, 0.0
    data = None if source.is_dir() else source.read_bytes()
    for start in range(0, count, BATCH):
        with tempfile.TemporaryDirectory() as folder:
            paths = []
            for number in range(start, min(start + BATCH, count)):
                path = Path(folder) / f"a{number}{suffix}"
                dice = random.Random(f"{name} {number}")
                if data is None:
                    damaged_store(source, path, dice)
                else:
                    path.write_bytes(mutated(data, dice))
                paths.append(path)
            begun = time.monotonic()
            came, high = run_batch(paths)
            longest = max(longest, time.monotonic() - begun)
        counts.update(came)
        peak = max(peak, high)
    return {
        "files": count,
        **dict(counts.most_common()),
        "peak_mib": round(peak),
        "longest_batch_s": round(longest, 1),
    }


def main() -> None:
    """Damage each sample and write what came."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--samples", type=Path, required=True)
    parser.add_argument("--own", type=int, default=2000)
    parser.add_argument("--library", type=int, default=200)
    parser.add_argument("--only", nargs="*")
    chosen = parser.parse_args()
    for module in LOADED:  # once, not by each process
        import_module(module)

    results = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    samples = sorted(chosen.samples.iterdir())
    for source in samples:
        if chosen.only and source.name not in chosen.only:
            continue
        suffix = source.name[source.name.index(".") :]
        count = chosen.own if suffix in OWN else chosen.library
        results[source.name] = fuzz(source.name, source, suffix, count)
        print(source.name, results[source.name], flush=True)
        RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    others = [source for source in samples if source.is_file()]
    with tempfile.TemporaryDirectory() as folder:  # each under each other's ending
        paths = []
        for source in others:
            for other in others:
                suffix = other.name[other.name.index(".") :]
                if not source.name.endswith(suffix):
                    path = Path(folder) / f"{source.name.replace('.', '_')}{suffix}"
                    shutil.copy(source, path)
                    paths.append(path)
        came, peak = run_batch(paths)
    results["wrong endings"] = {
        "files": len(paths),
        **dict(Counter(came).most_common()),
        "peak_mib": round(peak),
    }
    print("wrong endings", results["wrong endings"])
    RESULT.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
