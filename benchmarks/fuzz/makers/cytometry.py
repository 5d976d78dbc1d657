"""Exports of imaging flow cytometers, and recordings of deformability cytometry."""

from pathlib import Path

import numpy as np

from benchmarks.fuzz.makers.phase import image, stack


def rtdc(path: Path) -> None:
    """Write images, masks and a feature."""
    import h5py

    with h5py.File(path, "w") as file:
        file.attrs["imaging:pixel size"] = 0.34
        pictures = (stack() * 50).astype(np.uint8)
        file.create_dataset("events/image", data=pictures, chunks=(4, 24, 28), compression="gzip")
        file["events/mask"] = (pictures > 60).astype(np.uint8)
        file["events/deform"] = np.linspace(0, 1, 18)


def montage(path: Path) -> None:
    """Write 3 x 4 cells side by side, the last of them blank."""
    import tifffile

    grid = np.tile(image(), (3, 4))
    grid[48:, 84:] = 0
    tifffile.imwrite(path, grid, compression="zlib", resolution=(4e4, 4e4), resolutionunit="CENTIMETER")
