"""Every kind of file that cells come in is read back pixel for pixel."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tifffile
import zarr
from PIL import Image

from sparseattn.cells import open_cells
from sparseattn.errors import CellError, InputError

RNG = np.random.default_rng(0)
GREY = RNG.integers(0, 255, (20, 24), dtype=np.uint8)
RGB = RNG.integers(0, 255, (20, 24, 3), dtype=np.uint8)
STACK = RNG.integers(0, 60000, (25, 20, 24), dtype=np.uint16)
CHANNELS = RNG.integers(0, 60000, (5, 3, 20, 24), dtype=np.uint16)
COLOURS = RNG.integers(0, 255, (5, 20, 24, 3), dtype=np.uint8)


def read_all(path: Path, **more: Any) -> np.ndarray:
    cells = open_cells(path, **more)
    return np.stack([cells.read(i) for i in range(len(cells))])


# Pictures


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "gif", "tif"])
def test_grey_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cell.{suffix}"
    Image.fromarray(GREY).save(path, **({"lossless": True} if suffix == "webp" else {}))
    cells = open_cells(path)
    colour = suffix in {"webp", "gif"}  # these formats have no plain grey
    assert cells.channels == (("red", "green", "blue") if colour else ("intensity",))
    assert cells.modality == ("brightfield" if colour else "unknown")
    assert cells.origins[0].index is None
    np.testing.assert_array_equal(cells.read(0)[0], GREY)


@pytest.mark.parametrize("suffix", ["png", "bmp", "webp", "tif"])
def test_colour_pictures(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"cell.{suffix}"
    Image.fromarray(RGB).save(path, **({"lossless": True} if suffix == "webp" else {}))
    cells = open_cells(path)
    assert (cells.channels, cells.modality) == (("red", "green", "blue"), "brightfield")
    np.testing.assert_array_equal(cells.read(0), RGB.transpose(2, 0, 1))


def test_jpeg_is_close(tmp_path: Path) -> None:
    smooth = np.add.outer(np.arange(32), np.arange(40)).astype(np.uint8)[..., None].repeat(3, axis=2)
    Image.fromarray(smooth).save(tmp_path / "cell.jpg", quality=95)
    np.testing.assert_allclose(read_all(tmp_path)[0], smooth.transpose(2, 0, 1), atol=4)


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_alpha_is_dropped(tmp_path: Path, suffix: str) -> None:
    alpha = np.concatenate([RGB, GREY[..., None]], axis=2)
    Image.fromarray(alpha).save(tmp_path / f"cell.{suffix}")
    cells = open_cells(tmp_path)
    assert cells.channels == ("red", "green", "blue")
    np.testing.assert_array_equal(cells.read(0), RGB.transpose(2, 0, 1))


@pytest.mark.parametrize("name", ["cell.png", "transparent.png", "cell.tif", "cell.gif"])
def test_palettes_become_colours(tmp_path: Path, name: str) -> None:
    indexed = Image.fromarray(RGB).quantize(16)
    more = {"transparency": bytes(range(16))} if name.startswith("transparent") else {}
    indexed.save(tmp_path / name, **more)
    cells = open_cells(tmp_path)
    assert (cells.channels, cells.modality) == (("red", "green", "blue"), "brightfield")
    np.testing.assert_array_equal(cells.read(0), np.asarray(indexed.convert("RGB")).transpose(2, 0, 1))


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_one_bit_images_become_bytes(tmp_path: Path, suffix: str) -> None:
    Image.fromarray(GREY > 100).save(tmp_path / f"cell.{suffix}")
    read = read_all(tmp_path)
    assert read.dtype == np.uint8
    np.testing.assert_array_equal(read[0, 0], (GREY > 100) * np.uint8(255))


@pytest.mark.parametrize(("suffix", "dtype"), [("png", np.uint16), ("tif", np.uint16), ("tif", np.float32)])
def test_depth_is_kept(tmp_path: Path, suffix: str, dtype: type) -> None:
    deep = (STACK[0] + np.asarray(0.5, dtype)).astype(dtype)
    Image.fromarray(deep).save(tmp_path / f"cell.{suffix}")
    read = read_all(tmp_path)
    assert read.dtype == dtype
    np.testing.assert_array_equal(read[0, 0], deep)


def test_pixels_are_those_of_the_file_whatever_exif_says(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by 90 degrees
    Image.fromarray(RGB).save(tmp_path / "cell.png", exif=exif)
    np.testing.assert_array_equal(read_all(tmp_path)[0], RGB.transpose(2, 0, 1))


# TIFF


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("metadata", [{}, None, {"axes": "TYX"}])
def test_a_tiff_of_many_pages_is_a_stack_of_cells(
    tmp_path: Path, compression: str | None, metadata: Any
) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", STACK, compression=compression, metadata=metadata)
    cells = open_cells(tmp_path / "stack.tif")
    assert [origin.index for origin in cells.origins] == list(range(25))
    assert cells.channels == ("intensity",)
    np.testing.assert_array_equal(read_all(tmp_path / "stack.tif")[:, 0], STACK)


@pytest.mark.parametrize("compression", [None, "zlib"])
@pytest.mark.parametrize("byteorder", ["<", ">"])
def test_stacks_of_several_channels(tmp_path: Path, compression: str | None, byteorder: Any) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, CHANNELS, compression=compression, byteorder=byteorder, photometric="minisblack")
    read = read_all(path)
    assert read.dtype == np.dtype(np.uint16)
    np.testing.assert_array_equal(read, CHANNELS)
    pages = CHANNELS.reshape(15, 20, 24)
    tifffile.imwrite(path, pages, compression=compression, byteorder=byteorder, metadata=None)
    np.testing.assert_array_equal(read_all(path, layout="NYX")[:, 0], pages)


@pytest.mark.parametrize("compression", [None, "zlib"])
def test_colour_stacks(tmp_path: Path, compression: str | None) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, COLOURS, photometric="rgb", compression=compression)
    assert open_cells(path).channels == ("red", "green", "blue")
    np.testing.assert_array_equal(read_all(path), COLOURS.transpose(0, 3, 1, 2))
    planes = COLOURS[0].transpose(2, 0, 1)
    tifffile.imwrite(path, planes, photometric="rgb", planarconfig="separate", compression=compression)
    np.testing.assert_array_equal(read_all(path)[0], planes)


@pytest.mark.parametrize("compression", ["tiff_lzw", "packbits"])
def test_packings_that_tifffile_needs_a_further_package_for(tmp_path: Path, compression: str) -> None:
    pages = [Image.fromarray(page) for page in COLOURS]
    path = tmp_path / "stack.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:], compression=compression)
    np.testing.assert_array_equal(read_all(path), COLOURS.transpose(0, 3, 1, 2))


def test_pages_with_palettes(tmp_path: Path) -> None:
    pages = [Image.fromarray(page).quantize(16) for page in COLOURS]
    path = tmp_path / "stack.tif"
    pages[0].save(path, save_all=True, append_images=pages[1:])
    expected = [np.asarray(page.convert("RGB")).transpose(2, 0, 1) for page in pages]
    np.testing.assert_array_equal(read_all(path), expected)


@pytest.mark.parametrize("metadata", [{}, None])
def test_pages_of_different_sizes_are_cells(tmp_path: Path, metadata: Any) -> None:
    pages = [page[: 10 + 2 * (number % 3)] for number, page in enumerate(STACK)]
    with tifffile.TiffWriter(tmp_path / "stack.tif") as writer:
        for page in pages:
            writer.write(page, metadata=metadata)
    cells = open_cells(tmp_path / "stack.tif")
    assert cells.shapes == tuple(page.shape for page in pages)
    assert [origin.index for origin in cells.origins] == list(range(len(pages)))
    for number, page in enumerate(pages):
        np.testing.assert_array_equal(cells.read(number)[0], page)


def test_ome_metadata_names_axes_and_channels(tmp_path: Path) -> None:
    path = tmp_path / "cells.ome.tif"
    metadata = {"axes": "CZYX", "Channel": {"Name": ["BF", "PI", "DF"]}}
    for compression in (None, "zlib"):
        tifffile.imwrite(path, CHANNELS.swapaxes(0, 1), metadata=metadata, compression=compression)
        assert open_cells(path).channels == ("BF", "PI", "DF")
        np.testing.assert_array_equal(read_all(path), CHANNELS)


def test_imagej_metadata_names_axes_and_channels(tmp_path: Path) -> None:
    labels = ["BF", "PI", "DF"] * 5
    tifffile.imwrite(tmp_path / "a.tif", CHANNELS, imagej=True, metadata={"axes": "TCYX", "Labels": labels})
    cells = open_cells(tmp_path / "a.tif")
    assert cells.channels == ("BF", "PI", "DF")
    np.testing.assert_array_equal(read_all(tmp_path / "a.tif"), CHANNELS)


def test_in_a_folder_a_tiff_of_few_pages_is_one_cell_of_so_many_channels(tmp_path: Path) -> None:
    for number, pages in enumerate(CHANNELS):
        tifffile.imwrite(tmp_path / f"{number}.tif", pages, photometric="minisblack")
    cells = open_cells(tmp_path)
    assert (len(cells), cells.channels) == (5, ("channel 0", "channel 1", "channel 2"))
    np.testing.assert_array_equal(read_all(tmp_path), CHANNELS)
    np.testing.assert_array_equal(read_all(tmp_path, layout="NYX")[:, 0], CHANNELS.reshape(15, 20, 24))


def test_class_folders_may_hold_stacks(tmp_path: Path) -> None:
    for class_name, pages in (("a", STACK), ("b", STACK[:20])):
        (tmp_path / class_name).mkdir()
        tifffile.imwrite(tmp_path / class_name / "stack.tif", pages)
    cells = open_cells(tmp_path, subfolders="classes")
    assert cells.labels == ("a",) * 25 + ("b",) * 20
    assert cells.ids[25:] == tuple(f"{name}-2" for name in cells.ids[:20])  # the same pages at the same place
    np.testing.assert_array_equal(cells.read(30)[0], STACK[5])


def test_few_pages_without_metadata_are_ambiguous(tmp_path: Path) -> None:
    path = tmp_path / "stack.tif"
    tifffile.imwrite(path, CHANNELS[0], photometric="minisblack")
    with pytest.raises(InputError, match=r"fits several layouts; .*layout: YX, YXC, CYX, NYX, NCYX, NYXC"):
        open_cells(path)
    np.testing.assert_array_equal(read_all(path, layout="CYX")[0], CHANNELS[0])
    np.testing.assert_array_equal(read_all(path, layout="NYX")[:, 0], CHANNELS[0])
    np.testing.assert_array_equal(read_all(path, layout="NCYX")[0], CHANNELS[0])  # a stack of one cell
    with pytest.raises(InputError, match="layout YX does not fit"):
        open_cells(path, layout="YX")


# Arrays


@pytest.mark.parametrize("suffix", ["npy", "npz", "packed.npz", "zarr"])
@pytest.mark.parametrize(
    ("array", "layout", "expected"),
    [
        (STACK, None, STACK[:, None]),
        (CHANNELS.repeat(5, axis=0), None, CHANNELS.repeat(5, axis=0)),
        (COLOURS.repeat(5, axis=0), None, COLOURS.repeat(5, axis=0).transpose(0, 3, 1, 2)),
        (STACK[0].astype(np.float64) / 7, None, STACK[0][None, None] / 7),
        (COLOURS[0], None, COLOURS[0].transpose(2, 0, 1)[None]),
        (CHANNELS[0], "NYX", CHANNELS[0][:, None]),
        (CHANNELS[0], "CYX", CHANNELS[:1]),
        (STACK > 30000, None, (STACK > 30000)[:, None] * np.uint8(255)),
        (np.asfortranarray(STACK), None, STACK[:, None]),
        (STACK.astype(">i4") - 7, None, STACK[:, None].astype(np.int32) - 7),
    ],
    ids=["NYX", "NCYX", "NYXC", "YX", "YXC", "as NYX", "as CYX", "bool", "fortran", "big-endian"],
)
def test_arrays(
    tmp_path: Path, suffix: str, array: np.ndarray, layout: str | None, expected: np.ndarray
) -> None:
    path = tmp_path / f"cells.{suffix}"
    if suffix == "npy":
        np.save(path, array)
    elif suffix == "zarr":
        zarr.create_array(path, data=array, chunks=(min(4, array.shape[0]), *array.shape[1:]))
    else:
        (np.savez_compressed if "packed" in suffix else np.savez)(path, array)
    read = read_all(path, layout=layout)
    np.testing.assert_array_equal(read, expected)
    assert read.dtype.newbyteorder("=") == expected.dtype


def test_few_rows_are_ambiguous(tmp_path: Path) -> None:
    np.save(tmp_path / "cells.npy", CHANNELS[0])
    with pytest.raises(InputError, match="fits several layouts"):
        open_cells(tmp_path / "cells.npy")
    np.save(tmp_path / "cells.npy", STACK[:20, :8, :8].reshape(20, 8, 8)[:, None].repeat(4, 1))
    with pytest.raises(InputError, match="fits several layouts"):
        open_cells(tmp_path / "cells.npy")


def test_an_npz_may_hold_labels(tmp_path: Path) -> None:
    labels = np.array(["a", "b"] * 12 + ["c"])
    np.savez(tmp_path / "cells.npz", images=STACK, labels=labels, more=STACK[0])
    assert open_cells(tmp_path / "cells.npz").labels == tuple(labels)
    np.savez(tmp_path / "cells.npz", images=STACK, labels=labels[:3])
    with pytest.raises(InputError, match="'labels' must hold one text or whole number a cell"):
        open_cells(tmp_path / "cells.npz")
    np.savez(tmp_path / "cells.npz", left=STACK, right=STACK)
    with pytest.raises(InputError, match="left, right; name the one with the cells 'images'"):
        open_cells(tmp_path / "cells.npz")


def test_reading_backwards_gives_the_same_cells(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / "cells.npz", images=STACK)
    zarr.create_array(tmp_path / "cells.zarr", data=STACK, chunks=(4, 20, 24))
    for name in ("cells.npz", "cells.zarr"):
        cells = open_cells(tmp_path / name)
        for i in reversed(range(25)):
            np.testing.assert_array_equal(cells.read(i)[0], STACK[i])


class _Spy:
    """Leaves a file behind when it is unpickled."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> Any:
        return Path.touch, (self.path,)


