"""Files of phase: every kind opens as optical path difference in nm, and says what it lacks."""

from pathlib import Path

import h5py
import numpy as np
import pytest
import tifffile
from scipy.io import savemat

from sparseattn.cells import open_cells, open_field
from sparseattn.errors import InputError

WAVELENGTH = 600.0
Y, X = np.mgrid[:40, :48].astype(np.float64)
PHASE = 2 * np.exp(-((Y - 20) ** 2 + (X - 24) ** 2) / 60)
OPD = PHASE * WAVELENGTH / (2 * np.pi)
LIGHT = {"wavelength_nm": WAVELENGTH}


def write(path: Path, array: np.ndarray) -> Path:
    if path.suffix == ".npy":
        np.save(path, array)
    elif path.suffix == ".npz":
        np.savez(path, phase=array)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, array, metadata={"axes": "YX"} if array.ndim == 2 else None)
    elif path.suffix == ".mat":
        savemat(path, {"phase": array.transpose(1, 2, 0) if array.ndim == 3 else array})
    else:
        with h5py.File(path, "w") as file:
            file["phase"] = array
    return path


def write_matlab_73(path: Path, **arrays: np.ndarray) -> Path:
    """Write what MATLAB's save -v7.3 does: axes in the opposite order, complex numbers as pairs."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            stored = array.T
            if np.iscomplexobj(array):
                pair = np.empty(stored.shape, [("real", "f8"), ("imag", "f8")])
                pair["real"], pair["imag"] = stored.real, stored.imag
                stored = pair
            file[name] = stored
            file[name].attrs["MATLAB_class"] = np.bytes_("double")
    header = b"MATLAB 7.3 MAT-file".ljust(124) + b"\x00\x02IM"
    with path.open("r+b") as stream:
        stream.write(header)
    return path


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".tif", ".mat", ".h5", ".hdf5"])
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_phase_in_every_container(tmp_path: Path, suffix: str, dtype: type) -> None:
    path = write(tmp_path / f"phase{suffix}", PHASE.astype(dtype))
    cells = open_cells(path, phase=LIGHT, pixel_size_um=0.25)
    assert cells.channels == ("optical path difference",)
    assert (cells.modality, cells.unit, cells.pixel_size_um) == ("phase", "nm", 0.25)
    assert cells.phase is not None and cells.phase.values == "radians"
    np.testing.assert_allclose(cells.read(0)[0], OPD, atol=1e-3)
    field = open_field(path, phase=LIGHT)
    assert (field.channels, field.modality, field.unit) == (cells.channels, "phase", "nm")
    np.testing.assert_allclose(field.plane(0)[0], OPD, atol=1e-3)


@pytest.mark.parametrize("suffix", [".npy", ".tif", ".mat", ".h5"])
def test_stacks_of_phase(tmp_path: Path, suffix: str) -> None:
    stack = np.stack([PHASE * factor for factor in np.linspace(0.5, 1.5, 20)]).astype(np.float32)
    cells = open_cells(write(tmp_path / f"stack{suffix}", stack), phase=LIGHT)
    assert len(cells) == 20 and cells.shapes[0] == (40, 48)
    np.testing.assert_allclose(cells.read(19)[0], OPD * 1.5, atol=1e-3)


def test_matlab_7_3(tmp_path: Path) -> None:
    stack = np.stack([PHASE * factor for factor in (0.5, 1, 1.5)], axis=2)
    cells = open_cells(write_matlab_73(tmp_path / "a.mat", phase=stack), phase=LIGHT)
    assert len(cells) == 3
    np.testing.assert_allclose(cells.read(1)[0], OPD, atol=1e-3)
    wave = write_matlab_73(tmp_path / "b.mat", wave=np.exp(1j * PHASE))
    np.testing.assert_allclose(open_cells(wave, phase=LIGHT).read(0)[0], OPD, atol=1e-3)


@pytest.mark.parametrize("suffix", [".npy", ".npz", ".mat", ".h5"])
def test_complex_waves(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path / f"wave{suffix}", np.exp(1j * PHASE))
    cells = open_cells(path, phase=LIGHT)
    np.testing.assert_allclose(cells.read(0)[0], OPD, atol=1e-3)
    with pytest.raises(InputError, match="real numbers"):
        open_cells(path)
    with pytest.raises(InputError, match="its numbers are complex, which 'radians' are not"):
        open_cells(path, phase={**LIGHT, "values": "radians"})


def test_what_the_file_does_not_say_is_asked_for(tmp_path: Path) -> None:
    path = write(tmp_path / "phase.npy", PHASE)
    with pytest.raises(InputError, match="does not say the wavelength of the light; give it by --wavelength"):
        open_cells(path, phase={"values": "radians"})
    with pytest.raises(InputError, match="does not say the wavelength"):
        open_field(path, phase={"values": "radians"})
    with pytest.raises(InputError, match="does not say what its numbers are; say so by --values"):
        open_cells(path, phase={"background": "tilt"})
    plain = open_cells(path)  # nobody says that it is phase
    assert (plain.modality, plain.unit, plain.phase) == ("unknown", None, None)
    with pytest.raises(InputError, match="has 3 channels, and an image of phase has one"):
        open_cells(write(tmp_path / "three.npy", np.zeros((3, 9, 9))), layout="CYX", phase=LIGHT)
    with pytest.raises(InputError, match="pixel size is 0"):
        open_cells(path, pixel_size_um=0)


def test_the_sidecar_says_it_for_a_folder(tmp_path: Path) -> None:
    write(tmp_path / "a.npy", PHASE)
    write(tmp_path / "b.npy", PHASE * 2)
    (tmp_path / "cells.json").write_text('{"phase": {"wavelength_nm": 600}, "pixel_size_um": 0.5}')
    cells = open_cells(tmp_path)
    assert (cells.unit, cells.pixel_size_um) == ("nm", 0.5)
    np.testing.assert_allclose(cells.read(1)[0], 2 * OPD, atol=1e-3)
    other = open_cells(tmp_path, phase={"background": "offset"})  # the rest is as the sidecar says
    assert other.phase is not None and (other.phase.wavelength_nm, other.phase.background) == (600, "offset")
    (tmp_path / "cells.json").write_text('{"phase": {"wavelength_nm": -1}}')
    with pytest.raises(InputError, match=r"cells\.json: The wavelength is -1"):
        open_cells(tmp_path)


def test_a_cell_keeps_its_id_whatever_is_made_of_it(tmp_path: Path) -> None:
    stack = np.stack([PHASE * factor for factor in np.linspace(0.5, 1.5, 20)]).astype(np.float32)
    path = write(tmp_path / "stack.npy", stack)
    tilted = open_cells(path, phase={**LIGHT, "background": "tilt"})
    assert tilted.ids == open_cells(path, phase=LIGHT).ids == open_cells(path).ids
    one, other = (open_field(path, phase={**LIGHT, "background": kind}) for kind in ("none", "tilt"))
    assert one.fingerprint(3) == other.fingerprint(3)


def test_a_reference_file(tmp_path: Path) -> None:
    ground = X / 40
    write(tmp_path / "phase.npy", PHASE + ground)
    empty = write(tmp_path / "_empty.npy", ground)
    cells = open_cells(tmp_path / "phase.npy", phase={**LIGHT, "reference": str(empty)})
    np.testing.assert_allclose(cells.read(0)[0], OPD, atol=1e-3)
    with pytest.raises(InputError, match=r"its reference .* cannot be used"):
        open_cells(tmp_path / "phase.npy", phase={**LIGHT, "reference": str(tmp_path / "gone.npy")})
    small = write(tmp_path / "_small.npy", ground[:-1])
    with pytest.raises(InputError, match=r"its reference is \(39, 48\) pixels large"):
        open_cells(tmp_path / "phase.npy", phase={**LIGHT, "reference": str(small)})


def test_which_dataset(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["run/first"], file["run/second"], file["names"] = PHASE, OPD, "text"
    with pytest.raises(InputError, match=r"2 datasets .* \(run/first, run/second\); say which by dataset="):
        open_cells(tmp_path / "a.h5")
    cells = open_cells(tmp_path / "a.h5", dataset="second", phase={"values": "nm"})
    np.testing.assert_allclose(cells.read(0)[0], OPD, atol=1e-3)
    with pytest.raises(InputError, match="it has no images called 'third'; it has run/first, run/second"):
        open_cells(tmp_path / "a.h5", dataset="third")
    savemat(tmp_path / "b.mat", {"amplitude": PHASE, "phase": PHASE, "text": "abc", "cell": {"a": 1}})
    assert len(open_cells(tmp_path / "b.mat")) == 1  # one has a usual name
    np.savez(tmp_path / "c.npz", one=PHASE, two=OPD)
    np.testing.assert_allclose(open_cells(tmp_path / "c.npz", dataset="two").read(0)[0], OPD)
    with pytest.raises(InputError, match="--dataset"):
        open_cells(tmp_path / "c.npz")


def test_files_that_point_elsewhere_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "secret.h5", "w") as file:
        file["images"] = PHASE
    PHASE.tofile(tmp_path / "raw.bin")
    with h5py.File(tmp_path / "link.h5", "w") as file:
        file["images"] = h5py.ExternalLink("secret.h5", "images")
    with h5py.File(tmp_path / "external.h5", "w") as file:
        file.create_dataset(
            "images", PHASE.shape, "f8", external=[(str(tmp_path / "raw.bin"), 0, PHASE.nbytes)]
        )
    with h5py.File(tmp_path / "virtual.h5", "w") as file:
        layout = h5py.VirtualLayout(PHASE.shape, "f8")
        layout[:] = h5py.VirtualSource(str(tmp_path / "secret.h5"), "images", PHASE.shape)
        file.create_virtual_dataset("images", layout)
    for name, reason in (
        ("link", "lies in another file"),
        ("external", "lie in other files"),
        ("virtual", "lie in other"),
    ):
        with pytest.raises(InputError, match=f"{reason}.*"):
            open_cells(tmp_path / f"{name}.h5")
        (tmp_path / f"{name}.mat").write_bytes((tmp_path / f"{name}.h5").read_bytes())
        with pytest.raises(InputError, match=f"{reason}.*"):
            open_cells(tmp_path / f"{name}.mat")


def test_chunks_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset(
            "images", (1 << 12, 1 << 12, 64), "u1", chunks=(1 << 12, 1 << 12, 64), compression=1
        )
    with pytest.raises(InputError, match="stored in parts too large"):
        open_field(tmp_path / "a.h5", layout="YXN")


def test_the_pixel_size_that_a_tiff_says(tmp_path: Path) -> None:
    image = PHASE.astype(np.float32)
    tifffile.imwrite(tmp_path / "a.tif", image, resolution=(4e4, 4e4), resolutionunit="CENTIMETER")
    tifffile.imwrite(tmp_path / "b.tif", image, imagej=True, resolution=(5, 5), metadata={"unit": "um"})
    ome = {"axes": "YX", "PhysicalSizeX": 0.2, "PhysicalSizeY": 0.2}
    tifffile.imwrite(tmp_path / "c.ome.tif", image, metadata=ome)
    tifffile.imwrite(tmp_path / "d.tif", image, resolution=(72, 72), resolutionunit="INCH")
    names = ("a.tif", "b.tif", "c.ome.tif", "d.tif")
    assert [open_cells(tmp_path / name).pixel_size_um for name in names] == [0.25, 0.2, 0.2, None]


def test_images_that_would_fill_the_memory_are_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("images", (1 << 17, 1 << 17), "f4", chunks=(1 << 10, 1 << 10), compression=1)
        file.create_dataset("phase", (9000, 9000), "f4", chunks=(1 << 10, 1 << 10), compression=1)
    with pytest.raises(InputError, match="131072 x 131072 pixels is too large to be read at once"):
        open_field(tmp_path / "a.h5", dataset="images")
    with pytest.raises(InputError, match="9000 x 9000 pixels are too many for a phase image"):
        open_field(tmp_path / "a.h5", dataset="phase", phase=LIGHT)
