"""Kill the app and the commands at random moments, and count what was lost.

scripts/with_display.sh python -m benchmarks.reliability --labels 200 --models 50
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.reliability import labels, models

RESULTS = Path(__file__).parents[1] / "results" / "reliability"


def say(line: str) -> None:
    """Tell how it goes."""
    typer.echo(line, err=True)


def write(name: str, kills: Sequence[Any], counts: Counter[str]) -> None:
    """Keep every kill, and print what became of them; a loss ends the program with status 1."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    document = {"counts": dict(counts), "kills": [asdict(one) for one in kills]}
    (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    for outcome, count in counts.most_common():
        print(f"{name}: {count} x {outcome}")
    if any(one.is_loss for one in kills):
        raise typer.Exit(1)


def main(
    labels_times: Annotated[int, typer.Option("--labels", help="Kills of the app while it labels.")] = 0,
    models_times: Annotated[int, typer.Option("--models", help="Kills of each command.")] = 0,
) -> None:
    """Kill the app and the commands at random moments, and count what was lost."""
    if models_times:
        found = models.kill_often(models_times, say)
        write("models", found, Counter(f"{one.command}: {one.left}, then {one.again}" for one in found))
    if labels_times:
        kills = labels.kill_often(labels_times, say)
        write("labels", kills, Counter(f"{one.during or 'between'}: {one.outcome}" for one in kills))


if __name__ == "__main__":
    typer.run(main)
