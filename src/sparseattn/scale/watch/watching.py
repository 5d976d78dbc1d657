"""Classify the files of a folder as they come."""

from __future__ import annotations

import time
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch

from sparseattn.cells import CellSet, open_cells
from sparseattn.cells.origin import shown
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.fast.engine import WORTH_COMPILING
from sparseattn.made_for import Admitted
from sparseattn.predictions import Predictions
from sparseattn.scale.one_writer import only_writer
from sparseattn.scale.watch.arrived import Arrived, look_at
from sparseattn.scale.watch.noticing import SETTLE_SECONDS, Noticing, noticing
from sparseattn.scale.watch.row_table import HASH, ID, MODIFIED, SOURCE, RowTable

_TOGETHER = 64
"""Files that are done at once when many wait: their rows are put on the disk together."""

_LATENCIES = 100_000

_WAIT_SECONDS = 0.2


@dataclass(frozen=True)
class WatchSettings:
    """How a folder is watched.

    Attributes
    ----------
    k, device, engine, force
        As of `Classifier.predict`.
    poll_seconds
        Look so often, for network drives; None: the system tells.
    settle_seconds
        For how long a file must not have changed where nobody saw it being closed.
    idle_seconds
        End when nothing came for so long; None: never.
    """

    k: int | None = None
    device: str = "auto"
    engine: str = "auto"
    force: bool = False
    poll_seconds: float | None = None
    settle_seconds: float = SETTLE_SECONDS
    idle_seconds: float | None = None


@dataclass
class Watched:
    """What was done so far.

    Attributes
    ----------
    files, cells, errors
        Noted since the start.
    before
        Files that the table held already.
    """

    files: int = 0
    cells: int = 0
    errors: int = 0
    before: int = 0
    _latencies: deque[float] = field(default_factory=lambda: deque(maxlen=_LATENCIES))

    def latency_ms(self, percent: float) -> float | None:
        """Return within how many ms from the closing of a file its rows were on the disk, for so many."""
        return float(np.percentile(self._latencies, percent)) if self._latencies else None

    def note(self, files: Sequence[Arrived], cells: int, errors: int) -> None:
        """Count files whose rows are on the disk."""
        now = time.time()
        self.files += len(files)
        self.cells += cells
        self.errors += errors
        self._latencies.extend(1000 * (now - file.closed) for file in files if file.closed is not None)


def watch(
    classifier: Classifier,
    folder: Path,
    table: Path,
    settings: WatchSettings | None = None,
    *,
    reading: Mapping[str, Any] | None = None,
    on_rows: Callable[[Watched], None] | None = None,
    should_stop: Callable[[], bool] = lambda: False,
) -> Watched:
    """Classify new files of a folder, and those that are there, into a table; until stopped.

    Parameters
    ----------
    classifier : Classifier
        The model.
    folder : Path
        Watched with its subfolders; what lies in one has its name as ``sample``.
    table : Path
        CSV file to which a row a cell is added. Started again with it, only files that it lacks are done.
    settings : WatchSettings, optional
        How.
    reading : mapping, optional
        How files are read: arguments of `open_cells`.
    on_rows : callable, optional
        Called with what was done so far, after new rows and while nothing comes.
    should_stop : callable, optional
        Asked several times a second; what is begun is finished.

    Returns
    -------
    Watched
        What was done.

    Raises
    ------
    InputError
        Where the folder is none, the table is another one or in use, or cannot be written.
    """
    settings, watched = settings or WatchSettings(), Watched()
    if not folder.is_dir():
        raise InputError(f"there is no folder {folder}; give the one that the instrument writes to")
    if table.suffix.lower() != ".csv":
        raise InputError(f"rows are added to a CSV file; let the name {table} end in .csv")
    if not table.absolute().parent.is_dir():
        raise InputError(f"cannot write {table}: there is no folder {table.absolute().parent}; make it first")
    folder, table = folder.absolute(), table.absolute()
    asking = _Asking(classifier, settings, dict(reading or {}), folder)
    report = on_rows or (lambda _: None)
    with (
        only_writer(table.parent, f".{table.name}.in_use"),
        RowTable(table, columns_for(classifier), classifier.model_hash) as rows,
    ):
        watched.before = len(rows)
        asking.warm_up()

        def known(file: Arrived) -> bool:
            return file.path == table or rows.knows(file)

        with noticing(
            folder,
            known=known,
            poll_seconds=settings.poll_seconds,
            settle_seconds=settings.settle_seconds,
        ) as coming:
            report(watched)
            last = time.monotonic()
            while not should_stop() and (
                settings.idle_seconds is None or time.monotonic() - last < settings.idle_seconds
            ):
                arrived = coming.take(_WAIT_SECONDS, _TOGETHER)
                new = {file.path: file for file in arrived if not known(file)}
                if new:
                    asking.note(list(new.values()), rows, watched, coming)
                    last = time.monotonic()
                report(watched)
    return watched


def columns_for(classifier: Classifier) -> tuple[str, ...]:
    """Return the columns of the table of a model's answers."""
    shares = tuple(f"p_{name}" for name in classifier.classes)
    answers = ("predicted", "confidence", *shares, "entropy", "in_distribution", "k")
    return (ID, SOURCE, "sample", *answers, HASH, MODIFIED, "error")


