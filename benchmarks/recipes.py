"""Learning rate and epochs of each net, chosen on validation cells alone, and where they were chosen."""

import json
from dataclasses import replace
from math import ceil
from pathlib import Path
from typing import Any

from benchmarks.training import Recipe
from sparseattn.errors import InputError
from sparseattn.learn.effort import usual_epochs
from sparseattn.learn.options import TrainingOptions

TUNING = Path(__file__).parent / "results" / "tuning"
TUNED_ON = "stained_pbc"  # a set that was not tuned itself takes the recipe of this one
UNTUNED = {"small-cnn": Recipe(1e-2, 80)}  # before anything was tuned
STEPS = {"resnet18": 600, "efficientnet-b0": 1500, "vit": 800}  # of training, on every set
LEAST_EPOCHS = 30
SMALL_STEPS = 1600  # at least, of the small CNN: what 80 epochs are on the larger sets
CLOSE = 0.01  # nats; a longer training is taken where it wins by more


def tuning_path(dataset: str, model: str) -> Path:
    """Return where the trials of a net on a set are kept."""
    return TUNING / dataset / f"{model}.json"


def chosen(trials: list[dict[str, Any]]) -> Recipe:
    """Return the trial of the lowest validation loss; of trials as good, the shorter one."""
    best = min(trial["validation_loss"] for trial in trials)
    good = [trial for trial in trials if trial["validation_loss"] <= best + CLOSE]
    shortest = min(good, key=lambda trial: (trial["epochs"], trial["validation_loss"]))
    return Recipe(shortest["learning_rate"], shortest["epochs"])


def recipe_for(dataset: str, model: str, train_cells: int) -> tuple[Recipe, str]:
    """Return the recipe of a net, and in words where it comes from."""
    if model in STEPS:
        path = tuning_path(TUNED_ON, model)
        if not path.exists():
            raise InputError(
                f"First choose the learning rate: python -m benchmarks.accuracy tune --models {model}"
            )
        rate = json.loads(path.read_text())["chosen"]["learning_rate"]
        epochs = max(LEAST_EPOCHS, ceil(STEPS[model] * TrainingOptions.batch_size / train_cells))
        return Recipe(rate, epochs), f"rate tuned on {TUNED_ON}, {STEPS[model]} steps or more"
    for source in (dataset, TUNED_ON):
        path = tuning_path(source, model)
        if path.exists():
            document = json.loads(path.read_text())
            return _long_enough(Recipe(**document["chosen"]), train_cells), f"tuned on {source}"
    if model in UNTUNED:
        return _long_enough(UNTUNED[model], train_cells), "not tuned"
    epochs = usual_epochs(train_cells, TrainingOptions.batch_size)
    return Recipe(TrainingOptions.learning_rate, epochs), "as the library trains"


def _long_enough(recipe: Recipe, train_cells: int) -> Recipe:
    """Return the recipe with more epochs where these would be few steps."""
    steps = max(1, train_cells // TrainingOptions.batch_size)
    return replace(recipe, epochs=max(recipe.epochs, ceil(SMALL_STEPS / steps)))
