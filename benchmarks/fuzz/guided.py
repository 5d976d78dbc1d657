"""Fuzzing that is guided by coverage: inputs that reach new code are kept and changed further.

    pip install atheris                      # wheels for Linux; Python 3.11 to 3.13
    python -m benchmarks.fuzz.guided model-card --minutes 10
    python -m benchmarks.fuzz.guided --table

One target for each parser of our own (`benchmarks/fuzz/parsers.py`). A finding is whatever is no refusal in
one printable line, over 10 seconds, or over 2 GiB; the run ends with it and keeps the input. Inputs that
reached new code are kept in ~/.cache/sparseattn-fuzz, or where SPARSEATTN_FUZZ says; a later run goes on from
them. Minutes, executions and edges are added up in benchmarks/results/fuzz_guided.json.
"""

import json
import os
import random
import re
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

RESULT = Path(__file__).parents[1] / "results" / "fuzz_guided.json"
SECONDS, MEBIBYTES, LONGEST = 10, 2048, 1 << 17
TARGET = "--as-the-target"

_OF_LIBRARIES = ["csv", "json.decoder", "json.scanner", "numpy.lib._format_impl", "zipfile"]
"""Python code of others that our parsers lean on: looked into as well."""


@dataclass(frozen=True)
class Runs:
    """What was done with a parser, all runs together.

    Attributes
    ----------
    edges_at_first
        Branches of the code that the sound files reach.
    edges
        Those that were reached in the end.
    """

    minutes: float = 0.0
    executions: int = 0
    edges_at_first: int = 0
    edges: int = 0
    findings: int = 0


def kept_inputs(name: str) -> Path:
    """Return the folder of the inputs of a parser."""
    place = os.environ.get("SPARSEATTN_FUZZ") or Path.home() / ".cache" / "sparseattn-fuzz"
    return Path(place) / name


def fuzz(name: str) -> None:
    """Become the target: libFuzzer takes the process over, and ends it."""
    import atheris

    folder = Path(tempfile.mkdtemp(prefix="sparseattn-fuzz-", dir="/dev/shm"))
    with atheris.instrument_imports(include=["sparseattn", "napari_sparseattn", *_OF_LIBRARIES]):
        from benchmarks.fuzz.parsers import PARSERS, ask

        parser = PARSERS[name]
        for place, seed in enumerate(parser.seeds(folder)):
            (kept_inputs(name) / f"seed{place}").write_bytes(seed)
            ask(parser, parser.write(seed, folder, f"seed{place}"))  # what is imported late is imported now
    for path in folder.iterdir():
        path.unlink()
    count = 0

    def test_one(data: bytes) -> None:
        nonlocal count
        count += 1
        path = parser.write(data, folder, f"{count}")  # another name each time: readers keep what is open
        try:
            ask(parser, path)
        finally:
            path.unlink(missing_ok=True)

    def change(data: bytes, most: int, seed: int) -> bytes:
        chance = random.Random(seed)
        changed = change_json(data[1:], chance) if chance.random() < 0.7 else None
        if changed is None or len(changed) >= most:
            return bytes(atheris.Mutate(data, most))
        return data[:1] + changed

    arguments = [argument for argument in sys.argv if argument not in (TARGET, name)]
    mutator = {"custom_mutator": change} if parser.is_json else {}
    atheris.Setup(arguments, test_one, **mutator)
    atheris.Fuzz()


_VALUES = (
    "null", "true", "false", "0", "1", "-1", "0.5", "1e308", "5e-324", "NaN", "Infinity",
    "2147483648", "9223372036854775807", "18446744073709551616", "1" + "0" * 400, "1" + "0" * 5000,
    '""', r'"\u0000"', r'"\n"', r'"\ud800"', r'"\u202e"', '"../.."', '"=1+1"', '"<b>"', f'"{"a" * 5000}"',
    "[]", "{}", "[[]]", "[null]", '{"": null}', f"[{'0, ' * 300}0]",
)  # fmt: skip


