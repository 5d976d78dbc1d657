"""Thresholds give what scikit-image and SciPy give."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from scipy.ndimage import binary_fill_holes
from skimage.filters import apply_hysteresis_threshold, threshold_otsu

from sparseattn.cells.threshold import above_hysteresis, otsu, without_holes

SHAPES = arrays.array_shapes(min_dims=2, max_dims=2, max_side=12)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_the_threshold_is_otsus(kind: type) -> None:
    random = np.random.default_rng(0)
    for _ in range(20):
        values = np.concatenate([random.normal(0, 1, 500), random.normal(random.uniform(1, 9), 2, 300)])
        values = values.astype(kind)
        assert otsu(values) == pytest.approx(float(threshold_otsu(values)), abs=float(np.ptp(values)) / 200)
    assert otsu(np.full((3, 3), 7.5)) == 7.5


@given(arrays.arrays(np.float64, SHAPES, elements=st.integers(0, 6)), st.integers(0, 6), st.integers(0, 6))
def test_hysteresis(values: npt.NDArray[np.float64], one: int, other: int) -> None:
    low, high = sorted((one, other))
    expected = apply_hysteresis_threshold(values, low, high)
    np.testing.assert_array_equal(above_hysteresis(values, low, high), expected)


@given(arrays.arrays(np.bool_, SHAPES))
def test_holes(mask: npt.NDArray[np.bool_]) -> None:
    np.testing.assert_array_equal(without_holes(mask), binary_fill_holes(mask))
