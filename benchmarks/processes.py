"""Is a training by several processes, or in mixed precision, as good as one, and how long does it take?

OMP_NUM_THREADS=1 python -m benchmarks.processes run --seeds 5
OMP_NUM_THREADS=1 torchrun --standalone --nproc-per-node 2 -m benchmarks.processes run --seeds 5
OMP_NUM_THREADS=1 python -m benchmarks.processes run --seeds 16 --size 32 --epochs 40    # shorter, more often
python -m benchmarks.processes run --seeds 5 --device cuda --precision mixed
python -m benchmarks.processes report
"""

import json
import os
import time
from collections import defaultdict
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import numpy as np
import typer

from benchmarks.accuracy import say
from benchmarks.datasets import load
from benchmarks.folds import make_fold
from benchmarks.pieces import device_name, write_json
from benchmarks.scores import balanced_accuracy
from sparseattn.learn.fit import fit
from sparseattn.learn.options import Precision, TrainingOptions
from sparseattn.learn.split import Side, Split

RESULTS = Path(__file__).parent / "results" / "processes"
DATASET, FOLD, SHARE = "stained_pbc", 0, 0.15

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


def measure(seed: int, device: str, precision: Precision, size: int, epochs: int | None) -> dict[str, Any]:
    """Train on one fold of stained_pbc, and ask about its test cells."""
    dataset = load(DATASET)
    fold = make_fold(dataset, repeat=0, fold=FOLD)
    ids = dataset.cells.ids
    sides = {ids[row]: side for side in ("train", "validation") for row in getattr(fold, side)}
    teachers = dataset.cells.subset(np.sort(np.concatenate([fold.train, fold.validation])))
    options = TrainingOptions(seed=seed, precision=precision, epochs=epochs)
    began = time.perf_counter()
    model = fit(
        teachers,
        options=options,
        size=size,
        split=Split(cast("dict[str, Side]", sides), grouped=False, note=None),
        device=device,
    )
    seconds = time.perf_counter() - began
    answers = model.predict(dataset.cells.subset(fold.test), k=round(SHARE * size**2), device="cpu")
    known = dataset.labels[fold.test]
    right = answers.probabilities[np.arange(len(known)), known]
    return {
        "seconds": seconds,
        "epochs": len(model.history.epochs),
        "balanced_accuracy": balanced_accuracy(known, answers.probabilities.argmax(1)),
        "loss": float(-np.log(np.maximum(right, 1e-6)).mean()),
        "machine": device_name(device),
    }


@app.command()
def run(
    seeds: Annotated[int, typer.Option(help="The first so many.")] = 5,
    first: Annotated[int, typer.Option(help="The first of them.")] = 0,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    precision: Annotated[Literal["float32", "mixed"], typer.Option()] = "float32",
    size: Annotated[int, typer.Option(help="Side of the grid in pixels.")] = 64,
    epochs: Annotated[int, typer.Option(help="0: as many as the library takes.")] = 0,
) -> None:
    """Run what is missing; under torchrun by as many processes."""
    processes = int(os.environ.get("WORLD_SIZE", "1"))
    for seed in range(first, first + seeds):
        path = RESULTS / f"{device}_{processes}_{precision}_{size}_{epochs}_{seed}.json"
        if path.exists():
            continue
        result = measure(seed, device, precision, size, epochs or None)
        if os.environ.get("RANK", "0") == "0":
            write_json({"processes": processes, "precision": precision, "size": size, **result}, path)
            say(f"{path.stem}: {result}")


@app.command()
def report() -> None:
    """Print the table for docs/scale.md."""
    found: dict[tuple[str, int, str, int, int], list[dict[str, Any]]] = defaultdict(list)
    for path in sorted(RESULTS.glob("*.json")):
        one = json.loads(path.read_text())
        found[one["machine"], one["processes"], one["precision"], one["size"], one["epochs"]].append(one)
    print("| machine | processes | precision | grid | epochs | trainings | balanced accuracy, % | loss | s |")
    print("|" + 9 * "---|")
    for (machine, processes, precision, size, epochs), runs in sorted(found.items()):
        scores = _spread([100 * run["balanced_accuracy"] for run in runs], 1)
        losses = _spread([run["loss"] for run in runs], 3)
        seconds = np.median([run["seconds"] for run in runs])
        facts = [machine, processes, precision, size, epochs, len(runs), scores, losses, f"{seconds:.0f}"]
        print(f"| {' | '.join(map(str, facts))} |")


def _spread(values: list[float], digits: int) -> str:
    """Return the mean and, of several, the standard deviation."""
    mean = f"{np.mean(values):.{digits}f}"
    return f"{mean} +- {np.std(values, ddof=1):.{digits}f}" if len(values) > 1 else mean


if __name__ == "__main__":
    app()
