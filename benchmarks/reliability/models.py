"""Commands are killed at random: is the old file intact, and does going on give what a whole run gives?

Each command is a process of its own, forked from this one, which has imported the libraries: kills fall into
the work, not into seconds of imports.
"""

from __future__ import annotations

import multiprocessing
import os
import random
import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Literal

import numpy as np
import pandas as pd  # noqa: F401 - once, for all commands
from PIL import Image

from sparseattn.classifier import Classifier
from sparseattn.cli import main
from sparseattn.learn.fit import fit  # noqa: F401

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
        self.room, self.said = room, room / "said.txt"
        self.cells = make_cells(room / "cells", ("dark", "grey", "bright"))
        self.more = make_cells(room / "more", ("dark", "white"))
        self.model = room / "model.safetensors"
        self._run(self._train(self.model, 0))
        self.old, self.new, self.seconds = {}, {}, {}
        for command in COMMANDS:
            target = self.target(command)
            self._run(self.words(command, seed=1))
            self.old[command] = target.read_bytes()
            began = time.monotonic()
            self._run(self.words(command))
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

    def _run(self, words: Sequence[str]) -> None:
        process = _begin(_command, words, self.said)
        process.join()
        if process.exitcode:
            raise RuntimeError(f"{' '.join(words)}: {self.said.read_text()[-2000:]}")

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
        self._run(self.words(command))
        again = "same" if target.read_bytes() == self.new[command] else "other bytes than of an unbroken run"
        others = sorted(path.name for path in target.parent.iterdir() if path != target)
        if others:
            again = f"left behind: {', '.join(others)}"
        return Kill(command, moment, round(after, 2), drafts, left, again)

    def _kill_run(self, command: str, moment: Moment, chance: random.Random) -> float | None:
        """Kill a command; return after how many seconds, or None where it was through before."""
        process = _begin(_command, self.words(command), self.said)
        began = time.monotonic()
        if moment == "at any time":
            until = began + chance.uniform(0, self.seconds[command])
            while process.is_alive() and time.monotonic() < until:
                time.sleep(0.002)  # not join(timeout), which waits for ever once a process has become another
            if not process.is_alive():
                self.seconds[command] = time.monotonic() - began  # the machine does less than it did
        else:
            _wait_for_write(process, self.target(command).parent, chance.randint(1, DRAFTS.get(command, 1)))
            time.sleep(chance.uniform(0, LONGEST_WRITE))
        after = time.monotonic() - began
        process.kill()
        process.join()
        return after if process.exitcode else None

    def _kill_saving(self, target: Path, moment: Moment, chance: random.Random) -> float:
        models = [self.room / f"{name}.safetensors" for name in ("one", "two")]
        for path, content in zip(models, (self.old["save"], self.new["save"]), strict=True):
            path.write_bytes(content)
        process = _begin(_save_for_ever, *models, target)
        began = time.monotonic()
        time.sleep(chance.uniform(0, LONGEST_SAVING))
        if moment == "while a file was written":
            _wait_for_write(process, target.parent, 1)
            time.sleep(chance.uniform(0, LONGEST_WRITE))
        after = time.monotonic() - began
        process.kill()
        process.join()
        return after

    def _left(self, target: Path, command: str) -> str:
        content = target.read_bytes() if target.exists() else b""
        if content == self.old[command]:
            return "old"
        return "new" if content == self.new[command] else f"{len(content)} bytes that are neither"


def _begin(work: Callable[..., None], *arguments: object) -> BaseProcess:
    """Do something in a process of its own."""
    process = multiprocessing.get_context("fork").Process(target=work, args=arguments, daemon=True)
    process.start()
    return process


def _command(words: Sequence[str], says: Path) -> None:
    """Be the command line, and say to a file what it says."""
    said = os.open(says, os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
    for stream in (1, 2):
        os.dup2(said, stream)
    if words[0] == "export":
        os.execv(sys.executable, [sys.executable, "-m", "sparseattn", *words])
    main(list(words))


def _save_for_ever(one: Path, other: Path, target: Path) -> None:
    for model in cycle([Classifier.load(path) for path in (other, one)]):
        model.save(target)


def _wait_for_write(process: BaseProcess, folder: Path, times: int) -> None:
    """Return as soon as drafts of files were begun in a folder so many times, or the process has ended."""
    written = False
    while times and process.is_alive():
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