class _Asking:
    """Asks a model about files, some at once."""

    def __init__(
        self, classifier: Classifier, settings: WatchSettings, reading: dict[str, Any], folder: Path
    ) -> None:
        self._classifier, self._settings, self._reading, self._folder = classifier, settings, reading, folder
        torch.set_num_threads(1)  # of few cells each thread would have next to nothing to do
        self._asked = classifier.asked(
            k=settings.k, device=settings.device, engine=settings.engine, cells=WORTH_COMPILING
        )
        self._tried: dict[Path, Arrived] = {}

    def warm_up(self) -> None:
        """Have everything loaded and compiled before the first file comes."""
        prepare = self._classifier.prepare
        random = np.random.default_rng(0)
        noise = random.normal(100, 10, (2, len(prepare.channels), prepare.size, prepare.size))
        cells = CellSet.from_array(noise.astype(np.float32), channels=prepare.channels)
        self._ask([cells])

    def note(self, files: Sequence[Arrived], table: RowTable, watched: Watched, coming: Noticing) -> None:
        """Classify files and write their rows; those that are not complete yet are to be named again."""
        sets: list[CellSet] = []
        of_sets: list[Arrived] = []
        bad: list[tuple[Arrived, str]] = []
        for file in files:
            try:
                cells = open_cells(file.path, **self._reading)
                admitted = self._classifier.admit(cells, force=self._settings.force)
                sets.append(admitted.cells)
                of_sets.append(file)
            except (InputError, OSError) as error:
                if self._is_complete(file, coming):
                    bad.append((file, str(error)))
        answered = self._ask(sets)
        rows: list[list[object]] = []
        done: list[Arrived] = []
        errors = 0
        for file, cells, (predictions, reasons) in zip(of_sets, sets, answered, strict=True):
            if look_at(file.path, file.closed) != file or (
                reasons and not self._is_complete(file, coming)
            ):  # it was written to meanwhile
                coming.settle(file.path)
                continue
            rows += self._rows(file, cells, predictions, reasons, table)
            errors += len(reasons)
            done.append(file)
        for file, reason in bad:
            rows.append(self._bad_row(file, reason))
            errors += 1
            done.append(file)
        if rows:
            table.append(rows, done)
            watched.note(done, len(rows), errors)

    def _is_complete(self, file: Arrived, coming: Noticing) -> bool:
        """Tell whether a file that cannot be read stays so; the first time it is given some time."""
        before = self._tried.pop(file.path, None)
        if before is not None and (before.modified_ns, before.size) == (file.modified_ns, file.size):
            return True
        self._tried[file.path] = file
        coming.settle(file.path)
        return False

    def _ask(self, sets: Sequence[CellSet]) -> list[tuple[Predictions | None, dict[int, str]]]:
        """Return the answers for each set, and why cells of it could not be read."""
        together: dict[tuple[Any, ...], list[int]] = {}
        for number, cells in enumerate(sets):
            alike = (cells.channels, cells.modality, cells.unit, cells.events)
            together.setdefault(alike, []).append(number)
        found: list[tuple[Predictions | None, dict[int, str]]] = [(None, {})] * len(sets)
        for numbers in together.values():
            joined = CellSet.concatenate([sets[number] for number in numbers])
            parts = list(self._asked.answers(Admitted(joined, ())))
            reasons = {one.origin: one.reason for part in parts for one in part.skipped}
            some = Predictions.join(parts, joined) if any(map(len, parts)) else None
            start = 0
            for number in numbers:
                stop = start + len(sets[number])
                own = None
                read: set[int] = set()
                if some is not None:
                    inside = np.flatnonzero((some.indices >= start) & (some.indices < stop))
                    own = some.subset(inside)
                    read = {int(index) - start for index in own.indices}
                origins = sets[number].origins
                bad = {
                    row: reasons.get(str(origins[row]), "it cannot be read")
                    for row in range(stop - start)
                    if row not in read
                }
                found[number] = own, bad
                start = stop
        return found

    def _rows(
        self,
        file: Arrived,
        cells: CellSet,
        predictions: Predictions | None,
        reasons: Mapping[int, str],
        table: RowTable,
    ) -> list[list[object]]:
        ids = table.name(cells.ids)
        sample = self._sample(file)
        places = iter(range(len(cells)))  # of those that could be read, in the predictions
        rows = []
        for row, name in enumerate(ids):
            source, reason = str(cells.origin(row)), reasons.get(row)
            read = None if reason is not None else predictions
            place = 0 if read is None else next(places)
            rows.append(self._row(name, source, sample, read, place, file, reason))
        return rows

    def _bad_row(self, file: Arrived, reason: str) -> list[object]:
        return self._row(None, shown(file.path), self._sample(file), None, 0, file, reason)

    def _row(
        self,
        name: str | None,
        source: str,
        sample: str | None,
        predictions: Predictions | None,
        place: int,
        file: Arrived,
        error: str | None,
    ) -> list[object]:
        if predictions is None:
            answers: list[object] = [None] * (len(self._classifier.classes) + 4)
        else:
            answers = [
                str(predictions.predicted[place]),
                float(predictions.confidence[place]),
                *map(float, predictions.probabilities[place]),
                float(predictions.entropy[place]),
                float(predictions.in_distribution[place]),
            ]
        answers = [f"{value:.7g}" if isinstance(value, float) else value for value in answers]
        reason = None if error is None else " ".join(error.split())
        return [
            name,
            source,
            sample,
            *answers,
            self._asked.k,
            self._asked.model_hash,
            file.modified_ns,
            reason,
        ]

    def _sample(self, file: Arrived) -> str | None:
        inner = file.path.relative_to(self._folder).parts
        return shown(inner[0]) if len(inner) > 1 else None
