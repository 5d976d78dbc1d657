"""How few labels bring a model to cells of another laboratory: chosen at random, and by "most uncertain".

The model to start from has seen stained_zheng only: another stain, four of the seven classes of stained_pbc.

python -m benchmarks.label_efficiency run --minutes 60
python -m benchmarks.label_efficiency report
"""

import json
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.datasets import WORK, load
from benchmarks.folds import deal
from benchmarks.pieces import RESULTS, device_name, versions, write_json
from benchmarks.scores import balanced_accuracy
from sparseattn.cells import CellSet
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.learn.effort import epochs_for, going_on
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.split import make_split
from sparseattn.suggest import suggest

STRATEGIES = {
    "random": "at random, so many of each class",
    "drawn": "at random, as many in all",
    "uncertain": "most uncertain, as many in all",
}
TITLES = {"remaining": "All cells without a label", "held_out": "The fifth that is never labelled"}
LABELS = (5, 10, 20, 50)
REPEATS = 5
HELD_FIFTHS = 5  # one of which is never labelled
FEWEST = 2  # of a class, to teach it
BAR = 0.8  # to be passed with ten labels a class
SEED = 20250507
PIECES = RESULTS / "label_efficiency"
DOCS = Path(__file__).parents[1] / "docs"

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@dataclass(frozen=True)
class Course:
    """One person's labelling: cells are added until the last step, and a model is taught at each."""

    strategy: str
    repeat: int
    folder: Path = PIECES

    def path(self, labels: int) -> Path:
        """Return where the result with so many labels a class lies."""
        return self.folder / self.strategy / f"repeat{self.repeat}_labels{labels:02}.json"


def start_model(epochs: int | None = None) -> Classifier:
    """Return the model taught with stained_zheng, made once."""
    path = WORK / ("zheng.safetensors" if epochs is None else f"zheng_{epochs}_epochs.safetensors")
    if not path.exists():
        WORK.mkdir(parents=True, exist_ok=True)
        options = TrainingOptions(seed=0) if epochs is None else TrainingOptions(seed=0, epochs=epochs)
        fit(load("stained_zheng").cells, options=options, strict=True).save(path)
    return Classifier.load(path)


def held_out(cells: CellSet, repeat: int) -> np.ndarray:
    """Return (N,) whether a cell is in the fifth that is never labelled in this repeat."""
    labels = np.unique([str(label) for label in cells.labels], return_inverse=True)[1]
    return deal(labels, HELD_FIFTHS, np.random.default_rng([SEED, repeat])) == 0


def at_random(cells: CellSet, pool: np.ndarray, labels: int, repeat: int) -> list[int]:
    """Return so many cells of each class; those of fewer labels are among those of more."""
    order = np.random.default_rng([SEED, repeat, 1]).permutation(pool)
    taken: Counter[str | None] = Counter()
    chosen = []
    for index in order:
        label = cells.labels[index]
        if taken[label] < labels:
            taken[label] += 1
            chosen.append(int(index))
    return sorted(chosen)


def drawn(pool: np.ndarray, count: int, repeat: int) -> list[int]:
    """Return so many cells, whatever their classes; those of fewer labels are among those of more."""
    order = np.random.default_rng([SEED, repeat, 2]).permutation(pool)
    return sorted(int(index) for index in order[:count])


def most_uncertain(
    cells: CellSet, pool: np.ndarray, earlier: list[int], model: Classifier, count: int, seed: int
) -> list[int]:
    """Return the earlier cells and those that the model would ask for, ``count`` in all."""
    free = np.setdiff1d(pool, earlier)
    asked = suggest(model, cells.subset(free), count - len(earlier), taught=len(earlier), seed=seed)
    return sorted([*earlier, *(int(free[row]) for row in asked)])


def teach(
    start: Classifier, cells: CellSet, chosen: list[int], seed: int, epochs: int | None
) -> tuple[Classifier, dict[str, Any]]:
    """Go on from a model with the labelled cells, as the app does; classes with one cell wait."""
    counts = Counter(cells.labels[index] for index in chosen)
    known = [i for i in chosen if counts[cells.labels[i]] >= FEWEST or cells.labels[i] in start.classes]
    teaching = cells.subset(known)
    split = make_split(teaching, known=start.split, taught=start.classes)
    train = len(split.indices(teaching.ids, "train"))
    new = len(set(teaching.classes) - set(start.classes))
    planned = epochs or epochs_for(train + len(start.prototypes), goes_on=True, new_classes=new)
    began = time.monotonic()
    options = going_on(TrainingOptions(epochs=planned, seed=seed))
    model = fit(teaching, start=start, split=split, options=options, strict=True)
    return model, {
        "labels": {str(name): count for name, count in sorted(counts.items())},
        "taught": len(known),
        "epochs": planned,
        "seconds": time.monotonic() - began,
    }


