"""Memory that a field of 20,000 x 20,000 pixels needs: cells found, cut out, classified, painted in place.

python -m benchmarks.field_memory [--side 20000]

The field is a tiled OME-TIFF of one channel: simulated path differences of cells, side by side on a
noisy ground. It is written once, to the working folder.
"""

import argparse
import shutil
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import tifffile

from benchmarks.datasets import WORK
from benchmarks.memory import spent, write
from sparseattn.simulate import simulate_cell

TILE = 512
PITCH = 160
"""Pixels from cell to cell."""

RESULT = Path(__file__).parent / "results" / "field_memory.json"


def tiles(side: int) -> Iterator[np.ndarray]:
    """Yield the tiles of the field from the upper left on: uint16, tenths of a nanometre above 1000."""
    cells = [
        simulate_cell("opd", kind, number, 0).image
        for kind in ("lymphocyte", "monocyte", "neutrophil")
        for number in range(1, 9)
    ]
    across = -(-side // TILE)
    for row in range(across):
        for column in range(across):
            random = np.random.default_rng([row, column])
            tile = random.normal(1000, 15, (TILE, TILE))
            for y in range(40, TILE - 70, PITCH):
                for x in range(40, TILE - 70, PITCH):
                    cell = cells[random.integers(len(cells))]
                    tile[y : y + 64, x : x + 64] += 10 * cell
            yield tile.clip(0, 65535).astype(np.uint16)


def main() -> None:
    """Write the field where it is not there, and measure."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--side", type=int, default=20_000)
    side = parser.parse_args().side
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / f"field_{side}.ome.tif"
    if not path.exists():
        draft = path.with_suffix(".part")
        with tifffile.TiffWriter(draft, bigtiff=True, ome=True) as writer:
            writer.write(
                tiles(side),
                shape=(side, side),
                dtype=np.uint16,
                tile=(TILE, TILE),
                metadata={"axes": "YX", "PhysicalSizeX": 0.2, "PhysicalSizeXUnit": "µm"},
            )
        draft.rename(path)
    cells, model, labels = WORK / "simulated_opd_small", WORK / "opd.safetensors", WORK / "labels.zarr"
    cli = ("-m", "sparseattn")
    if not cells.exists():
        spent("simulate", *cli, "simulate", "opd", "-o", cells, "-n", 25)
    if not model.exists():
        names = ("--channel-names", "intensity")
        spent("train", *cli, "train", cells, "-o", model, "--epochs", 1, "--progress", "none", *names)
    shutil.rmtree(labels, ignore_errors=True)
    painted = WORK / "painted.tif"
    named = ("--channel-names", "intensity", "--modality", "phase")
    results = [
        spent("sparseattn segment", *cli, "segment", path, "-o", labels, "--looks", "bright"),
        spent(
            "sparseattn predict --labels --painted",
            *(*cli, "predict", model, path, "--labels", labels, "--painted", painted),
            *("-o", WORK / "cells_of_field.csv", *named),
        ),
    ]
    write(results, RESULT, side=side)


if __name__ == "__main__":
    main()
