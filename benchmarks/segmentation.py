"""How well the built-in segmentation finds cells, without a model: the figures of docs/formats.md.

python -m benchmarks.segmentation

fields_blood: white cells against their boxes. fields_nuclei: nuclei against their label images, with the
settings as they come, and with the few that a user would say of packed tissue.
"""

import json
from pathlib import Path

import numpy as np
import tifffile
from scipy.ndimage import find_objects

from benchmarks.datasets import real_data
from sparseattn.cells import (
    Field,
    Marks,
    SegmentSettings,
    cut_marked_cells,
    find_cells,
    open_field,
    open_marks,
)

RESULT = Path(__file__).parent / "results" / "segmentation.json"

TISSUE = SegmentSettings(split="intensity", diameter=11, smallest=15)
"""What is said of the two fields of packed tissue."""

PACKED = ("a102535b0e88", "cb4df20a83b2")


def overlaps(truth: np.ndarray, found: np.ndarray) -> np.ndarray:
    """Return (n, m): what each known and each found cell cover in common, as a share of what both cover."""
    _, truth = np.unique(truth, return_inverse=True)
    truth = truth.reshape(found.shape)
    common = np.zeros((truth.max() + 1, found.max() + 1))
    np.add.at(common, (truth.ravel(), found.ravel()), 1)
    union = common.sum(1, keepdims=True) + common.sum(0, keepdims=True) - common
    return (common / np.maximum(union, 1))[1:, 1:]


def box_overlap(one: np.ndarray, other: np.ndarray) -> float:
    """Return what two boxes (y0, x0, y1, x1) have in common, as a share of what both cover."""
    low, high = np.maximum(one[:2], other[:2]), np.minimum(one[2:], other[2:])
    common = np.prod(np.maximum(high - low, 0))
    return float(common / (np.prod(one[2:] - one[:2]) + np.prod(other[2:] - other[:2]) - common))


def boxes_of(labels: np.ndarray) -> list[np.ndarray]:
    """Return the box of each label."""
    return [np.array([r.start, c.start, r.stop, c.stop]) for r, c in find_objects(labels)]


def known_boxes(path: Path, field: Field) -> list[np.ndarray]:
    """Return the boxes of the white cells of a field."""
    marks: Marks = open_marks(path, field)
    cells = cut_marked_cells(field, marks)
    return [box for box, name in zip(cells.box, cells.cells.labels, strict=True) if name == "WBC"]


def white_cells() -> dict[str, object]:
    """Return recall and precision of white cells over all fields, by overlap of boxes and by middles."""
    folder = real_data() / "fields_blood"
    known = found = hits = middles = middles_found = 0
    for path in sorted((folder / "images").iterdir()):
        field = open_field(path)
        boxes = known_boxes(folder / "boxes" / f"{path.stem}.txt", field)
        objects = boxes_of(find_cells(field, SegmentSettings.for_stain()))
        share = np.array([[box_overlap(box, one) for one in objects] for box in boxes])
        share = share.reshape(len(boxes), len(objects))
        middle = [(one[:2] + one[2:]) / 2 for one in objects]
        inside = np.array([[bool((b[:2] <= m).all() and (m <= b[2:]).all()) for m in middle] for b in boxes])
        inside = inside.reshape(len(boxes), len(objects))
        known, found = known + len(boxes), found + len(objects)
        hits += int((share >= 0.5).any(axis=1).sum())
        middles += int(inside.any(axis=1).sum())
        middles_found += int(inside.any(axis=0).sum())
    return {
        "white cells": known,
        "objects": found,
        "recall, middle in the box": round(middles / known, 3),
        "precision, middle in a box": round(middles_found / found, 3),
        "recall, boxes overlap by half": round(hits / known, 3),
        "precision, boxes overlap by half": round(hits / found, 3),
    }


def nuclei() -> dict[str, object]:
    """Return average precision at an overlap of one half, a field: hits / (hits + missed + false)."""
    folder = real_data() / "fields_nuclei"
    scores: dict[str, list[float]] = {"as it comes": [], "told of packed tissue": []}
    for path in sorted((folder / "images").iterdir()):
        truth = tifffile.imread(folder / "labels" / f"{path.stem}.tif").astype(int)
        field = open_field(path)
        for name, settings in (
            ("as it comes", SegmentSettings()),
            ("told of packed tissue", TISSUE if path.stem in PACKED else SegmentSettings()),
        ):
            share = overlaps(truth, find_cells(field, settings))
            hits = int((share > 0.5).sum())
            scores[name].append(hits / max(share.shape[0] + share.shape[1] - hits, 1))
    return {
        "fields": len(scores["as it comes"]),
        **{f"AP at 0.5, {name}": round(float(np.mean(values)), 3) for name, values in scores.items()},
        "AP at 0.5, median field": round(float(np.median(scores["as it comes"])), 3),
    }


def main() -> None:
    """Measure, print and write."""
    results = {"fields_blood": white_cells(), "fields_nuclei": nuclei()}
    text = json.dumps(results, indent=1)
    print(text)
    RESULT.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
