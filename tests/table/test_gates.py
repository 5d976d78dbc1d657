"""Polygon gates: what lies inside, whichever way they are drawn."""

import json
import math
from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.errors import InputError
from sparseattn.table.gates import PolygonGate, inside_gates, inside_polygon

numbers = st.floats(-1000, 1000, allow_subnormal=False)
positive = st.floats(1e-3, 1e6)
polygons = st.lists(st.tuples(numbers, numbers), min_size=3, max_size=9)
clouds = st.lists(st.tuples(numbers, numbers), min_size=1, max_size=40)


def inside(points: list[tuple[float, float]], vertices: list[tuple[float, float]]) -> list[bool]:
    x, y = np.array(points, dtype=float).T
    return inside_polygon(x, y, vertices).tolist()


@given(st.tuples(numbers, numbers), st.tuples(numbers, numbers), clouds)
def test_a_rectangle_is_a_pair_of_ranges(
    one: tuple[float, float], other: tuple[float, float], points: list[tuple[float, float]]
) -> None:
    (x0, x1), (y0, y1) = (sorted(pair) for pair in zip(one, other, strict=True))
    found = inside(points, [(x0, y0), (x1, y0), (x1, y1), (x0, y1)])
    assert found == [x0 <= x < x1 and y0 <= y < y1 for x, y in points]


@given(polygons, clouds, st.integers(0, 8))
def test_where_a_polygon_is_begun_and_which_way_it_runs_does_not_matter(
    vertices: list[tuple[float, float]], points: list[tuple[float, float]], turn: int
) -> None:
    turn %= len(vertices)
    turned = vertices[turn:] + vertices[:turn]
    assert inside(points, vertices) == inside(points, turned) == inside(points, turned[::-1])


# Millionths of a turn: corners that are closer than floats can tell make no polygon.
angles_of_corners = st.lists(st.integers(0, 999_999), min_size=3, max_size=9, unique=True).map(
    lambda parts: [2 * math.pi * part / 1_000_000 for part in parts]
)


@given(st.floats(0.1, 100), angles_of_corners, clouds)
def test_a_fan_of_triangles_tiles_its_polygon(
    radius: float, angles: list[float], points: list[tuple[float, float]]
) -> None:
    """Each point is in exactly one piece or in none, on shared edges too: no cell is counted twice."""
    corners = [(radius * math.cos(a), radius * math.sin(a)) for a in sorted(angles)]
    points = points + corners + [(0.0, 0.0)]
    pieces = [inside(points, [corners[0], one, two]) for one, two in pairwise(corners[1:])]
    counts = np.sum(pieces, axis=0)
    assert counts.tolist() == [int(found) for found in inside(points, corners)]


@given(polygons, clouds, numbers, numbers)
def test_a_point_far_outside_is_outside(
    vertices: list[tuple[float, float]], points: list[tuple[float, float]], dx: float, dy: float
) -> None:
    assert not any(inside([(x + 3000, y) for x, y in points], vertices))
    assert not any(inside([(x, y - 3000) for x, y in points], vertices))


def test_a_star_is_hollow_where_its_edges_cross() -> None:
    corners = [(math.sin(4 * math.pi * i / 5), math.cos(4 * math.pi * i / 5)) for i in range(5)]
    assert inside([(0, 0), (0, 0.8), (0.9, 0.9)], corners) == [False, True, False]


def test_without_a_number_a_cell_is_outside() -> None:
    square = [(-10.0, -10.0), (10.0, -10.0), (10.0, 10.0), (-10.0, 10.0)]
    assert inside([(math.nan, 0), (0, math.nan), (math.inf, 0), (0, 0)], square) == [
        False,
        False,
        False,
        True,
    ]


@given(st.lists(st.tuples(positive, positive), min_size=3, max_size=6), st.lists(positive, min_size=1))
def test_on_logarithmic_axes_edges_are_straight_in_the_logarithm(
    vertices: list[tuple[float, float]], values: list[float]
) -> None:
    table = pd.DataFrame({"area": values, "light": values[::-1]})
    gate = PolygonGate("g", "area", "light", tuple(vertices), log_x=True, log_y=True)
    logs = [(math.log10(x), math.log10(y)) for x, y in vertices]
    points = [(math.log10(x), math.log10(y)) for x, y in zip(values, values[::-1], strict=True)]
    assert gate.contains(table).tolist() == inside(points, logs)


def test_zero_has_no_place_on_a_logarithmic_axis() -> None:
    table = pd.DataFrame({"area": [0.0, -1.0, 5.0], "light": [5.0, 5.0, 5.0]})
    gate = PolygonGate("g", "area", "light", ((1, 0), (10, 0), (10, 9), (1, 9)), log_x=True)
    assert gate.contains(table).tolist() == [False, False, True]
    with pytest.raises(InputError, match="logarithmic axis area"):
        PolygonGate("g", "area", "light", ((0, 0), (10, 0), (10, 9)), log_x=True)


@given(
    st.text(), st.text(), st.lists(st.tuples(positive, positive), min_size=3, max_size=6),
    st.booleans(), st.booleans(), st.booleans(),
)  # fmt: skip
def test_a_gate_comes_back_from_json(
    name: str, column: str, vertices: list[tuple[float, float]], log_x: bool, log_y: bool, active: bool
) -> None:
    gate = PolygonGate(name, column, "y", tuple(vertices), log_x, log_y, active)
    assert PolygonGate.from_json(json.loads(json.dumps(gate.to_json()))) == gate


@pytest.mark.parametrize(
    "change",
    [
        {"vertices": [[0, 0], [1, 1]]}, {"vertices": [[0, 0], [1, 1], [1]]}, {"vertices": "abc"},
        {"vertices": [[0, 0], [1, 1], [float("nan"), 0]]}, {"x": 3}, {"log_x": "yes"}, {"active": None},
    ],
)  # fmt: skip
def test_a_damaged_gate_is_refused(change: dict[str, object]) -> None:
    sound = PolygonGate("g", "a", "b", ((0, 0), (1, 0), (1, 1))).to_json()
    with pytest.raises(InputError, match="gate"):
        PolygonGate.from_json({**sound, **change})
    for entry in sound:
        with pytest.raises(InputError, match="gate"):
            PolygonGate.from_json({name: value for name, value in sound.items() if name != entry})


def square(name: str, low: float, high: float, y: str = "b", active: bool = True) -> PolygonGate:
    corners = ((low, low), (high, low), (high, high), (low, high))
    return PolygonGate(name, "a", y, corners, active=active)


def test_gates_on_the_same_axes_are_choices_and_on_others_conditions() -> None:
    table = pd.DataFrame({"a": [1.0, 3.0, 5.0], "b": [1.0, 3.0, 5.0], "c": [1.0, 9.0, 9.0]})
    low, high, other = square("low", 0, 2), square("high", 2, 4), square("other", 0, 2, "c")
    assert inside_gates(table, [low, high]).tolist() == [True, True, False]
    assert inside_gates(table, [low, high, other]).tolist() == [True, False, False]
    assert inside_gates(table, [square("off", 8, 9, active=False)]).tolist() == [True] * 3
    assert inside_gates(table, []).tolist() == [True] * 3


def test_a_gate_on_a_column_that_is_not_there_says_so() -> None:
    table = pd.DataFrame({"a": [1.0], "name": ["x"]})
    with pytest.raises(InputError, match="needs the column 'b'"):
        square("g", 0, 1).contains(table)
    with pytest.raises(InputError, match="holds text"):
        square("g", 0, 1, "name").contains(table)
