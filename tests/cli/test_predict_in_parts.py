"""`predict` into a folder: whatever ends it, what is done stays, and the end is the same."""

import hashlib
import json
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
import pandas as pd
import psutil
import pytest

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.scale.results import open_results

PART = 2  # cells a part


def journal(folder: Path) -> list[dict]:
    """What is done so far."""
    path = folder / "done.jsonl"
    return [json.loads(line) for line in path.read_text().splitlines()] if path.exists() else []


def checksums(folder: Path) -> dict[str, str]:
    """SHA-256 of every file with results, by its name."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and (path.suffix == ".parquet" or "pixels.zarr" in path.parts)
    }


def rows(folder: Path) -> pd.DataFrame:
    return pd.concat(
        [pd.read_parquet(path) for path in sorted(folder.glob("part-*.parquet"))], ignore_index=True
    )


def words(trained, source: Path, out: Path, *more: object) -> list[str]:
    command = ["predict", trained.model, source, "-o", out, "--cells-a-part", PART, "--json", *more]
    return [sys.executable, "-m", "sparseattn", *map(str, command)]


@contextmanager
def begun(command: list[str], out: Path, parts: int) -> Iterator[subprocess.Popen]:
    """A run that has done some parts and goes on."""
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    try:
        until = time.monotonic() + 200
        while len(journal(out)) < parts and process.poll() is None:
            assert time.monotonic() < until, "nothing was done"
            time.sleep(0.005)
        yield process
    finally:
        for child in psutil.Process(process.pid).children(recursive=True) if process.poll() is None else []:
            child.kill()
        process.kill()
        process.communicate()


@pytest.fixture(scope="module")
def source(trained, tmp_path_factory) -> Path:
    """The cells in class folders, one of them twice, one damaged in its pixels and one in its head."""
    folder = tmp_path_factory.mktemp("source") / "cells"
    shutil.copytree(trained.cells, folder)
    shutil.copy(folder / "bright" / "0.png", folder / "striped" / "again.png")
    damaged = folder / "dark" / "3.png"
    damaged.write_bytes(damaged.read_bytes()[:300])
    (folder / "dark" / "head.png").write_bytes(b"no picture")
    return folder


@pytest.fixture(scope="module")
def whole(trained, source, process, tmp_path_factory) -> Path:
    """A run that nothing disturbed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    done = process(*words(trained, source, out, "--workers", 2)[3:])
    assert done.status == 0, done.err
    return out


def test_parts_are_the_table_and_bad_cells_are_rows(trained, source, whole: Path) -> None:
    cells = open_cells(source, subfolders="classes")
    found = Classifier.load(trained.model).predict(cells, engine="torch")
    table = rows(whole)
    assert len(table) == len(cells) + 1  # one could not even be opened
    assert list(table["id"])[:-1] == list(cells.ids)
    assert table["id"].str.endswith("-2").sum() == 1
    read = table[table["error"].isna()]
    assert list(read["id"]) == list(found.ids)
    assert list(read["predicted"]) == list(found.predicted)
    np.testing.assert_allclose(read["confidence"], found.confidence, atol=1e-5)
    assert list(read["split"].where(read["split"].notna(), None)) == list(found.sides)
    bad = table[table["error"].notna()]
    assert [Path(name).name for name in bad["source"]] == ["3.png", "head.png"]
    assert bad["predicted"].isna().all() and bad["confidence"].isna().all()
    assert list(table["human_label"])[:-1] == list(cells.labels)


def test_the_summary_says_what_was_found(trained, whole: Path) -> None:
    summary = json.loads((whole / "summary.json").read_text())
    table = rows(whole)
    assert summary["cells"] == len(table) and summary["errors"] == 2
    assert summary["predicted"] == dict(table["predicted"].value_counts())
    assert [reason for _, reason in summary["first_errors"]] == list(table["error"].dropna())
    assert summary["classified"] == len(table) - 1
    assert summary["cells_per_second"] > 0 and 50 < summary["peak_mib_per_worker"] < 1024


