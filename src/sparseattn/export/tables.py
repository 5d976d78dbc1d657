"""Predictions as a table that other programs read: CSV, Parquet, AnnData (.h5ad) or FCS, a row a cell."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Collection, Iterable
from importlib import import_module
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from sparseattn.csv_text import write_csv
from sparseattn.errors import InputError
from sparseattn.export import recording
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.predictions import Predictions

FEATURES = "X_sparseattn"
"""Key of the net's features in AnnData's ``obsm``; ``X_`` is how scanpy names what it can go on from."""

_FCS_TEXT_BYTES = 90_000_000
"""The FCS header gives the end of the text in eight digits."""


def write_predictions(predictions: Predictions, path: str | Path) -> None:
    """Write predictions in the format that the suffix names.

    ``.csv``
        UTF-8. Text that a spreadsheet would take for a formula gets a leading ``'``: `sparseattn.csv_text`.
    ``.parquet``
        The same columns with their types.
    ``.h5ad``
        AnnData: X are the probabilities, var the classes, obs the other columns, obs names the ids; the
        model's hash and k are in uns. The net's features, where the predictions hold them, are
        ``obsm["X_sparseattn"]`` (n, D): ``scanpy.pp.neighbors(data, use_rep="X_sparseattn")`` goes on.
    ``.fcs``
        FCS 3.1 holds 32-bit numbers only: text in the n-th column is written as numbers from 0, and the
        keyword ``SPARSEATTN_P<n>`` holds the JSON list of the texts that they stand for; -1 is none.
    ``.rtdc``
        A copy of the recording that the cells came from, with a feature ``ml_score_xxx`` for each class: see
        `sparseattn.export.recording`.

    Parameters
    ----------
    predictions : Predictions
        What `Classifier.predict` returned.
    path : str or Path
        File to write; what was there before is replaced when all is written.

    Raises
    ------
    InputError
        Where the suffix is not one of these, the format's library is not installed, or the file cannot be
        written.
    """
    path = Path(path)
    write = _writer(path)
    if path.suffix.lower() == recording.SUFFIX:
        recording.check_recording(sorted({origin.path for origin in predictions.cells.origins}), path)
    table = predictions_table(predictions)
    with replaced_file(path) as draft:
        write(predictions, table, draft)


def check_table_path(path: str | Path) -> None:
    """Raise InputError unless the suffix is known and its library is installed: before any work is done.

    Raises
    ------
    InputError
        As `write_predictions`.
    """
    _writer(Path(path))


def predictions_table(predictions: Predictions) -> pd.DataFrame:
    """Return a row a cell.

    Returns
    -------
    DataFrame
        id, source, the sample columns, predicted, confidence, p_<class> for each class, entropy (nats),
        in_distribution, k (pixels), human_label, split, model_hash. A sample column that has one of these
        names becomes ``sample_<name>``; text is None where there is none.
    """
    answers = answer_columns(predictions)
    return pd.DataFrame({**cell_columns(predictions.cells, answers), **answers})


def answer_columns(predictions: Predictions) -> dict[str, Any]:
    """Return the columns that a model's answers make, a value for each row of the predictions."""
    count = len(predictions)
    return {
        "predicted": text_column(predictions.predicted.tolist()),
        "confidence": predictions.confidence,
        **dict(zip(_share_columns(predictions), predictions.probabilities.T, strict=True)),
        "entropy": predictions.entropy,
        "in_distribution": predictions.in_distribution,
        "k": np.full(count, predictions.k, dtype=np.int32),
        "human_label": text_column(predictions.human_label),
        "split": text_column(predictions.sides),
        "model_hash": text_column([predictions.model_hash] * count),
    }


def cell_columns(cells: CellSet, taken: Collection[str]) -> dict[str, Any]:
    """Return id, source and the sample columns, a value a cell; taken names get ``sample_`` before."""
    before: dict[str, Any] = {
        "id": text_column(cells.ids),
        "source": text_column(str(origin) for origin in cells.origins),
    }
    samples: dict[str, Any] = {}
    for name, values in cells.samples.items():
        (free,) = text_column([str(name)])
        while free in before or free in taken or free in samples:
            free = f"sample_{free}"
        samples[free] = plain_column(values)
    return {**before, **samples}


