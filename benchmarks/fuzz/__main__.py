"""Damage files of every kind at random, and count what becomes of them.

    python -m benchmarks.fuzz [--only rtdc --only nmnist] [--seed 0]

A sound small file of each kind is damaged (cut off, bits flipped, bytes overwritten, left out, doubled),
and each other kind's file is given its ending. Opening, reading and measuring must succeed, or raise
InputError with one printable line, within 10 seconds and 2 GiB. Results are kept kind by kind in
benchmarks/results/fuzz.json; `--table` prints them as docs/formats.md has them.
"""

import json
import random
import tempfile
from collections import Counter
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated

import typer

from benchmarks.fuzz.damage import damage_folder, damaged
from benchmarks.fuzz.kinds import KINDS, Kind
from benchmarks.fuzz.limits import Outcome, load_libraries, look_at

RESULT = Path(__file__).parents[1] / "results" / "fuzz.json"
BATCH = 50


@dataclass(frozen=True)
class Count:
    """What became of the files of a kind."""

    reader: str
    files: int
    read: int
    refused: int
    faults: tuple[str, ...]
    slowest_s: float
    peak_mib: int


def write_cases(kind: Kind, sound: dict[str, Path], seed: int, folder: Path) -> Iterator[Path]:
    """Write the files to look at, one by one: the sound one, damaged ones, those with a wrong ending."""
    chance = random.Random(f"{kind.name} {seed}")
    own = sound[kind.name]
    strangers = [
        path.read_bytes()
        for name, path in sound.items()
        if path.is_file() and KINDS[name].suffix != kind.suffix
    ]
    strangers += [b"", bytes(4096), b"text\n" * 200, chance.randbytes(4096)]
    for number in range(kind.count):
        path = folder / f"{number:05}{kind.suffix}"
        last = kind.count - number
        if own.is_dir():
            damage_folder(own, path, chance)
        elif last <= len(strangers):
            path.write_bytes(strangers[-last])
        else:
            path.write_bytes(damaged(own.read_bytes(), chance) if number else own.read_bytes())
        yield path


def run(kind: Kind, sound: dict[str, Path], seed: int) -> Count:
    """Try a kind."""
    outcomes: list[Outcome] = []
    faults: list[str] = []
    batch: list[Path] = []

    def look_at_batch() -> None:
        came = look_at(batch, kind)
        outcomes.extend(came)
        faults.extend(
            f"{path.name}: {one.what}" for path, one in zip(batch, came, strict=True) if one.is_fault
        )
        batch.clear()

    with tempfile.TemporaryDirectory() as folder:
        for path in write_cases(kind, sound, seed, Path(folder)):
            batch.append(path)
            if len(batch) == BATCH:
                look_at_batch()
        look_at_batch()
    found = Counter(one.what for one in outcomes)
    return Count(
        kind.reader,
        len(outcomes),
        found["read"],
        found["refused"],
        tuple(faults),
        round(max(one.seconds for one in outcomes), 2),
        round(max(one.mebibytes for one in outcomes)),
    )


def table(results: dict[str, Count]) -> str:
    """Return the results as docs/formats.md has them."""
    lines = [
        "| kind | read by | files | refused | read | faults | slowest | most memory |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for name, one in results.items():
        lines.append(
            f"| {name} | {one.reader} | {one.files:,} | {one.refused:,} | {one.read:,} | {len(one.faults)} | "
            f"{one.slowest_s} s | {one.peak_mib} MiB |"
        )
    return "\n".join(lines)


def main(
    only: Annotated[list[str] | None, typer.Option(help="Kinds to try; all by default.")] = None,
    seed: int = 0,
    show: Annotated[bool, typer.Option("--table", help="Print what is kept; try nothing.")] = False,
) -> None:
    """Try the kinds and write what became of them."""
    kept = json.loads(RESULT.read_text()) if RESULT.exists() else {}
    results = {name: Count(**one) for name, one in kept.items()}
    if show:
        print(table(results))
        return
    load_libraries()
    with tempfile.TemporaryDirectory() as place:
        sound = {}
        for number, kind in enumerate(KINDS.values()):
            path = Path(place) / f"{number}{kind.suffix}"
            kind.make(path)
            sound[kind.name] = path
        for name in only or KINDS:
            results[name] = run(KINDS[name], sound, seed)
            print(name, results[name], flush=True)
            RESULT.write_text(json.dumps({key: asdict(one) for key, one in results.items()}, indent=1) + "\n")
    if any(one.faults for one in results.values()):
        raise typer.Exit(1)


if __name__ == "__main__":
    typer.run(main)
