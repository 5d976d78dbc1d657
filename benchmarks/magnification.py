"""What another magnification does to a model, and what keeping the scale does about it.

python -m benchmarks.magnification

The figures of docs/formats.md. Models are taught with stained_pbc, whose pixels are taken for 0.1 µm, and
asked about held-out cells: as they are, and as other objectives would show them. A grid of fixed size in the
sample is told the right size of their pixels, or that of the training cells, as where nobody knows
it. Beside it images that are resized to the grid, in windows of other sizes than those of training.
"""

import json
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.datasets import real_data
from benchmarks.scores import balanced_accuracy
from sparseattn.cells import CellSet, open_cells
from sparseattn.classifier import Classifier
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.split import make_split

RESULT = Path(__file__).parent / "results" / "magnification.json"

PIXEL_UM = 0.1
GRID_PIXEL_UM = 0.4
WINDOW = 240
WINDOWS = (120, 160, 192, 240, 300, 360)
SCALES = (0.0625, 0.125, 0.25, 0.5, 2.0)
SEEDS = (0, 1)
EPOCHS = 40
TEST = 0.3


def written(folder: Path, change: Callable[[Image.Image], Image.Image]) -> CellSet:
    """Write the cells of stained_pbc to class folders, each changed, and open them."""
    for source in sorted((real_data() / "stained_pbc").glob("*/*")):
        if source.suffix.lower() not in (".png", ".jpg", ".jpeg", ".tif", ".bmp"):
            continue
        target = folder / source.parent.name / f"{source.stem}.png"
        target.parent.mkdir(parents=True, exist_ok=True)
        with Image.open(source) as image:
            change(image.convert("RGB")).save(target, compress_level=1)
    return open_cells(folder, subfolders="classes", strict=True)


def magnified(scale: float) -> Callable[[Image.Image], Image.Image]:
    """Return what an objective of another magnification would show."""

    def change(image: Image.Image) -> Image.Image:
        size = round(image.width * scale), round(image.height * scale)
        return image.resize(size, Image.Resampling.BICUBIC)

    return change


def window(side: int) -> Callable[[Image.Image], Image.Image]:
    """Return the middle of the image, `side` pixels high and wide."""

    def change(image: Image.Image) -> Image.Image:
        left, top = (image.width - side) // 2, (image.height - side) // 2
        return image.crop((left, top, left + side, top + side))

    return change


def score(classifier: Classifier, cells: CellSet, rows: list[int]) -> float:
    """Return the balanced accuracy on some cells, whatever they are."""
    predictions = classifier.predict(cells.subset(rows), strict=True, force=True)
    known = [classifier.classes.index(str(label)) for label in predictions.cells.labels]
    found = predictions.probabilities.argmax(axis=1)
    return balanced_accuracy(np.array(known), found)


def taught(cells: CellSet, seed: int, **how: float) -> tuple[Classifier, list[int]]:
    """Teach a model, and return it with the rows of the cells that it has not seen."""
    split = make_split(cells, validation=0.15, test=TEST)
    options = TrainingOptions(epochs=EPOCHS, seed=seed)
    classifier = fit(cells, options=options, split=split, strict=True, **how)  # type: ignore[arg-type]
    return classifier, split.indices(cells.ids, "test").tolist()


def sized(folder: Path, pixel_size_um: float) -> CellSet:
    """Open cells whose pixels are said to be of a size."""
    return open_cells(folder, subfolders="classes", pixel_size_um=pixel_size_um, strict=True)


def main() -> None:
    """Run all and write the result."""
    found: dict[str, dict[str, list[float]]] = {"fixed grid": {}, "resized": {}}

    def keep(kind: str, name: str, value: float) -> None:
        found[kind].setdefault(name, []).append(round(value, 4))
        print(kind, name, found[kind][name], flush=True)

    with tempfile.TemporaryDirectory() as name:
        place = Path(name)
        written(place / "1", lambda image: image)
        for scale in SCALES:
            written(place / f"{scale:g}", magnified(scale))
        for side in WINDOWS:
            written(place / f"window{side}", window(side))
        for seed in SEEDS:
            classifier, rows = taught(sized(place / "1", PIXEL_UM), seed, grid_pixel_um=GRID_PIXEL_UM)
            keep("fixed grid", "as trained", score(classifier, sized(place / "1", PIXEL_UM), rows))
            for scale in SCALES:
                copy = place / f"{scale:g}"
                keep("fixed grid", f"{scale:g}, told", score(classifier, sized(copy, PIXEL_UM / scale), rows))
                keep("fixed grid", f"{scale:g}, not told", score(classifier, sized(copy, PIXEL_UM), rows))
            classifier, rows = taught(sized(place / f"window{WINDOW}", PIXEL_UM), seed)
            for side in WINDOWS:
                cells = sized(place / f"window{side}", PIXEL_UM)
                keep("resized", f"{side / WINDOW:.3g}", score(classifier, cells, rows))
    RESULT.parent.mkdir(parents=True, exist_ok=True)
    about = {"epochs": EPOCHS, "seeds": list(SEEDS), "test_share": TEST, "grid_pixel_um": GRID_PIXEL_UM}
    RESULT.write_text(json.dumps({**about, **found}, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
