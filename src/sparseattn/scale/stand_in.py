"""Cells that stand for those of a run whose pictures are not at hand: their classes and samples are known."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from sparseattn.cells import CellSet
from sparseattn.cells.cell_file import CellFile
from sparseattn.scale.results import Results


def stand_in(results: Results, answers: pd.DataFrame) -> CellSet:
    """Return a set of as many cells whose labels and sample columns are those that the results hold.

    None of its cells can be read.

    Parameters
    ----------
    results : Results
        The run.
    answers : DataFrame
        As `sparseattn.scale.answers.read_answers` gives it.
    """
    names = list(answers.columns)
    texts = [
        name
        for name in names[: names.index("predicted")]
        if isinstance(answers[name].dtype, pd.CategoricalDtype)
    ]
    file = CellFile(_Gone(results.folder), len(answers), 1, (1, 1), np.dtype(np.uint8))
    return CellSet.from_files(
        [file],
        channels=("intensity",),
        labels=_texts(answers["human_label"]),
        columns={name: _texts(answers[name]) for name in texts},
    )


@dataclass(frozen=True)
class _Gone:
    path: Path

    def read(self, row: int) -> npt.NDArray[Any]:
        raise OSError("its picture is not at hand")


def _texts(column: pd.Series[Any]) -> tuple[str | None, ...]:
    """(n,) texts, equal ones being one object; None where there is none."""
    texts = [*map(str, column.cat.categories), None]
    return tuple(texts[code] for code in column.cat.codes.to_numpy())
