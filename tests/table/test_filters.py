"""Filters and orders of the table: every condition does what it says, alone and with others."""

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from sparseattn.cells import CellSet
from sparseattn.errors import InputError
from sparseattn.predictions import Predictions
from sparseattn.table.cell_table import cell_table
from sparseattn.table.filters import CellFilter, CellOrder, rows_shown
from sparseattn.table.gates import PolygonGate

Predict = Callable[..., Predictions]

shares = st.floats(0, 1)
ranges = st.tuples(shares, shares).map(lambda pair: (min(pair), max(pair)))
choices = st.sampled_from([None, True, False])
gate = PolygonGate("g", "confidence", "entropy", ((0.0, 0.0), (0.9, 0.0), (0.9, 1.0), (0.0, 1.0)))
filters = st.builds(
    CellFilter,
    samples=st.sampled_from(
        [(), (("donor", ("A",)),), (("donor", ("A", "B")), ("day", ("1", "2"))), (("day", ()),)]
    ),
    predicted=st.sampled_from([(), ("long",), ("long", "round"), ("other",)]),
    given=st.sampled_from([(), ("round",), ("round", "long")]),
    confidence=ranges,
    in_distribution=ranges,
    labelled=choices,
    disagreement=choices,
    limits=st.sampled_from([(), (("entropy", 0.1, 0.6),), (("entropy", 0.0, 9.0), ("p_long", 0.3, 1.0))]),
    gates=st.sampled_from([(), (gate,)]),
)


def row_passes(row: Any, chosen: CellFilter) -> bool:
    """The same, one cell at a time, as one would say it."""
    between = [(row.confidence, chosen.confidence), (row.in_distribution, chosen.in_distribution)]
    return (
        all(not values or str(getattr(row, column)) in values for column, values in chosen.samples)
        and (not chosen.predicted or row.predicted in chosen.predicted)
        and (not chosen.given or row.human_label in chosen.given)
        and all(bounds == (0, 1) or bounds[0] <= value <= bounds[1] for value, bounds in between)
        and chosen.labelled in (None, row.labelled)
        and chosen.disagreement in (None, row.disagreement)
        and all(low <= getattr(row, column) <= high for column, low, high in chosen.limits)
        and (not chosen.gates or (0 <= row.confidence < 0.9 and 0 <= row.entropy < 1))
    )


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(filters)
def test_all_conditions_hold_together(cells: CellSet, predict: Predict, chosen: CellFilter) -> None:
    table = cell_table(cells, predictions=predict(cells, list(range(35))))
    wanted = [i for i, row in enumerate(table.itertuples()) if row_passes(row, chosen)]
    assert rows_shown(table, chosen).tolist() == wanted


@given(filters)
def test_a_filter_comes_back_from_json(chosen: CellFilter) -> None:
    assert CellFilter.from_json(json.loads(json.dumps(chosen.to_json()))) == chosen


def test_a_new_filter_lets_every_cell_pass(cells: CellSet) -> None:
    assert CellFilter().is_empty
    assert rows_shown(cell_table(cells), CellFilter()).tolist() == list(range(40))
    assert CellFilter.from_json({}) == CellFilter()
    asleep = PolygonGate("g", "area", "light", gate.vertices, active=False)
    assert CellFilter(gates=(asleep,)).is_empty and not CellFilter(gates=(gate,)).is_empty


def test_cells_that_are_not_classified_pass_only_whole_ranges(cells: CellSet) -> None:
    table = cell_table(cells)
    assert len(rows_shown(table, CellFilter(confidence=(0, 1)))) == 40
    assert len(rows_shown(table, CellFilter(confidence=(0, 0.99)))) == 0
    assert len(rows_shown(table, CellFilter(predicted=("long",)))) == 0