def test_results_are_read_a_part_at_a_time(trained, source, whole: Path) -> None:
    results, table = open_results(whole), rows(whole)
    assert len(results) == len(table) - 1 and results.columns == tuple(table.columns)
    for start, stop in ((0, 1), (3, 8), (20, 99), (7, 7)):
        found = results.rows(start, stop, ["id", "predicted"])
        pd.testing.assert_frame_equal(
            found, table[["id", "predicted"]].iloc[start : min(stop, len(results))].reset_index(drop=True)
        )
    assert sum(len(part) for part in results.tables(["k"])) == len(results)
    cells = open_cells(source, subfolders="classes")
    answers, same = results.predictions(cells), Classifier.load(trained.model).predict(cells, engine="torch")
    assert answers.ids == same.ids and answers.sides == same.sides and answers.k == same.k
    np.testing.assert_allclose(answers.probabilities, same.probabilities, atol=1e-5)
    assert list(answers.in_distribution) == list(table["in_distribution"].dropna())
    assert [one.origin for one in answers.skipped] == [one.origin for one in same.skipped]
    with pytest.raises(InputError, match="are others now"):
        results.predictions(cells.subset(range(5)))


def test_a_report_of_results_is_that_of_the_cells(
    trained, source, whole: Path, tmp_path: Path, sparseattn: Callable
) -> None:
    said = []
    for data in (whole, source):
        done = sparseattn("report", trained.model, data, "-o", tmp_path / "report.html", "--json")
        assert done.status == 0, done.err
        said.append(done.json)
    assert said[0]["n"] == said[1]["n"]
    assert said[0]["metrics"]["confusion"] == said[1]["metrics"]["confusion"]
    assert said[0]["metrics"]["ece"] == pytest.approx(said[1]["metrics"]["ece"], rel=1e-3)
    assert said[0]["skipped"] == said[1]["skipped"] == 2
    assert said[0]["statement"] == said[1]["statement"]


def test_results_that_are_not_done_are_refused(
    trained, whole: Path, tmp_path: Path, sparseattn: Callable
) -> None:
    shutil.copytree(whole, tmp_path / "out")
    (tmp_path / "out" / "summary.json").unlink()
    done = sparseattn("report", trained.model, tmp_path / "out", "-o", tmp_path / "report.html")
    assert done.status == 2 and "is not done" in done.err


@pytest.mark.parametrize("after", [1, 6])
def test_a_killed_run_goes_on_and_ends_the_same(
    trained, source, whole: Path, tmp_path: Path, after: int
) -> None:
    out = tmp_path / "out"
    command = words(trained, source, out, "--workers", 2)
    with begun(command, out, after) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    done = journal(out)
    assert after <= len(done) < len(journal(whole))
    assert not (out / "summary.json").exists()
    before = {line["part"]: (out / f"part-{line['part']:05}.parquet").stat().st_mtime_ns for line in done}
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert checksums(out) == checksums(whole)
    summary = json.loads(ended.stdout)
    assert summary["classified"] == 25 - PART * len(done)
    parts = [line["part"] for line in journal(out)]
    kept = {
        part for part in before if parts.count(part) == 1
    }  # the others hold an equal cell, numbered at the end
    assert len(before) - len(kept) <= 1
    assert all((out / f"part-{part:05}.parquet").stat().st_mtime_ns == before[part] for part in kept)
    assert not list(out.glob(".*partial"))


