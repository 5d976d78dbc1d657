"""What each part of SparseAttnNet brings: the net without it, on several folds, each with a seed of its own.

python -m benchmarks.ablation run --datasets events_nmnist --minutes 20
python -m benchmarks.ablation report
"""

import json
import time
from collections import defaultdict
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import torch.nn.functional as F
import typer

from benchmarks.datasets import load
from benchmarks.folds import FOLDS, make_fold
from benchmarks.models import logits, loss_of
from benchmarks.pieces import write_json
from benchmarks.scores import balanced_accuracy
from benchmarks.statistics import corrected_t
from benchmarks.training import augmentation_for
from sparseattn.learn.effort import planned
from sparseattn.learn.loop import Loop
from sparseattn.learn.losses import class_weights
from sparseattn.learn.options import TrainingOptions
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

RESULTS = Path(__file__).parent / "results" / "ablation"
REPORT = Path(__file__).parents[1] / "docs" / "ablation.md"
SHARES = (0.05, 0.15, 0.5, 1.0)
JUDGED = 0.15  # of the pixels, at which a variant is compared with the net as shipped


@dataclass(frozen=True)
class Variant:
    """The net as shipped but for some fields of its configuration or of its training."""

    title: str
    net: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)


VARIANTS = {
    "shipped": Variant("as shipped"),
    "no-distillation": Variant("no distillation", training={"distillation": 0.0}),
    "no-score-bias": Variant("no score bias", net={"score_bias": False}),
    "no-noise": Variant("no noise on the selection", training={"noise": 0.0}),
    "no-spread": Variant("no spreading out of the selection", net={"spread": 0.0}),
    "adamw": Variant("AdamW alone, no Muon", training={"optimizer": "adamw"}),
    "no-consistency": Variant("many pixels do not teach few", training={"consistency": 0.0}),
    "no-neighbourhood": Variant("no neighbourhood blocks", net={"blocks": 0}),
    "no-places": Variant("no code of the places", net={"frequencies": 0}),
    "window-2": Variant("window 2 (the unit alone)", net={"window": 2}),
    "window-10": Variant("window 10", net={"window": 10}),
    "two-layers": Variant("two attention layers", net={"layers": 2}),
}

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


def measure(dataset_name: str, variant: Variant, seed: int, device: str) -> dict[str, Any]:
    """Train a variant on the fold of that number; return accuracy and loss at each share of the pixels."""
    dataset = load(dataset_name)
    fold = make_fold(dataset, repeat=0, fold=seed)
    images, labels = dataset.images(fold.train), torch.from_numpy(dataset.labels)
    size, classes = dataset.description.size, len(dataset.classes)
    torch.manual_seed(seed)
    config = replace(SparseAttnNetConfig(images.shape[1], classes, size), **variant.net)
    rows = np.sort(np.concatenate([fold.train, fold.validation]))  # nothing is chosen here: all may teach
    options = replace(TrainingOptions(seed=seed), **variant.training)
    options = planned(options, len(rows), goes_on=False)
    weights = class_weights(labels[fold.train], classes, options.class_balance)
    net = SparseAttnNet(config)
    loop = Loop(net, loss_of(net, options, weights), options, augmentation_for(dataset), device)
    began = time.perf_counter()
    for _ in range(loop.epochs):
        loop.run_epoch(images, labels, rows)
    known = dataset.labels[fold.test]
    test = torch.from_numpy(images[fold.test])
    answers = {str(share): logits(loop.average, test, round(share * size**2)) for share in SHARES}
    return {
        "seconds": time.perf_counter() - began,
        "balanced_accuracy": {s: balanced_accuracy(known, a.argmax(1).numpy()) for s, a in answers.items()},
        "loss": {s: F.cross_entropy(a, torch.from_numpy(known)).item() for s, a in answers.items()},
    }


@app.command()
def run(
    datasets: str = "events_nmnist",
    variants: str = ",".join(VARIANTS),
    folds: Annotated[int, typer.Option(help="The first so many; the seed is the fold's number.")] = FOLDS,
    minutes: Annotated[float, typer.Option(help="Start nothing new after so many minutes.")] = 60,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
) -> None:
    """Run the pieces that are missing, fold by fold."""
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * minutes
    for seed in range(folds):
        for dataset in datasets.split(","):
            for name in variants.split(","):
                path = RESULTS / dataset / f"{name}_{seed}.json"
                if path.exists():
                    continue
                if time.monotonic() > end:
                    print("time is up; run again to go on")
                    return
                result = measure(dataset, VARIANTS[name], seed, device)
                write_json(result, path)
                print(dataset, name, seed, result, flush=True)


def difference(
    runs: dict[int, dict[str, Any]],
    shipped: dict[int, dict[str, Any]],
    figure: str,
    times: float,
    digits: int,
) -> str:
    """Return variant minus shipped over the folds that both have, with its 95 % interval, in words."""
    share = str(JUDGED)
    paired = [
        times * (run[figure][share] - shipped[seed][figure][share])
        for seed, run in runs.items()
        if seed in shipped
    ]
    if not paired:
        return ""
    cost = corrected_t(np.array(paired), test_to_train=1 / (FOLDS - 1))
    reach = f" ({cost.interval[0]:+.{digits}f} to {cost.interval[1]:+.{digits}f})" if cost.interval else ""
    return f"{cost.mean:+.{digits}f}{reach}"


@app.command()
def report() -> None:
    """Write docs/ablation.md from the pieces that are there."""
    found: dict[str, dict[str, dict[int, dict[str, Any]]]] = defaultdict(lambda: defaultdict(dict))
    for path in sorted(RESULTS.glob("*/*.json")):
        name, seed = path.stem.rsplit("_", 1)
        found[path.parent.name][name][int(seed)] = json.loads(path.read_text())
    lines = [
        "# Ablation",
        "",
        "The net as shipped, and with one thing changed. Balanced accuracy in % on the test cells at four",
        "shares of the pixels, mean over folds, each with a seed of its own; and what the change costs at",
        "15 % of the pixels: variant minus shipped on the same folds, mean and 95 % corrected t interval, of",
        "the balanced accuracy in points and of the cross-entropy in nats (above zero: worse), less noisy.",
        "Made by `python -m benchmarks.ablation run --datasets ...` and `report`.",
    ]
    for dataset, by_variant in found.items():
        heads = " | ".join(f"{100 * share:g} %" for share in SHARES)
        lines += [
            "",
            f"## {dataset}",
            "",
            f"| variant | folds | {heads} | accuracy at 15 % | loss at 15 % |",
            "|---|---|" + "---|" * (len(SHARES) + 2),
        ]
        for name in [name for name in VARIANTS if name in by_variant]:
            runs = by_variant[name]
            means = [
                f"{100 * np.mean([run['balanced_accuracy'][str(share)] for run in runs.values()]):.1f}"
                for share in SHARES
            ]
            accuracy = difference(runs, by_variant["shipped"], "balanced_accuracy", 100, 1)
            loss = difference(runs, by_variant["shipped"], "loss", 1, 3)
            cost = " | " if name == "shipped" else f"{accuracy} | {loss}"
            lines.append(f"| {VARIANTS[name].title} | {len(runs)} | {' | '.join(means)} | {cost} |")
    REPORT.write_text("\n".join(lines) + "\n")
    print(REPORT)


if __name__ == "__main__":
    app()
