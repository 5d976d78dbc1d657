"""The results of a run in parts, read a part at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

import numpy as np
import pyarrow as pa
import pyarrow.parquet as parquet

from sparseattn.cells.origin import Skipped
from sparseattn.errors import InputError
from sparseattn.scale.part import part_file
from sparseattn.scale.part_table import ERROR
from sparseattn.scale.run_plan import FILE, RunPlan, read_plan
from sparseattn.scale.summary import FILE as SUMMARY

if TYPE_CHECKING:
    import pandas as pd

    from sparseattn.cells import CellSet
    from sparseattn.learn.split import Side
    from sparseattn.predictions import Predictions


def is_results(folder: Path) -> bool:
    """Whether a folder holds a run in parts."""
    return (folder / FILE).is_file()


def open_results(folder: Path) -> Results:
    """Open the results of a run that is done; nothing of its parts is read.

    Raises
    ------
    InputError
        Where there is no run, or it is not done.
    """
    plan = read_plan(folder)
    if plan is None:
        raise InputError(
            f"{folder} holds no results in parts; make them with: sparseattn predict -o {folder}/"
        )
    if not (folder / SUMMARY).is_file():
        raise InputError(f"the run in {folder} is not done; start it again as it was begun")
    return Results(folder, plan)


@dataclass(frozen=True)
class Results:
    """A row a cell in the order of the cells, in many files.

    Attributes
    ----------
    folder
        Where they lie.
    plan
        What the run was.
    """

    folder: Path
    plan: RunPlan

    def __len__(self) -> int:
        """Return the number of cells, without those that could not even be opened."""
        return self.plan.count

    @property
    def columns(self) -> tuple[str, ...]:
        """The names of the columns."""
        return tuple(name for name, _ in self.plan.columns)

    @property
    def classes(self) -> tuple[str, ...]:
        """The model's classes."""
        names = self.columns
        first, last = names.index("confidence") + 1, names.index("entropy")
        return tuple(name.removeprefix("p_") for name in names[first:last])

    def tables(self, columns: Sequence[str] | None = None) -> Iterator[pd.DataFrame]:
        """Yield the table of one part after the other; only these columns are read."""
        for part in self.parts(columns):
            yield part.to_pandas()

    def parts(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Yield the Arrow table of one part after the other; only these columns are read."""
        for part in self.plan.parts:
            yield self.part(part.number, columns)

    def rows(self, start: int, stop: int, columns: Sequence[str] | None = None) -> pd.DataFrame:
        """Return rows ``start`` to before ``stop``; only the parts that hold them are read."""
        start, stop = max(0, start), min(stop, len(self))
        size = self.plan.cells_a_part
        numbers = range(start // size, -(-stop // size)) if stop > start else range(1)
        table = pa.concat_tables([self.part(number, columns) for number in numbers])
        return cast("pd.DataFrame", table.slice(start - numbers[0] * size, max(0, stop - start)).to_pandas())

    def check_cells(self, cells: CellSet) -> None:
        """Raise InputError unless these are the cells of the run, as they were."""
        if len(cells) != self.plan.count or cells.fingerprint() != self.plan.cells:
            raise InputError(
                f"the cells of {self.folder} are others now; classify them again, into a new folder"
            )

    def predictions(
        self, cells: CellSet, *, checked: bool = False, on_rows: Callable[[int, int], None] | None = None
    ) -> Predictions:
        """Return the answers as `Classifier.predict` gives them; their numbers are in memory, no pixels.

        Parameters
        ----------
        cells : CellSet
            The cells of the run, opened again, or what stands for them: `sparseattn.scale.stand_in`.
        checked : bool
            Whether it is known that they are these.
        on_rows : callable, optional
            Called after each part with the rows that are read, and all; what it raises ends it.

        Raises
        ------
        InputError
            Where they are others, or have changed since, or none could be read.
        """
        from sparseattn.predictions import Predictions

        if not checked:
            self.check_cells(cells)
        shares = [f"p_{name}" for name in self.classes]
        wanted = ["source", *shares, "in_distribution", "split", ERROR]
        probabilities, familiar, sides, indices = [], [], [], []
        skipped: list[Skipped] = []
        first = 0
        for part in self.parts(wanted):
            read = part.column(ERROR).is_null().to_numpy()
            kept = part.filter(pa.array(read))
            probabilities.append(np.stack([kept.column(name).to_numpy() for name in shares], axis=1))
            familiar.append(kept.column("in_distribution").to_numpy())
            sides += cast("list[Side | None]", kept.column("split").to_pylist())
            indices.append(first + np.flatnonzero(read))
            bad = part.filter(pa.array(~read))
            origins, reasons = bad.column("source").to_pylist(), bad.column(ERROR).to_pylist()
            skipped += [Skipped(origin, reason) for origin, reason in zip(origins, reasons, strict=True)]
            first += len(part)
            if on_rows is not None:
                on_rows(first, len(self))
        rows = np.concatenate(indices)
        if not len(rows):
            raise InputError(f"none of the {len(cells)} cells of {self.folder} could be read")
        return Predictions(
            cells=cells if len(rows) == len(cells) else cells.subset(rows),
            indices=rows,
            classes=self.classes,
            probabilities=np.concatenate(probabilities).astype(np.float32),
            in_distribution=np.concatenate(familiar).astype(np.float32),
            k=self.plan.k,
            sides=tuple(sides),
            model_hash=self.plan.model_hash,
            skipped=tuple(skipped),
            notes=self.plan.notes,
            engine=self.plan.engine,
        )

    def part(self, number: int, columns: Sequence[str] | None = None) -> pa.Table:
        """Return the Arrow table of one part; only these columns are read.

        Raises
        ------
        InputError
            Where its file is damaged or gone.
        """
        path = self.folder / part_file(number)
        try:
            with parquet.ParquetFile(path) as file:  # one thread: others work beside
                return file.read(None if columns is None else list(columns), use_threads=False)
        except (OSError, pa.ArrowException):
            raise InputError(f"{path} is damaged or gone; start the run again, which makes it anew") from None

    def left_out(self) -> tuple[Skipped, ...]:
        """Return the files and cells that could not even be opened, and why: they are no rows of cells."""
        number = len(self.plan.parts)
        if not (self.folder / part_file(number)).is_file():
            return ()
        table = self.part(number, ["source", ERROR])
        origins, reasons = (table.column(name).to_pylist() for name in ("source", ERROR))
        return tuple(Skipped(origin, reason) for origin, reason in zip(origins, reasons, strict=True))
