"""Files that cannot be used: named, left out with a reason, or an error when strict."""

import os
import shutil
import struct
import zlib
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from sparseattn.cells import fit_prepare, open_cells
from sparseattn.errors import CellError, InputError

RNG = np.random.default_rng(0)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with one sound cell; each test puts a bad one beside it."""
    iio.imwrite(tmp_path / "good.png", RNG.integers(0, 255, (12, 10), dtype=np.uint8))
    return tmp_path


def check_left_out(folder: Path, reason: str) -> None:
    """The bad file is left out with the reason; when strict, or alone, it is an error that names it."""
    cells = open_cells(folder)
    assert [origin.path.name for origin in cells.origins] == ["good.png"]
    (skip,) = cells.skipped
    assert Path(skip.origin).name.startswith("bad")
    assert reason in skip.reason
    with pytest.raises(InputError, match=r"bad\.\w+ cannot be used: ") as error:
        open_cells(folder, strict=True)
    assert reason in str(error.value) and "\n" not in str(error.value)
    with pytest.raises(InputError, match=r"^[^:]*bad\.\w+ cannot be used: "):
        open_cells(skip.origin)


def png_header(width: int, height: int) -> bytes:
    """A PNG that says how large it is and holds next to nothing."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(b"")),
        (b"IEND", b""),
    ]
    parts = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("suffix", ["png", "jpg", "bmp", "gif", "webp"])
@pytest.mark.parametrize("content", [b"", b"no image at all", b"\x89PNG\r\n\x1a\n"])
def test_damaged_headers_of_pictures(folder: Path, suffix: str, content: bytes) -> None:
    (folder / f"bad.{suffix}").write_bytes(content)
    check_left_out(folder, "header is damaged")


@pytest.mark.parametrize("suffix", ["tif", "tiff"])
@pytest.mark.parametrize("content", [b"", b"no image at all", b"II*\0", b"II*\0\x08\0\0\0\0\0\0\0\0\0"])
def test_damaged_headers_of_tiffs(folder: Path, suffix: str, content: bytes) -> None:
    (folder / f"bad.{suffix}").write_bytes(content)
    check_left_out(folder, "")


@pytest.mark.parametrize("suffix", ["npy", "npz"])
@pytest.mark.parametrize(
    "content", [b"", b"nothing", b"\x93NUMPY\x01\x00", b"PK\x03\x04", b"\x93NUMPY\x09\x00{}"]
)
def test_damaged_headers_of_arrays(folder: Path, suffix: str, content: bytes) -> None:
    (folder / f"bad.{suffix}").write_bytes(content)
    check_left_out(folder, "it is not a")


def test_a_damaged_zarr(tmp_path: Path) -> None:
    (tmp_path / "bad.zarr").mkdir()
    (tmp_path / "bad.zarr" / "zarr.json").write_text("{")
    with pytest.raises(InputError, match=r"bad\.zarr"):
        open_cells(tmp_path / "bad.zarr")


