"""Reading large results and the cells that they are of, in threads: a part at a time, never all of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.memory import give_back_memory
from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.scale.results import Results
    from sparseattn.table.filters import CellFilter, CellOrder


@dataclass(frozen=True, eq=False)
class OpenedResults:
    """A folder of results: what it says of all cells in few bytes each; the rest stays in its files."""

    results: Results
    answers: pd.DataFrame
    left_out: int
    """Files and cells that could not even be opened: they are no rows."""

    @property
    def folder(self) -> Path:
        return self.results.folder

    @property
    def unread(self) -> int:
        """How many cells have no answer, since they could not be read."""
        return int((self.answers["predicted"].cat.codes < 0).sum()) + self.left_out

    def __len__(self) -> int:
        return len(self.answers)


@dataclass(frozen=True, eq=False)
class FoundModel:
    """The model that results are of."""

    classifier: Classifier
    path: Path | None


def open_folder(folder: Path, on_rows: Callable[[int, int], None]) -> OpenedResults:
    """Open a folder of results.

    Raises
    ------
    InputError
        Where it is none, is not done, or is damaged.
    """
    from sparseattn.scale.answers import read_answers
    from sparseattn.scale.results import open_results

    results = open_results(folder)
    on_rows(0, len(results))
    answers = read_answers(results, on_rows)
    give_back_memory()
    return OpenedResults(results, answers, len(results.left_out()))


def find_model(results: Results) -> FoundModel | None:
    """Return the model of a run: where the run says it was, else among those that come with the plugin."""
    from napari_sparseattn.models import bundled_models
    from sparseattn.classifier import Classifier
    from sparseattn.cli.run_sources import model_of

    said = model_of(results.folder)
    classes = set(results.classes)
    bundled = [card.path for card in bundled_models() if set(card.classes) == classes]
    for path in [*([said] if said is not None else []), *bundled]:
        try:
            classifier = Classifier.load(path)
        except InputError:
            continue
        if classifier.model_hash == results.plan.model_hash:
            return FoundModel(classifier, path)
    return None


def open_pictures(results: Results) -> CellSet:
    """Open the cells of a run; no pixels are read.

    Raises
    ------
    InputError
        With what is wrong and what to do: where they are gone, or others now.
    """
    from sparseattn.cli.run_sources import FILE, open_sources, sources_of

    if not (results.folder / FILE).is_file():
        raise InputError(
            f"{results.folder / FILE}, which says where they are, is missing; classify the cells again"
        )
    gone = [path for path in sources_of(results.folder) if not path.exists()]
    if gone:
        raise InputError(
            f"{gone[0]} is not there any more; connect its drive or put it back, and press Try again"
        )
    cells = open_sources(results.folder, results.classes, may_ask=False)
    results.check_cells(cells)
    give_back_memory()
    return cells


def choose_rows(answers: pd.DataFrame, chosen: CellFilter, order: CellOrder) -> NDArray[np.int64]:
    """Return the rows that pass a filter, in order.

    Raises
    ------
    InputError
        Where the filter names a column that is not there.
    """
    from sparseattn.table.filters import CellOrder, rows_shown

    rows = rows_shown(answers, chosen, order if order.column in answers.columns else CellOrder())
    give_back_memory()
    return rows