@pytest.mark.parametrize(
    "entry",
    [
        {"confidence": [0.9, 0.1]}, {"confidence": [0, 2]}, {"confidence": [0.5]}, {"confidence": None},
        {"predicted": "long"}, {"predicted": [3]}, {"labelled": 1}, {"samples": ["donor"]},
        {"samples": {"donor": "A"}}, {"gates": [{}]}, {"colour": "red"}, {"limits": {"area": [2, 1]}},
        {"limits": {"area": [0]}}, {"limits": [["area", 0, 1]]}, {"limits": {"area": [0, float("inf")]}},
    ],
)  # fmt: skip
def test_a_damaged_filter_is_refused(entry: dict[str, object]) -> None:
    with pytest.raises(InputError):
        CellFilter.from_json(entry)


def test_columns_that_are_not_there_are_named(cells: CellSet) -> None:
    table = cell_table(cells)
    with pytest.raises(InputError, match="'plate'"):
        rows_shown(table, CellFilter(samples=(("plate", ("1",)),)))
    for column in ("area", "donor"):  # no column, and one of text
        with pytest.raises(InputError, match=f"no numbers '{column}'"):
            rows_shown(table, CellFilter(limits=((column, 0, 1),)))
    with pytest.raises(InputError, match="'area'"):
        rows_shown(table, CellFilter(), CellOrder("area"))


@given(filters)
def test_without_answers_nothing_of_the_model_is_asked(chosen: CellFilter) -> None:
    left = chosen.without_answers()
    assert (left.samples, left.given, left.labelled) == (chosen.samples, chosen.given, chosen.labelled)
    assert left == CellFilter(samples=chosen.samples, given=chosen.given, labelled=chosen.labelled)
    area = PolygonGate("a", "area", "light", gate.vertices)
    own = CellFilter(limits=(("area", 1.0, 2.0),), gates=(area, gate))
    assert own.without_answers() == CellFilter(limits=(("area", 1.0, 2.0),), gates=(area,))


columns = st.lists(st.one_of(st.none(), st.sampled_from(["a", "b", "c"])), min_size=1, max_size=30)
floats = st.lists(st.one_of(st.just(float("nan")), st.integers(-3, 3).map(float)), min_size=1, max_size=30)


@given(st.one_of(columns, floats), st.booleans())
def test_rows_without_a_value_come_last_and_equal_ones_stay_in_order(values: list[Any], down: bool) -> None:
    table = pd.DataFrame({"value": pd.Series(values), "confidence": 0.5})
    rows = rows_shown(table, CellFilter(), CellOrder("value", down)).tolist()
    assert sorted(rows) == list(range(len(values)))
    known = [row for row in range(len(values)) if pd.notna(values[row])]
    expected = sorted(known, key=lambda row: values[row], reverse=down)
    assert rows == expected + [row for row in range(len(values)) if pd.isna(values[row])]


def test_an_order_comes_back_from_json() -> None:
    for order in (CellOrder(), CellOrder("confidence", True)):
        assert CellOrder.from_json(json.loads(json.dumps(order.to_json()))) == order
    for damaged in ({"column": 3}, {"column": "id", "descending": "yes"}):
        with pytest.raises(InputError):
            CellOrder.from_json(damaged)


def test_ten_thousand_cells_are_filtered_in_a_blink() -> None:
    """What a gallery does on the thread that draws the window: 30 ms and no more."""
    import time

    rng = np.random.default_rng(0)
    count = 10_000
    table = pd.DataFrame(
        {
            "confidence": rng.random(count),
            "entropy": rng.random(count),
            "predicted": rng.choice(["a", "b"], count),
            "labelled": rng.random(count) < 0.5,
        }
    )
    chosen = CellFilter(predicted=("a",), confidence=(0.1, 0.9), labelled=True, gates=(gate,))
    times = []
    for _ in range(5):
        start = time.perf_counter()
        rows = rows_shown(table, chosen, CellOrder("confidence", True))
        times.append(time.perf_counter() - start)
    assert 0 < len(rows) < count and min(times) < 0.03
