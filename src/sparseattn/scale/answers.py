"""What a run in parts says of all its cells, in few bytes a cell: to be filtered, sorted and counted."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as compute
from numpy.typing import NDArray

from sparseattn.scale.results import Results

OnRows = Callable[[int, int], None]

MOST_TEXTS = 2000
"""A column of more different texts than so many tells the cells one by one, and is left in the files."""

MOST_NUMBERS = 8
"""Further columns of numbers that are taken along."""

_TEXTS = ("predicted", "human_label", "split")
_NUMBERS = ("confidence", "entropy", "in_distribution")


def read_answers(results: Results, on_rows: OnRows | None = None) -> pd.DataFrame:
    """Read what cells are filtered, sorted and counted by, a part at a time.

    Parameters
    ----------
    results : Results
        Of n cells.
    on_rows : callable, optional
        Called after each part with the rows that are read, and all; what it raises ends it.

    Returns
    -------
    DataFrame
        A row a cell in their order, as `sparseattn.table.cell_table` names the columns: the sample columns,
        predicted, confidence, entropy, in_distribution, human_label, split, labelled, disagreement. Texts are
        categories (of predicted: the model's classes in their order), numbers float32. A cell that could not
        be read has no predicted class and NaN. Of sample columns those are there that have at most
        `MOST_TEXTS` texts, and the first `MOST_NUMBERS` of numbers.

    Raises
    ------
    InputError
        Where a part is damaged or gone.
    """
    count = len(results)
    samples = _sample_columns(results)
    numbers = {name: np.full(count, np.nan, np.float32) for name in (*samples.numbers, *_NUMBERS)}
    texts = {name: _Texts(count) for name in (*samples.texts, *_TEXTS)}
    texts["predicted"].known = {name: place for place, name in enumerate(results.classes)}
    row = 0
    for part in results.parts([*numbers, *texts]):
        rows = slice(row, row + len(part))
        for name, values in numbers.items():
            values[rows] = part.column(name).to_numpy()
        for name in list(texts):
            texts[name].put(rows, part.column(name))
            if name in samples.texts and len(texts[name].known) > MOST_TEXTS:
                del texts[name]
        row += len(part)
        if on_rows is not None:
            on_rows(row, count)
    columns: dict[str, Any] = {
        name: texts[name].column() if name in texts else numbers[name]
        for name in samples.in_order
        if name in texts or name in numbers
    }
    predicted, known = texts["predicted"].column(), texts["human_label"].column()
    columns["predicted"] = predicted
    columns |= {name: numbers[name] for name in _NUMBERS}
    columns["human_label"] = known
    columns["split"] = texts["split"].column()
    columns["labelled"] = known.codes >= 0
    columns["disagreement"] = _differ(known, predicted)
    return pd.DataFrame(columns, copy=False)


class _SampleColumns:
    def __init__(self, columns: tuple[tuple[str, str], ...]) -> None:
        self.in_order = [name for name, _ in columns]
        self.texts = [name for name, kind in columns if kind == "string"]
        others = [name for name, kind in columns if kind != "string" and not kind.startswith("bool")]
        self.numbers = others[:MOST_NUMBERS]


def _sample_columns(results: Results) -> _SampleColumns:
    """Return the columns between the source and what the model says."""
    names = results.columns
    first, last = names.index("source") + 1, names.index("predicted")
    return _SampleColumns(results.plan.columns[first:last])


class _Texts:
    """A column of few different texts as numbers; -1 where there is none."""

    def __init__(self, count: int) -> None:
        self.codes: NDArray[np.int32] = np.full(count, -1, np.int32)
        self.known: dict[str, int] = {}

    def put(self, rows: slice, values: pa.ChunkedArray) -> None:
        """Take the texts of some rows."""
        found = compute.dictionary_encode(values).combine_chunks()
        places = [
            self.known.setdefault(text, len(self.known)) if text is not None else -1
            for text in found.dictionary.to_pylist()
        ]
        own = found.indices.fill_null(len(places)).to_numpy(zero_copy_only=False)
        self.codes[rows] = np.array([*places, -1], np.int32)[own]

    def column(self) -> pd.Categorical:
        codes = self.codes.astype(np.int8) if len(self.known) < 127 else self.codes
        return pd.Categorical.from_codes(codes, categories=pd.Index(list(self.known), dtype=object))


def _differ(known: pd.Categorical, predicted: pd.Categorical) -> NDArray[np.bool_]:
    """Return (n,) whether both are there and are not the same."""
    places = {name: place for place, name in enumerate(predicted.categories)}
    same = np.array([*(places.get(name, -2) for name in known.categories), -1], np.int64)
    differ: NDArray[np.bool_] = (
        (known.codes >= 0) & (predicted.codes >= 0) & (same[known.codes] != predicted.codes)
    )
    return differ