def test_a_lost_worker_costs_its_part_alone(trained, source, whole: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    with begun(words(trained, source, out, "--workers", 2), out, 1) as process:
        workers = [
            child
            for child in psutil.Process(process.pid).children()
            if "spawn_main" in " ".join(child.cmdline())
        ]
        workers[0].kill()
        printed, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert checksums(out) == checksums(whole)
    assert json.loads(printed)["workers"] >= 2


def test_ctrl_c_keeps_what_is_done(trained, source, whole: Path, tmp_path: Path) -> None:
    for attempt in range(5):  # on a busy machine the signal may come when all is done
        out = tmp_path / f"out{attempt}"
        with begun(words(trained, source, out, "--workers", 1), out, 1) as process:
            process.send_signal(signal.SIGINT)
            _, said = process.communicate(timeout=60)
        if process.returncode:
            break
    assert process.returncode == 130
    assert said.splitlines()[-1] == "sparseattn: interrupted" and "Traceback" not in said
    assert 1 <= len(journal(out)) < len(journal(whole))
    assert not list(out.glob(".*partial")) and not (out / "summary.json").exists()


def test_a_damaged_part_is_made_anew(trained, source, whole: Path, tmp_path: Path, process) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    (out / "part-00003.parquet").write_bytes(b"damaged")
    (out / "part-00005.parquet").unlink()
    with (out / "done.jsonl").open("a") as stream:
        stream.write('{"part":4,"sha')  # a crash in the middle of a line
    done = process(*words(trained, source, out, "--workers", 1)[3:])
    assert done.status == 0, done.err
    assert done.json["classified"] == 2 * PART
    assert checksums(out) == checksums(whole)


@pytest.mark.parametrize("other", ["model", "cells", "option"])
def test_another_run_is_refused(
    trained, source, whole: Path, tmp_path: Path, sparseattn: Callable, other: str
) -> None:
    out = tmp_path / "out"
    shutil.copytree(whole, out)
    model, cells, more = trained.model, source, []
    if other == "model":
        model = tmp_path / "other.safetensors"
        shutil.copy(trained.model, model)
        classifier = Classifier.load(model)
        classifier.k -= 1
        classifier.save(model)
    elif other == "cells":
        cells = tmp_path / "cells"
        shutil.copytree(source, cells)
    else:
        more = ["-k", "50%"]
    done = sparseattn("predict", model, cells, "-o", out, "--cells-a-part", PART, "--workers", 1, *more)
    assert done.status == 2
    (line,) = done.err.strip().splitlines()
    assert f"{out} was begun" in line
    assert {"model": "by another model", "cells": "with other cells", "option": "with other options (k)"}[
        other
    ] in line
    assert checksums(out) == checksums(whole)


def test_two_runs_at_once_are_refused(trained, source, tmp_path: Path, sparseattn: Callable) -> None:
    out = tmp_path / "out"
    with begun(words(trained, source, out, "--workers", 1), out, 1):
        done = sparseattn("predict", trained.model, source, "-o", out, "--cells-a-part", PART)
    assert done.status == 2
    assert f"another process is writing to {out}" in done.err


@pytest.mark.parametrize(
    ("more", "says"),
    [
        (["-o", "out.csv", "--workers", "2"], "--workers works on a folder of parts"),
        (["-o", "out", "--workers", "2", "--scheduler", "tcp://h:1"], "give one of both"),
        (["-o", "out", "--find"], "cells of a field make one table"),
        (["-o", "out", "--strict"], "--strict ends at a bad cell"),
        (["-o", "full"], "holds other files"),
    ],
)
def test_what_cannot_be_is_refused(
    trained,
    source,
    tmp_path: Path,
    sparseattn: Callable,
    monkeypatch: pytest.MonkeyPatch,
    more: list,
    says: str,
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "full").mkdir()
    (tmp_path / "full" / "notes.txt").write_text("mine")
    done = sparseattn("predict", trained.model, source, *more)
    assert done.status == 2
    assert says in done.err and len(done.err.strip().splitlines()) == 1
    assert not (tmp_path / "out").exists()


def test_selected_pixels_and_maps_are_kept(trained, source, whole: Path, tmp_path: Path) -> None:
    import zarr

    from sparseattn.explain import explain_cell

    out = tmp_path / "out"
    command = words(trained, source, out, "--workers", 2, "--selected", "--maps")
    with begun(command, out, 3) as process:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
    ended = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stderr
    assert rows(out)["predicted"].equals(rows(whole)["predicted"])
    store = zarr.open_group(str(out / "pixels.zarr"), mode="r")
    cells = open_cells(source, subfolders="classes")
    classifier = Classifier.load(trained.model)
    errors = rows(out)["error"]
    for row in range(0, len(cells), 4):
        if errors[row] is not None:
            continue
        explanation = explain_cell(classifier, cells, row)
        units = store["units"][row]
        places = explanation.selected.positions
        width = explanation.coarse_grid.shape[1]
        unit = classifier.net.config.cell_size
        assert list(units) == [int(y // unit) * width + int(x // unit) for y, x in places]
        np.testing.assert_allclose(store["weights"][row], explanation.selected.weights, atol=1e-5)
        np.testing.assert_allclose(store["coarse"][row], explanation.coarse_grid, atol=2e-3)
    (bad,) = [row for row in range(len(cells)) if errors[row] is not None]
    assert (store["units"][bad] == -1).all() and np.isnan(store["coarse"][bad]).all()


def test_recordings_and_stores_go_in_parts_too(real_data: Path, tmp_path: Path, sparseattn: Callable) -> None:
    recording = next((real_data / "formats" / "rtdc").rglob("*mask-blood*/*.rtdc"))
    model = Path(__file__).parents[2] / "napari_sparseattn" / "models" / "simulated_opd.safetensors"
    more = ["--channel-names", "opd", "--force", "--workers", 1]
    done = sparseattn("predict", model, recording, "-o", tmp_path / "out", *more, "--cells-a-part", 7)
    assert done.status == 0, done.err
    done = sparseattn("predict", model, recording, "-o", tmp_path / "one.parquet", *more[:-2])
    assert done.status == 0, done.err
    parts, one = rows(tmp_path / "out"), pd.read_parquet(tmp_path / "one.parquet")
    assert list(parts.columns) == [*one.columns, "error"]
    numbers = one.select_dtypes("number").columns
    pd.testing.assert_frame_equal(parts[one.columns], one, check_dtype=False, rtol=1e-4, atol=1e-5)
    assert list(parts[numbers].dtypes) == list(one[numbers].dtypes)


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[tuple[str, list[subprocess.Popen]]]:
    """A Dask scheduler and two workers, each a process: the address of the one, and the others."""
    there = tmp_path / "scheduler.json"
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": tmp_path}
    python = [sys.executable, "-W", "ignore", "-m"]
    scheduler = ["distributed.cli.dask_scheduler", "--host", "127.0.0.1", "--port", "0", "--no-dashboard"]
    worker = ["distributed.cli.dask_worker", "--nthreads", "1", "--no-nanny", "--no-dashboard"]
    file = ["--scheduler-file", str(there)]
    processes = [subprocess.Popen([*python, *scheduler, *file], **quiet)]
    try:
        until = time.monotonic() + 60
        while not there.exists() or not there.read_text().strip():
            assert time.monotonic() < until and processes[0].poll() is None
            time.sleep(0.1)
        processes += [subprocess.Popen([*python, *worker, *file], **quiet) for _ in range(2)]
        yield json.loads(there.read_text())["address"], processes[1:]
    finally:
        for process in reversed(processes):
            process.kill()
            process.wait()


def test_a_dask_cluster_that_loses_a_worker_writes_the_same(
    trained, source, whole: Path, tmp_path: Path, cluster: tuple[str, list[subprocess.Popen]]
) -> None:
    address, workers = cluster
    out = tmp_path / "out"
    with begun(words(trained, source, out, "--scheduler", address), out, 2) as process:
        workers[0].kill()
        printed, said = process.communicate(timeout=300)
    assert process.returncode == 0, said
    assert checksums(out) == checksums(whole)
    assert json.loads(printed)["classified"] == 25


def test_a_local_dask_cluster_writes_the_same(trained, source, whole: Path, tmp_path: Path) -> None:
    """In a process of its own: Dask leaves threads and warnings behind."""
    script = tmp_path / "local.py"
    script.write_text(
        "import sys\nfrom distributed import LocalCluster\nfrom sparseattn.cli.app import run\n"
        "if __name__ == '__main__':\n"
        "    with LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None) as cluster:\n"
        "        status = run([*sys.argv[1:], '--scheduler', cluster.scheduler_address])\n"
        "    sys.exit(status)\n"
    )
    out = tmp_path / "out"
    command = [sys.executable, script, *words(trained, source, out)[3:]]
    done = subprocess.run(list(map(str, command)), capture_output=True, text=True, timeout=300, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    assert checksums(out) == checksums(whole)


def test_a_scheduler_that_is_not_there_is_said(trained, source, tmp_path: Path, sparseattn: Callable) -> None:
    done = sparseattn(
        "predict", trained.model, source, "-o", tmp_path / "out", "--scheduler", "tcp://127.0.0.1:9"
    )
    assert done.status == 2
    assert "the Dask scheduler tcp://127.0.0.1:9 does not answer" in done.err.splitlines()[-1]
