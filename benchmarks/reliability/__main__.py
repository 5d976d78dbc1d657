"""Kill the app and the commands at random moments, and count what was lost.

scripts/with_display.sh python -m benchmarks.reliability --labels 200 --models 50

Every kill is kept as soon as it is done, and a run that was cut off goes on with the next one. To begin anew,
remove the file in benchmarks/results/reliability.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.reliability import labels, models

RESULTS = Path(__file__).parents[1] / "results" / "reliability"


def say(line: str) -> None:
    """Tell how it goes."""
    typer.echo(line, err=True)


def kept(name: str, kind: Callable[..., Any]) -> list[Any]:
    """Return the kills of an earlier run."""
    path = RESULTS / f"{name}.json"
    return [kind(**one) for one in json.loads(path.read_text())["kills"]] if path.exists() else []


def keep(name: str, done: list[Any], kills: Iterable[Any], outcome: Callable[[Any], str]) -> bool:
    """Keep every kill as it comes, and print what became of all; return whether nothing was lost."""
    RESULTS.mkdir(parents=True, exist_ok=True)
    for kill in kills:
        done.append(kill)
        counts = Counter(outcome(one) for one in done)
        document = {"counts": dict(counts.most_common()), "kills": [asdict(one) for one in done]}
        (RESULTS / f"{name}.json").write_text(json.dumps(document, indent=1) + "\n")
    for what, count in Counter(outcome(one) for one in done).most_common():
        print(f"{name}: {count} x {what}")
    return not any(one.is_loss for one in done)


def main(
    labels_times: Annotated[int, typer.Option("--labels", help="Kills of the app while it labels.")] = 0,
    models_times: Annotated[int, typer.Option("--models", help="Kills of each command.")] = 0,
) -> None:
    """Kill the app and the commands at random moments, and count what was lost; a loss ends with status 1."""
    sound = True
    if models_times:
        done = kept("models", models.Kill)
        kills = models.kill_often(models_times, done, say)
        sound &= keep(
            "models", done, kills, lambda one: f"{one.command} {one.moment}: {one.left}, then {one.again}"
        )
    if labels_times:
        done = kept("labels", labels.Kill)
        kills = labels.kill_often(labels_times, done, say)
        sound &= keep("labels", done, kills, lambda one: f"{one.during or 'between'}: {one.outcome}")
    raise typer.Exit(not sound)


if __name__ == "__main__":
    typer.run(main)
