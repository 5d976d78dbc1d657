"""The table of cells: the export's columns, with a row for each cell whether or not it is classified."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from sparseattn.cells import CellSet
from sparseattn.cells.measure import Measurements, measure_cells
from sparseattn.errors import InputError
from sparseattn.export.tables import predictions_table, write_table
from sparseattn.predictions import Predictions
from sparseattn.table.cell_table import cell_table
from sparseattn.table.filters import CellFilter, CellOrder, rows_shown

Predict = Callable[..., Predictions]


def test_of_classified_cells_it_begins_with_what_an_export_writes(cells: CellSet, predict: Predict) -> None:
    predictions = predict(cells)
    table = cell_table(cells, predictions=predictions)
    written = predictions_table(predictions)
    pd.testing.assert_frame_equal(table[list(written.columns)], written)
    assert list(table.columns) == [*written.columns, "labelled", "disagreement"]


def test_cells_without_an_answer_have_a_row(cells: CellSet, predict: Predict) -> None:
    table = cell_table(cells, predictions=predict(cells, [3, 1]))
    assert len(table) == 40
    assert table["predicted"].notna().to_numpy().nonzero()[0].tolist() == [1, 3]
    assert np.isfinite(table["confidence"]).to_numpy().nonzero()[0].tolist() == [1, 3]
    whole = cell_table(cells, predictions=predict(cells))
    assert table.loc[[1, 3], "p_long"].tolist() == whole.loc[[1, 3], "p_long"].tolist()
    none = cell_table(cells)
    assert none["predicted"].isna().all() and none["confidence"].isna().all()
    assert none["id"].tolist() == list(cells.ids) and none["donor"].tolist() == list(
        cells.column("donor") or ()
    )


def test_disagreement_is_between_a_given_class_and_an_answer(cells: CellSet, predict: Predict) -> None:
    predictions = predict(cells, list(range(30)))
    labels = ["round", "long", "unsure", None] * 10
    table = cell_table(cells, predictions=predictions, human_labels=labels, no_class=("unsure",))
    for row in range(40):
        known = row < 30 and labels[row] in ("round", "long")
        differs = known and labels[row] != predictions.predicted[row]
        assert table["disagreement"][row] == differs
        assert table["labelled"][row] == (labels[row] is not None)
    assert table["disagreement"].any() and table["human_label"].tolist() == labels


def test_measurements_are_columns_and_sample_columns_make_way(cells: CellSet) -> None:
    (measured,) = [part for _, part in measure_cells(cells.subset(range(3)), chunk=5)]
    some = cells.subset(range(3)).with_columns({"area": ("x", "y", "z")})
    table = cell_table(some, measurements=measured)
    assert table["sample_area"].tolist() == ["x", "y", "z"]
    assert table["area"].tolist() == measured.area.tolist()
    assert table["mean_stain"].tolist() == measured.means[:, 1].tolist()


def test_counts_that_do_not_fit_are_refused(cells: CellSet, predict: Predict) -> None:
    with pytest.raises(InputError, match="39 labels for 40 cells"):
        cell_table(cells, human_labels=[None] * 39)
    with pytest.raises(InputError, match="3 measurements"):
        cell_table(cells, measurements=Measurements.none(3, ("light",)))
    with pytest.raises(InputError, match="other cells"):
        cell_table(cells.subset([0]), predictions=predict(cells))


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_what_is_shown_is_what_is_written(
    cells: CellSet, predict: Predict, tmp_path: Path, suffix: str
) -> None:
    table = cell_table(cells, predictions=predict(cells))
    rows = rows_shown(table, CellFilter(predicted=("long",)), CellOrder("confidence", descending=True))
    path = tmp_path / f"shown{suffix}"
    write_table(table.iloc[rows], path)
    back = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert 0 < len(back) < 40
    assert back["id"].tolist() == [cells.ids[row] for row in rows]
    assert back["confidence"].is_monotonic_decreasing and set(back["predicted"]) == {"long"}


def test_a_table_is_not_written_in_an_unknown_format(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"\.csv or \.parquet"):
        write_table(pd.DataFrame({"a": [1]}), tmp_path / "table.xlsx")
    assert not list(tmp_path.iterdir())
