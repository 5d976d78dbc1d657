"""What a run in parts found, and what it took."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import pyarrow.parquet as parquet

from sparseattn.scale.part_table import ERROR
from sparseattn.writing import replaced_file

FILE = "summary.json"
SAMPLE_COLUMNS = ("sample", "well", "donor")


@dataclass(frozen=True)
class Summary:
    """What a run found, and what it took.

    Attributes
    ----------
    cells, errors
        Rows, and those of cells that could not be read.
    parts
        Files.
    predicted
        Cells a class.
    samples
        Cells a class of each sample; empty where no samples are known.
    model_hash, k, engine
        Of the run.
    notes
        What a reader must know.
    first_errors
        Some of the cells that could not be read: where they come from, and why.
    classified
        Cells that were classified since the last start; the others were there.
    seconds, processor_seconds
        That these took: by the clock, and of all workers' processors together.
    cells_per_second, cells_per_processor_second
        Of these.
    workers
        Processes that took part.
    peak_mib_per_worker
        Largest memory of a worker.
    """

    cells: int
    errors: int
    parts: int
    predicted: dict[str, int]
    samples: dict[str, dict[str, int]]
    model_hash: str
    k: int
    engine: str
    notes: tuple[str, ...]
    first_errors: tuple[tuple[str, str], ...]
    classified: int = 0
    seconds: float = 0.0
    processor_seconds: float = 0.0
    workers: int = 0
    peak_mib_per_worker: float | None = None

    @property
    def cells_per_second(self) -> float | None:
        """Cells classified a second since the last start."""
        return self.classified / self.seconds if self.classified else None

    @property
    def cells_per_processor_second(self) -> float | None:
        """Cells classified a second of one processor's time since the last start."""
        return self.classified / self.processor_seconds if self.processor_seconds else None

    def to_json(self) -> dict[str, object]:
        """Return all of it, for a file."""
        return {
            **asdict(self),
            "cells_per_second": self.cells_per_second,
            "cells_per_processor_second": self.cells_per_processor_second,
        }

    def write(self, folder: Path) -> None:
        """Write it beside the parts.

        Raises
        ------
        InputError
            Where it cannot be written.
        """
        with replaced_file(folder / FILE) as draft:
            draft.write_text(json.dumps(self.to_json(), indent=1) + "\n", encoding="utf-8")


_FIRST_ERRORS = 20


def counts_of(
    paths: Sequence[Path],
) -> tuple[int, int, dict[str, int], dict[str, dict[str, int]], tuple[tuple[str, str], ...]]:
    """Return rows, errors, cells a class, cells a class of each sample, and the first errors.

    One file is in memory at once.
    """
    rows = errors = 0
    predicted: Counter[str] = Counter()
    samples: dict[str, Counter[str]] = {}
    first: list[tuple[str, str]] = []
    for path in paths:
        with parquet.ParquetFile(path) as file:
            names = set(file.schema_arrow.names)
            by = next((name for name in SAMPLE_COLUMNS if name in names), None)
            table = file.read(["predicted", "source", ERROR, *([by] if by else [])])
        rows += len(table)
        answers = table.column("predicted").to_pylist()
        predicted.update(answer for answer in answers if answer is not None)
        if by is not None:
            for sample, answer in zip(table.column(by).to_pylist(), answers, strict=True):
                if sample is not None and answer is not None:
                    samples.setdefault(str(sample), Counter())[answer] += 1
        reasons = table.column(ERROR)
        errors += len(table) - reasons.null_count
        if len(first) < _FIRST_ERRORS and reasons.null_count < len(table):
            sources = table.column("source").to_pylist()
            bad = [
                (str(s), str(e)) for s, e in zip(sources, reasons.to_pylist(), strict=True) if e is not None
            ]
            first += bad[: _FIRST_ERRORS - len(first)]
    ordered = dict(predicted.most_common())
    by_sample = {name: dict(sorted(counts.items())) for name, counts in sorted(samples.items())}
    return rows, errors, ordered, by_sample, tuple(first)
