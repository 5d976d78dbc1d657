"""The table of cells: a row for each, whether or not it is classified, labelled or measured yet."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.export.tables import answer_columns, cell_columns

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.cells.measure import Measurements
    from sparseattn.predictions import Predictions


def cell_table(
    cells: CellSet,
    *,
    predictions: Predictions | None = None,
    human_labels: Sequence[str | None] | None = None,
    measurements: Measurements | None = None,
    further_answers: Mapping[str, NDArray[Any]] | None = None,
    no_class: Collection[str] = (),
) -> pd.DataFrame:
    """Return a row for each cell, in their order.

    Parameters
    ----------
    cells : CellSet
        n cells.
    predictions : Predictions, optional
        Of these cells, or of some of them: ``predictions.indices`` are rows of the table.
    human_labels : sequence of (str or None), optional
        Class that people gave to each cell; the labels of the set where they are not given.
    measurements : Measurements, optional
        Of these cells.
    further_answers : mapping of str to ndarray, optional
        More columns of what the model says, (n,) each, None or NaN where it is not known.
    no_class : collection of str
        Labels that are no class, such as "unsure": their cells count as labelled, and disagree with nothing.

    Returns
    -------
    DataFrame
        id, source, the sample columns, predicted, confidence, p_<class> for each class, entropy (nats),
        in_distribution, k, human_label, split, model_hash: as `write_predictions` writes them, and without
        predictions those that need none. Where a cell is not classified text is None and numbers are NaN.
        Then ``further_answers``; if measured, area (pixels), area_um2, mean_opd_nm and dry_mass_pg where they
        are known, and mean_<channel>; labelled, whether the cell has a human_label; and disagreement, whether
        that is not the predicted class.

    Raises
    ------
    InputError
        Where labels, measurements, predictions or further answers are not of as many cells.
    """
    count = len(cells)
    further = dict(further_answers or {})
    for what, given in (("labels", human_labels), ("measurements", measurements), *further.items()):
        if given is not None and len(given) != count:
            raise InputError(f"there are {len(given)} {what} for {count} cells; give one a cell")
    answers = {**_answers(predictions, count), **further}
    measured = {} if measurements is None else _measured(measurements)
    taken = {*answers, *measured, "labelled", "disagreement"}
    columns: dict[str, Any] = {**cell_columns(cells, taken), **answers}
    labels = np.array(cells.labels if human_labels is None else human_labels, dtype=object)
    columns["human_label"] = labels
    columns["labelled"] = np.array([label is not None for label in labels], dtype=bool)
    columns["disagreement"] = np.array(
        [
            label is not None and predicted is not None and label != predicted and label not in no_class
            for label, predicted in zip(labels, columns["predicted"], strict=True)
        ],
        dtype=bool,
    )
    return pd.DataFrame({**columns, **measured})


def number_ranges(table: pd.DataFrame) -> dict[str, tuple[float, float]]:
    """Return the least and the largest number of each column of numbers in which they differ."""
    numbers = table[[name for name, kind in table.dtypes.items() if kind.kind in "iuf"]]
    return {
        str(name): (float(low), float(high))
        for name, low, high in zip(numbers.columns, numbers.min(), numbers.max(), strict=True)
        if low < high
    }


def _answers(predictions: Predictions | None, count: int) -> dict[str, Any]:
    """Return the columns of the model's answers with a value for each cell, in the order of an export."""
    if predictions is None:
        unknown = np.full(count, np.nan)
        empty = np.full(count, None, dtype=object)
        return {
            "predicted": empty,
            "confidence": unknown,
            "entropy": unknown,
            "in_distribution": unknown,
            "human_label": empty,
        }
    rows = predictions.indices
    if len(rows) and rows.max() >= count:
        raise InputError(f"the predictions are of other cells: there are only {count}; classify them again")
    return {
        name: _spread(np.asarray(values), rows, count) for name, values in answer_columns(predictions).items()
    }


def _measured(measurements: Measurements) -> dict[str, Any]:
    means = zip(measurements.channels, measurements.means.T, strict=True)
    return {
        "area": measurements.area,
        **measurements.further,
        **{f"mean_{channel}": values for channel, values in means},
    }


def _spread(values: NDArray[Any], rows: NDArray[np.int64], count: int) -> NDArray[Any]:
    """Return a value a cell: None or NaN where there is no row."""
    if len(rows) == count:
        spread = np.empty(count, dtype=values.dtype)
    elif values.dtype == object:
        spread = np.full(count, None, dtype=object)
    else:
        spread = np.full(count, np.nan, dtype=np.float64 if values.dtype.kind == "i" else values.dtype)
    spread[rows] = values
    return spread
