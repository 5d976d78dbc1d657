"""What the instruments show of the same cell."""

import numpy as np
import pytest

from sparseattn.simulate import CLASSES, INSTRUMENTS, simulate_cell
from sparseattn.simulate.optics import speckle, through_lens

LENS = {"wavelength": 0.6, "aperture": 0.7, "index": 1.33}


@pytest.mark.parametrize("class_name", CLASSES)
def test_every_instrument_looks_at_the_same_cell(class_name: str) -> None:
    areas = {
        name: (simulate_cell(name, class_name, 3, 5).labels > 0).sum() * (instrument.field / 64) ** 2
        for name, instrument in INSTRUMENTS.items()
    }
    assert areas["events"] == pytest.approx(areas["opd"], rel=0.05)
    assert 1.3 < areas["stained"] / areas["opd"] < 2.3  # spread out on the slide


def test_opd_is_that_of_a_white_cell_in_nanometres() -> None:
    for class_name in CLASSES:
        view = simulate_cell("opd", class_name, 1, 0)
        assert view.image.dtype == np.float32 and view.image.shape == (64, 64)
        contrast = np.median(view.image[view.labels > 0]) - np.median(view.image[view.labels == 0])
        assert 50 < contrast < 400


def test_stained_nuclei_are_dark_and_purple_and_the_slide_is_bright() -> None:
    for class_name in CLASSES:
        view = simulate_cell("stained", class_name, 2, 0)
        nucleus = view.image[view.labels == 2].mean(0)
        red, green, blue = nucleus
        assert green < red and green < blue
        assert nucleus.mean() + 40 < view.image[view.labels == 0].mean()


def test_eosinophils_are_pinker_than_lymphocytes() -> None:
    def pinkness(class_name: str) -> float:
        """Red over blue of the cell outside its nucleus, against the empty slide's."""
        values = []
        for number in range(1, 9):
            view = simulate_cell("stained", class_name, number, 0)
            ground = np.percentile(view.image, 95, axis=(0, 1))
            red, _, blue = view.image[(view.labels == 1) | (view.labels == 3)].mean(0) / ground
            values.append(red / blue)
        return float(np.mean(values))

    assert pinkness("eosinophil") > pinkness("lymphocyte") + 0.1


def test_the_lens_passes_what_its_aperture_lets_in_and_keeps_its_energy_out_of_focus() -> None:
    field = speckle(np.random.default_rng(0), 64, 0.2, **LENS)
    assert np.mean(np.abs(field) ** 2) == pytest.approx(1, rel=1e-5)
    squared = np.fft.fftfreq(64, 0.2) ** 2
    outside = np.add.outer(squared, squared) > (LENS["aperture"] / LENS["wavelength"]) ** 2
    power = np.abs(np.fft.fft2(field)) ** 2
    assert power[outside].sum() < 1e-6 * power.sum()
    blurred = through_lens(field, 0.2, defocus=5.0, **LENS)
    assert np.mean(np.abs(blurred) ** 2) == pytest.approx(1, rel=1e-4)
    assert np.abs(through_lens(blurred, 0.2, defocus=-5.0, **LENS) - field).max() < 1e-4
