"""What a worker does: classify the cells of one part and write its file."""

from __future__ import annotations

import hashlib
import os
import socket
import time
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparseattn.errors import InputError
from sparseattn.scale.parts import Part
from sparseattn.scale.run_plan import RunPlan

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions


@dataclass(frozen=True)
class PartTask:
    """One part to be classified; small enough to be sent to another process or machine.

    Attributes
    ----------
    folder
        Where its file goes; seen by all workers.
    model
        The model's file, seen by all workers.
    plan
        Of the run.
    part
        Which cells.
    cells
        These cells alone: see `CellSet.detached`.
    """

    folder: Path
    model: Path
    plan: RunPlan
    part: Part
    cells: CellSet


@dataclass(frozen=True)
class PartDone:
    """A part whose file is written.

    Attributes
    ----------
    number, rows, errors
        Which part, its rows, and how many of them are cells that could not be read.
    sha256
        Of its file.
    pixels
        SHA-256 of what it wrote to the store of selected pixels, by the names of the arrays.
    worker
        Machine and process.
    seconds, processor_seconds
        That it took.
    peak_bytes
        Largest memory of the worker so far; None where it is not known.
    """

    number: int
    rows: int
    errors: int
    sha256: str
    pixels: dict[str, str]
    worker: str
    seconds: float
    processor_seconds: float
    peak_bytes: int | None


def part_file(number: int) -> str:
    """Return the name of the file of a part."""
    return f"part-{number:05}.parquet"


def classify_part(task: PartTask) -> PartDone:
    """Classify the cells of a part and write its file; a cell that cannot be read is a row with its error.

    Raises
    ------
    InputError
        Where this worker does not see the folder or the model, the model is another one by now, or the
        file cannot be written.
    """
    import torch

    from sparseattn.cells.measure import with_measured_columns
    from sparseattn.made_for import Admitted
    from sparseattn.scale.part_table import part_table, write_part
    from sparseattn.scale.pixels import pixel_checksums, write_pixels

    began, began_processor = time.monotonic(), time.process_time()
    plan = task.plan
    if not task.folder.is_dir():
        raise InputError(f"the worker on {socket.gethostname()} does not see {task.folder}; share the folder")
    torch.set_num_threads(1)  # the workers share the cores; and sums come out alike everywhere
    classifier = _loaded(task.model, plan.model_hash)
    cells = with_measured_columns(task.cells, plan.refraction_increment)
    if plan.notes:
        cells = cells.with_columns({"notes": ("; ".join(plan.notes),) * len(cells)})
    answers = classifier.answers_admitted(
        Admitted(cells, ()),
        k=plan.k,
        batch_size=plan.batch_size,
        device=plan.device,
        engine=plan.engine,
    )
    predictions = _joined(list(answers), cells)
    if plan.error_rate is not None and len(predictions):
        inside = classifier.prediction_sets(predictions, plan.error_rate)
        predictions = predictions.with_set_column(inside)
    errors = _errors(cells, predictions)
    path = task.folder / part_file(task.part.number)
    if plan.selected or plan.maps:
        write_pixels(plan, classifier, cells, task.part, task.folder)
    write_part(part_table(plan.columns, cells, predictions, errors), path)
    return PartDone(
        task.part.number,
        len(cells),
        len(errors),
        checksum(path),
        pixel_checksums(task.folder, task.part.number),
        f"{socket.gethostname()} {os.getpid()}",
        time.monotonic() - began,
        time.process_time() - began_processor,
        peak_memory(),
    )


def checksum(path: Path) -> str:
    """Return the SHA-256 of a file."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def peak_memory() -> int | None:
    """Return the largest memory of this process so far in bytes; None where the system does not say."""
    try:
        import resource
    except ImportError:  # Windows
        return None
    import sys

    scale = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * scale


@lru_cache(maxsize=1)
def _loaded(path: Path, model_hash: str) -> Classifier:
    from sparseattn.classifier import Classifier

    classifier = Classifier.load(path)
    if classifier.model_hash != model_hash:
        raise InputError(f"{path} is another model by now; give another folder")
    return classifier


def _joined(answers: list[Predictions], cells: CellSet) -> Predictions:
    """Join what was said of the batches, be it nothing."""
    from sparseattn.predictions import Predictions

    if any(len(part) for part in answers):
        return Predictions.join(answers, cells)
    return answers[-1]


def _errors(cells: CellSet, predictions: Predictions) -> dict[int, str]:
    """Return why cells could not be read, by their place."""
    read = set(predictions.indices.tolist())
    reasons: dict[str, str] = {one.origin: one.reason for one in predictions.skipped}
    places: Any = (row for row in range(len(cells)) if row not in read)
    return {row: reasons.get(str(cells.origin(row)), "it cannot be read") for row in places}