def test_programs_in_image_clothes_are_not_run(folder: Path) -> None:
    (folder / "bad.png").write_bytes(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\n")
    check_left_out(folder, "not an image")


@pytest.mark.parametrize(
    ("width", "height", "reason"),
    [
        (1, 1, "at least 2 a side"),
        (1, 50, "at least 2 a side"),
        (10_000, 10_000, "more pixels than one cell can have"),
        (100_000, 100_000, "more pixels than one cell can have"),
        (5000, 50, "5000 pixels and one cell has at most 4096 a side"),
    ],
)
def test_sizes_that_no_cell_has_are_seen_in_the_header(
    folder: Path, width: int, height: int, reason: str
) -> None:
    (folder / "bad.png").write_bytes(png_header(width, height))
    check_left_out(folder, reason)


def test_a_huge_tiff_is_seen_in_the_header(folder: Path) -> None:
    with tifffile.TiffWriter(folder / "bad.tif") as writer:
        writer.write(shape=(10_000, 10_000), dtype=np.uint8)
    os.truncate(folder / "bad.tif", 100_010_000)
    check_left_out(folder, "10000 x 10000 pixels")


@pytest.mark.parametrize("kind", ["block.tif", "packed.tif", "plain.tif", "npy"])
@pytest.mark.parametrize("share", [0.3, 0.45, 0.9])
def test_stacks_that_end_too_early(folder: Path, kind: str, share: float) -> None:
    path = folder / f"bad.{kind.rpartition('.')[2]}"
    stack = RNG.integers(0, 255, (40, 12, 10), dtype=np.uint8)
    if kind == "npy":
        np.save(path, stack)
    else:
        metadata = None if kind == "plain.tif" else {}
        tifffile.imwrite(path, stack, compression="zlib" if kind == "packed.tif" else None, metadata=metadata)
    os.truncate(path, int(path.stat().st_size * share))
    check_left_out(folder, "")


@pytest.mark.parametrize(
    ("array", "reason"),
    [
        (np.zeros((0, 12, 10)), "fits several layouts"),
        (np.zeros((20, 12, 10), complex), "type complex128; give real numbers"),
        (np.full((20, 12, 10), "text"), "give real numbers"),
        (np.zeros(5), "1 axes"),
        (np.zeros((2, 2, 2, 2, 2)), "5 axes"),
        (np.zeros((20, 1, 10)), "1 x 10 pixels"),
    ],
)
def test_arrays_that_hold_no_cells(folder: Path, array: np.ndarray, reason: str) -> None:
    np.save(folder / "bad.npy", array)
    assert reason in open_cells(folder).skipped[0].reason or array.shape[0] == 0
    with pytest.raises(InputError, match=r"bad\.npy"):
        open_cells(folder / "bad.npy")


def test_animations_and_deep_colour_are_not_read_half(folder: Path) -> None:
    frames = [Image.fromarray(RNG.integers(0, 255, (12, 10), dtype=np.uint8)) for _ in range(3)]
    frames[0].save(folder / "bad.gif", save_all=True, append_images=frames[1:])
    check_left_out(folder, "it is an animation")
    (folder / "bad.gif").unlink()
    content = b"".join(b"\0" + bytes(6 * 10) for _ in range(12))
    header = struct.pack(">IIBBBBB", 10, 12, 16, 2, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(content)), (b"IEND", b"")]
    parts = [struct.pack(">I", len(d)) + t + d + struct.pack(">I", zlib.crc32(t + d)) for t, d in chunks]
    (folder / "bad.png").write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))
    check_left_out(folder, "16-bit colour")


