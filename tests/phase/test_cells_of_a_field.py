"""Cells of a phase field: found, cut out and weighed, on simulated fields whose truth is known."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sparseattn.cells import CellSet, Field, cut_cells, find_cells, open_cells, open_field
from sparseattn.cells.measure import Measurements, measure_cells
from sparseattn.errors import InputError
from sparseattn.phase import dry_mass
from sparseattn.table.cell_table import cell_table

MakeField = Callable[..., Any]


def opened(field: Any, folder: Path) -> Field:
    """Write what is seen as radians, and open it as a user would."""
    path = folder / "field.npy"
    np.save(path, field.seen * 2 * np.pi / 633)
    said = {"wavelength_nm": 633, "background": "tilt"}
    return open_field(path, phase=said, pixel_size_um=field.pixel_size_um)


def overlaps(found: np.ndarray, true: np.ndarray) -> np.ndarray:
    """(found, true) intersection over union of each cell with each."""
    both = np.zeros((found.max() + 1, true.max() + 1))
    np.add.at(both, (found.ravel(), true.ravel()), 1)
    union = both.sum(axis=1, keepdims=True) + both.sum(axis=0, keepdims=True) - both
    return (both / np.maximum(union, 1))[1:, 1:]


def measured(cells: CellSet, **more: Any) -> Measurements:
    result = Measurements.none_of(cells)
    for part, some in measure_cells(cells, **more):
        result.put(part, some)
    return result


@pytest.mark.parametrize(("seed", "wanted"), [(1, 12), (2, 40)])
def test_cells_are_found_and_weighed(phase_field: MakeField, tmp_path: Path, seed: int, wanted: int) -> None:
    truth = phase_field(seed, (384, 448), wanted)
    field = opened(truth, tmp_path)
    labels = find_cells(field)
    matches = overlaps(labels, truth.labels)
    assert (matches.max(axis=0) > 0.7).mean() >= 0.97  # found
    assert (matches.max(axis=1) > 0.7).mean() >= 0.97  # not made up
    found = cut_cells(field, Field.from_array(labels, "YX"))
    assert (found.cells.unit, found.cells.pixel_size_um) == ("nm", truth.pixel_size_um)
    result = measured(found.cells)
    for index in np.flatnonzero(matches.max(axis=0) > 0.7):
        row = matches[:, index].argmax()
        assert result.further["dry_mass_pg"][row] == pytest.approx(truth.masses[index], rel=0.06)
        area = (truth.labels == index + 1).sum()
        assert result.area[row] == pytest.approx(area, rel=0.35)
    np.testing.assert_allclose(result.further["area_um2"], result.area * truth.pixel_size_um**2)
    table = cell_table(found.cells, measurements=result)
    assert {"area_um2", "mean_opd_nm", "dry_mass_pg"} <= set(table.columns)


def test_true_outlines_give_the_true_mass(phase_field: MakeField, tmp_path: Path) -> None:
    truth = phase_field(1, (384, 448), 12)
    found = cut_cells(opened(truth, tmp_path), Field.from_array(truth.labels, "YX"))
    result = measured(found.cells).further
    np.testing.assert_allclose(result["dry_mass_pg"], truth.masses, rtol=0.02)
    means = [truth.clean[truth.labels == label].mean() for label in range(1, len(truth.masses) + 1)]
    np.testing.assert_allclose(result["mean_opd_nm"], means, atol=1.5)
    other = measured(found.cells, increment=0.19).further["dry_mass_pg"]
    np.testing.assert_allclose(other, result["dry_mass_pg"] * 0.18 / 0.19)
    with pytest.raises(InputError, match="refraction increment is 0"):
        measured(found.cells, increment=0)


def test_cells_of_their_own_are_weighed_without_a_mask(phase_field: MakeField, tmp_path: Path) -> None:
    truth = phase_field(1, (384, 448), 12)
    (tmp_path / "cells").mkdir()
    for label in range(1, len(truth.masses) + 1):
        y, x = (int(places.mean()) for places in np.nonzero(truth.labels == label))
        window = np.s_[max(y - 24, 0) : y + 24, max(x - 24, 0) : x + 24]
        others = (truth.labels[window] > 0) & (truth.labels[window] != label)
        image = np.where(others, 137, (truth.clean + 137)[window])  # on a ground that is not zero
        np.save(tmp_path / "cells" / f"{label:02}.npy", image)
    cells = open_cells(tmp_path / "cells", phase={"values": "nm"}, pixel_size_um=truth.pixel_size_um)
    masses = measured(cells).further["dry_mass_pg"]
    assert np.median(np.abs(masses / truth.masses - 1)) < 0.03


def test_what_is_not_known_is_no_column(tmp_path: Path) -> None:
    image = np.pad(np.full((20, 20), 300.0), 10)
    np.save(tmp_path / "cell.npy", image)
    opd = measured(open_cells(tmp_path / "cell.npy", phase={"values": "nm"})).further
    assert set(opd) == {"mean_opd_nm"} and opd["mean_opd_nm"][0] == pytest.approx(300)
    assert measured(open_cells(tmp_path / "cell.npy")).further == {}
    sized = measured(open_cells(tmp_path / "cell.npy", pixel_size_um=0.5))
    assert set(sized.further) == {"area_um2"} and sized.further["area_um2"][0] == pytest.approx(100)


def test_dry_mass_by_hand() -> None:
    """A disc of 10 µm² that is 180 nm "high" weighs 10 pg."""
    assert dry_mass(np.full(1000, 180.0), 0.1) == pytest.approx(10)
