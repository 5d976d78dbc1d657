"""The cells of the benchmark: each set as one array that every net sees, with its classes and what may vary in it."""

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from sparseattn.cells import CellSet, Modality, Prepare, open_cells
from sparseattn.errors import InputError

WORK = Path(__file__).parent / "results" / "work"  # git-ignored
SIMULATED_CELLS = 1000
SIMULATED_SEED = 0


@dataclass(frozen=True)
class Description:
    """What a set is, apart from its pixels.

    Attributes
    ----------
    title, source
        For people: what the cells are, and where they come from.
    channels, modality
        As in ``CellSet``; the modality decides what augmentation may vary.
    size
        Side of the square images in pixels.
    simulated
        Whether the cells are simulated.
    upright
        Whether up means something (digits), so that turning and mirroring are off.
    """

    title: str
    source: str
    channels: tuple[str, ...]
    modality: Modality
    size: int
    simulated: bool = False
    upright: bool = False


@dataclass(frozen=True)
class Dataset:
    """A prepared set.

    Attributes
    ----------
    images
        (N, C, S, S) float32, resized but not standardised: that is for the training cells of a fold to decide.
    labels
        (N,) index into ``classes``.
    ids
        Id of each cell.
    known_test
        (N,) whether a cell is in the test part that came with the data; None where none came.
    fingerprint
        Of images and labels: results of different fingerprints are not of the same cells.
    """

    name: str
    description: Description
    images: np.ndarray
    labels: np.ndarray
    ids: tuple[str, ...]
    classes: tuple[str, ...]
    known_test: np.ndarray | None
    fingerprint: str


@dataclass(frozen=True)
class Cells:
    """What a set's builder reads: images, the class of each, ids, and the test part if one came with the data."""

    images: np.ndarray
    labels: Sequence[str]
    ids: Sequence[str]
    known_test: np.ndarray | None = None


def real_data() -> Path:
    """Return the folder of real images; InputError where the environment names none."""
    folder = os.environ.get("SPARSEATTN_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        raise InputError(
            "SPARSEATTN_REAL_DATA does not name the folder of real images: set it to that folder."
        )
    return Path(folder)


def unstandardised(cells: CellSet, channels: Sequence[str], size: int) -> np.ndarray:
    """Return (N, C, size, size) float32 in the units of the files, resized as the library resizes."""
    zero, one = (0.0,) * len(channels), (1.0,) * len(channels)
    prepare = Prepare(channels=tuple(channels), size=size, policy="resize", mean=zero, std=one)
    return np.concatenate([batch.images for batch in prepare.batches(cells, strict=True)])


def labelled(cells: CellSet, channels: Sequence[str], size: int) -> Cells:
    """Prepare class folders."""
    labels = [label for label in cells.labels if label is not None]
    return Cells(unstandardised(cells, channels, size), labels, cells.ids)


def folders(name: str, description: Description) -> Cells:
    """Read class folders of the real images."""
    cells = open_cells(real_data() / name, subfolders="classes", modality=description.modality)
    return labelled(cells, description.channels, description.size)


def jurkat(description: Description, classes: dict[str, str]) -> Cells:
    """Read imaging-flow cells of the classes named, under the names to give them."""
    cells = open_cells(real_data() / "flow_jurkat", subfolders="classes", modality=description.modality)
    kept = cells.subset([i for i, label in enumerate(cells.labels) if label in classes])
    read = labelled(kept, description.channels, description.size)
    return Cells(read.images, [classes[label] for label in read.labels], read.ids)


def event_histogram(path: Path, size: int) -> np.ndarray:
    """Return (2, size, size): square root of the event counts a pixel, polarity 0 then 1, centred in zeros.

    Five bytes an event: x, y, then one bit of polarity and 23 of microseconds. The sensor part is 34 x 34. The root
    makes the spread of a count independent of its height.
    """
    events = np.fromfile(path, np.uint8).reshape(-1, 5)
    counts = np.zeros((2, 34, 34), np.float32)
    np.add.at(counts, (events[:, 2] >> 7, events[:, 1], events[:, 0]), 1)
    margin = (size - 34) // 2
    return np.pad(np.sqrt(counts), ((0, 0), (margin, size - 34 - margin), (margin, size - 34 - margin)))


def nmnist(description: Description) -> Cells:
    """Read the event recordings of digits, with the test part that came with them."""
    root = real_data() / "events_nmnist"
    paths = sorted(root.glob("*/*/*.bin"))
    images = np.stack([event_histogram(path, description.size) for path in paths])
    test = np.array([path.parts[-3] == "test" for path in paths])
    return Cells(
        images,
        [path.parts[-2] for path in paths],
        [path.relative_to(root).as_posix() for path in paths],
        test,
    )


def simulated(kind: str, description: Description) -> Cells:
    """Simulate cells once into the working folder, by the public command, and read them."""
    folder = WORK / f"simulated_{kind}"
    if not folder.exists():
        half = folder.with_name(f"{folder.name}.part")
        arguments = [
            "simulate",
            kind,
            "-o",
            str(half),
            "-n",
            str(SIMULATED_CELLS),
            "--seed",
            str(SIMULATED_SEED),
        ]
        subprocess.run([sys.executable, "-m", "sparseattn", *arguments], check=True)
        half.replace(folder)
    cells = open_cells(folder, subfolders="classes")
    return labelled(cells, cells.channels, description.size)


