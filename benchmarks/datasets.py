"""The cells of the benchmark: each set prepared for every net alike, with its classes."""

import hashlib
import json
import os
from collections.abc import Callable
from dataclasses import asdict, dataclass
from functools import cached_property, partial
from pathlib import Path

import numpy as np

from sparseattn.cells import CellSet, Modality, fit_prepare, open_cells
from sparseattn.errors import InputError
from sparseattn.events.files import open_recording
from sparseattn.events.representations import histogram
from sparseattn.simulate import simulate

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
    """A set, ready to be prepared for a fold.

    Attributes
    ----------
    cells
        All labelled.
    known_test
        (N,) whether a cell is in the test part that came with the data; None where none came.
    """

    name: str
    description: Description
    cells: CellSet
    known_test: np.ndarray | None = None

    @property
    def classes(self) -> tuple[str, ...]:
        """Names of the classes, sorted."""
        return self.cells.classes

    @cached_property
    def labels(self) -> np.ndarray:
        """(N,) int64 index of each cell's class."""
        places = {name: place for place, name in enumerate(self.classes)}
        return np.array([places[label] for label in self.cells.labels if label is not None])

    @cached_property
    def fingerprint(self) -> str:
        """Of pixels, labels and preparation: results of different fingerprints are not of the same images."""
        text = json.dumps([self.cells.ids, self.labels.tolist(), asdict(self.description)])
        return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()

    def images(self, train: np.ndarray) -> np.ndarray:
        """Return (N, C, S, S) float32, standardised by the training cells as the library does it."""
        chosen = self.description
        _, prepared = fit_prepare(self.cells, train, channels=chosen.channels, size=chosen.size, strict=True)
        return prepared.images


def real_data() -> Path:
    """Return the folder of real images; InputError where the environment names none."""
    folder = os.environ.get("SPARSEATTN_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        raise InputError(
            "SPARSEATTN_REAL_DATA does not name the folder of real images: set it to that folder."
        )
    return Path(folder)


def folders(name: str) -> CellSet:
    """Open class folders of the real images."""
    return open_cells(real_data() / name, subfolders="classes")


def jurkat(classes: dict[str, str]) -> CellSet:
    """Open the imaging-flow cells of the classes named, under the names to give them."""
    cells = folders("flow_jurkat")
    kept = cells.subset([row for row, label in enumerate(cells.labels) if label in classes])
    return kept.with_labels([classes[label] for label in kept.labels if label is not None])


def event_histogram(path: Path, size: int) -> np.ndarray:
    """Return (2, size, size): square root of the event counts a pixel, off then on, centred in zeros.

    The root makes the spread of a count independent of its height.
    """
    (events,) = open_recording(path).packets()
    counts = histogram(events, (34, 34))[::-1].astype(np.float32)
    margin = (size - 34) // 2
    return np.pad(np.sqrt(counts), ((0, 0), (margin, size - 34 - margin), (margin, size - 34 - margin)))


def nmnist_files() -> list[Path]:
    """Return the recordings of digits in train/<digit> and test/<digit>, in a fixed order."""
    return sorted((real_data() / "events_nmnist").glob("*/*/*.bin"))


def nmnist() -> CellSet:
    """Read the recordings of digits as histograms."""
    files = nmnist_files()
    images = np.stack([event_histogram(path, NMNIST.size) for path in files])
    digits = [path.parts[-2] for path in files]
    return CellSet.from_array(
        images, channels=NMNIST.channels, labels=digits, modality="events", name="events_nmnist"
    )


def simulated(kind: str) -> CellSet:
    """Simulate cells once into the working folder, and open them."""
    folder = WORK / f"simulated_{kind}"
    if not folder.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        simulate(kind, folder, SIMULATED_CELLS, SIMULATED_SEED)
    return open_cells(folder, subfolders="classes")


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
    ("BF", "PI"),
    "flow",
    40,
)
JURKAT_MERGED = Description(
    "Jurkat cell cycle, brightfield and nuclear stain, the three rare phases as one",
    "Blasi 2016, BSD-3-Clause",
    ("BF", "PI"),
    "flow",
    40,
)
JURKAT_LABEL_FREE = Description(
    "Jurkat cell cycle without stain, brightfield and darkfield, 4 classes",
    "Blasi 2016, BSD-3-Clause",
    ("BF", "DF"),
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
EVENTS = simulation("event counts of white blood cells", ("on", "off"), "events")
STAINED = simulation("stained white blood cells", ("red", "green", "blue"), "brightfield")

DATASETS: dict[str, tuple[Description, Callable[[], CellSet]]] = {
    "stained_pbc": (PBC, partial(folders, "stained_pbc")),
    "stained_zheng": (ZHENG, partial(folders, "stained_zheng/images")),
    "flow_jurkat": (JURKAT_STAIN, partial(jurkat, {phase: phase for phase in COMMON_PHASES + RARE_PHASES})),
    "flow_jurkat_merged": (
        JURKAT_MERGED,
        partial(jurkat, {p: p for p in COMMON_PHASES} | {p: "Meta_Ana_Telophase" for p in RARE_PHASES}),
    ),
    "flow_jurkat_label_free": (JURKAT_LABEL_FREE, partial(jurkat, {phase: phase for phase in COMMON_PHASES})),
    "events_nmnist": (NMNIST, nmnist),
    "simulated_opd": (OPD, partial(simulated, "opd")),
    "simulated_events": (EVENTS, partial(simulated, "events")),
    "simulated_stained": (STAINED, partial(simulated, "stained")),
}


def load(name: str) -> Dataset:
    """Return a set.

    Raises
    ------
    InputError
        For a name that is no set's, or where the real images cannot be found.
    """
    if name not in DATASETS:
        raise InputError(f"There is no set {name!r}: choose from {', '.join(DATASETS)}.")
    description, open_set = DATASETS[name]
    cells = open_set()
    test = [path.parts[-3] == "test" for path in nmnist_files()] if name == "events_nmnist" else None
    return Dataset(name, description, cells, None if test is None else np.array(test))
