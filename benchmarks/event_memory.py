"""Memory that a recording of 1 GB needs: described, searched for cells, classified.

python -m benchmarks.event_memory [--gigabytes 1]

The recording is EVT3, as a camera of 1280 x 720 pixels would store it: simulated cells in four channels, one
second of them again and again. It is written once, to the working folder.
"""

import argparse
from pathlib import Path

import faery
import numpy as np

from benchmarks.datasets import WORK
from benchmarks.memory import spent, write
from sparseattn.simulate.flow import simulate_flow

HEIGHT, WIDTH = 720, 1280
SECOND = 1_000_000
RESULT = Path(__file__).parent / "results" / "event_memory.json"


def second_of_cells(random: np.random.Generator) -> np.ndarray:
    """Return a second of events of four channels side by side, in the order of time, as faery takes them."""
    parts = []
    for channel in range(4):
        events, _ = simulate_flow(6, random, shape=(100, 320), duration=SECOND)
        events["x"] += 320 * channel
        events["y"] += 150 * channel
        parts.append(events)
    events = np.concatenate(parts)
    events = events[np.argsort(events["t"], kind="stable")]
    packet = np.empty(len(events), faery.EVENTS_DTYPE)
    for name, letter in zip(("t", "x", "y", "on"), "txyp", strict=True):
        packet[name] = events[letter]
    return packet[packet["t"] < SECOND]


def write_recording(path: Path, size: int) -> int:
    """Write seconds until the file is as large as wanted; return how many events it holds."""
    from faery.extension import evt

    second, count, draft = second_of_cells(np.random.default_rng(0)), 0, path.with_suffix(".part")
    with evt.Encoder(draft, "evt3", False, (WIDTH, HEIGHT), True) as encoder:
        while draft.stat().st_size < size:
            encoder.write({"events": second})
            second["t"] += SECOND
            count += len(second)
    draft.rename(path)
    return count


def main() -> None:
    """Write the recording where it is not there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--gigabytes", type=float, default=1.0)
    wanted = parser.parse_args().gigabytes
    path = WORK / f"recording_{wanted:g}gb.raw"
    WORK.mkdir(parents=True, exist_ok=True)
    if not path.exists():
        print(f"{write_recording(path, int(wanted * 1e9)):,} events written to {path}")
    cells, model = WORK / "simulated_events_small", WORK / "events.safetensors"
    cli = ("-m", "sparseattn")
    if not cells.exists():
        spent("simulate", *cli, "simulate", "events", "-o", cells, "-n", 25)
    if not model.exists():
        spent("train", *cli, "train", cells, "-o", model, "--epochs", 1, "--progress", "none")
    results = [
        spent("sparseattn info", *cli, "info", path),
        spent("sparseattn predict", *cli, "predict", model, path, "-o", WORK / "passages.csv"),
    ]
    write(results, RESULT, file_bytes=path.stat().st_size)


if __name__ == "__main__":
    main()
