"""Commands are killed at random: is the old file intact, and does going on give what a whole run gives?"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
from PIL import Image

COMMANDS = ("train", "finetune", "save", "predict", "export")
SIDE, EPOCHS, CELLS = 16, 6, 8
LONGEST_WRITE = 0.004
"""Seconds from the beginning of a write to the kill, at most; a write takes one or two milliseconds."""
LONGEST_SAVING = 0.5
DRAFTS = {"train": EPOCHS + 1, "finetune": EPOCHS + 1}
"""How often a command writes in one run, checkpoints included; once where it is not said."""

Moment = Literal["at any time", "while a file was written"]


@dataclass(frozen=True)
class Kill:
    """What one kill left.

    Attributes
    ----------
    command
        What was killed; "save" is `Classifier.save`, again and again.
    moment
        When: at a random time of the run, or as soon as a draft of a file was seen and a little later.
    after
        Seconds from its start.
    drafts
        Files left half written beside the target; nobody takes them for the whole ones.
    left
        "old": the file of before, untouched. "new": the whole new one. Anything else is a loss, in words.
    again
        What the same command gave afterwards: "same", the bytes of an unbroken run and nothing beside them,
        or what differed.
    """

    command: str
    moment: Moment
    after: float
    drafts: int
    left: str
    again: str

    @property
    def is_loss(self) -> bool:
        return self.left not in ("old", "new") or self.again != "same"


def make_cells(folder: Path, classes: tuple[str, ...]) -> Path:
    """Write small pictures that differ in brightness by class."""
    chance = np.random.default_rng(0)
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(CELLS):
            pixels = chance.integers(0, 100, (SIDE, SIDE, 3)) + 70 * place
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


class Workshop:
    """A folder with cells, a model, and what each command writes when nothing disturbs it."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.cells = make_cells(room / "cells", ("dark", "grey", "bright"))
        self.more = make_cells(room / "more", ("dark", "white"))
        self.model = room / "model.safetensors"
        _run(self._train(self.model, 0))
        self.old, self.new, self.seconds = {}, {}, {}
        for command in COMMANDS:
            target = self.target(command)
            _run(self.words(command, seed=1))
            self.old[command] = target.read_bytes()
            began = time.monotonic()
            _run(self.words(command))
            self.seconds[command] = time.monotonic() - began
            self.new[command] = target.read_bytes()

    def target(self, command: str) -> Path:
        """Return the file that a command writes, in a folder of its own."""
        folder = self.room / command
        folder.mkdir(exist_ok=True)
        names = {"predict": "table.csv", "export": "model.onnx"}
        return folder / names.get(command, "model.safetensors")

    def words(self, command: str, seed: int = 0) -> list[str]:
        """Return a command line; another seed stands for the run that was there before."""
        target = str(self.target(command))
        if command in ("train", "save"):
            return self._train(Path(target), seed)
        if command == "finetune":
            words = ["finetune", str(self.model), str(self.more), "--epochs", str(EPOCHS)]
            return [*words, "--seed", str(seed), "-o", target, "--resume"]
        if command == "predict":
            cells = str(self.more if seed else self.cells)
            return ["predict", str(self.model), cells, "--subfolders", "classes", "-o", target]
        return ["export", str(self._other() if seed else self.model), "-o", target]

    def _other(self) -> Path:
        return self.target("finetune")

    def _train(self, target: Path, seed: int) -> list[str]:
        words = ["train", str(self.cells), "--size", str(SIDE), "--epochs", str(EPOCHS), "--seed", str(seed)]
        return [*words, "-o", str(target), "--resume"]

    def kill(self, command: str, number: int) -> Kill:
        """Put the old file there, run the command, kill it, look, and run it to its end."""
        chance = random.Random(f"{command} {number}")
        moment: Moment = "while a file was written" if number % 2 else "at any time"
        target, after = self.target(command), None
        while after is None:  # it may be through before it is killed
            shutil.rmtree(target.parent)
            target.parent.mkdir()
            target.write_bytes(self.old[command])
            if command == "save":
                after = self._kill_saving(target, moment, chance)
            else:
                after = self._kill_run(command, moment, chance)
        left, drafts = self._left(target, command), len(list(target.parent.glob(".*.partial")))
        _run(self.words(command))
        again = "same" if target.read_bytes() == self.new[command] else "other bytes than of an unbroken run"
        others = sorted(path.name for path in target.parent.iterdir() if path != target)
        if others:
            again = f"left behind: {', '.join(others)}"
        return Kill(command, moment, round(after, 2), drafts, left, again)

    def _kill_run(self, command: str, moment: Moment, chance: random.Random) -> float | None:
        """Kill a command; return after how many seconds, or None where it was through before."""
        process = subprocess.Popen(
            _line(self.words(command)), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        began = time.monotonic()
        if moment == "at any time":
            try:
                process.wait(timeout=chance.uniform(0, self.seconds[command]))
            except subprocess.TimeoutExpired:
                pass
            else:
                self.seconds[command] = time.monotonic() - began  # the machine does less than it did
        else:
            _wait_for_write(process, self.target(command).parent, chance.randint(1, DRAFTS.get(command, 1)))
            time.sleep(chance.uniform(0, LONGEST_WRITE))
        after = time.monotonic() - began
        process.kill()
        return after if process.wait() < 0 else None

    def _kill_saving(self, target: Path, moment: Moment, chance: random.Random) -> float:
        models = [self.room / f"{name}.safetensors" for name in ("one", "two")]
        for path, content in zip(models, (self.old["save"], self.new["save"]), strict=True):
            path.write_bytes(content)
        words = ["-m", "benchmarks.reliability.saving", *map(str, models), str(target)]
        process = subprocess.Popen([sys.executable, *words], stdout=subprocess.PIPE)
        assert process.stdout is not None
        process.stdout.readline()
        began = time.monotonic()
        time.sleep(chance.uniform(0, LONGEST_SAVING))
        if moment == "while a file was written":
            _wait_for_write(process, target.parent, 1)
            time.sleep(chance.uniform(0, LONGEST_WRITE))
        after = time.monotonic() - began
        process.kill()
        process.wait()
        process.stdout.close()
        return after

    def _left(self, target: Path, command: str) -> str:
        content = target.read_bytes() if target.exists() else b""
        if content == self.old[command]:
            return "old"
        return "new" if content == self.new[command] else f"{len(content)} bytes that are neither"


def _line(words: Sequence[str]) -> list[str]:
    return [sys.executable, "-m", "sparseattn", *words]


def _run(words: Sequence[str]) -> None:
    done = subprocess.run(_line(words), capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")


def _wait_for_write(process: subprocess.Popen[bytes], folder: Path, times: int) -> None:
    """Return as soon as drafts of files were begun in a folder so many times, or the process has ended."""
    written = False
    while times and process.poll() is None:
        writes = any(path.suffix == ".partial" for path in folder.iterdir())
        times -= writes and not written
        written = writes


def kill_often(times: int, done: Sequence[Kill], say: Callable[[str], None]) -> Iterator[Kill]:
    """Kill every command so many times, those kills left out that are done already."""
    with tempfile.TemporaryDirectory() as room:
        workshop = Workshop(Path(room))
        for number in range(times):
            for command in COMMANDS:
                if number >= sum(one.command == command for one in done):
                    began = time.monotonic()
                    kill = workshop.kill(command, number)
                    say(f"{number + 1}: {kill} {time.monotonic() - began:.1f} s")
                    yield kill
