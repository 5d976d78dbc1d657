"""Classify any number of cells in parts, each a file: what was done is never done again, whatever happens."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparseattn.classifier import Classifier, choose_device
from sparseattn.errors import InputError
from sparseattn.fast.engine import choose_engine
from sparseattn.phase.settings import REFRACTION_INCREMENT
from sparseattn.scale import one_writer, run_plan
from sparseattn.scale.dask_workers import on_dask
from sparseattn.scale.equal_cells import number_equal_cells
from sparseattn.scale.journal import Journal
from sparseattn.scale.one_writer import only_writer
from sparseattn.scale.part import PartDone, PartTask, checksum, classify_part, part_file
from sparseattn.scale.part_table import ERROR, columns_for, write_part
from sparseattn.scale.parts import Part
from sparseattn.scale.pixels import check_zarr, make_pixel_store, pixel_checksums
from sparseattn.scale.processes import in_processes
from sparseattn.scale.run_plan import RunPlan, check_same_run, read_plan
from sparseattn.scale.summary import FILE as SUMMARY
from sparseattn.scale.summary import Summary, counts_of

if TYPE_CHECKING:
    from sparseattn.cells import CellSet, Skipped

CELLS_A_PART = 8192
JOURNAL = "done.jsonl"

Workers = Callable[[Callable[[PartTask], PartDone], Iterable[PartTask]], Iterator[PartDone]]
"""Does a function for each task, somewhere, and yields what comes of each in any order."""

OnCells = Callable[[int, int], None]


def processes(count: int) -> Workers:
    """Return workers that are processes of this machine."""
    return partial(in_processes, workers=count)


def dask(scheduler: str) -> Workers:
    """Return workers of a Dask cluster, by the address of its scheduler."""
    return partial(on_dask, scheduler=scheduler)


@dataclass(frozen=True)
class BatchSettings:
    """How cells are classified in parts.

    Attributes
    ----------
    k
        Selected pixels of the net's grid; None: as the model learned.
    cells_a_part
        Rows of a file, and what is lost at most by a worker that ends.
    batch_size, device, engine, force
        As of `Classifier.predict`.
    error_rate
        Add a column ``set``: see `Classifier.prediction_sets`.
    refraction_increment
        Of phase images, for the dry mass.
    selected, maps
        Keep selected pixels and maps of each cell: see `sparseattn.scale.pixels`.
    """

    k: int | None = None
    cells_a_part: int = CELLS_A_PART
    batch_size: int = 256
    device: str = "auto"
    engine: str = "auto"
    force: bool = False
    error_rate: float | None = None
    refraction_increment: float = REFRACTION_INCREMENT
    selected: bool = False
    maps: bool = False


def classify_in_parts(
    model: Path,
    cells: CellSet,
    folder: Path,
    settings: BatchSettings | None = None,
    *,
    workers: Workers | None = None,
    on_cells: OnCells | None = None,
) -> Summary:
    """Classify cells in parts, and write a Parquet file a part; goes on where an earlier start ended.

    Parameters
    ----------
    model : Path
        The model's file.
    cells : CellSet
        Any that `open_cells` gives. Cells of a field that is held in memory are not for this.
    folder : Path
        Made where it is not there. Holds ``part-00000.parquet`` and so on; what was done so far in
        ``done.jsonl``; what the run is in ``run.json``; ``summary.json`` when all is done.
    settings : BatchSettings, optional
        How.
    workers : callable, optional
        `processes` or `dask`; one process where it is not given.
    on_cells : callable, optional
        Called with the number of cells that are done, and of all.

    Returns
    -------
    Summary
        As ``summary.json`` holds it.

    Raises
    ------
    InputError
        Where the folder holds another run or is written to by another process, or the model was not made
        for such cells.
    """
    settings = settings or BatchSettings()
    _make_folder(folder)
    with only_writer(folder):
        classifier = Classifier.load(model)
        plan, notes_and_cells = _planned(classifier, cells, folder, settings)
        with Journal(folder / JOURNAL) as journal:
            run = _Run(model.absolute(), classifier, notes_and_cells, folder.absolute(), plan, journal)
            return run.finish(workers or processes(1), on_cells)


@dataclass(frozen=True)
class _Run:
    """A run whose folder is held."""

    model: Path
    classifier: Classifier
    cells: CellSet
    folder: Path
    plan: RunPlan
    journal: Journal

    def finish(self, workers: Workers, on_cells: OnCells | None) -> Summary:
        """Do what is missing, and sum up."""
        began = time.monotonic()
        self._sweep()
        make_pixel_store(self.plan, self.classifier, self.folder)
        self._write_left_out()
        done = self._sound()
        missing = [part for part in self.plan.parts if part.number not in done]
        count = self.plan.count - sum(len(part) for part in missing)
        report = on_cells or (lambda *_: None)
        report(count, self.plan.count)
        finished: list[PartDone] = []
        try:
            with closing(workers(classify_part, map(self._task, missing))) as coming:  # type: ignore[type-var]
                for one in coming:
                    self._note(one.number, one.sha256, one.pixels)
                    finished.append(one)
                    count += one.rows
                    report(count, self.plan.count)
        finally:
            self._sweep()
        seconds = time.monotonic() - began
        paths = [self.folder / part_file(number) for number in range(len(self.plan.parts) + self._left_out)]
        renamed = number_equal_cells(paths, self.classifier.split.sides.get)
        for number in renamed:
            self._note(number, checksum(paths[number]), pixel_checksums(self.folder, number))
        summary = self._summary(paths, finished, seconds)
        if finished or renamed or not (self.folder / SUMMARY).exists():  # what it took stays known
            summary.write(self.folder)
        return summary

    @property
    def _left_out(self) -> int:
        """How many parts hold what was left out when the cells were opened: one, or none."""
        return 1 if self.cells.skipped else 0

    def _task(self, part: Part) -> PartTask:
        cells = self.cells.detached(np.arange(part.start, part.stop))
        return PartTask(self.folder, self.model, self.plan, part, cells)

    def _note(self, number: int, sha256: str, pixels: dict[str, str]) -> None:
        self.journal.write({"part": number, "sha256": sha256, **({"pixels": pixels} if pixels else {})})

    def _sound(self) -> set[int]:
        """Return the parts that are done and whose files are as they were written."""
        last = {line.get("part"): line for line in self.journal.lines}
        sound = set()
        for part in self.plan.parts:
            line, path = last.get(part.number), self.folder / part_file(part.number)
            if (
                line is not None
                and path.is_file()
                and checksum(path) == line.get("sha256")
                and pixel_checksums(self.folder, part.number) == line.get("pixels", {})
            ):
                sound.add(part.number)
        return sound

    def _sweep(self) -> None:
        """Take away what workers that were ended left half written."""
        for draft in self.folder.glob(".part-*.partial"):
            with suppress(OSError):
                draft.unlink()

    def _write_left_out(self) -> None:
        """Write files and cells that could not even be opened, as rows with their errors."""
        if self.cells.skipped:
            path = self.folder / part_file(len(self.plan.parts))
            write_part(_left_out_table(self.plan, self.cells.skipped), path)

    def _summary(self, paths: list[Path], finished: list[PartDone], seconds: float) -> Summary:
        rows, errors, predicted, samples, first = counts_of(paths)
        peaks = [one.peak_bytes for one in finished if one.peak_bytes is not None]
        return Summary(
            cells=rows,
            errors=errors,
            parts=len(paths),
            predicted=predicted,
            samples=samples,
            model_hash=self.plan.model_hash,
            k=self.plan.k,
            engine=self.plan.engine,
            notes=self.plan.notes,
            first_errors=first,
            classified=sum(one.rows for one in finished),
            seconds=seconds,
            processor_seconds=sum(one.processor_seconds for one in finished),
            workers=len({one.worker for one in finished}),
            peak_mib_per_worker=max(peaks) / 2**20 if peaks else None,
        )


def _planned(
    classifier: Classifier, cells: CellSet, folder: Path, settings: BatchSettings
) -> tuple[RunPlan, CellSet]:
    """Return what the run is, and the cells under the model's names; the plan is in the folder then."""
    if settings.selected or settings.maps:
        check_zarr()
    if settings.batch_size < 1:
        raise InputError(f"a batch of {settings.batch_size} cells cannot be; give at least 1")
    begun = read_plan(folder)
    admitted = classifier.admit(cells, force=settings.force)
    device = choose_device(settings.device) if settings.device == "auto" else settings.device
    k = classifier.k if settings.k is None else settings.k
    # What auto means may change from one start to the next, when the kernels are compiled.
    known = settings.engine == "auto" and begun is not None
    engine = begun.engine if known and begun is not None else settings.engine
    plan = RunPlan(
        model_hash=classifier.model_hash,
        cells=cells.fingerprint(),
        count=len(cells),
        cells_a_part=settings.cells_a_part,
        k=k,
        engine=choose_engine(engine, classifier.net.config, device, len(cells)),
        device=device,
        batch_size=settings.batch_size,
        error_rate=settings.error_rate,
        refraction_increment=settings.refraction_increment,
        notes=admitted.notes,
        columns=columns_for(
            admitted.cells,
            classifier.classes,
            sets=settings.error_rate is not None,
            notes=bool(admitted.notes),
        ),
        selected=settings.selected,
        maps=settings.maps,
    )
    if begun is None:
        _check_empty(folder)
        plan.write(folder)
    else:
        check_same_run(folder, begun, plan)
    return plan, admitted.cells


def _make_folder(folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise InputError(f"cannot make the folder {folder}: {error.strerror}; give another") from None


def _check_empty(folder: Path) -> None:
    ours = {run_plan.FILE, one_writer.NAME}
    if any(path.name not in ours and not path.name.endswith(".partial") for path in folder.iterdir()):
        raise InputError(f"the folder {folder} holds other files; give a new one, or an empty one")


def _left_out_table(plan: RunPlan, skipped: tuple[Skipped, ...]) -> Any:
    import pyarrow as pa

    from sparseattn.export.tables import text_column

    said = {
        "source": text_column([one.origin for one in skipped]),
        ERROR: text_column([one.reason for one in skipped]),
        "k": [plan.k] * len(skipped),
        "model_hash": [plan.model_hash] * len(skipped),
    }
    arrays = [
        pa.array(said.get(name, [None] * len(skipped)), type=pa.type_for_alias(kind))
        for name, kind in plan.columns
    ]
    return pa.table(arrays, names=[name for name, _ in plan.columns])
