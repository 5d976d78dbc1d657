"""How right SparseAttnNet is beside its peers: run pieces, choose recipes, write the report.

python -m benchmarks.accuracy tune --models small-cnn --datasets stained_pbc
python -m benchmarks.accuracy run --minutes 30
python -m benchmarks.accuracy report
"""

import os
import sys
import time
from collections.abc import Callable
from itertools import product
from typing import Annotated

import torch
import typer

from benchmarks import report as reporting
from benchmarks import tuning
from benchmarks.datasets import DATASETS
from benchmarks.folds import FOLDS
from benchmarks.models import MODELS, model_named
from benchmarks.pieces import Piece
from benchmarks.pieces import run as run_piece
from sparseattn.errors import InputError

LARGE_FOLDS = 3  # of the first repeat, for nets of millions of parameters, which are asked about four sets
LARGE_DATASETS = ("stained_pbc", "flow_jurkat", "flow_jurkat_label_free", "stained_zheng")
TUNING_DATASETS = "stained_pbc"

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)

Datasets = Annotated[str, typer.Option(help="Names with commas between; all by default.")]
Models = Annotated[str, typer.Option(help="Names with commas between; all by default.")]
Minutes = Annotated[float, typer.Option(help="Start nothing new after so many minutes; 0 for no end.")]
Threads = Annotated[int, typer.Option(help="Threads of torch on the CPU.")]
Device = Annotated[str, typer.Option(help="cpu, cuda, or auto.")]


def names(given: str, known: tuple[str, ...], what: str) -> tuple[str, ...]:
    """Split a list with commas and check every name."""
    chosen = tuple(name.strip() for name in given.split(",") if name.strip()) or known
    for name in chosen:
        if name not in known:
            raise InputError(f"There is no {what} {name!r}: choose from {', '.join(known)}.")
    return chosen


def start(threads: int, device: str) -> str:
    """Set the threads, and return the device: a GPU where there is one."""
    torch.set_num_threads(threads or os.cpu_count() or 1)
    if device == "auto":
        return "cuda" if torch.cuda.is_available() else "cpu"
    return device


def deadline(minutes: float) -> Callable[[], bool]:
    """Return a question: is the time used up?"""
    end = time.monotonic() + 60 * minutes if minutes > 0 else float("inf")
    return lambda: time.monotonic() >= end


def say(line: str) -> None:
    """Tell how it goes, apart from results."""
    print(line, file=sys.stderr, flush=True)


@app.command()
def run(
    datasets: Datasets = "",
    models: Models = "",
    folds: Annotated[
        str, typer.Option(help="Such as 0,1,2; by default 5 for small nets and 3 for large.")
    ] = "",
    repeats: Annotated[int, typer.Option(help="Repeats of the folds, each with other folds.")] = 1,
    minutes: Minutes = 0,
    threads: Threads = 0,
    device: Device = "auto",
) -> None:
    """Run the pieces that are missing, fold by fold, so that every net has some early."""
    device, ended = start(threads, device), deadline(minutes)
    chosen = names(models, tuple(MODELS), "model")
    sets = names(datasets, tuple(DATASETS), "set")
    asked = [int(fold) for fold in names(folds, tuple(str(fold) for fold in range(FOLDS)), "fold")]
    for repeat, fold, dataset, model in product(range(repeats), asked, sets, chosen):
        is_extra = not folds and (fold >= LARGE_FOLDS or repeat > 0 or dataset not in LARGE_DATASETS)
        if model_named(model).large and is_extra and not (datasets and dataset not in LARGE_DATASETS):
            continue
        piece = Piece(dataset, model, repeat, fold)
        if piece.path.exists():
            continue
        if ended():
            say("time is up; run again to go on")
            return
        began = time.monotonic()
        result = run_piece(piece, device)
        scores = ", ".join(f"{100 * a['balanced_accuracy']:.1f}" for a in result["answers"])
        took = f"{time.monotonic() - began:.0f} s"
        say(f"{dataset} {model} repeat {repeat} fold {fold}: balanced {scores} %, {took}")


@app.command()
def tune(
    datasets: Datasets = TUNING_DATASETS,
    models: Models = "",
    minutes: Minutes = 0,
    threads: Threads = 0,
    device: Device = "auto",
) -> None:
    """Choose learning rate and epochs on validation cells of the first fold; finished trials are kept."""
    device, ended = start(threads, device), deadline(minutes)
    for dataset in names(datasets, tuple(DATASETS), "set"):
        for model in names(models, tuple(MODELS), "model"):
            if not tuning.tune(dataset, model, device, ended, say):
                say("time is up; run again to go on")
                return


@app.command()
def report() -> None:
    """Write docs/accuracy.json, docs/accuracy.md and the plots from the pieces that are there."""
    for path in reporting.write():
        print(path)


def main() -> None:
    """Run the command line; what a user can mend is one line and exit status 2."""
    try:
        app()
    except InputError as error:
        say(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
