"""Learning rate and epochs of each net, chosen on validation cells alone, and where they were chosen."""

import json
from pathlib import Path
from typing import Any

from benchmarks.training import Recipe

TUNING = Path(__file__).parent / "results" / "tuning"
TUNED_ON = "stained_pbc"  # a set that was not tuned itself takes the recipe of this one
UNTUNED = {  # before anything was tuned
    "small-cnn": Recipe(1e-2, 80),
    "resnet18": Recipe(1e-3, 40),
    "efficientnet-b0": Recipe(2e-3, 60),
    "vit": Recipe(5e-4, 80),
}
OURS_UNTUNED = Recipe(5e-3, 100)
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


def recipe_for(dataset: str, model: str) -> tuple[Recipe, str]:
    """Return the recipe of a net, and in words where it comes from."""
    for source in (dataset, TUNED_ON):
        path = tuning_path(source, model)
        if path.exists():
            document = json.loads(path.read_text())
            return Recipe(**document["chosen"]), f"tuned on {source}"
    return UNTUNED.get(model, OURS_UNTUNED), "not tuned"