def ask(model: Classifier, cells: CellSet, rows: np.ndarray) -> dict[str, Any]:
    """Return how right the model is about some cells, at its own k."""
    names = sorted({*(str(label) for label in cells.labels), *model.classes})
    code = {name: number for number, name in enumerate(names)}
    known = np.array([code[str(cells.labels[row])] for row in rows])
    answered = np.array([code[name] for name in model.predict(cells.subset(rows), strict=True).predicted])
    return {
        "cells": len(rows),
        "balanced_accuracy": balanced_accuracy(known, answered),
        "accuracy": float((known == answered).mean()),
    }


def run_course(
    course: Course,
    start: Classifier,
    cells: CellSet,
    steps: tuple[int, ...],
    ended: Callable[[], bool],
    epochs: int | None = None,
) -> bool:
    """Run the steps that are missing; return False where time was up before."""
    held = held_out(cells, course.repeat)
    pool = np.flatnonzero(~held)
    classes = len(cells.classes)
    seed = 100 * course.repeat
    chosen: list[int] = []
    model = start
    for number, labels in enumerate(steps):
        path = course.path(labels)
        if path.exists():
            chosen = json.loads(path.read_text())["chosen"]
            missing_next = number + 1 < len(steps) and not course.path(steps[number + 1]).exists()
            if course.strategy == "uncertain" and missing_next:  # what it would ask for next is to be known
                model, _ = teach(start, cells, chosen, seed + labels, epochs)
            continue
        if ended():
            return False
        if course.strategy == "random":
            chosen = at_random(cells, pool, labels, course.repeat)
        elif course.strategy == "drawn":
            chosen = drawn(pool, classes * labels, course.repeat)
        else:
            chosen = most_uncertain(cells, pool, chosen, model, classes * labels, seed)
        model, said = teach(start, cells, chosen, seed + labels, epochs)
        rest = np.setdiff1d(np.arange(len(cells)), chosen)
        document = {
            "strategy": course.strategy,
            "repeat": course.repeat,
            "labels_a_class": labels,
            **said,
            "k": model.k,
            "remaining": ask(model, cells, rest),
            "held_out": ask(model, cells, np.flatnonzero(held)),
            "before": ask(start, cells, rest),
            "machine": {"name": device_name("cpu"), "threads": torch.get_num_threads(), **versions()},
            "chosen": chosen,
        }
        write_json(document, path)
        share = document["remaining"]["balanced_accuracy"]
        say(f"{course.strategy} repeat {course.repeat}, {labels} a class: {100 * share:.1f} % of the rest")
    return True


def say(line: str) -> None:
    """Tell how it goes, apart from results."""
    print(line, file=sys.stderr, flush=True)


