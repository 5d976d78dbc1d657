"""Event-camera recordings of a sensor of 64 x 48 pixels."""

from functools import cache
from pathlib import Path

import numpy as np

from sparseattn.events.event import Events, events_of


@cache
def events() -> Events:
    """Return 2,000 events in the order of time, anywhere on the sensor."""
    random = np.random.default_rng(0)
    t = 1000 + np.sort(random.integers(0, 50_000, 2000))
    x, y, p = (random.integers(0, limit, 2000) for limit in (64, 48, 2))
    return events_of(t, x, y, p)


def rows() -> np.ndarray:
    """Return (2000, 4) int64 t, x, y, p."""
    return np.stack([events()[letter].astype(np.int64) for letter in "txyp"], axis=1)


def by_faery(path: Path, version: str | None = None) -> None:
    """Write what faery encodes: .raw, .dat, .es, .aedat4."""
    import faery

    packet = np.empty(len(events()), faery.EVENTS_DTYPE)
    for name, letter in zip(("t", "x", "y", "on"), "txyp", strict=True):
        packet[name] = events()[letter]
    faery.events_stream_from_array(packet, (64, 48)).to_file(path, version=version, zero_t0=False)


def nmnist(path: Path) -> None:
    """Write the five bytes an event of N-MNIST."""
    t, x, y, p = rows().T
    packed = np.stack([x % 34, y % 34, p << 7 | t >> 16, t >> 8 & 255, t & 255], axis=1)
    path.write_bytes(packed.astype(np.uint8).tobytes())


def fields(path: Path) -> None:
    """Write an array of named fields."""
    np.save(path, events())


def bare(path: Path) -> None:
    """Write rows of four numbers without names."""
    np.save(path, rows().astype(np.float64))


def members(path: Path) -> None:
    """Write an archive of an array a letter."""
    np.savez_compressed(path, **{letter: events()[letter] for letter in "xytp"})


def table(path: Path) -> None:
    """Write text with names of columns."""
    path.write_text("\n".join(["t,x,y,p", *(",".join(map(str, row)) for row in rows().tolist())]) + "\n")


def text(path: Path) -> None:
    """Write text with spaces, times in seconds."""
    path.write_text("".join(f"{t / 1e6:.6f} {x} {y} {p}\n" for t, x, y, p in rows().tolist()))


def metavision(path: Path) -> None:
    """Write Metavision's HDF5, unpacked."""
    import h5py

    with h5py.File(path, "w") as file:
        file["CD/events"] = events()[["x", "y", "p", "t"]]
        file.attrs["width"], file.attrs["height"] = 64, 48


def dsec(path: Path) -> None:
    """Write a group of x, y, t, p."""
    import h5py

    with h5py.File(path, "w") as file:
        for letter in "xypt":
            file[f"events/{letter}"] = events()[letter]
        file["t_offset"] = 1000
        file["ms_to_idx"] = np.arange(50)
