"""The 3D cell and its column integrals."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.simulate.cell_model import CELL_TYPES, Cell, grow
from sparseattn.simulate.columns import Columns, project
from sparseattn.simulate.opd import MEDIUM_INDEX, path_difference

FIELD, SIZE = 28.0, 64


def cell_of(position: int, seed: int) -> Cell:
    return grow(CELL_TYPES[position], np.random.default_rng(seed))


def columns_of(cell: Cell, **more: float) -> Columns:
    return project(cell, np.random.default_rng(0), SIZE, FIELD, **more)


def volume(columns: Columns) -> float:
    return float((columns.cytoplasm + columns.nucleus + columns.granules).sum() * columns.step**2)


def ball(radius: float = 4.0) -> Cell:
    """A smooth ball without granules, whose nucleus is a concentric ball of half the radius."""
    nothing, blob = np.empty((0, 3)), np.zeros((1, 3))
    return replace(
        cell_of(0, 0),
        axes=np.full(3, radius),
        bump_heights=np.zeros(5),
        blobs=blob,
        blob_radii=np.array([radius / 2]),
        nucleus_level=float(np.exp(-1)),
        granules=nothing,
        granule_radii=np.empty(0),
        vacuoles=nothing,
        vacuole_radii=np.empty(0),
    )


def test_a_ball_has_the_volume_and_the_depth_of_a_ball() -> None:
    columns = columns_of(ball())
    assert volume(columns) == pytest.approx(4 / 3 * np.pi * 4**3, rel=0.03)
    assert columns.nucleus.sum() * columns.step**2 == pytest.approx(4 / 3 * np.pi * 2**3, rel=0.05)
    assert (columns.cytoplasm + columns.nucleus).max() == pytest.approx(8, abs=0.2)
    assert columns.nucleus.max() == pytest.approx(4, abs=0.2)


def test_path_difference_is_the_index_above_the_medium_times_the_way() -> None:
    cell = replace(ball(), cytoplasm_index=MEDIUM_INDEX + 0.02, nucleus_index=MEDIUM_INDEX + 0.03)
    columns = columns_of(cell)
    columns = replace(columns, chromatin=columns.nucleus)
    # Through the middle: 4 µm of nucleus and 4 µm of cytoplasm.
    assert path_difference(cell, columns).max() == pytest.approx(1000 * (4 * 0.03 + 4 * 0.02), rel=0.04)
    assert path_difference(cell, columns)[0, 0] == 0


@settings(max_examples=15, deadline=None)
@given(position=st.integers(0, 4), seed=st.integers(0, 10_000), flattening=st.floats(1.2, 1.5))
def test_flattening_and_moving_keep_the_volume_and_the_share_of_the_nucleus(
    position: int, seed: int, flattening: float
) -> None:
    cell = cell_of(position, seed)
    round_cell, flat = columns_of(cell), columns_of(cell, flattening=flattening)
    moved = columns_of(cell, centre=(1.3, -2.1))
    assert volume(flat) == pytest.approx(volume(round_cell), rel=0.05)
    assert volume(moved) == pytest.approx(volume(round_cell), rel=0.05)
    share = float(round_cell.nucleus.sum() * round_cell.step**2) / volume(round_cell)
    wanted = cell.type.nucleus_share
    assert abs(share - wanted.mean) < 2 * wanted.deviation + 0.06
    for material in (flat.cytoplasm, flat.nucleus, flat.granules, flat.chromatin):
        assert np.isfinite(material).all() and material.min() >= 0


@settings(max_examples=10, deadline=None)
@given(position=st.integers(0, 4), seed=st.integers(0, 10_000))
def test_labels_cover_cell_and_nucleus(position: int, seed: int) -> None:
    labels = columns_of(cell_of(position, seed)).labels()
    assert labels.shape == (SIZE, SIZE) and labels.dtype == np.uint8
    assert set(np.unique(labels)) <= {0, 1, 2, 3}
    assert (labels == 2).sum() > 20
    assert (labels > 0).sum() > (labels == 2).sum()
    assert not labels[[0, -1]].any() and not labels[:, [0, -1]].any()


def test_types_differ_as_in_blood() -> None:
    sizes, granules = {}, {}
    for position, cell_type in enumerate(CELL_TYPES):
        cells = [cell_of(position, seed) for seed in range(40)]
        sizes[cell_type.name] = np.mean([cell.axes.mean() for cell in cells])
        granules[cell_type.name] = np.mean([(cell.granule_radii**3).sum() for cell in cells])
    assert min(sizes, key=sizes.get) == "lymphocyte"
    assert max(sizes, key=sizes.get) == "monocyte"
    assert granules["eosinophil"] > granules["neutrophil"] > granules["monocyte"] > granules["lymphocyte"]
