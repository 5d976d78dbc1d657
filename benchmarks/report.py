"""docs/accuracy.json, docs/accuracy.md and its pictures, from the pieces that are there."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from benchmarks.datasets import DATASETS
from benchmarks.folds import FOLDS
from benchmarks.models import OURS, SHARES
from benchmarks.pieces import RESULTS, finished
from benchmarks.plots import accuracy_against_k, accuracy_against_mflop
from benchmarks.statistics import Difference
from benchmarks.summary import METHODS, Comparison, Method, Row, Summary
from sparseattn.bench.contenders import SHIPPED_SHARE
from sparseattn.errors import InputError

DOCS = Path(__file__).parent.parent / "docs"
BESIDE_SPEED = Path(__file__).parent.parent / "src" / "sparseattn" / "bench" / "balanced_accuracy.json"
BESIDE_SPEED_SET = "stained_pbc"
BESIDE_SPEED_METHODS = (Method("sparseattn", SHIPPED_SHARE), *METHODS[1:])

INTRODUCTION = f"""# Accuracy

Written by `python -m benchmarks.accuracy report`; how it is measured is in
[benchmarks/README.md](../benchmarks/README.md), every figure also in [accuracy.json](accuracy.json).
Accuracies are means over pieces (a piece is one training, asked about one of {FOLDS} folds that it has
not seen); +- is their standard deviation. MFLOP are those of one image, one multiply-add as two, coarse
and fine stage apart. The coarse stage looks at the whole image, cheaply; the class is computed from the
selected pixels and their windows alone (not so "with context"). Sets of simulated cells are marked as
simulated and prove nothing about real ones.

Differences are ours minus the peer in balanced accuracy, in points, over the pieces that both have. The
interval that is quoted is that of the corrected resampled t (Nadeau and Bengio 2003), which holds the
chance of training as well as that of the cells; where the test cells came with the data and never change
it cannot be had, and the paired bootstrap over cells (10,000 draws within classes) is quoted instead.
Both are given.
"""


def write(results: Path = RESULTS, docs: Path = DOCS, beside_speed: Path = BESIDE_SPEED) -> list[Path]:
    """Write the report and return what was written.

    Raises
    ------
    InputError
        If there is no piece yet, or pieces do not fit together.
    """
    pieces = finished(results)
    if not pieces:
        raise InputError(f"There is no piece in {results}: run `python -m benchmarks.accuracy run` first.")
    summary = Summary(pieces)
    docs.mkdir(parents=True, exist_ok=True)
    paths = [docs / name for name in ("accuracy.json", "accuracy.md", "accuracy_mflop.png", "accuracy_k.png")]
    _replace(paths[0], json.dumps(document(summary), indent=1) + "\n")
    _replace(paths[1], markdown(summary))
    accuracy_against_mflop(summary, paths[2])
    accuracy_against_k(summary, paths[3])
    _replace(beside_speed, json.dumps(rows_beside_speed(summary), indent=1) + "\n")
    return [*paths, beside_speed]


def rows_beside_speed(summary: Summary) -> list[dict[str, Any]]:
    """Return what `sparseattn bench` shows beside the speed: means over the pieces of one set."""
    description = DATASETS[BESIDE_SPEED_SET][0]
    image = [len(description.channels), description.size, description.size]
    return [
        {
            "model": row.method.model,
            "image": image,
            "share": None if row.pixel_fraction is None else round(row.pixel_fraction, 2),
            "balanced_accuracy": round(row.balanced_accuracy, 4),
        }
        for method in BESIDE_SPEED_METHODS
        if (row := summary.row(BESIDE_SPEED_SET, method)) is not None
    ]


def document(summary: Summary) -> dict[str, Any]:
    """Return every figure as plain JSON, shares in 0..1."""
    return {
        dataset: {
            "title": DATASETS[dataset][0].title,
            "source": DATASETS[dataset][0].source,
            "simulated": DATASETS[dataset][0].simulated,
            "methods": [asdict(row) | {"title": row.method.title} for row in summary.rows(dataset)],
            "differences": [
                asdict(found) | {"quoted": asdict(found.quoted)} for found in summary.comparisons(dataset)
            ],
            "curves": {
                model: {
                    name: getattr(curve, name).tolist()
                    for name in ("shares", "mean", "low", "high", "mflop", "learned")
                }
                for model in OURS
                if (curve := summary.curve(dataset, model)) is not None
            },
        }
        for dataset in _ordered(summary)
    }


def markdown(summary: Summary) -> str:
    """Return the report's page."""
    parts = [INTRODUCTION, _overview(summary)]
    parts.append("![Balanced accuracy against arithmetic](accuracy_mflop.png)\n")
    parts.append(
        "![Balanced accuracy against the share of selected pixels](accuracy_k.png)\n\n"
        "Band: least and largest over the folds.\n"
    )
    for dataset in _ordered(summary):
        description = DATASETS[dataset][0]
        parts.append(
            f"## {dataset}: {description.title}\n\n{description.source}. "
            f"{description.size} x {description.size} pixels, channels {', '.join(description.channels)}.\n"
        )
        rows = summary.rows(dataset)
        parts += [
            _methods(rows),
            _differences(summary.comparisons(dataset)),
            _recalls(rows),
            _curves(summary, dataset),
        ]
        parts.append(_trainings(rows))
    return "\n".join(part for part in parts if part)


