"""`watch`: files that come are rows soon, once each, whatever ends the watching in between."""

import csv
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier

pytest.importorskip("watchdog")


def rows(table: Path) -> list[dict[str, str]]:
    """The whole rows of the table so far."""
    if not table.exists():
        return []
    written = table.read_text()
    return list(csv.DictReader(written[: written.rfind("\n") + 1].splitlines()))


def wait_for(table: Path, count: int, seconds: float = 120) -> list[dict[str, str]]:
    until = time.monotonic() + seconds
    while len(rows(table)) < count:
        assert time.monotonic() < until, f"{len(rows(table))} of {count} rows"
        time.sleep(0.02)
    return rows(table)


@contextmanager
def watching(trained, folder: Path, table: Path, *more: object) -> Iterator[subprocess.Popen]:
    """The command at work; it is asked to end when the test has not ended it."""
    words = ["watch", trained.model, folder, "-o", table, "--settle", "0.3", *more]
    process = subprocess.Popen(
        [sys.executable, "-m", "sparseattn", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


def end(process: subprocess.Popen) -> tuple[str, str]:
    """Press Ctrl-C."""
    process.send_signal(signal.SIGINT)
    printed, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return printed, said


@pytest.fixture
def pictures(trained) -> list[Path]:
    return sorted(trained.cells.rglob("*.png"))


@pytest.mark.parametrize("how", [[], ["--poll", "0.2"]])
def test_files_become_rows(trained, pictures: list[Path], tmp_path: Path, how: list) -> None:
    folder, table = tmp_path / "run", tmp_path / "rows.csv"
    (folder / "day 1").mkdir(parents=True)
    shutil.copy(pictures[0], folder / "day 1" / "there.png")
    with watching(trained, folder, table, *how) as process:
        wait_for(table, 1)  # what is there comes first
        for number, path in enumerate(pictures[1:]):
            shutil.copy(path, folder / f"{number}.png")
        draft = tmp_path / "draft.png"
        shutil.copy(pictures[0], draft)
        os.replace(draft, folder / "moved.png")  # written elsewhere, and moved here when complete
        (folder / "_note.png").write_bytes(b"passed over")
        (folder / "readme.md").write_text("no cell")
        wait_for(table, len(pictures) + 1)
        printed, _ = end(process)
    found = rows(table)
    assert len(found) == len(pictures) + 1
    assert sorted(row["source"] for row in found) == sorted(
        [str(folder / "day 1" / "there.png"), str(folder / "moved.png")]
        + [str(folder / f"{number}.png") for number in range(len(pictures) - 1)]
    )
    cells = open_cells(trained.cells, subfolders="classes")
    known = dict(
        zip(cells.ids, Classifier.load(trained.model).predict(cells, engine="torch").predicted, strict=True)
    )
    assert {row["id"]: row["predicted"] for row in found if "-" not in row["id"]} == known
    assert [row["id"] for row in found if "-" in row["id"]] == [f"{cells.ids[0]}-2"]
    assert {row["sample"] for row in found} == {"", "day 1"}
    assert f"{len(found)}, and 0 before" in printed
    if not how:
        assert "99 % within" in printed


def test_a_killed_watch_misses_none_and_doubles_none(trained, pictures: list[Path], tmp_path: Path) -> None:
    folder, table = tmp_path / "run", tmp_path / "rows.csv"
    folder.mkdir()
    written = 0
    for turn in range(3):
        with watching(trained, folder, table) as process:
            wait_for(table, written)
            for path in pictures:
                shutil.copy(path, folder / f"{written}.png")
                written += 1
            while len(rows(table)) < written - len(pictures) + 3 + turn:
                time.sleep(0.002)
            process.kill()
        with table.open("a") as stream:
            stream.write("torn,row")
        shutil.copy(pictures[0], folder / f"{written}.png")  # while nobody watches
        written += 1
    with watching(trained, folder, table, "--idle", "3") as process:
        _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said
    sources = [row["source"] for row in rows(table)]
    assert sorted(sources) == sorted(str(folder / f"{number}.png") for number in range(written))
    assert all(row["predicted"] for row in rows(table))


def test_files_that_grow_or_are_bad(trained, pictures: list[Path], tmp_path: Path) -> None:
    folder, table = tmp_path / "run", tmp_path / "rows.csv"
    folder.mkdir()
    whole = pictures[0].read_bytes()
    with watching(trained, folder, table) as process:
        shutil.copy(pictures[1], folder / "first.png")
        wait_for(table, 1)
        with (folder / "slow.png").open("wb") as stream:  # two thirds, a pause, the rest
            stream.write(whole[: len(whole) // 3])
            stream.flush()
            time.sleep(0.2)
            stream.write(whole[len(whole) // 3 :])
        (folder / "again.png").write_bytes(whole[:100])  # closed in between
        time.sleep(0.15)
        (folder / "again.png").write_bytes(whole)
        (folder / "bad.png").write_bytes(whole[:200])
        found = {Path(row["source"]).name: row for row in wait_for(table, 4)}
        assert set(found) == {"first.png", "slow.png", "again.png", "bad.png"}
        assert found["bad.png"]["error"] and not found["bad.png"]["predicted"]
        assert not any(found[name]["error"] for name in ("slow.png", "again.png"))
        (folder / "first.png").write_bytes(pictures[2].read_bytes())  # another cell by the same name
        wait_for(table, 5)
        end(process)
    assert [Path(row["source"]).name for row in rows(table)].count("first.png") == 2


def test_a_stack_is_a_row_a_cell_and_is_not_left_in_half(trained, tmp_path: Path) -> None:
    folder, table = tmp_path / "run", tmp_path / "rows.csv"
    folder.mkdir()
    random = np.random.default_rng(0)
    np.save(folder / "stack.npy", random.integers(0, 255, (9, 20, 20, 3)).astype(np.uint8))
    more = ["--layout", "NYXC", "--channel-names", "red,green,blue", "--idle", "2"]
    with watching(trained, folder, table, *more) as process:
        process.communicate(timeout=120)
    before = table.read_bytes()
    assert [row["source"] for row in rows(table)] == [f"{folder}/stack.npy#{row}" for row in range(9)]
    table.write_bytes(b"".join(before.splitlines(keepends=True)[:5]))  # the machine ended in the middle
    with watching(trained, folder, table, *more) as process:
        process.communicate(timeout=120)
    assert table.read_bytes() == before


@pytest.mark.parametrize("other", ["folder", "table", "model", "ending", "in use"])
def test_what_cannot_be_is_refused(trained, tmp_path: Path, sparseattn: Callable, other: str) -> None:
    folder, table = tmp_path / "run", tmp_path / "rows.csv"
    if other != "folder":
        folder.mkdir()
    if other == "table":
        table.write_text("a,b\n1,2\n")
    if other == "ending":
        table = tmp_path / "rows.parquet"
    if other == "model":
        assert sparseattn("watch", trained.model, folder, "-o", table, "--idle", 0).status == 0
        columns = table.read_text().strip().split(",")
        row = {"model_hash": "another", "modified_ns": "1"}
        table.write_text(",".join(columns) + "\n" + ",".join(row.get(name, "") for name in columns) + "\n")
    says = {
        "folder": "there is no folder",
        "table": "is another table",
        "model": "holds answers of another model",
        "ending": "end in .csv",
        "in use": "another process is writing",
    }[other]
    if other == "in use":
        with watching(trained, folder, table):
            until = time.monotonic() + 60
            while not table.exists() and time.monotonic() < until:
                time.sleep(0.02)
            done = sparseattn("watch", trained.model, folder, "-o", table, "--idle", 0)
    else:
        before = table.read_bytes() if table.exists() else None
        done = sparseattn("watch", trained.model, folder, "-o", table, "--idle", 0)
        assert (table.read_bytes() if table.exists() else None) == before
    assert done.status == 2
    assert says in done.err and len(done.err.strip().splitlines()) == 1
