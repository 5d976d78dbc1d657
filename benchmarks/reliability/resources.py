"""What a process holds: memory, widgets, threads, children, files."""

from __future__ import annotations

import gc
import tempfile
from dataclasses import dataclass
from pathlib import Path

import psutil


@dataclass(frozen=True)
class Resources:
    """What the app holds at one moment, after a full collection of garbage.

    Attributes
    ----------
    minutes
        Since the beginning.
    actions
        That were done until then.
    memory_mib
        Resident set of the process itself, in MiB.
    widgets, objects
        QWidgets that Qt knows, and all objects that Python's collector knows.
    threads, children, files
        Of the process: native threads, processes below it, open file descriptors.
    layers
        Of the viewer.
    temporary
        Files in the temporary folder.
    """

    minutes: float
    actions: int
    memory_mib: float
    widgets: int
    objects: int
    threads: int
    children: int
    files: int
    layers: int
    temporary: int


COUNTED = ("widgets", "threads", "children", "files", "layers", "temporary")


def held(minutes: float, actions: int, layers: int) -> Resources:
    """Return what this process holds now."""
    from qtpy.QtWidgets import QApplication

    gc.collect()
    process = psutil.Process()
    temporary = sum(path.is_file() for path in Path(tempfile.gettempdir()).rglob("*"))
    return Resources(
        minutes=round(minutes, 2),
        actions=actions,
        memory_mib=round(process.memory_info().rss / 2**20, 1),
        widgets=len(QApplication.allWidgets()),
        objects=len(gc.get_objects()),
        threads=process.num_threads(),
        children=len(process.children(recursive=True)),
        files=process.num_fds() if hasattr(process, "num_fds") else len(process.open_files()),
        layers=layers,
        temporary=temporary,
    )