def _overview(summary: Summary) -> str:
    cells = []
    for dataset in _ordered(summary):
        best = summary.best_peer(dataset)
        ours = summary.row(dataset, Method("sparseattn", 0.15))
        if best is None or ours is None:
            continue
        against = summary.compare(dataset, ours.method, best.method)
        curve = summary.curve(dataset, "sparseattn")
        cells.append(
            [
                dataset,
                _kind(dataset),
                _percent(ours.balanced_accuracy),
                f"{best.method.title} {_percent(best.balanced_accuracy)}",
                "" if against is None else _points(against.quoted),
                "" if curve is None else ", ".join(_percent(share) for share in curve.learned),
            ]
        )
    if not cells:
        return ""
    head = [
        "set",
        "modality",
        "ours at 15 %",
        "best peer",
        "difference (95 % interval)",
        "learned k, % of the pixels, each fold",
    ]
    return "## In short\n\nBalanced accuracy, %.\n\n" + _table(head, cells)


def _methods(rows: Sequence[Row]) -> str:
    head = [
        "net",
        "balanced accuracy, %",
        "accuracy, %",
        "pixels, %",
        "parameters",
        "MFLOP",
        "coarse + fine",
        "pieces",
    ]
    cells = []
    for row in rows:
        stages = (
            "" if row.mflop_coarse is None else f"{row.mflop_coarse:.1f} + {row.mflop - row.mflop_coarse:.1f}"
        )
        spread = "" if row.spread is None else f" +- {_percent(row.spread)}"
        cells.append(
            [
                row.method.title,
                _percent(row.balanced_accuracy) + spread,
                _percent(row.accuracy),
                "100" if row.pixel_fraction is None else _percent(row.pixel_fraction),
                f"{row.parameters:,}",
                f"{row.mflop:.1f}",
                stages,
                str(row.pieces),
            ]
        )
    return _table(head, cells)


def _differences(comparisons: Sequence[Comparison]) -> str:
    if not comparisons:
        return ""
    head = ["ours", "peer", "over folds (corrected t)", "over cells (bootstrap)", "pieces"]
    cells = [
        [
            found.ours.title,
            found.peer.title,
            "test cells fixed" if found.over_folds is None else _points(found.over_folds),
            _points(found.over_cells),
            str(found.pieces),
        ]
        for found in comparisons
    ]
    return "Differences in balanced accuracy, points:\n\n" + _table(head, cells)


def _recalls(rows: Sequence[Row]) -> str:
    if not rows:
        return ""
    classes = list(rows[0].recall)
    cells = [
        [row.method.title, *(_percent(row.recall[name]) for name in classes if name in row.recall)]
        for row in rows
    ]
    return "Recall of each class, %, test cells of all pieces together:\n\n" + _table(
        ["net", *classes], cells
    )


def _curves(summary: Summary, dataset: str) -> str:
    curves = [curve for model in OURS if (curve := summary.curve(dataset, model)) is not None]
    if not curves:
        return ""
    head = ["balanced accuracy, %, at", *(f"{100 * share:g} %" for share in SHARES)]
    cells = [
        [Method(curve.model).title.split(", learned")[0], *map(_percent, curve.mean)] for curve in curves
    ]
    return _table(head, cells)


def _trainings(rows: Sequence[Row]) -> str:
    head = [
        "net",
        "training on a CPU, processor seconds (median)",
        "epochs",
        "training loss, change an epoch at the end",
        "ran on",
    ]
    seen, cells = set(), []
    for row in rows:
        if row.method.model in seen:
            continue
        seen.add(row.method.model)
        title = row.method.title.split(", learned")[0]
        ran = "; ".join(row.machines)
        cells.append(
            [
                title,
                _seconds(row),
                f"{row.epochs:.0f}",
                f"{row.loss_slope:+.4f}",
                ran,
            ]
        )
    return _table(head, cells)


def _seconds(row: Row) -> str:
    if row.seconds is None:
        return ""
    return f"{row.seconds:.0f}" + ("" if row.is_processor_time else " by the wall")


def _kind(dataset: str) -> str:
    """Return the modality of a set, and whether its cells are simulated."""
    description = DATASETS[dataset][0]
    words = {"flow": "imaging flow cytometry", "events": "event camera", "phase": "optical path difference"}
    modality = words.get(description.modality, description.modality)
    return f"**simulated** {modality}" if description.simulated else modality


def _ordered(summary: Summary) -> list[str]:
    return [name for name in DATASETS if name in summary.datasets]


def _percent(share: float) -> str:
    return f"{100 * share:.1f}"


def _points(difference: Difference) -> str:
    mean = f"{100 * difference.mean:+.1f}"
    if difference.interval is None:
        return f"{mean} (one piece)"
    low, high = difference.interval
    return f"{mean} ({100 * low:+.1f} to {100 * high:+.1f})"


def _table(head: Sequence[str], cells: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *cells]
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _replace(path: Path, text: str) -> None:
    half = path.with_name(f".{path.name}")
    half.write_text(text)
    half.replace(path)
