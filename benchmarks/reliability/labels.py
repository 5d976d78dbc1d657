"""The app is killed while somebody labels: what is there when it is opened again?"""

from __future__ import annotations

import json
import os
import random
import shutil
import sqlite3
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.reliability.labelling_app import state
from sparseattn.cells.labels import LabelLog, default_log_path

CELLS = 120
LONGEST = 2.0
"""Seconds of labelling before a kill, at most."""
PATIENCE = 120.0


@dataclass(frozen=True)
class Kill:
    """What one kill left.

    Attributes
    ----------
    actions
        That were done before it, in this run of the app.
    during
        The action that was begun and not known to be done; None where it fell between two.
    outcome
        "all": every action that was done is there and nothing else. "and the one being written": it too,
        whole. Anything else is a loss, in words.
    moved
        Whether the folder was moved before it was opened again.
    """

    actions: int
    during: str | None
    outcome: str
    moved: bool

    @property
    def is_loss(self) -> bool:
        return self.outcome not in ("all", "and the one being written")


def make_cells(folder: Path) -> Path:
    """Write small pictures of noise, without classes."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(0)
    for number in range(CELLS):
        Image.fromarray(chance.integers(0, 255, (24, 24), dtype=np.uint8)).save(folder / f"{number:03}.png")
    return folder


def kill_once(folder: Path, seed: int) -> tuple[Kill, Path]:
    """Let the app label, kill it, and look at what is there; return that, and where the cells lie now."""
    chance = random.Random(seed)
    command = [sys.executable, "-m", "benchmarks.reliability.labelling_app", str(folder), str(seed)]
    environment = os.environ | {"XDG_CONFIG_HOME": str(folder.parent / "settings"), "NAPARI_ASYNC": "0"}
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment
    )
    alarm = threading.Timer(PATIENCE, process.kill)
    alarm.start()
    last, begun, actions, ready = None, None, -1, False
    assert process.stdout is not None and process.stderr is not None
    for line in process.stdout:
        if not line.endswith("\n"):
            break  # killed while it told something
        said = json.loads(line)
        if "ready" in said:
            ready = True
            threading.Timer(chance.uniform(0, LONGEST), process.kill).start()
        elif "begin" in said:
            begun = said["begin"]
        else:
            last, begun, actions = said["done"], None, actions + 1
    alarm.cancel()
    errors = process.stderr.read()
    process.wait()
    if not ready:
        raise RuntimeError(f"the app did not start: {errors[-2000:]}")
    outcome = _outcome(default_log_path(folder), str(last), begun)
    moved = chance.random() < 0.3
    if moved:
        elsewhere = folder.with_name(f"cells {seed}")
        folder.rename(elsewhere)
        folder = elsewhere
    return Kill(actions, begun, outcome, moved), folder


def _outcome(path: Path, last: str, begun: str | None) -> str:
    with tempfile.TemporaryDirectory() as room:
        copy = Path(room) / path.name
        for part in path.parent.glob(f"{path.name}*"):
            shutil.copy(part, Path(room) / part.name)
        connection = sqlite3.connect(copy)
        sound = connection.execute("PRAGMA integrity_check").fetchone()[0]
        connection.close()
        if sound != "ok":
            return f"the file is damaged: {sound}"
        with LabelLog.open(copy) as log:
            if state(log) == last:
                return "all"
            if begun is None:
                return "labels differ from those that were given"
            if begun == "rename":
                name = log.classes[-1].name
                first, _, number = name.partition(" ")
                before = int(number or 0) - 1
                log.change_class(name, to=f"{first} {before}" if before > 0 else first)
            elif begun == "undo":
                log.redo()
            else:
                log.undo()
            if state(log) == last:
                return "and the one being written"
            return f"labels differ from those before and after the {begun} that was cut off"


def kill_often(times: int, done: Sequence[Kill], say: Callable[[str], None]) -> Iterator[Kill]:
    """Kill the app so many times, on one folder of cells and one label log that lives through all.

    Where some kills are done already, the log begins anew and the number of the kill goes on.
    """
    with tempfile.TemporaryDirectory() as room:
        folder = make_cells(Path(room) / "cells")
        for number in range(len(done), times):
            began = time.monotonic()
            one, folder = kill_once(folder, number)
            say(f"{number + 1}: {one} {time.monotonic() - began:.1f} s")
            yield one
