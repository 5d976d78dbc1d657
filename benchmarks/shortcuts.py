"""Whether a planted shortcut is caught, and named, by what the library says to the user.

python -m benchmarks.shortcuts check                # what is said before a training
python -m benchmarks.shortcuts train --minutes 20   # models; goes on where it was left
python -m benchmarks.shortcuts ask                  # what is said of these models
python -m benchmarks.shortcuts report               # the table of docs/explanations.md

One class of a set gets a shortcut in nine of ten of its cells, and one in twenty of all others. Each draw of
class, strength and cells is one small JSON file in results/shortcuts/.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from scipy.ndimage import gaussian_filter

from benchmarks.datasets import DATASETS, load
from benchmarks.pieces import write_json
from sparseattn.cells import CellSet, size_predicts_class
from sparseattn.cells.frame_check import cues_of, measure_frame
from sparseattn.learn.metrics import wilson_interval

RESULTS = Path(__file__).parent / "results" / "shortcuts"
MODELS = RESULTS.parent / "work" / "shortcuts"  # git-ignored
DOCS = Path(__file__).parents[1] / "docs" / "explanations.md"
BEGIN, END = "<!-- shortcuts: begin -->", "<!-- shortcuts: end -->"
PLANTED = ("stained_pbc", "simulated_stained", "simulated_opd")
WITH, WITHOUT = 0.9, 0.05
CHECKS, TRAININGS, CLEAN = 20, 5, 20
MOST = 60  # cells a class: few, as a user has
TAUGHT, EPOCHS, BATCH, SIZE = 40, 15, 16, 40  # short trainings

Images = np.ndarray
Plant = Callable[[Images, np.random.Generator], Callable[[Images], Images]]


def mark(images: Images, random: np.random.Generator) -> Callable[[Images], Images]:
    """Return what paints a square mark, a sixteenth to a tenth of the side, at a place of the edge."""
    low, high = np.percentile(images, [1, 99], axis=(0, 2, 3))
    share, corner = random.uniform(1 / 16, 1 / 10), random.integers(4)
    colour = np.where(random.random(images.shape[1]) < 0.5, low, high)
    ground = np.median(images[:, :, :2, :2], axis=(0, 2, 3))
    seen = random.integers(len(colour))  # it differs from the ground in one channel at least
    colour[seen] = max(low[seen], high[seen], key=lambda value: abs(value - ground[seen]))

    def change(image: Images) -> Images:
        side = max(2, round(share * image.shape[1]))
        gap = max(1, side // 3)
        y = slice(gap, gap + side) if corner < 2 else slice(-gap - side, -gap)
        x = slice(gap, gap + side) if corner % 2 else slice(-gap - side, -gap)
        image = image.copy()
        image[:, y, x] = colour[:, None, None].astype(image.dtype)
        return image

    return change


def tint(images: Images, random: np.random.Generator) -> Callable[[Images], Images]:
    """Return what shifts one channel in the middle, where the cell is, by 0.3 to 0.6 spreads."""
    channel, shift = random.integers(images.shape[1]), random.uniform(0.3, 0.6) * random.choice([-1, 1])
    spread = images[:, channel].std()
    height, width = images.shape[2:]
    y, x = np.mgrid[:height, :width]
    round_ = np.hypot((y - height / 2) / height, (x - width / 2) / width)
    inside = 1 / (1 + np.exp((round_ - 0.25) / 0.02))

    def change(image: Images) -> Images:
        moved = image.astype(np.float32)
        moved[channel] += shift * spread * inside
        return as_before(moved, image)

    return change


def blur(images: Images, random: np.random.Generator) -> Callable[[Images], Images]:
    """Return what takes a picture out of focus, by a Gaussian of 0.6 to 1.5 hundredths of its side."""
    sigma = max(images.shape[2:]) * random.uniform(0.006, 0.015)
    return lambda image: as_before(gaussian_filter(image.astype(np.float32), (0, sigma, sigma)), image)


def brightness(images: Images, random: np.random.Generator) -> Callable[[Images], Images]:
    """Return what makes a whole picture brighter or darker, by 0.3 to 0.6 spreads of all pixels."""
    shift = random.uniform(0.3, 0.6) * random.choice([-1, 1]) * images.std(axis=(0, 2, 3))[:, None, None]
    return lambda image: as_before(image.astype(np.float32) + shift, image)


def crop(images: Images, random: np.random.Generator) -> Callable[[Images], Images]:
    """Return what cuts a picture out more tightly, at 0.75 to 0.92 of its side."""
    share = random.uniform(0.75, 0.92)

    def change(image: Images) -> Images:
        height, width = image.shape[1:]
        y, x = round(height * (1 - share) / 2), round(width * (1 - share) / 2)
        return image[:, y : height - y, x : width - x].copy()

    return change


PLANTS: dict[str, Plant] = {"mark": mark, "brightness": brightness, "blur": blur, "crop": crop, "tint": tint}
KIND_NAMES = {"mark": ("place", "corner"), "brightness": ("brightness",), "blur": ("focus",)}


def as_before(changed: Images, image: Images) -> Images:
    """Return a changed picture in the type of the old one."""
    if image.dtype.kind == "u":
        return changed.round().clip(0, np.iinfo(image.dtype).max).astype(image.dtype)
    return changed.astype(image.dtype)


@dataclass(frozen=True, eq=False)
class Pictures:
    """The pictures of a set in memory: (N, C, H, W), their classes, and what else a CellSet needs."""

    images: Images
    labels: np.ndarray
    channels: tuple[str, ...]
    modality: Any

    @cached_property
    def frames(self) -> np.ndarray:
        """(N, C, 144) of `measure_frame`."""
        return np.array([measure_frame(image) for image in self.images])


def pictures(name: str) -> Pictures:
    """Read a set; its pictures are cut to the smallest of them."""
    cells = load(name).cells
    read = [cells.read(row) for row in range(len(cells))]
    height, width = (min(image.shape[side] for image in read) for side in (1, 2))

    def middle(image: Images) -> Images:
        y, x = (image.shape[1] - height) // 2, (image.shape[2] - width) // 2
        return image[:, y : y + height, x : x + width]

    images = np.stack([middle(image) for image in read])
    return Pictures(images, np.array(cells.labels), cells.channels, cells.modality)


def drawn(labels: np.ndarray, random: np.random.Generator, most: int) -> np.ndarray:
    """Return rows: so many of each class, drawn anew."""
    parts = [random.permutation(np.flatnonzero(labels == name))[:most] for name in np.unique(labels)]
    return np.sort(np.concatenate(parts))


@dataclass(frozen=True)
class Draw:
    """Some cells of a set, one class of which has a shortcut."""

    rows: np.ndarray
    images: list[Images]
    labels: np.ndarray
    class_name: str | None
    marked: np.ndarray
    change: Callable[[Images], Images] | None


def draw(from_set: Pictures, plant: str, seed: int, most: int = MOST) -> Draw:
    """Draw cells and plant a shortcut (or none, for ``clean``)."""
    random = np.random.default_rng([seed, sorted([*PLANTS, "clean"]).index(plant)])
    rows = drawn(from_set.labels, random, most)
    labels, images = from_set.labels[rows], [from_set.images[row] for row in rows]
    if plant == "clean":
        return Draw(rows, images, labels, None, np.zeros(len(rows), bool), None)
    name = str(random.choice(np.unique(labels)))
    change = PLANTS[plant](from_set.images[rows[:: max(len(rows) // 50, 1)]], random)
    marked = random.random(len(rows)) < np.where(labels == name, WITH, WITHOUT)
    images = [change(image) if which else image for image, which in zip(images, marked, strict=True)]
    return Draw(rows, images, labels, name, marked, change)


def said_before(draw: Draw, from_set: Pictures) -> dict[str, Any]:
    """Return what is said of cells before a training: sentences, and whether they name the class."""
    size = size_predicts_class([image.shape[1:] for image in draw.images], draw.labels.tolist())
    measured = from_set.frames[draw.rows]
    for row in np.flatnonzero(draw.marked):
        measured[row] = measure_frame(draw.images[row])
    cues = cues_of(measured, draw.labels, from_set.channels)
    return {
        "size": size,
        "cues": [[cue.class_name, cue.kind, round(cue.accuracy, 3), cue.cue] for cue in cues],
    }


def check(seeds: int) -> None:
    """See what is said before a training, of planted and of clean draws."""
    sets: dict[str, Pictures] = {}
    for seed in range(seeds):
        for name in DATASETS:
            for plant in ("clean", *PLANTS) if name in PLANTED else ("clean",):
                path = RESULTS / "check" / name / plant / f"seed{seed}.json"
                if path.exists():
                    continue
                if name not in sets:
                    sets[name] = pictures(name)
                # Twice as many for the clean draws, so that rare classes are judged as well.
                one = draw(sets[name], plant, seed, most=MOST if plant != "clean" else 2 * MOST)
                found = said_before(one, sets[name])
                write_json({"class": one.class_name, "plant": plant, **found}, path)
                print(name, plant, seed, one.class_name, found, flush=True)


def cell_set(images: list[Images], labels: np.ndarray, like: Pictures) -> CellSet:
    """Return pictures of one or two shapes as cells, in the order of their shapes."""
    shapes = sorted({image.shape for image in images})
    parts = []
    for shape in shapes:
        rows = [row for row, image in enumerate(images) if image.shape == shape]
        parts.append(
            CellSet.from_array(
                np.stack([images[row] for row in rows]), channels=like.channels,
                labels=labels[rows].tolist(), modality=like.modality, name=f"cells {shape}",
            )
        )  # fmt: skip
    return parts[0] if len(parts) == 1 else CellSet.concatenate(parts)


def train(minutes: float, seeds: int) -> None:
    """Teach models on planted cells, and keep them: what is said of them is asked by `ask`."""
    from sparseattn.learn.fit import fit
    from sparseattn.learn.options import TrainingOptions

    until = time.monotonic() + 60 * minutes
    for seed in range(seeds):
        for name in PLANTED:
            from_set = None
            for plant in ("mark", "clean", "brightness", "blur", "tint", "crop"):
                path = MODELS / name / plant / f"seed{seed}.safetensors"
                if path.exists():
                    continue
                if time.monotonic() > until:
                    return
                from_set = from_set or pictures(name)
                one = draw(from_set, plant, seed, most=TAUGHT)
                cells = cell_set(one.images, one.labels, from_set)
                path.parent.mkdir(parents=True, exist_ok=True)
                begun = time.monotonic()
                options = TrainingOptions(epochs=EPOCHS, batch_size=BATCH, seed=seed)
                fit(cells, options=options, size=SIZE).save(path)
                print(name, plant, seed, round(time.monotonic() - begun), "s", flush=True)


def ask(seeds: int) -> None:
    """See what is said of the models, and whether they go by what was planted."""
    from sparseattn.classifier import Classifier
    from sparseattn.explain.frame import follows_the_frame

    for name in PLANTED:
        from_set = None
        for plant in ("clean", *PLANTS):
            for seed in range(seeds):
                model = MODELS / name / plant / f"seed{seed}.safetensors"
                path = RESULTS / "ask" / name / plant / f"seed{seed}.json"
                if path.exists() or not model.exists():
                    continue
                from_set = from_set or pictures(name)
                one = draw(from_set, plant, seed, most=TAUGHT)
                classifier = Classifier.load(model)
                cells = cell_set(one.images, one.labels, from_set)
                following = follows_the_frame(classifier, cells)
                found = {
                    "class": one.class_name,
                    "plant": plant,
                    "accuracy": classifier.history.validation.get("accuracy"),
                    "named": [following.classes[row] for row in following.named],
                    "followed": dict(zip(following.classes, following.followed.tolist(), strict=True)),
                    "goes_by_it": _goes_by_it(classifier, one, from_set),
                }
                write_json(found, path)
                print(name, plant, seed, found, flush=True)


def _goes_by_it(classifier: Any, one: Draw, from_set: Pictures) -> float | None:
    """Return by how much more unseen cells of other classes get the class once the shortcut is in them."""
    if one.change is None:
        return None
    others = from_set.labels != one.class_name
    others[one.rows] = False
    rows = np.flatnonzero(others)[:120]
    plain = [from_set.images[row] for row in rows]
    shares = []
    for images in (plain, [one.change(image) for image in plain]):
        answered = classifier.predict(cell_set(images, from_set.labels[rows], from_set)).predicted
        shares.append(float((np.asarray(answered) == one.class_name).mean()))
    return shares[1] - shares[0]


def report() -> None:
    """Write the tables into docs/explanations.md."""
    rows = []
    for name in PLANTED:
        for plant in PLANTS:
            found = _documents("check", name, plant)
            if not found:
                continue
            caught = [_caught(one) for one in found]
            kinds = KIND_NAMES.get(plant, ())
            named = [any(cue[0] == one["class"] and cue[1] in kinds for cue in one["cues"]) for one in found]
            asked = _documents("ask", name, plant)
            by_model = sum(one["class"] in one["named"] for one in asked)
            used = [one["goes_by_it"] for one in asked]
            rows.append(
                (
                    name,
                    plant,
                    _of(sum(caught), len(caught)),
                    _of(sum(named), len(named)) if kinds else "",
                    _of(by_model, len(asked)),
                    f"{100 * np.mean(used):.0f} points" if used else "",
                )
            )
    text = [
        "| set | planted | caught before training (95 %) | with its place | of the model | other cells "
        "that get the class by it |",
        "|---|---|---|---|---|---|",
        *(f"| {' | '.join(row)} |" for row in rows),
        "",
        "| clean set | draws | alarm before training | alarm of a model |",
        "|---|---|---|---|",
    ]
    alarms, draws = 0, 0
    for name in DATASETS:
        found = _documents("check", name, "clean")
        if not found:
            continue
        said = sum(bool(one["cues"]) or one["size"] is not None for one in found)
        alarms, draws = alarms + said, draws + len(found)
        asked = _documents("ask", name, "clean")
        models = f"{sum(bool(one['named']) for one in asked)} of {len(asked)}" if asked else ""
        text.append(f"| {name} | {len(found)} | {said} | {models} |")
    text.append(f"| all | {draws} | {_of(alarms, draws)} | |")
    page = DOCS.read_text(encoding="utf-8")
    head, rest = page.split(BEGIN)
    _, tail = rest.split(END)
    DOCS.write_text(f"{head}{BEGIN}\n\n" + "\n".join(text) + f"\n\n{END}{tail}", encoding="utf-8")


def _documents(what: str, name: str, plant: str) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted((RESULTS / what / name / plant).glob("*.json"))]


def _caught(one: dict[str, Any]) -> bool:
    """Return whether a warning names the class, of the frame or of the size."""
    by_size = one["size"] is not None and f"tells {one['class']} from" in one["size"]
    return any(cue[0] == one["class"] for cue in one["cues"]) or by_size


def _of(count: int, total: int) -> str:
    if not total:
        return ""
    low, high = wilson_interval(count, total)
    return f"{count} of {total} ({100 * low:.0f} to {100 * high:.0f} %)"


def main() -> None:
    """Run what is asked for."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("what", choices=("check", "train", "ask", "report"))
    parser.add_argument("--minutes", type=float, default=20)
    parser.add_argument("--seeds", type=int)
    given = parser.parse_args()
    if given.what == "check":
        check(given.seeds or CHECKS)
    elif given.what == "train":
        train(given.minutes, given.seeds or TRAININGS)
    elif given.what == "ask":
        ask(given.seeds or TRAININGS)
    else:
        report()


if __name__ == "__main__":
    main()
