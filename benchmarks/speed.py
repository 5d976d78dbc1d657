"""How fast SparseAttnNet is, beside its peers and beside what the machine could do at best.

python -m benchmarks.speed                     # all parts, then docs/performance.md and its plots
python -m benchmarks.speed run --parts table   # some parts, each a file in benchmarks/results/speed/
python -m benchmarks.speed report              # the docs from the files that are there
"""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks import speed_report
from benchmarks.pieces import write_json
from benchmarks.speed_engines import measure_engines, measure_growth, measure_stages
from benchmarks.speed_roofline import measure_roofline
from benchmarks.speed_training import measure_training
from benchmarks.speed_whole import measure_files, measure_memory
from sparseattn.bench.accuracy import balanced_accuracy
from sparseattn.bench.contenders import contenders
from sparseattn.bench.measure import Effort, Measured, machine, measure
from sparseattn.cli.bench import SHAPES

RESULTS = Path(__file__).parent / "results" / "speed"
THREADS = os.cpu_count() or 1

app = typer.Typer(add_completion=False, help=__doc__)


def measure_table() -> dict[str, Any]:
    """Every net in its best runtime, turn by turn, on all cores."""
    measured = measure(contenders(SHAPES), THREADS, Effort(), say)
    return {"machine": machine(THREADS), "rows": [_row(one) for one in measured]}


def _row(one: Measured) -> dict[str, Any]:
    row = one.row(balanced_accuracy(one.contender))
    return {**row, "chunk": one.chunk, "ratios": one.ratios, "start_s": one.start_s}


PARTS: dict[str, Callable[[], Any]] = {
    "table": measure_table,
    "engines": measure_engines,
    "growth": measure_growth,
    "stages": measure_stages,
    "roofline": measure_roofline,
    "files": measure_files,
    "memory": measure_memory,
    "training": measure_training,
}


def say(line: str) -> None:
    """Tell how it goes."""
    print(line, file=sys.stderr, flush=True)


@app.command()
def run(parts: Annotated[str, typer.Option(help="Names with commas between.")] = ",".join(PARTS)) -> None:
    """Measure some parts, or all."""
    for name in parts.split(","):
        say(f"part {name}")
        found = PARTS[name]()
        write_json(found if isinstance(found, dict) else {"rows": found}, RESULTS / f"{name}.json")


@app.command()
def report() -> None:
    """Write the tables and plots of docs/performance.md from the files that are there."""
    found = {path.stem: json.loads(path.read_text()) for path in RESULTS.glob("*.json")}
    for path in speed_report.write(found):
        say(str(path))


@app.callback(invoke_without_command=True)
def everything(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        run()
        report()


if __name__ == "__main__":
    app()
