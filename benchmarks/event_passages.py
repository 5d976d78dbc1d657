"""How many of known passages are found in simulated recordings, and how many that are none.

python -m benchmarks.event_passages [--recordings 10] [--cells 20]
"""

import argparse
import json
from pathlib import Path

import numpy as np

from sparseattn.events import EventSettings, find_passages
from sparseattn.events.store import build_store
from sparseattn.simulate.flow import simulate_flow
from sparseattn.simulate.matching import match_passages

SHAPE = (120, 320)
RESULT = Path(__file__).parent / "results" / "event_passages.json"

CONDITIONS = {
    "as simulated": {},
    "diameter given as 20": {"diameter": 20.0},
    "diameter given as 45": {"diameter": 45.0},
    "slices of 1 ms": {"slice_us": 1000},
    "slices of 4 ms": {"slice_us": 4000},
}


def main() -> None:
    """Simulate, look for cells in several ways, and write what was found."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--recordings", type=int, default=10)
    parser.add_argument("--cells", type=int, default=20)
    chosen = parser.parse_args()
    recordings = []
    for seed in range(chosen.recordings):
        events, known = simulate_flow(chosen.cells, np.random.default_rng(seed), shape=SHAPE)
        recordings.append((build_store([events], SHAPE), known))
        print(f"{seed + 1} of {chosen.recordings} recordings", flush=True)
    rows = []
    for name, condition in CONDITIONS.items():
        settings = EventSettings(**condition)
        known_count = found_count = missed = false = 0
        distances: list[float] = []
        speeds: list[float] = []
        for store, known in recordings:
            found = find_passages(store, settings)
            matched = match_passages(found.passages, known)
            known_count, found_count = known_count + len(known), found_count + len(found)
            missed, false = missed + matched.missed, false + matched.false
            distances += matched.distances
            speeds += [
                passage.speed / ((SHAPE[1] - 1) / (one.stop - one.start) * 1000) - 1
                for passage, one in zip(matched.found, matched.known, strict=True)
            ]
        rows.append(
            {
                "condition": name,
                "known": known_count,
                "found_share": round(1 - missed / known_count, 4),
                "false_share": round(false / max(found_count, 1), 4),
                "median_distance_px": round(float(np.median(distances)), 2),
                "median_speed_error": round(float(np.median(np.abs(speeds))), 4),
            }
        )
        print(rows[-1], flush=True)
    RESULT.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
