"""Commands are killed at random: is the old file intact, and does going on give what a whole run gives?"""

from __future__ import annotations

import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image

COMMANDS = ("train", "finetune", "predict", "export")
SIDE, EPOCHS = 16, 12


@dataclass(frozen=True)
class Kill:
    """What one kill left.

    Attributes
    ----------
    command
        What was killed.
    after
        Seconds from its start; of an unbroken run it is a share below 1.
    left
        "old": the file of before, untouched. "new": the whole new one. Anything else is a loss, in words.
    again
        What the same command gave afterwards: "same", the bytes of an unbroken run, or what differed.
    """

    command: str
    after: float
    left: str
    again: str

    @property
    def is_loss(self) -> bool:
        return self.left not in ("old", "new") or self.again != "same"


def make_cells(folder: Path, classes: tuple[str, ...], count: int = 20) -> Path:
    """Write small pictures that differ in brightness by class."""
    chance = np.random.default_rng(0)
    for place, name in enumerate(classes):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            pixels = chance.integers(0, 100, (SIDE, SIDE, 3)) + 70 * place
            Image.fromarray(pixels.astype(np.uint8)).save(folder / name / f"{number}.png")
    return folder


class Workshop:
    """A folder with cells, a model, and what each command writes when nothing disturbs it."""

    def __init__(self, room: Path) -> None:
        self.room = room
        self.cells = make_cells(room / "cells", ("dark", "grey", "bright"))
        self.more = make_cells(room / "more", ("dark", "white"), count=12)
        self.model = room / "model.safetensors"
        self._run(self._train(self.model))
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
        if command == "train":
            return self._train(Path(target), seed)
        if command == "finetune":
            words = [
                "finetune",
                str(self.model),
                str(self.more),
                "--epochs",
                str(EPOCHS),
                "--seed",
                str(seed),
            ]
            return [*words, "-o", target, "--resume"]
        if command == "predict":
            cells = str(self.more if seed else self.cells)
            return ["predict", str(self.model), cells, "--subfolders", "classes", "-o", target]
        return ["export", str(self.target("finetune") if seed else self.model), "-o", target]

    def _train(self, target: Path, seed: int = 0) -> list[str]:
        words = ["train", str(self.cells), "--size", str(SIDE), "--epochs", str(EPOCHS), "--seed", str(seed)]
        return [*words, "-o", str(target), "--resume"]

    def _run(self, words: list[str]) -> None:
        done = subprocess.run([sys.executable, "-m", "sparseattn", *words], capture_output=True, text=True)
        if done.returncode:
            raise RuntimeError(f"{' '.join(words)}: {done.stderr[-2000:]}")

    def kill(self, command: str, chance: random.Random) -> Kill:
        """Put the old file there, run the command, kill it, look, and run it to its end."""
        target = self.target(command)
        shutil.rmtree(target.parent)
        target.parent.mkdir()
        target.write_bytes(self.old[command])
        after = chance.uniform(0, 1.05 * self.seconds[command])
        words = [sys.executable, "-m", "sparseattn", *self.words(command)]
        began = time.monotonic()
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=after)
            self.seconds[command] = time.monotonic() - began  # the machine does less than it did
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        left = self._left(target, command)
        self._run(self.words(command))
        again = "same" if target.read_bytes() == self.new[command] else "other bytes than of an unbroken run"
        others = sorted(path.name for path in target.parent.iterdir() if path != target)
        if others:
            again = f"left behind: {', '.join(others)}"
        return Kill(command, round(after, 2), left, again)

    def _left(self, target: Path, command: str) -> str:
        content = target.read_bytes() if target.exists() else b""
        if content == self.old[command]:
            return "old"
        return "new" if content == self.new[command] else f"{len(content)} bytes that are neither"


def kill_often(times: int, say: Callable[[str], None]) -> list[Kill]:
    """Kill every command so many times."""
    kills = []
    with tempfile.TemporaryDirectory() as room:
        workshop, chance = Workshop(Path(room)), random.Random(0)
        for number in range(times):
            for command in COMMANDS:
                kills.append(workshop.kill(command, chance))
                say(f"{number + 1}: {kills[-1]}")
    return kills
