"""Choose each net's learning rate and epochs on the validation cells of the first fold."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from benchmarks.datasets import load
from benchmarks.folds import make_fold
from benchmarks.models import model_named
from benchmarks.pieces import write_json
from benchmarks.recipes import chosen, tuning_path
from benchmarks.training import Recipe, slope, train

RATES = {
    "resnet18": (3e-4, 1e-3, 3e-3),
    "efficientnet-b0": (1e-3, 3e-3, 1e-2),
    "vit": (2e-4, 5e-4, 1e-3),
}
RATES_OF_SMALL_NETS = (1e-3, 3e-3, 1e-2)
RATE_EPOCHS = 20  # the rates are compared in short trainings
EPOCHS = (40, 80)  # the best rate is then given more time, and more again
RATE_EPOCHS_OF_LARGE_NETS = 12  # theirs are fixed in recipes.py: trying more would take hours
SEED = 0


def tune(
    dataset_name: str, model: str, device: str, stop: Callable[[], bool], say: Callable[[str], None]
) -> bool:
    """Run the trials that are missing; False where ``stop`` ended it before the last.

    First every rate in short trainings, then, for small nets, the best of them for each of EPOCHS. Each trial
    is kept as it ends.
    """
    dataset = load(dataset_name)
    fold = make_fold(dataset, repeat=0, fold=0)
    path = tuning_path(dataset_name, model)
    trials: list[dict[str, Any]] = json.loads(path.read_text())["trials"] if path.exists() else []

    large = model_named(model).large
    rate_epochs = RATE_EPOCHS_OF_LARGE_NETS if large else RATE_EPOCHS

    def missing() -> list[Recipe]:
        rates = RATES.get(model, RATES_OF_SMALL_NETS)
        wanted = [Recipe(rate, rate_epochs) for rate in rates]
        done = [trial for trial in trials if trial["epochs"] == rate_epochs]
        if len(done) == len(rates) and not large:
            best = min(done, key=lambda trial: trial["validation_loss"])
            wanted += [Recipe(best["learning_rate"], epochs) for epochs in EPOCHS]
        known = {(trial["learning_rate"], trial["epochs"]) for trial in trials}
        return [recipe for recipe in wanted if (recipe.learning_rate, recipe.epochs) not in known]

    while recipes := missing():
        if stop():
            return False
        recipe = recipes[0]
        trained = train(dataset, fold, model, recipe, SEED, device)
        last = trained.epochs[-1]
        trials.append(
            {
                **asdict(recipe),
                **asdict(last),
                "loss_slope": slope([epoch.loss for epoch in trained.epochs]),
                "seconds": trained.seconds,
                "device": device,
            }
        )
        document = {
            "dataset": dataset_name,
            "model": model,
            "train_cells": len(fold.train),
            "validation_cells": len(fold.validation),
            "chosen": asdict(chosen(trials)),
            "trials": trials,
        }
        write_json(document, path)
        say(
            f"{dataset_name} {model} rate {recipe.learning_rate:g}, {recipe.epochs} epochs: "
            f"validation loss {last.validation_loss:.3f}, {trained.seconds:.0f} s"
        )
    return True