PBC = Description(
    "stained blood cells, 7 classes",
    "PBC Barcelona (Acevedo 2020), CC BY 4.0",
    ("red", "green", "blue"),
    "brightfield",
    64,
)
ZHENG = Description(
    "stained white blood cells, 4 uneven classes",
    "Zheng 2018, research use",
    ("red", "green", "blue"),
    "brightfield",
    64,
)
JURKAT_STAIN = Description(
    "Jurkat cell cycle, brightfield and nuclear stain, 7 uneven classes",
    "Blasi 2016, BSD-3-Clause",
    ("channel 0", "channel 1"),
    "flow",
    40,
)
JURKAT_MERGED = Description(
    "Jurkat cell cycle, brightfield and nuclear stain, the three rare phases as one",
    "Blasi 2016, BSD-3-Clause",
    ("channel 0", "channel 1"),
    "flow",
    40,
)
JURKAT_LABEL_FREE = Description(
    "Jurkat cell cycle without stain, brightfield and darkfield, 4 classes",
    "Blasi 2016, BSD-3-Clause",
    ("channel 0", "channel 2"),
    "flow",
    40,
)
NMNIST = Description(
    "event-camera recordings of digits",
    "N-MNIST (Orchard 2015), CC BY-SA 4.0",
    ("off", "on"),
    "events",
    36,
    upright=True,
)
COMMON_PHASES = ("G1", "S_phase", "G2", "Prophase")
RARE_PHASES = ("Metaphase", "Anaphase", "Telophase")


def simulation(title: str, channels: tuple[str, ...], modality: Modality) -> Description:
    """Describe a simulated set."""
    source = f"sparseattn simulate, {SIMULATED_CELLS} cells, seed {SIMULATED_SEED}"
    return Description(f"simulated: {title}", source, channels, modality, 64, simulated=True)


OPD = simulation("optical path difference of white blood cells", ("opd",), "phase")
EVENTS = simulation("event histograms of white blood cells", ("off", "on"), "events")
STAINED = simulation("stained white blood cells", ("red", "green", "blue"), "brightfield")

DATASETS: dict[str, tuple[Description, Callable[[Description], Cells]]] = {
    "stained_pbc": (PBC, lambda description: folders("stained_pbc", description)),
    "stained_zheng": (ZHENG, lambda description: folders("stained_zheng/images", description)),
    "flow_jurkat": (
        JURKAT_STAIN,
        lambda d: jurkat(d, {phase: phase for phase in COMMON_PHASES + RARE_PHASES}),
    ),
    "flow_jurkat_merged": (
        JURKAT_MERGED,
        lambda d: jurkat(d, {p: p for p in COMMON_PHASES} | {p: "Meta_Ana_Telophase" for p in RARE_PHASES}),
    ),
    "flow_jurkat_label_free": (
        JURKAT_LABEL_FREE,
        lambda d: jurkat(d, {phase: phase for phase in COMMON_PHASES}),
    ),
    "events_nmnist": (NMNIST, nmnist),
    "simulated_opd": (OPD, lambda description: simulated("opd", description)),
    "simulated_events": (EVENTS, lambda description: simulated("events", description)),
    "simulated_stained": (STAINED, lambda description: simulated("stained", description)),
}


def load(name: str) -> Dataset:
    """Return a set, prepared at its first use and kept in the working folder from then on.

    Raises
    ------
    InputError
        For a name that is no set's, or where the real images cannot be found.
    """
    if name not in DATASETS:
        raise InputError(f"There is no set {name!r}: choose from {', '.join(DATASETS)}.")
    description, build = DATASETS[name]
    folder = WORK / "prepared" / f"{name}_{description_hash(description)}"
    if not folder.exists():
        save(build(description), folder)
    about = json.loads((folder / "cells.json").read_text())
    test = about["known_test"]
    return Dataset(
        name=name,
        description=description,
        images=np.load(folder / "images.npy", mmap_mode="r", allow_pickle=False),
        labels=np.array(about["labels"]),
        ids=tuple(about["ids"]),
        classes=tuple(about["classes"]),
        known_test=None if test is None else np.array(test, dtype=bool),
        fingerprint=about["fingerprint"],
    )


def description_hash(description: Description) -> str:
    """Return eight hex digits that change when the preparation's choices do."""
    text = json.dumps(asdict(description), sort_keys=True)
    return hashlib.blake2b(text.encode(), digest_size=4).hexdigest()


def save(cells: Cells, folder: Path) -> None:
    """Write a prepared set beside its place and move it there."""
    classes = sorted(set(cells.labels))
    labels = [classes.index(label) for label in cells.labels]
    images = np.ascontiguousarray(cells.images, dtype=np.float32)
    digest = hashlib.blake2b(images.tobytes() + json.dumps(labels).encode(), digest_size=8)
    about = {
        "classes": classes,
        "labels": labels,
        "ids": list(cells.ids),
        "known_test": None if cells.known_test is None else cells.known_test.tolist(),
        "fingerprint": digest.hexdigest(),
    }
    half = folder.with_name(f"{folder.name}.{os.getpid()}")
    half.mkdir(parents=True)
    np.save(half / "images.npy", images)
    (half / "cells.json").write_text(json.dumps(about))
    half.replace(folder)
