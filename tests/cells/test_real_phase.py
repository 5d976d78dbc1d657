"""The real files of phase, each beside an independent reader of the same file."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile

from sparseattn.cells import open_cells, open_field
from sparseattn.errors import InputError


@pytest.fixture
def folder(real_data: Path) -> Path:
    return real_data / "formats" / "phase"


def qpformat_phase(path: Path, **more: object) -> np.ndarray:
    """Phase in radians, read by qpformat."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import qpformat

        return np.asarray(qpformat.load_data(path, meta_data=more).get_qpimage(0).pha).squeeze()


def without_level(image: np.ndarray) -> np.ndarray:
    return image - np.median(image)


def test_an_off_axis_hologram_in_qpformats_hdf5(folder: Path) -> None:
    path = folder / "single_hdf5_raw-oah.h5"
    cells = open_cells(path, phase={"background": "none"})
    assert cells.shapes == ((294, 280),)
    assert cells.pixel_size_um == pytest.approx(0.08475, abs=1e-5)
    expected = qpformat_phase(path) * 532 / (2 * np.pi)
    np.testing.assert_allclose(without_level(cells.read(0)[0]), without_level(expected), atol=0.05)
    flat = open_cells(path).read(0)[0]  # the tilt is taken off a raw picture where nothing is said
    ground = np.concatenate([flat[:8].ravel(), flat[-8:].ravel()])
    assert abs(np.median(ground)) < 10 and 220 < flat.max() < 300


def test_a_qlsi_picture(folder: Path) -> None:
    path = folder / "single_hdf5_raw-qlsi.h5"
    cells = open_cells(path, phase={"background": "none"})
    assert (cells.shapes, cells.pixel_size_um) == (((210, 250),), 0.06575)
    expected = qpformat_phase(path) * 550 / (2 * np.pi)
    np.testing.assert_allclose(without_level(cells.read(0)[0]), without_level(expected), atol=0.05)


def test_phasics(folder: Path) -> None:
    path = folder / "single_phasics.tif"
    cells = open_cells(path)
    opd = cells.read(0)[0]
    expected = qpformat_phase(path) * 550 / (2 * np.pi)
    assert (cells.shapes, cells.unit) == (((80, 120),), "nm")
    np.testing.assert_allclose(without_level(opd), without_level(expected), atol=0.05)
    with tifffile.TiffFile(path) as tiff:  # the file's own scale: tags 61243 and 61242, in wavelengths
        low, high = (float(tiff.pages[1].tags[tag].value) for tag in (61243, 61242))
        numbers = tiff.pages[1].asarray()
    np.testing.assert_allclose(opd, (numbers / 65535 * (high - low) + low) * 550, atol=0.05)


def test_qpimage(folder: Path) -> None:
    path = folder / "single_qpimage.h5"
    with pytest.raises(InputError, match="does not say the wavelength"):
        open_cells(path)
    opd = open_cells(path, phase={"wavelength_nm": 500}).read(0)[0]
    with h5py.File(path) as file:
        expected = file["phase/raw"][:] - file["phase/bg_data/fit"][:]
    np.testing.assert_allclose(opd, expected * 500 / (2 * np.pi), atol=1e-3)


def test_a_hologram_and_its_background(folder: Path) -> None:
    import qpretrieve
    from skimage.restoration import unwrap_phase

    path = folder / "hologram_cell.npz"
    cells = open_cells(path, phase={"wavelength_nm": 633, "background": "none"})
    with np.load(path) as archive, warnings.catch_warnings():
        warnings.simplefilter("ignore")
        cell = qpretrieve.OffAxisHologram(archive["data"])
        empty = qpretrieve.OffAxisHologram(archive["bg_data"])
        empty.process_like(cell)
        expected = unwrap_phase(np.angle(cell.field[0] / empty.field[0]))
    assert cells.shapes == ((200, 210),)
    np.testing.assert_allclose(
        without_level(cells.read(0)[0]), without_level(expected * 633 / (2 * np.pi)), atol=0.1
    )


def test_a_hologram_in_a_plain_tiff(folder: Path) -> None:
    path = folder / "single_holo.tif"
    assert open_cells(path).read(0).dtype == np.uint8  # a picture, unless somebody says what it is
    cells = open_cells(path, phase={"wavelength_nm": 633, "values": "hologram", "background": "none"})
    expected = qpformat_phase(path) * 633 / (2 * np.pi)
    np.testing.assert_allclose(without_level(cells.read(0)[0]), without_level(expected), atol=0.1)


def test_a_field_of_phase_is_read_as_the_numbers_that_were_measured(folder: Path) -> None:
    field = open_field(folder / "Example3.tiff", modality="phase")
    expected = tifffile.imread(folder / "Example3.tiff")
    assert (field.shape, field.dtype, field.channels) == ((1201, 1201), np.uint16, ("intensity",))
    assert np.array_equal(field.plane(0)[0], expected)
