"""``--like MODEL``: train as a model was trained. What is given on the command line wins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import typer

from sparseattn.cli.models import load_model
from sparseattn.cli.output import note
from sparseattn.learn.options import TrainingOptions

_OPTIONS = ("pixels", "epochs", "seed", "precision")
"""Those of `TrainingOptions` that the command line takes."""


@dataclass(frozen=True)
class Recipe:
    """How a model is trained: its preparation and its options."""

    options: TrainingOptions
    channels: Sequence[str] | None
    size: int
    policy: Literal["resize", "crop"] | None
    grid_pixel_um: float | None


def recipe_of(model: Path, own: Recipe, context: typer.Context) -> Recipe:
    """Return the recipe of a model; what of ``own`` was given on the command line of ``context`` wins.

    Raises
    ------
    InputError
        Where the model cannot be read, or says nothing usable of its training.
    """

    def was_given(name: str) -> bool:
        source = context.get_parameter_source(name)
        return source is not None and source.name == "COMMANDLINE"

    classifier = load_model(model)
    said = dict(classifier.history.options)
    said.pop("rehearsed", None)
    processes = said.pop("processes", 1)
    if processes != 1:
        note(f"Note: {model} was trained by {processes} processes; as many (torchrun) give the same bytes.")
    options, unknown = TrainingOptions.from_json(said)
    if unknown:
        note(f"Note: {model} was trained with options that this version does not have: {', '.join(unknown)}.")
    prepare = classifier.prepare
    fields = {name: getattr(own.options, name) for name in _OPTIONS if was_given(name)}
    known: dict[str, Any] = {
        "channels": prepare.channels,
        "size": prepare.size,
        "policy": prepare.policy,
        "grid_pixel_um": prepare.grid_pixel_um,
    }
    if was_given("policy") or was_given("grid_pixel"):  # one decides about the other
        del known["policy"], known["grid_pixel_um"]
    taken = {name: value for name, value in known.items() if not was_given(name)}
    return replace(own, options=replace(options, **fields), **taken)
