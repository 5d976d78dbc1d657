"""Microscopes' own files and OME-Zarr: shapes, channels, pixel size and pixels, as others read them."""

import struct
import subprocess
import sys
from pathlib import Path

import nd2
import numpy as np
import pytest
import zarr

from benchmarks.fuzz.makers.microscopy import PIXELS, czi, lif, plate
from sparseattn.cells import open_cells, open_field
from sparseattn.errors import InputError


def test_real_nd2_is_as_its_own_library_reads_it(real_data: Path) -> None:
    for path in sorted((real_data / "formats" / "nd2").glob("*.nd2")):
        with nd2.ND2File(path) as file:
            known = file.asarray()
            names = [channel.channel.name for channel in file.metadata.channels]
            size = file.voxel_size().x
        field = open_field(path)
        assert field.channels == tuple(names) == ("Mono", "DAPI", "FITC BP", "TRITC BP")
        assert field.pixel_size_um == pytest.approx(size) and field.planes == 1
        assert np.array_equal(field.plane(0), known)


def test_real_plate_of_bioformats2raw(real_data: Path) -> None:
    path = real_data / "formats" / "ome_zarr" / "xyz_8bit__mitotic_plate_calibrated.ome.zarr"
    field = open_field(path)
    assert (field.planes, field.shape, field.channels) == (6, (263, 263), ("Channel 0",))
    assert field.pixel_size_um == pytest.approx(0.08519643)
    known = zarr.open_array(str(path / "0" / "0"), mode="r")
    assert np.array_equal(field.plane(3)[0], known[0, 0, 3])
    assert open_field(path, dataset="0").shape == open_field(path / "0").shape == (263, 263)


def test_czi(tmp_path: Path) -> None:
    if sys.version_info >= (3, 14):
        (tmp_path / "a.czi").write_bytes(b"ZISRAWFILE")
        with pytest.raises(InputError, match=r"need Python 3\.13 or older"):
            open_field(tmp_path / "a.czi")
        return
    czi(tmp_path / "a.czi")
    field = open_field(tmp_path / "a.czi")
    assert field.channels == ("DAPI", "GFP") and field.pixel_size_um == pytest.approx(0.25)
    assert np.array_equal(field.plane(0), PIXELS)
    cells = open_cells(tmp_path / "a.czi")
    assert len(cells) == 1 and cells.pixel_size_um == pytest.approx(0.25)


def test_lif_of_several_series(tmp_path: Path) -> None:
    lif(tmp_path / "a.lif")
    with pytest.raises(InputError, match=r"2 series \(.*position 0.*name one of them as dataset"):
        open_field(tmp_path / "a.lif")
    field = open_field(tmp_path / "a.lif", dataset="1")
    assert field.shape == (24, 30) and field.pixel_size_um == pytest.approx(0.5)
    assert np.array_equal(field.plane(0)[0], PIXELS[1])
    with pytest.raises(InputError, match="no series 'position 7'"):
        open_field(tmp_path / "a.lif", dataset="position 7")


def test_a_plate_names_its_fields(tmp_path: Path) -> None:
    last = plate(tmp_path / "plate.ome.zarr")
    with pytest.raises(InputError, match=r"3 series \(A/1/0, B/2/0, B/2/1\)"):
        open_field(tmp_path / "plate.ome.zarr")
    field = open_field(tmp_path / "plate.ome.zarr", dataset="B/2/1")
    assert field.channels == ("DNA", "actin") and field.pixel_size_um == pytest.approx(0.325)
    assert np.array_equal(field.plane(0), last)


@pytest.mark.parametrize("suffix", [".nd2", ".czi", ".lif"])
@pytest.mark.parametrize(
    "content", [b"", b"no image at all", b"\xda\xce\xbe\x0a" + bytes(200), b"ZISRAWFILE"]
)
def test_damaged_files(suffix: str, content: bytes, tmp_path: Path) -> None:
    path = tmp_path / f"bad{suffix}"
    path.write_bytes(content)
    for open_it in (open_field, open_cells):
        with pytest.raises(InputError, match=f"bad\\{suffix}"):
            open_it(path)


@pytest.mark.parametrize(
    ("hidden", "name", "extra"),
    [
        ("bioio_nd2", "a.nd2", "microscopy"),
        pytest.param(
            *("bioio_czi", "a.czi", "microscopy"),
            marks=pytest.mark.skipif(sys.version_info >= (3, 14), reason="no CZI there"),
        ),
        ("bioio_lif", "a.lif", "microscopy"),
        ("faery", "a.aedat4", "events"),
        ("faery", "a.es", "events"),
    ],
)
def test_a_package_that_is_missing_is_named(hidden: str, name: str, extra: str, tmp_path: Path) -> None:
    content = b"#!AER-DAT4.0\r\n" + struct.pack("<I", 8) + bytes(8) if name == "a.aedat4" else b"anything"
    (tmp_path / name).write_bytes(content)
    code = (
        f"import sys; sys.modules[{hidden!r}] = None\n"
        "from sparseattn.cli.app import run\n"
        "sys.exit(run(sys.argv[1:]))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, "info", str(tmp_path / name)], capture_output=True, text=True
    )
    assert done.returncode == 2 and done.stdout == ""
    assert f"pip install 'napari-sparseattn[{extra}]'" in done.stderr and len(done.stderr.splitlines()) == 1