def finished(folder: Path = PIECES) -> list[dict[str, Any]]:
    """Return every result that was written."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*/*.json"))]


def scores(pieces: list[dict[str, Any]], strategy: str, labels: int, of: str) -> dict[int, float]:
    """Return balanced accuracy by repeat, of the ``remaining`` cells or those ``held_out``."""
    return {
        piece["repeat"]: piece[of]["balanced_accuracy"]
        for piece in pieces
        if piece["strategy"] == strategy and piece["labels_a_class"] == labels
    }


def mean_and_interval(values: list[float]) -> tuple[float, tuple[float, float] | None]:
    """Return the mean over repeats and its 95 % t interval, None for a single repeat."""
    from scipy.stats import t as student

    mean = float(np.mean(values))
    if len(values) < 2:
        return mean, None
    reach = float(student.ppf(0.975, len(values) - 1) * np.std(values, ddof=1) / np.sqrt(len(values)))
    return mean, (mean - reach, mean + reach)


def written(values: list[float], sign: bool = False) -> str:
    """Return a mean in per cent with its interval, as the table has it."""
    if not values:
        return ""
    mean, interval = mean_and_interval(values)
    form = "{:+.1f}" if sign else "{:.1f}"
    text = form.format(100 * mean)
    if interval is not None:
        text += f" ({form.format(100 * interval[0])} to {form.format(100 * interval[1])})"
    return text


def table(pieces: list[dict[str, Any]]) -> str:
    """Return the Markdown page without its picture."""
    before = [
        piece["before"]["balanced_accuracy"] for piece in pieces if piece["labels_a_class"] == LABELS[0]
    ]
    ten = list(scores(pieces, "random", 10, "remaining").values())
    repeats = sorted({piece["repeat"] for piece in pieces})
    lines = [
        "# How many labels a new stain needs",
        "",
        "Made by `python -m benchmarks.label_efficiency report` from the results in",
        "`benchmarks/results/label_efficiency`. The model to start from was taught with stained_zheng alone:",
        "another stain, and four of the seven classes of stained_pbc. It is then taught with a few labelled",
        "cells of stained_pbc, as the app does it (a fifth of them judges), and asked about cells without",
        "a label. Balanced accuracy in %, mean over the repeats with the 95 % t interval.",
        "",
        f"Repeats: {len(repeats)}."
        + (f" Before any label: {written(before)} % of the remaining cells." if written(before) else ""),
        "",
        f"| labels a class | {' | '.join(STRATEGIES.values())} | most uncertain - as many at random |",
        "|---|---|---|---|---|",
    ]
    for of, title in TITLES.items():
        lines.append(f"| **{title}** | | | | |")
        for labels in LABELS:
            by_repeat = {strategy: scores(pieces, strategy, labels, of) for strategy in STRATEGIES}
            cells = [written(list(values.values())) for values in by_repeat.values()]
            blind, asked = by_repeat["drawn"], by_repeat["uncertain"]
            gains = [asked[repeat] - blind[repeat] for repeat in sorted(blind.keys() & asked.keys())]
            lines.append(f"| {labels} | {' | '.join(cells)} | {written(gains, True)} |")
    lines += [
        "",
        "So many of each class is what someone gets who looks at the cells until each class has its number;",
        'the other two take as many cells in all, whatever they turn out to be. "Most uncertain" asks',
        "`sparseattn.suggest` as the app does (typical cells first, then uncertain), once a row, and knows",
        "no more of the classes than a draw at random: these two are compared, paired over the repeats. The",
        "fifth that is never labelled is the fairer place to compare: of the cells without a label, the hard",
        "ones have gone where the uncertain ones were labelled.",
        "",
    ]
    if ten:
        verdict = "passes" if np.mean(ten) > BAR else "does not pass"
        lines.append(f"Ten labels a class at random: {written(ten)} %, which {verdict} {100 * BAR:.0f} %.")
    return "\n".join(lines) + "\n\n![Balanced accuracy by labels](label_efficiency.png)\n"


def draw(pieces: list[dict[str, Any]], path: Path) -> None:
    """Draw balanced accuracy against labels a class, each way of choosing."""
    import matplotlib

    matplotlib.use("agg")
    import matplotlib.pyplot as plt

    figure, panels = plt.subplots(1, 2, figsize=(9, 3.8), sharey=True, layout="constrained")
    for panel, (of, title) in zip(panels, TITLES.items(), strict=True):
        for (strategy, said), colour, marker in zip(
            STRATEGIES.items(), ("#0072B2", "#009E73", "#D55E00"), ("o", "^", "s"), strict=True
        ):
            means, reaches, places = [], [], []
            for labels in LABELS:
                values = list(scores(pieces, strategy, labels, of).values())
                if values:
                    mean, interval = mean_and_interval(values)
                    means.append(100 * mean)
                    reaches.append(0 if interval is None else 100 * (interval[1] - mean))
                    places.append(labels)
            panel.errorbar(places, means, yerr=reaches, color=colour, marker=marker, capsize=3, label=said)
        panel.axhline(100 * BAR, color="0.6", linestyle=":", linewidth=1)
        panel.set_xscale("log")
        panel.set_xticks(LABELS, [str(labels) for labels in LABELS], minor=False)
        panel.minorticks_off()
        panel.set_xlabel("Labels a class")
        panel.set_title(title, fontsize=10)
    panels[0].set_ylabel("Balanced accuracy (%)")
    panels[0].legend(frameon=False, fontsize=8, loc="lower right")
    figure.savefig(path, dpi=120)
    plt.close(figure)


@app.command()
def run(
    repeats: Annotated[int, typer.Option(help="Repeats, each with other cells.")] = REPEATS,
    labels: Annotated[str, typer.Option(help="Labels a class, with commas between.")] = "5,10,20,50",
    strategies: Annotated[
        str, typer.Option(help="Of random, drawn, uncertain, with commas between.")
    ] = ",".join(STRATEGIES),
    minutes: Annotated[float, typer.Option(help="Start nothing new after so many minutes; 0: no end.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of torch; 0: as many as it likes.")] = 0,
    epochs: Annotated[int, typer.Option(help="For a quick try; 0: as many as the app.")] = 0,
    folder: Annotated[Path, typer.Option(help="Where results lie.")] = PIECES,
) -> None:
    """Run what is missing, repeat by repeat."""
    if threads:
        torch.set_num_threads(threads)
    end = time.monotonic() + 60 * minutes if minutes else float("inf")
    cells = load("stained_pbc").cells
    start = start_model(epochs or None)
    steps = tuple(int(number) for number in labels.split(","))
    for repeat in range(repeats):
        for strategy in strategies.split(","):
            course = Course(strategy, repeat, folder)
            if not run_course(course, start, cells, steps, lambda: time.monotonic() >= end, epochs or None):
                say("time is up; run again to go on")
                return


@app.command()
def report(
    folder: Annotated[Path, typer.Option(help="Where results lie.")] = PIECES,
    docs: Annotated[Path, typer.Option(help="Where to write.")] = DOCS,
) -> None:
    """Write docs/label_efficiency.md and its picture from the results that are there."""
    pieces = finished(folder)
    if not pieces:
        raise InputError(f"there are no results in {folder}: run first")
    draw(pieces, docs / "label_efficiency.png")
    (docs / "label_efficiency.md").write_text(table(pieces))
    print(docs / "label_efficiency.md")


def main() -> None:
    """Run the command line; what a user can mend is one line and exit status 2."""
    try:
        app()
    except InputError as error:
        say(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