def write_table(table: pd.DataFrame, path: str | Path) -> None:
    """Write any table of cells as .csv or .parquet, row for row; see `write_predictions`.

    Parameters
    ----------
    table : DataFrame
        Columns of numbers and text.
    path : str or Path
        File to write; what was there before is replaced when all is written.

    Raises
    ------
    InputError
        Where the suffix is another one, or the file cannot be written.
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix not in (".csv", ".parquet"):
        raise InputError(f"{path} is no known kind of table; let the name end in .csv or .parquet")
    with replaced_file(path) as draft:
        if suffix == ".csv":
            write_csv(table, draft)
        else:
            table.to_parquet(draft, engine="pyarrow", index=False)


def _share_columns(predictions: Predictions) -> list[str]:
    return [f"p_{name}" for name in text_column(predictions.classes)]


def plain_column(values: pd.Series[Any]) -> Any:
    """Return a sample column as numbers where all its values are numbers, else as text."""
    if values.dtype.kind in "iuf":
        return values.to_numpy()
    known = [value for value in values if not is_missing(value)]
    if known and all(
        isinstance(value, int | float | np.number) and not isinstance(value, bool) for value in known
    ):
        whole = len(known) == len(values) and all(float(value).is_integer() for value in known)
        return pd.to_numeric(values).to_numpy(dtype=np.int64 if whole else np.float64)
    return text_column(None if is_missing(value) else str(value) for value in values)


def text_column(values: Iterable[str | None]) -> NDArray[np.object_]:
    """Return text that UTF-8 can hold: names of files and folders may have bytes that are not."""
    kept = [value if value is None else value.encode(errors="backslashreplace").decode() for value in values]
    return np.array(kept, dtype=object)


def is_missing(value: object) -> bool:
    """Whether a value says that nothing is known: None, NaN, NA or NaT."""
    return (
        value is None or value is pd.NA or value is pd.NaT or (isinstance(value, float) and math.isnan(value))
    )


def _write_csv(predictions: Predictions, table: pd.DataFrame, path: Path) -> None:
    write_csv(table, path)


def _text_columns(table: pd.DataFrame) -> list[str]:
    return [name for name in table.columns if not pd.api.types.is_numeric_dtype(table[name])]


def _write_parquet(predictions: Predictions, table: pd.DataFrame, path: Path) -> None:
    table.to_parquet(path, engine="pyarrow", index=False)


def _write_h5ad(predictions: Predictions, table: pd.DataFrame, path: Path) -> None:
    anndata = _library(".h5ad")
    about = table.drop(columns=[*_share_columns(predictions), "k", "model_hash"]).set_index("id")
    # HDF5 would make groups of a slash
    about.columns = pd.Index([name.replace("/", "_") for name in about.columns])
    for name in _text_columns(about):
        about[name] = pd.Categorical(about[name])
    data = anndata.AnnData(
        X=predictions.probabilities,
        obs=about,
        var=pd.DataFrame(index=pd.Index(text_column(predictions.classes), name="class")),
        obsm={} if predictions.features is None else {FEATURES: predictions.features},
        uns={"model_hash": predictions.model_hash, "k": predictions.k, "entropy_unit": "nat"},
    )
    data.write_h5ad(path)


def _write_fcs(predictions: Predictions, table: pd.DataFrame, path: Path) -> None:
    flowio = _library(".fcs")
    text = _text_columns(table)
    keywords: dict[str, str] = {}
    columns: list[Any] = []
    names: list[str] = []
    for number, name in enumerate(table.columns, start=1):
        short = name.replace(",", "_")  # the standard keeps commas out of $PnN
        while short in names:
            short += "_"
        names.append(short)
        values = table[name]
        if name in text:
            codes, texts = pd.factorize(values)
            keywords[f"SPARSEATTN_P{number}"] = json.dumps(list(texts))
            values = pd.Series(codes)
        column = values.to_numpy(dtype=np.float32)
        finite = column[np.isfinite(column)]
        keywords[f"p{number}r"] = str(max(1, math.ceil(finite.max(initial=1))))
        columns.append(column)
    if sum(map(len, keywords.values())) > _FCS_TEXT_BYTES:
        raise InputError(f"{len(table)} cells are too many for an .fcs file; write .parquet")
    with path.open("wb") as stream:
        flowio.create_fcs(stream, np.stack(columns, axis=1).ravel(), names, list(table.columns), keywords)


def _write_rtdc(predictions: Predictions, table: pd.DataFrame, path: Path) -> None:
    recording.write_recording(predictions, path)


_LIBRARIES = {".h5ad": "anndata", ".fcs": "flowio", recording.SUFFIX: "h5py"}
_WRITERS: dict[str, Callable[[Predictions, pd.DataFrame, Path], None]] = {
    ".csv": _write_csv,
    ".parquet": _write_parquet,
    ".h5ad": _write_h5ad,
    ".fcs": _write_fcs,
    recording.SUFFIX: _write_rtdc,
}


def _writer(path: Path) -> Callable[[Predictions, pd.DataFrame, Path], None]:
    suffix = path.suffix.lower()
    if suffix not in _WRITERS:
        raise InputError(f"{path} is no known kind of table; let the name end in {', '.join(_WRITERS)}")
    if suffix in _LIBRARIES:
        _library(suffix)
    return _WRITERS[suffix]


def _library(suffix: str) -> ModuleType:
    try:
        return import_module(_LIBRARIES[suffix])
    except ImportError:
        raise InputError(
            f"{suffix} files need {_LIBRARIES[suffix]}; install it with: "
            "pip install 'napari-sparseattn[cytometry]'"
        ) from None