@pytest.mark.parametrize("suffix", ["png", "jpg", "tif", "bmp"])
def test_a_picture_that_ends_too_early_is_named_when_it_is_read(folder: Path, suffix: str) -> None:
    path = folder / f"bad.{suffix}"
    picture = RNG.integers(0, 255, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(picture).save(path, **({"compression": "tiff_deflate"} if suffix == "tif" else {}))
    if suffix == "tif":  # its header lies at the end
        content = path.read_bytes()
        path.write_bytes(content[:200] + bytes(len(content) // 2 - 200) + content[len(content) // 2 :])
    else:
        os.truncate(path, path.stat().st_size // 2)
    iio.imwrite(folder / "good.png", picture)
    cells = open_cells(folder)
    assert len(cells.ids) == 2
    with pytest.raises(CellError, match=rf"bad\.{suffix} cannot be read \(.*\)\.$"):
        cells.read(0)
    prepare, prepared = fit_prepare(cells, [0, 1], size=16)
    assert prepared.indices.tolist() == [1]
    assert [Path(skip.origin).name for skip in prepared.skipped] == [path.name]
    with pytest.raises(CellError, match=path.name):
        fit_prepare(cells, [0, 1], size=16, strict=True)
    seen = []
    assert [batch.indices.tolist() for batch in prepare.batches(cells, on_skip=seen.append)] == [[1]]
    assert seen == list(prepared.skipped)
    with pytest.raises(CellError, match=path.name):
        list(prepare.batches(cells, strict=True))


def test_a_file_that_changes_its_size_is_named(folder: Path) -> None:
    cells = open_cells(folder)
    iio.imwrite(folder / "good.png", RNG.integers(0, 255, (13, 10), dtype=np.uint8))
    with pytest.raises(CellError, match=r"good\.png has changed since it was opened"):
        cells.read(0)


@pytest.mark.parametrize("suffix", ["npy", "tif"])
def test_a_stack_that_is_cut_while_it_is_read_is_named(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"bad.{suffix}"
    stack = RNG.integers(0, 255, (500, 12, 10), dtype=np.uint8)
    np.save(path, stack) if suffix == "npy" else tifffile.imwrite(path, stack)
    cells = open_cells(path)
    cells.read(0)
    os.truncate(path, 5000)
    with pytest.raises(
        CellError, match=r"bad\.\w+#499 cannot be read \(it has changed since it was opened\)"
    ):
        cells.read(499)


def test_a_store_that_is_written_anew_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cells.zarr"
    stack = RNG.integers(0, 255, (20, 12, 10), dtype=np.uint8)
    zarr.create_array(path, data=stack)
    cells = open_cells(path)
    np.testing.assert_array_equal(cells.read(0)[0], stack[0])
    zarr.create_array(path, data=255 - stack, overwrite=True)
    with pytest.raises(
        CellError, match=r"cells\.zarr#0 cannot be read \(it has changed since it was opened\)"
    ):
        cells.read(0)
    np.testing.assert_array_equal(open_cells(path).read(0)[0], 255 - stack[0])
    shutil.rmtree(path)
    with pytest.raises(CellError, match="no longer there"):
        cells.read(0)


def test_images_that_do_not_go_together_are_both_named(folder: Path) -> None:
    iio.imwrite(folder / "rgb.png", RNG.integers(0, 255, (12, 10, 3), dtype=np.uint8))
    with pytest.raises(InputError, match=r"good\.png has 1 and .*rgb\.png has 3; convert them to one form"):
        open_cells(folder)
    (folder / "rgb.png").unlink()
    iio.imwrite(folder / "deep.png", RNG.integers(0, 60000, (12, 10), dtype=np.uint16))
    with pytest.raises(InputError, match=r"deep\.png is uint16 and .*good\.png is uint8.*not on one scale"):
        open_cells(folder)


def test_there_must_be_cells(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"nowhere cannot be opened \(No such file"):
        open_cells(tmp_path / "nowhere")
    with pytest.raises(InputError, match="holds no images"):
        open_cells(tmp_path)
    (tmp_path / "notes.txt").write_text("")
    with pytest.raises(InputError, match="holds no images"):
        open_cells(tmp_path)
    with pytest.raises(InputError, match=r"notes\.txt is of no known kind"):
        open_cells(tmp_path / "notes.txt")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(InputError, match=r"pipe\.png is of no known kind"):
        open_cells(tmp_path / "pipe.png")
    with pytest.raises(InputError, match="cannot be opened"):
        open_cells(tmp_path / ("x" * 5000))


def test_messages_stay_on_one_line(tmp_path: Path) -> None:
    name = tmp_path / "two\nlines \x1b[31m.png"
    name.write_bytes(b"")
    with pytest.raises(InputError) as error:
        open_cells(tmp_path)
    assert str(error.value).isprintable()
    assert r"two\nlines \x1b[31m.png" in str(error.value)
    os.rename(name, os.fsencode(tmp_path) + b"/caf\xe9.png")  # not UTF-8
    with pytest.raises(InputError) as error:
        open_cells(tmp_path)
    assert str(error.value).isprintable()
    assert str(error.value).encode()
