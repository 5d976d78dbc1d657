"""Damaged files of every kind: does each end in one clear error, without a crash, a hang or a full memory?

    python -m benchmarks.fuzz_readers [-o benchmarks/results/fuzz_readers.json] [--only rtdc] [--seed 0]

Sound small files are made of each kind, damaged at random (cut off, bits flipped, bytes overwritten, parts
zeroed, moved or doubled, another kind's name) and opened in child processes that may take 10 seconds a file
and 2 GiB above what the libraries take. What `open_cells`, `open_field`, reading and measuring may do is to
succeed, or to raise InputError with one printable line.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

SECONDS, BYTES = 10, 2 << 30
BATCH = 250
SEEN = 2
OURS, LIBRARY = 2000, 200


@dataclass(frozen=True)
class Kind:
    """One kind of file: how a sound one is made, how many damaged ones are tried, how they are opened."""

    suffix: str
    make: Callable[[Path], None]
    count: int
    options: dict[str, Any] = field(default_factory=dict)


def _image() -> np.ndarray:
    y, x = np.mgrid[:24, :28]
    return (3 * np.exp(-((y - 12) ** 2 + (x - 14) ** 2) / 40)).astype(np.float32)


def _stack() -> np.ndarray:
    return np.stack([_image() * factor for factor in np.linspace(0.5, 1.5, 18)])


def _npz(path: Path) -> None:
    np.savez_compressed(path, images=_stack(), labels=np.array(["a", "b"] * 9))


def _hdf5(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.create_dataset("run/images", data=_stack(), chunks=(4, 24, 28), compression="gzip")
        file["run/soft"] = h5py.SoftLink("/run/images")
        file.attrs["note"] = "made to be damaged"


def _rtdc(path: Path) -> None:
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["imaging:pixel size"] = 0.34
        pictures = (_stack() * 50).astype(np.uint8)
        file.create_dataset("events/image", data=pictures, chunks=(4, 24, 28), compression="gzip")
        file["events/mask"] = (pictures > 60).astype(np.uint8)
        file["events/deform"] = np.linspace(0, 1, 18)


def _mat5(path: Path) -> None:
    from scipy.io import savemat

    savemat(path, {"phase": _stack().transpose(1, 2, 0), "note": "text", "s": {"a": 1}}, do_compression=True)


def _mat73(path: Path) -> None:
    import h5py

    with h5py.File(path, "w", userblock_size=512) as file:
        file["phase"] = _stack().astype(np.float64)
        file["phase"].attrs["MATLAB_class"] = np.bytes_("double")
    with path.open("r+b") as stream:
        stream.write(b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM")


def _qpimage(path: Path) -> None:
    import qpimage

    with qpimage.QPSeries(h5file=path, h5mode="w") as series:
        for factor in (1, 0.5):
            meta = {"wavelength": 550e-9, "pixel size": 1e-7}
            image = qpimage.QPImage(
                data=(_image() * factor, np.ones((24, 28))), which_data="phase,amplitude", meta_data=meta
            )
            series.add_qpimage(image)


def _hologram(path: Path) -> None:
    import h5py

    y, x = np.mgrid[:24, :28]
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "qpformat", "imaging_modality": "off-axis holography"})
        file["0"] = (100 + 60 * np.cos(np.pi / 2 * (y + x) + _image())).astype(np.uint8)
        file["0"].attrs.update({"wavelength": 550e-9, "pixel size": 1e-7})


def _qlsi(path: Path) -> None:
    import h5py

    y, x = np.mgrid[:48, :48]
    with h5py.File(path, "w") as file:
        modality = "quadriwave lateral shearing interferometry"
        file.attrs.update({"file_format": "qpformat", "imaging_modality": modality})
        file["0"] = (100 + 40 * np.cos(2 * x) + 40 * np.cos(2 * y)).astype(np.uint16)
        file["0"].attrs.update({"wavelength": 550e-9, "qlsi_pitch_term": 1.9e-8})


def _phasics(path: Path) -> None:
    import tifffile

    settings = (
        "<PhaData><Cluster><Name>Analyse data</Name><DBL><Name>Lambda(nm)</Name><Val>550</Val></DBL>"
        "</Cluster></PhaData>"
    )
    with tifffile.TiffWriter(path) as tiff:
        for low, high in ((0, 1000), (-0.2, 0.5), (-100.0, 250.0)):
            numbers = (_image() * 20000).astype(np.uint16)
            extra = [
                (61238, "s", 0, settings, False),
                (61243, "d", 1, float(low), False),
                (61242, "d", 1, float(high), False),
                (281, "H", 1, 65535, False),
            ]
            tiff.write(numbers, extratags=extra, metadata=None)


def _tiff(path: Path) -> None:
    import tifffile

    grid = np.tile(_image(), (3, 4))
    grid[48:, 84:] = 0
    tifffile.imwrite(path, grid, compression="zlib", resolution=(4e4, 4e4), resolutionunit="CENTIMETER")


RADIANS = {"phase": {"wavelength_nm": 550, "values": "radians", "background": "tilt"}}

KINDS: dict[str, Kind] = {
    "npy": Kind(".npy", lambda path: np.save(path, _stack()), OURS, RADIANS),
    "npz": Kind(".npz", _npz, OURS, RADIANS),
    "hdf5": Kind(".h5", _hdf5, OURS, RADIANS),
    "rtdc": Kind(".rtdc", _rtdc, OURS),
    "montage": Kind(".tif", _tiff, OURS, {"tile": (24, 28)}),
    "mat5": Kind(".mat", _mat5, LIBRARY, RADIANS),
    "mat73": Kind(".mat", _mat73, LIBRARY, RADIANS),
    "qpimage": Kind(".h5", _qpimage, LIBRARY),
    "hologram": Kind(".h5", _hologram, LIBRARY),
    "qlsi": Kind(".h5", _qlsi, LIBRARY),
    "phasics": Kind(".tif", _phasics, LIBRARY),
}


def damaged(sound: bytes, chance: random.Random) -> bytes:
    """Return a file with one to three kinds of damage."""
    content = bytearray(sound)
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        at, length = chance.randrange(len(content) or 1), chance.choice((1, 2, 4, 8, 16, 64, 256))
        match chance.randrange(7):
            case 0:
                del content[at:]
            case 1:
                for _ in range(chance.choice((1, 1, 2, 8, 64))):
                    if content:
                        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
            case 2:
                content[at : at + length] = chance.randbytes(length)
            case 3:
                content[at : at + length] = bytes(len(content[at : at + length]))
            case 4:
                content[at : at + length] = b"\xff" * len(content[at : at + length])
            case 5:
                content[at:at] = content[at : at + length]
            case 6:
                header = min(len(content), 512)
                if header:
                    content[chance.randrange(header)] = chance.randrange(256)
    return bytes(content)


def cases(name: str, sound: dict[str, bytes], seed: int) -> Iterator[tuple[str, bytes]]:
    """Yield suffix and content of the damaged files of a kind: first the sound one, last misnamed ones."""
    kind, chance = KINDS[name], random.Random(f"{name} {seed}")
    yield kind.suffix, sound[name]
    others = [content for other, content in sound.items() if KINDS[other].suffix != kind.suffix]
    misnamed = [*others, b"", b"\0" * 4096, b"text\n" * 200, chance.randbytes(4096)]
    for _ in range(kind.count - 1 - len(misnamed)):
        yield kind.suffix, damaged(sound[name], chance)
    for content in misnamed:
        yield kind.suffix, content


def look(path: Path, options: dict[str, Any]) -> str:
    """Open a file in every way, and return what became of it; anything but InputError goes through."""
    from sparseattn.cells import open_cells, open_field
    from sparseattn.cells.measure import measure_cells
    from sparseattn.errors import InputError

    outcome = "read"
    try:
        cells = open_cells(path, **options)
        _ = cells.ids, cells.shapes, cells.samples
        for index in range(min(len(cells), SEEN)):
            cells.mask(index)
        for _ in measure_cells(cells.subset(range(min(len(cells), SEEN)))):
            pass
        for index in range(min(len(cells), SEEN)):
            cells.read(index)
    except InputError as error:
        if "\n" in str(error) or not str(error).isprintable():
            raise AssertionError(f"not one printable line: {error!r}") from error
        outcome = "refused"
    try:
        opened = open_field(path, **{name: value for name, value in options.items() if name != "tile"})
        opened.plane(0), opened.fingerprint(opened.planes - 1)
    except InputError as error:
        if "\n" in str(error) or not str(error).isprintable():
            raise AssertionError(f"not one printable line: {error!r}") from error
    return outcome


def child(folder: Path, kind: Kind) -> None:
    """Look at every file of a folder; print its name, and then what became of it, seconds and MiB."""
    # Loaded first: what libraries take of time and memory is not the files' doing.
    import h5py  # noqa: F401
    import qpformat  # noqa: F401
    import qpretrieve  # noqa: F401
    import tifffile  # noqa: F401

    from sparseattn.cells import open_cells  # noqa: F401

    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / f"sound{kind.suffix}"
        kind.make(path)
        look(path, kind.options)
    start = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    taken = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (taken + BYTES, taken + BYTES))
    for path in sorted(folder.iterdir()):
        print(path.name, flush=True)
        signal.alarm(SECONDS)
        begun = time.monotonic()
        try:
            outcome = look(path, kind.options)
        except Exception as error:
            outcome = f"{type(error).__name__}: {error}"[:300]
        signal.alarm(0)
        memory = (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - start) / 1024
        print(json.dumps([outcome, time.monotonic() - begun, memory]), flush=True)


def run(name: str, sound: dict[str, bytes], seed: int) -> dict[str, Any]:
    """Try all damaged files of a kind; return what became of them."""
    outcomes: Counter[str] = Counter()
    faults: list[str] = []
    slowest = largest = 0.0
    todo = list(cases(name, sound, seed))
    total = len(todo)
    number = 0
    while todo:
        batch, todo = todo[:BATCH], todo[BATCH:]
        with tempfile.TemporaryDirectory() as place:
            for offset, (suffix, content) in enumerate(batch):
                (Path(place) / f"{number + offset:06}{suffix}").write_bytes(content)
            command = [
                sys.executable,
                "-W",
                "ignore",
                "-m",
                "benchmarks.fuzz_readers",
                "--child",
                place,
                name,
            ]
            done = subprocess.run(
                command, capture_output=True, text=True, env=os.environ | {"OMP_NUM_THREADS": "1"}
            )
            lines = done.stdout.splitlines()
            answered = len(lines) // 2
            for file, answer in zip(lines[::2], lines[1::2], strict=False):
                outcome, seconds, memory = json.loads(answer)
                slowest, largest = max(slowest, seconds), max(largest, memory)
                outcomes[outcome if outcome in ("read", "refused") else "fault"] += 1
                if outcome not in ("read", "refused"):
                    faults.append(f"{file}: {outcome}")
            if answered < len(batch):  # the process died of the file that it began last
                if not lines:
                    raise RuntimeError(f"the child did not begin: {done.stderr[-500:]}")
                outcomes["fault"] += 1
                ended = "took too long" if done.returncode == -signal.SIGALRM else f"status {done.returncode}"
                faults.append(f"{lines[-1]}: {ended} {done.stderr[-200:]}")
                todo = batch[answered + 1 :] + todo
                number += answered + 1
            else:
                number += len(batch)
    return {
        "files": total,
        **{outcome: outcomes[outcome] for outcome in ("read", "refused", "fault")},
        "slowest_seconds": round(slowest, 2),
        "largest_mebibytes": round(largest),
        "faults": faults,
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("-o", "--output", type=Path)
    parser.add_argument("--only", choices=KINDS, nargs="*", default=list(KINDS))
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.child:
        child(Path(given.child[0]), KINDS[given.child[1]])
        return
    sound = {}
    with tempfile.TemporaryDirectory() as place:
        for name, kind in KINDS.items():
            path = Path(place) / f"{name}{kind.suffix}"
            kind.make(path)
            sound[name] = path.read_bytes()
    results = {}
    for name in given.only:
        results[name] = run(name, sound, given.seed)
        brief = {key: value for key, value in results[name].items() if key != "faults"}
        print(name, brief, *results[name]["faults"][:5], sep="\n  ", flush=True)
    if given.output is not None:
        given.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    sys.exit(any(result["fault"] for result in results.values()))


if __name__ == "__main__":
    main()