def test_pickles_are_never_loaded(tmp_path: Path) -> None:
    mark = tmp_path / "unpickled"
    objects = np.array([_Spy(mark), _Spy(mark)], dtype=object)
    np.save(tmp_path / "cells.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "cells.npz", images=STACK, labels=objects)
    for name in ("cells.npy", "cells.npz"):
        with pytest.raises(InputError, match="Python objects"):
            open_cells(tmp_path / name)
    assert not mark.exists()


# Zarr


def test_ome_zarr(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "cells.ome.zarr", mode="w")
    axes = [{"name": name} for name in "tczyx"]
    group.attrs["ome"] = {
        "multiscales": [{"axes": axes, "datasets": [{"path": "0"}]}],
        "omero": {"channels": [{"label": "BF"}, {"label": "PI"}, {"label": "DF"}]},
    }
    group.create_array("0", data=CHANNELS.swapaxes(0, 1)[None])
    cells = open_cells(tmp_path / "cells.ome.zarr")
    assert cells.channels == ("BF", "PI", "DF")
    np.testing.assert_array_equal(np.stack([cells.read(i) for i in range(len(cells))]), CHANNELS)


def test_a_group_of_several_arrays_says_which_there_are(tmp_path: Path) -> None:
    group = zarr.open_group(tmp_path / "plate.zarr", mode="w")
    group.create_array("left", data=STACK)
    np.testing.assert_array_equal(read_all(tmp_path / "plate.zarr")[:, 0], STACK)
    group.create_array("right", data=STACK)
    with pytest.raises(InputError, match=r"2 parts \(left, right\); give the path of one"):
        open_cells(tmp_path / "plate.zarr")
    np.testing.assert_array_equal(read_all(tmp_path / "plate.zarr" / "left")[:, 0], STACK)


def test_a_cell_of_a_damaged_chunk_is_named(tmp_path: Path) -> None:
    path = tmp_path / "cells.zarr"
    zarr.create_array(path, data=STACK, chunks=(5, 20, 24))
    chunk = next(file for file in path.rglob("1/0/0"))
    chunk.write_bytes(b"nonsense")
    cells = open_cells(path)
    cells.read(0)
    with pytest.raises(CellError, match=r"cells.zarr#7"):
        cells.read(7)
    assert len(set(cells.ids)) == 25