def change_json(data: bytes, chance: random.Random) -> bytes | None:
    """Return a JSON document with one to three of its values changed; None where it is no JSON."""
    try:
        said = json.loads(data)
    except (ValueError, RecursionError):
        return None
    mark = "value number "  # what stands in for values that only text can say
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places: list[tuple[Any, Any]] = []
        waiting = [said]
        while waiting:
            node = waiting.pop()
            keys = (
                list(node) if isinstance(node, dict) else range(len(node)) if isinstance(node, list) else ()
            )
            places += [(node, key) for key in keys]
            waiting += [node[key] for key in keys]
        if not places:
            return None
        node, key = chance.choice(places)
        match chance.randrange(6):
            case 0 | 1 | 2:
                node[key] = f"{mark}{chance.randrange(len(_VALUES))}"
            case 3:
                other, name = chance.choice(places)
                node[key] = json.loads(json.dumps(other[name])) if name in _keys(other) else None
            case 4:
                del node[key]
            case 5 if isinstance(node, dict):
                node[chance.choice((*node, "other"))] = node.pop(key)
            case _:
                value = node[key]
                node[key] = (
                    value * chance.choice((-1, 0, 2, 10)) if isinstance(value, int | float | str) else [value]
                )
    try:
        text = json.dumps(said)
    except (ValueError, RecursionError):
        return None
    return re.sub(f'"{mark}(\\d+)"', lambda found: _VALUES[int(found[1])], text).encode()


def _keys(node: Any) -> Any:
    return node if isinstance(node, dict) else range(len(node))


def run(name: str, minutes: float, seed: int) -> tuple[Runs, str]:
    """Run a target; return what was done, and the last lines that it printed."""
    inputs = kept_inputs(name)
    inputs.mkdir(parents=True, exist_ok=True)
    command = [
        *(sys.executable, "-m", "benchmarks.fuzz.guided", TARGET, name, str(inputs)),
        f"-max_total_time={round(60 * minutes)}",
        f"-timeout={SECONDS}",
        f"-rss_limit_mb={MEBIBYTES}",
        f"-max_len={LONGEST}",
        f"-seed={seed}",
        f"-artifact_prefix={inputs.parent}/finding-{name}-",
        "-print_final_stats=1",
        "-verbosity=1",
    ]
    begun = time.monotonic()
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
    printed = done.stdout.decode(errors="replace")
    edges = [int(number) for number in re.findall(r"\bcov: (\d+)", printed)]
    executions = re.search(r"stat::number_of_executed_units:\s*(\d+)", printed)
    return Runs(
        minutes=(time.monotonic() - begun) / 60,
        executions=int(executions[1]) if executions else 0,
        edges_at_first=edges[0] if edges else 0,
        edges=max(edges, default=0),
        findings=int(done.returncode != 0),
    ), printed[-4000:]


def table(results: dict[str, Runs]) -> str:
    """Return the results as docs/reliability.md has them."""
    lines = [
        "| parser | minutes | inputs tried | edges of sound files | edges in the end |",
        "|---|---|---|---|---|",
    ]
    for name, one in results.items():
        lines.append(
            f"| {name} | {one.minutes:.0f} | {one.executions:,} | {one.edges_at_first:,} | {one.edges:,} |"
        )
    return "\n".join(lines)


def main(
    names: Annotated[list[str] | None, typer.Argument(help="Parsers; all by default.")] = None,
    minutes: Annotated[float, typer.Option(help="For each parser.")] = 10.0,
    seed: Annotated[int, typer.Option(help="Of libFuzzer.")] = 1,
    show: Annotated[bool, typer.Option("--table", help="Print what is kept; try nothing.")] = False,
) -> None:
    """Fuzz parsers one after the other and add up what was done."""
    from benchmarks.fuzz.parsers import PARSERS

    kept = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    results = {name: Runs(**one) for name, one in kept.items()}
    if show:
        print(table(results))
        return
    found = False
    for name in names or PARSERS:
        if name not in PARSERS:
            raise typer.BadParameter(f"{name} is none of {', '.join(PARSERS)}")
        now, printed = run(name, minutes, seed)
        before = results.get(name, Runs())
        results[name] = replace(
            now,
            minutes=round(before.minutes + now.minutes, 1),
            executions=before.executions + now.executions,
            edges_at_first=before.edges_at_first or now.edges_at_first,
            edges=max(before.edges, now.edges),
            findings=before.findings + now.findings,
        )
        RESULT.write_text(json.dumps({key: asdict(one) for key, one in results.items()}, indent=1) + "\n")
        print(name, now, flush=True)
        if now.findings:
            found = True
            print(printed, flush=True)
    if found:
        raise typer.Exit(1)


if __name__ == "__main__":
    if TARGET in sys.argv:
        fuzz(sys.argv[sys.argv.index(TARGET) + 1])
    else:
        typer.run(main)
