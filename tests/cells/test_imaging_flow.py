"""Exports of imaging flow cytometers: a file a cell and channel, a file a cell, montages; what is refused."""

from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.cells import open_cells
from sparseattn.cells.readers.cytometry.channel_files import files_together
from sparseattn.cells.readers.folders import Listed
from sparseattn.errors import InputError

RNG = np.random.default_rng(0)
CELLS = RNG.integers(1, 60000, (12, 3, 18, 20), dtype=np.uint16)
CHANNELS = ("Ch1", "Ch3", "Ch11")


def export(folder: Path, name: str, images: np.ndarray = CELLS) -> Path:
    """Write a file for each cell and channel; cells are numbered from 1."""
    for number, cell in enumerate(images, start=1):
        for channel, image in zip(CHANNELS, cell, strict=True):
            path = folder / name.format(cell=number, channel=channel, n=channel[2:])
            path.parent.mkdir(parents=True, exist_ok=True)
            tifffile.imwrite(path, image, metadata=None)
    return folder


@pytest.mark.parametrize(
    "name",
    [
        "{cell}_{channel}.ome.tif",
        "Cell_{cell}_{channel}.tif",
        "run 2 {cell}-{channel}.tiff",
        "{cell}{channel}.tif",
        "{channel}_{cell}.tif",
        "{cell}_ch0{n}.tif",
        "object {cell} Channel {n}.tif",
    ],
)
def test_a_file_a_cell_and_channel(tmp_path: Path, name: str) -> None:
    cells = open_cells(export(tmp_path, name), strict=True)
    assert (len(cells), cells.channels, cells.modality) == (12, CHANNELS, "flow")
    for index, image in enumerate(CELLS):  # in the order of the numbers: 2 before 12
        np.testing.assert_array_equal(cells.read(index), image)
    assert len(set(cells.ids)) == 12


def test_the_id_tells_the_content_of_all_channels(tmp_path: Path) -> None:
    one = open_cells(export(tmp_path / "a", "{cell}_{channel}.tif"))
    other = open_cells(export(tmp_path / "b", "{channel} {cell}.tif"))
    assert one.ids == other.ids
    changed = CELLS.copy()
    changed[0, 2, 0, 0] += 1
    third = open_cells(export(tmp_path / "c", "{cell}_{channel}.tif", changed))
    assert third.ids[0] != one.ids[0] and third.ids[1:] == one.ids[1:]


def test_class_folders_hold_the_same_numbers_again(tmp_path: Path) -> None:
    export(tmp_path / "G1", "{cell}_{channel}.tif", CELLS[:5])
    export(tmp_path / "G2", "{cell}_{channel}.tif", CELLS[5:])
    cells = open_cells(tmp_path, subfolders="classes")
    assert (len(cells), cells.classes, cells.labels.count("G1")) == (12, ("G1", "G2"), 5)


def test_other_names_are_said_by_a_pattern(tmp_path: Path) -> None:
    for number in (1, 2):
        for kind in ("dapi", "tubulin"):
            tifffile.imwrite(tmp_path / f"test{number}_{kind}.tif", CELLS[number, 0])
    assert len(open_cells(tmp_path)) == 4  # nobody said that they belong together
    cells = open_cells(tmp_path, file_names="{cell}_{channel}")
    assert (len(cells), cells.channels) == (2, ("dapi", "tubulin"))
    for pattern in ("{cell}", "{cell}_{cell}", "{channel}"):
        with pytest.raises(InputError, match=r"give a pattern with \{cell\} and \{channel\} once each"):
            open_cells(tmp_path, file_names=pattern)
    with pytest.raises(
        InputError, match=r"No file is named as '\{cell\}\+\{channel\}' says, such as 12\+Ch1"
    ):
        open_cells(tmp_path, file_names="{cell}+{channel}")


