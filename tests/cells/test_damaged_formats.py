"""Damaged HDF5, MATLAB and cytometry files, and packages that are not installed: one sentence each.

`python -m benchmarks.fuzz` tries thousands of damaged files of every kind.
"""

import random
import shutil
import struct
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numcodecs
import numpy as np
import pytest
import tifffile
import zarr
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from benchmarks.fuzz.damage import damaged
from benchmarks.fuzz.kinds import KINDS
from benchmarks.fuzz.look import look
from sparseattn.cells import open_cells
from sparseattn.errors import InputError

SOUND = ("hdf5", "rtdc", "montage", "mat5", "mat73", "hologram", "coco", "yolo", "lif")


@pytest.fixture(scope="module")
def sound(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Make a sound file of a kind, once."""
    folder = tmp_path_factory.mktemp("sound")

    def make(name: str) -> Path:
        path = folder / f"{name}{KINDS[name].suffix}"
        if not path.exists():
            KINDS[name].make(path)
        return path

    return make


@pytest.mark.filterwarnings("ignore")  # what libraries say of damaged files is theirs
@settings(max_examples=12, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(seed=st.integers(0, 1 << 32))
@pytest.mark.parametrize("name", SOUND)
def test_damaged_files_are_read_or_refused(
    sound: Callable[[str], Path], tmp_path: Path, name: str, seed: int
) -> None:
    path = tmp_path / f"{seed}{KINDS[name].suffix}"
    path.write_bytes(damaged(sound(name).read_bytes(), random.Random(seed)))
    assert look(path, KINDS[name]) in ("read", "refused")


@pytest.mark.parametrize("name", SOUND)
def test_the_sound_file_is_read(sound: Callable[[str], Path], name: str) -> None:
    assert look(sound(name), KINDS[name]) == "read"


@pytest.mark.parametrize("name", SOUND)
@pytest.mark.parametrize("other", SOUND)
def test_a_wrong_ending_is_no_trouble(
    sound: Callable[[str], Path], tmp_path: Path, name: str, other: str
) -> None:
    path = tmp_path / f"misnamed{KINDS[other].suffix}"
    path.write_bytes(sound(name).read_bytes())
    assert look(path, KINDS[other]) in ("read", "refused")


@pytest.mark.filterwarnings("ignore")  # of qpimage, which makes one of the files
@pytest.mark.parametrize(
    ("kind", "hidden", "extra"),
    [
        ("hdf5", "h5py", "phase"),
        ("mat73", "h5py", "phase"),
        ("rtdc", "h5py", "cytometry"),
        ("qpimage", "qpformat", "phase"),
        ("phasics", "qpformat", "phase"),
        ("hologram", "qpretrieve", "phase"),
    ],
)
def test_a_missing_package_is_named(sound: Callable[[str], Path], kind: str, hidden: str, extra: str) -> None:
    code = (
        f"import sys; sys.modules[{hidden!r}] = None\n"
        "from sparseattn.cells import open_cells\n"
        "from sparseattn.errors import InputError\n"
        "try:\n"
        f"    open_cells({str(sound(kind))!r}).read(0)\n"
        "except InputError as error:\n"
        "    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert f"pip install 'napari-sparseattn[{extra}]'" in done.stdout
    assert done.stdout.count("\n") == 1 and done.stderr == ""


def test_scores_need_h5py(tmp_path: Path) -> None:
    code = (
        "import sys; sys.modules['h5py'] = None\n"
        "from sparseattn.export.tables import check_table_path\n"
        "from sparseattn.errors import InputError\n"
        "try:\n    check_table_path('copy.rtdc')\nexcept InputError as error:\n    print(error)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'napari-sparseattn[cytometry]'" in done.stdout


def test_memory_stays_flat_over_a_large_recording(tmp_path: Path) -> None:
    """A stack of 400 MB is opened and read through with a small part of it in memory."""
    import h5py

    with h5py.File(tmp_path / "large.rtdc", "w") as file:
        images = file.create_dataset(
            "events/image", (20_000, 100, 200), "u1", chunks=(50, 100, 200), compression=1
        )
        images[::1000] = np.arange(20_000, dtype=np.uint8).reshape(100, 200)
        file["events/deform"] = np.zeros(20_000)
    code = (
        "import resource\n"
        "from sparseattn.cells import open_cells\n"
        f"cells = open_cells({str(tmp_path / 'large.rtdc')!r})\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "for index in range(0, 20000, 1000):\n    cells.read(index)\n"
        "print(len(cells), (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    count, mebibytes = done.stdout.split()
    assert count == "20000" and float(mebibytes) < 150


def test_pages_that_run_in_a_circle(tmp_path: Path) -> None:
    """tifffile would follow them for ever."""
    path = tmp_path / "circle.tif"
    with tifffile.TiffWriter(path) as writer:
        for size in (8, 9):
            writer.write(np.zeros((size, size), np.uint8), metadata=None)
    with tifffile.TiffFile(path) as tiff:
        first, last = tiff.pages[0].offset, tiff.pages[1]
        end = last.offset + 2 + 12 * len(last.tags)
    content = bytearray(path.read_bytes())
    content[end : end + 4] = struct.pack("<I", first)
    path.write_bytes(content)
    with pytest.raises(
        InputError, match=r"circle\.tif cannot be used: it is damaged: its pages run in a circle"
    ):
        open_cells(path)


@pytest.mark.parametrize("version", [2, 3])
def test_a_chunk_whose_head_lies_is_refused(tmp_path: Path, version: int) -> None:
    """Blosc would write beyond its memory, and the program end."""
    codec = zarr.codecs.BloscCodec() if version == 3 else numcodecs.Blosc()
    images = np.arange(6 * 24 * 30, dtype=np.uint16).reshape(6, 24, 30)
    path = tmp_path / "cells.zarr"
    zarr.create_array(str(path), data=images, chunks=(6, 24, 30), zarr_format=version, compressors=codec)
    assert np.array_equal(open_cells(path, layout="NYX").read(4)[0], images[4])
    damaged_path = shutil.copytree(path, tmp_path / "damaged.zarr")
    (chunk,) = (file for file in damaged_path.rglob("*") if file.is_file() and "z" not in file.name)
    content = chunk.read_bytes()
    chunk.write_bytes(content[:4] + b"!\x02" + content[4:])
    with pytest.raises(InputError, match="a chunk is damaged"):
        open_cells(damaged_path, layout="NYX").read(4)
    assert type(numcodecs.get_codec({"id": "blosc"})) is numcodecs.Blosc  # other users of Zarr keep theirs


def test_aedat4_whose_description_is_no_text(tmp_path: Path) -> None:
    """faery's native part would end the program."""
    path = tmp_path / "a.aedat4"
    KINDS["aedat4"].make(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"<") + 11] = 0xD3
    path.write_bytes(content)
    with pytest.raises(InputError, match="its description is no text"):
        open_cells(path)
