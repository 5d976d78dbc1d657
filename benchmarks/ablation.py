"""What each part of SparseAttnNet brings: the net without it, several seeds, the same cells.

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
import typer

from benchmarks.datasets import load
from benchmarks.folds import make_fold
from benchmarks.models import logits, loss_of
from benchmarks.pieces import write_json
from benchmarks.recipes import OURS_UNTUNED
from benchmarks.scores import balanced_accuracy
from benchmarks.training import augmentation_for
from sparseattn.learn.loop import Loop
from sparseattn.learn.losses import class_weights
from sparseattn.learn.options import TrainingOptions
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

RESULTS = Path(__file__).parent / "results" / "ablation"
REPORT = Path(__file__).parents[1] / "docs" / "ablation.md"
SHARES = (0.05, 0.15, 0.5, 1.0)
SEEDS = 3


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


def measure(dataset_name: str, variant: Variant, seed: int) -> dict[str, Any]:
    """Train a variant on the first fold and return its balanced accuracy at each share of the pixels."""
    dataset = load(dataset_name)
    fold = make_fold(dataset, repeat=0, fold=0)
    images, labels = dataset.images(fold.train), torch.from_numpy(dataset.labels)
    size, classes = dataset.description.size, len(dataset.classes)
    torch.manual_seed(seed)
    config = replace(SparseAttnNetConfig(images.shape[1], classes, size), **variant.net)
    recipe = OURS_UNTUNED
    options = TrainingOptions(epochs=recipe.epochs, learning_rate=recipe.learning_rate, seed=seed)
    options = replace(options, **variant.training)
    weights = class_weights(labels[fold.train], classes, options.class_balance)
    net = SparseAttnNet(config)
    loop = Loop(net, loss_of(net, options, weights), options, augmentation_for(dataset), "cpu")
    began = time.perf_counter()
    rows = np.sort(np.concatenate([fold.train, fold.validation]))  # nothing is chosen here: all may teach
    for _ in range(recipe.epochs):
        loop.run_epoch(images, labels, rows)
    known = dataset.labels[fold.test]
    test = torch.from_numpy(images[fold.test])
    answers = {share: logits(loop.average, test, round(share * size**2)).argmax(1) for share in SHARES}
    return {
        "seconds": time.perf_counter() - began,
        "balanced_accuracy": {str(s): balanced_accuracy(known, a.numpy()) for s, a in answers.items()},
    }


@app.command()
def run(
    datasets: str = "events_nmnist",
    variants: str = ",".join(VARIANTS),
    minutes: Annotated[float, typer.Option(help="Start nothing new after so many minutes.")] = 60,
) -> None:
    """Run the pieces that are missing, seed by seed."""
    torch.set_num_threads(1)
    end = time.monotonic() + 60 * minutes
    for seed in range(SEEDS):
        for dataset in datasets.split(","):
            for name in variants.split(","):
                path = RESULTS / dataset / f"{name}_{seed}.json"
                if path.exists():
                    continue
                if time.monotonic() > end:
                    print("time is up; run again to go on")
                    return
                result = measure(dataset, VARIANTS[name], seed)
                write_json(result, path)
                print(dataset, name, seed, result, flush=True)


@app.command()
def report() -> None:
    """Write docs/ablation.md from the pieces that are there."""
    found: dict[str, dict[str, list[dict[str, float]]]] = defaultdict(lambda: defaultdict(list))
    for path in sorted(RESULTS.glob("*/*.json")):
        name = path.stem.rsplit("_", 1)[0]
        found[path.parent.name][name].append(json.loads(path.read_text())["balanced_accuracy"])
    lines = [
        "# Ablation",
        "",
        "The net as shipped, and with one thing changed; balanced accuracy in % on the test cells of the",
        "first fold at four shares of the pixels, mean over seeds (standard deviation between seeds).",
        "Made by `python -m benchmarks.ablation run --datasets ...` and `report`.",
    ]
    for dataset, by_variant in found.items():
        heads = " | ".join(f"{100 * share:g} %" for share in SHARES)
        lines += [
            "",
            f"## {dataset}",
            "",
            f"| variant | seeds | {heads} |",
            "|---|---|" + "---|" * len(SHARES),
        ]
        for name in [name for name in VARIANTS if name in by_variant]:
            runs = by_variant[name]
            cells = []
            for share in SHARES:
                figures = 100 * np.array([run[str(share)] for run in runs])
                spread = f" ({figures.std(ddof=1):.1f})" if len(figures) > 1 else ""
                cells.append(f"{figures.mean():.1f}{spread}")
            lines.append(f"| {VARIANTS[name].title} | {len(runs)} | {' | '.join(cells)} |")
    REPORT.write_text("\n".join(lines) + "\n")
    print(REPORT)


if __name__ == "__main__":
    app()