def test_a_cell_that_lacks_a_channel_is_left_out(tmp_path: Path) -> None:
    export(tmp_path, "{cell}_{channel}.tif")
    (tmp_path / "7_Ch3.tif").unlink()
    tifffile.imwrite(tmp_path / "8_Ch3.tif", CELLS[0, 0, :9])
    tifffile.imwrite(tmp_path / "overview.tif", CELLS[0, 0])
    cells = open_cells(tmp_path)
    assert len(cells) == 10
    reasons = {Path(skip.origin).name: skip.reason for skip in cells.skipped}
    assert reasons["7"] == "it has no file of channel Ch3"
    assert "channel Ch3 differs from Ch1 in size" in reasons["8_Ch1.tif"]
    assert reasons["overview.tif"] == "its name has no channel"


def test_a_multi_page_file_a_cell(tmp_path: Path) -> None:
    for number, cell in enumerate(CELLS):
        tifffile.imwrite(tmp_path / f"{number:02}.tif", cell, metadata=None, photometric="minisblack")
    cells = open_cells(tmp_path)
    assert (len(cells), len(cells.channels)) == (12, 3)
    np.testing.assert_array_equal(cells.read(11), CELLS[11])


def montage(images: np.ndarray, rows: int, columns: int) -> np.ndarray:
    """(N, H, W) side by side; what is left over stays blank."""
    height, width = images.shape[1:]
    grid = np.zeros((rows * height, columns * width), images.dtype)
    for number, image in enumerate(images):
        y, x = divmod(number, columns)
        grid[y * height : (y + 1) * height, x * width : (x + 1) * width] = image
    return grid


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_a_montage_is_cut_into_its_cells(tmp_path: Path, compression: str | None) -> None:
    tifffile.imwrite(tmp_path / "m.tif", montage(CELLS[:, 0], 3, 5), compression=compression)
    cells = open_cells(tmp_path / "m.tif", tile=(18, 20))
    assert (len(cells), cells.shapes[0]) == (12, (18, 20))  # the blank ones at the end are no cells
    for index in range(12):
        np.testing.assert_array_equal(cells.read(index)[0], CELLS[index, 0])
    with pytest.raises(InputError, match="no whole number of tiles of 19 x 20"):
        open_cells(tmp_path / "m.tif", tile=(19, 20))
    with pytest.raises(InputError, match="tile of a montage is"):
        open_cells(tmp_path / "m.tif", tile=(0, 20))


def test_montages_a_channel_each(tmp_path: Path) -> None:
    for channel, name in enumerate(CHANNELS):
        for number, part in enumerate((CELLS[:6, channel], CELLS[6:, channel]), start=1):
            tifffile.imwrite(tmp_path / f"{name}_{number}.tif", montage(part, 2, 3))
    cells = open_cells(tmp_path, tile=(18, 20))
    assert (len(cells), cells.channels) == (12, CHANNELS)
    for index, image in enumerate(CELLS):
        np.testing.assert_array_equal(cells.read(index), image)


@pytest.mark.parametrize("suffix", ["cif", "rif", "daf", "CIF"])
def test_amnis_files_are_refused_with_the_way_here(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(b"II*\0")
    with pytest.raises(InputError, match=r"Tools > Export \.tif images\.\.\., 16 bit, raw, one file per"):
        open_cells(tmp_path / f"a.{suffix}")
    with pytest.raises(InputError, match="IDEAS"):
        open_cells(tmp_path)


@given(st.lists(st.text("abcCH hn_-0123456789", min_size=1, max_size=12), max_size=12, unique=True))
def test_every_file_is_in_one_cell_or_left_out(stems: list[str]) -> None:
    listed = [Listed(Path(f"{stem}.tif"), None) for stem in stems]
    together, skipped = files_together(listed, None)
    files = [path for item in together for path in ([p for _, p in item.channels] or [item.path])]
    assert len(set(files)) == len(files) <= len(listed)
    assert set(files) <= {item.path for item in listed}
    assert skipped or len(files) == len(listed)


def test_real_exports(real_data: Path) -> None:
    folder = real_data / "formats" / "flow_scip"
    cells = open_cells(folder, file_names="{cell}_{channel}")
    assert (len(cells), cells.channels, cells.shapes) == (2, ("1", "2"), ((400, 400),) * 2)
    np.testing.assert_array_equal(cells.read(1)[1], tifffile.imread(folder / "test2_2.tiff"))
