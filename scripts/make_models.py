"""Make the models that come with the plugin, each with its card: ``make models``.

Every model is tested on cells that it never saw (a fifth, set aside by the library's own split). It keeps no
pictures of its training cells, so it stays small and gives nobody's images away.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from dataclasses import dataclass, replace
from pathlib import Path

from sparseattn.cells import CellSet, open_cells
from sparseattn.classifier import Classifier
from sparseattn.learn.fit import fit
from sparseattn.learn.metrics import classification_report, wilson_interval
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.split import make_split

MODELS = Path(__file__).resolve().parent.parent / "napari_sparseattn" / "models"
SIMULATED_CELLS = 800
SEED = 3  # of the simulated training cells; the sample cells have another


@dataclass(frozen=True)
class Recipe:
    """A model to make, and what its card must say."""

    name: str
    title: str
    data: str  # a folder of SPARSEATTN_REAL_DATA, or an instrument of `sparseattn simulate`
    training_data: str
    licence: str
    not_for: str
    size: int = 64
    channel_names: tuple[str, ...] | None = None
    channels: tuple[str, ...] | None = None
    modality: str | None = None
    simulated: bool = False


NOT_FOR = "diagnosis, or any decision about a patient"
SIMULATION = "Simulated cells (`sparseattn simulate {}`), five white blood cell types; no real cell was seen"
RECIPES = (
    Recipe(
        "stained_blood",
        "Stained blood cells, seven types",
        "stained_pbc",
        "PBC Barcelona (Acevedo et al. 2020), May-Gruenwald-Giemsa, one laboratory and one microscope",
        "model BSD-3-Clause; training images CC BY 4.0",
        f"{NOT_FOR}; other stains or microscopes before it is retrained on cells of theirs",
        modality="brightfield",
    ),
    Recipe(
        "flow_cell_cycle",
        "Imaging flow cytometry, cell cycle with DNA stain",
        "flow_jurkat",
        "Jurkat cells (Blasi et al. 2016), brightfield and propidium iodide, one experiment",
        "model BSD-3-Clause; training images BSD-3-Clause",
        f"{NOT_FOR}; other cell lines, stains or instruments before it is retrained. One experiment taught "
        "and tested it, so its figures may be optimistic",
        size=40,
        channel_names=("brightfield", "DNA stain", "darkfield"),
        channels=("brightfield", "DNA stain"),
        modality="flow",
    ),
    *(
        Recipe(
            f"simulated_{instrument}",
            f"Simulated white blood cells, {title}",
            instrument,
            SIMULATION.format(instrument),
            "BSD-3-Clause",
            "real cells",
            simulated=True,
        )
        for instrument, title in (
            ("opd", "optical path difference"),
            ("events", "event camera"),
            ("stained", "stained smear"),
        )
    ),
)


def cells_for(recipe: Recipe, folder: Path) -> CellSet:
    """Open the cells of a recipe; simulated ones are made first, in ``folder``."""
    if not recipe.simulated:
        source = Path(os.environ["SPARSEATTN_REAL_DATA"]) / recipe.data
        return open_cells(
            source, subfolders="classes", channel_names=recipe.channel_names, modality=recipe.modality
        )
    source = folder / recipe.data
    command = [sys.executable, "-m", "sparseattn", "simulate", recipe.data, "-o", str(source)]
    subprocess.run([*command, "-n", str(SIMULATED_CELLS), "--seed", str(SEED)], check=True)
    return open_cells(source, subfolders="classes")


def accuracy(classifier: Classifier, cells: CellSet) -> str:
    """Return the figures on cells that were set aside, in words."""
    aside = cells.subset(
        [i for i, side in enumerate(map(classifier.split.sides.get, cells.ids)) if side == "test"]
    )
    predictions = classifier.predict(aside)
    known = [classifier.classes.index(str(label)) for label in predictions.cells.labels]
    report = classification_report(known, predictions.probabilities, classifier.classes)
    low, high = wilson_interval(round(report["accuracy"] * report["n"]), report["n"]) or (0.0, 1.0)
    return (
        f"{100 * report['accuracy']:.1f} % right of {report['n']} cells (95 % interval {100 * low:.0f} to "
        f"{100 * high:.0f} %), balanced accuracy {100 * report['balanced_accuracy']:.1f} %, at "
        f"{100 * classifier.k / classifier.prepare.size**2:.3g} % of the pixels"
    )


def make(recipe: Recipe, folder: Path) -> None:
    """Train, test and write one model and its card."""
    cells = cells_for(recipe, folder)
    classifier = fit(
        cells,
        options=replace(TrainingOptions(), prototypes=0),
        channels=recipe.channels,
        size=recipe.size,
        split=make_split(cells, validation=0.15, test=0.2),
    )
    card = {
        "title": recipe.title,
        "classes": classifier.classes,
        "channels": classifier.prepare.channels,
        "modality": classifier.modality,
        "training_data": recipe.training_data,
        "licence": recipe.licence,
        "accuracy": accuracy(classifier, cells),
        "not_for": recipe.not_for,
        "simulated": recipe.simulated,
    }
    path = MODELS / f"{recipe.name}.safetensors"
    classifier.save(path)
    path.with_suffix(".json").write_text(
        json.dumps(card, indent=2, ensure_ascii=False) + "\n", encoding="utf-8"
    )
    print(f"{path.name}: {path.stat().st_size / 1000:.0f} kB, {card['accuracy']}", flush=True)


def main() -> None:
    """Make the models that are named, or all."""
    wanted = set(sys.argv[1:]) or {recipe.name for recipe in RECIPES}
    with tempfile.TemporaryDirectory() as folder:
        for recipe in RECIPES:
            if recipe.name in wanted:
                make(recipe, Path(folder))


if __name__ == "__main__":
    main()
