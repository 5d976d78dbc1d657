"""Folders that others made: links, names of any length and script, and what they say of themselves."""

import json
import os
import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import onnx
import pytest
import zarr

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError


def picture(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, np.random.default_rng(0).integers(0, 255, (12, 10)).astype(np.uint8))
    return path


def test_links_are_followed_within_the_folder_and_never_out_of_it(tmp_path: Path) -> None:
    outside, cells = tmp_path / "outside", tmp_path / "cells"
    secret = picture(outside / "secret.png")
    own = picture(cells / "a" / "own.png")
    (cells / "a" / "again.png").symlink_to(own)
    (cells / "a" / "file.png").symlink_to(secret)
    (cells / "b").symlink_to(outside)
    (cells / "up").symlink_to(tmp_path)
    (cells / "loop.png").symlink_to(cells / "loop.png")
    (cells / "a" / "round").symlink_to(cells)
    found = open_cells(cells, subfolders="classes")
    assert {origin.path.name for origin in found.origins} == {"own.png", "again.png"}
    assert {Path(skip.origin).name for skip in found.skipped} >= {"file.png", "b", "up"}


def test_a_store_whose_image_is_a_link_is_refused(tmp_path: Path) -> None:
    images = np.random.default_rng(0).integers(0, 255, (18, 24, 28)).astype(np.uint8)
    zarr.create_array(str(tmp_path / "elsewhere"), data=images, zarr_format=2)
    store = tmp_path / "cells.zarr"
    store.mkdir()
    (store / ".zgroup").write_text('{"zarr_format": 2}')
    (store / "0").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="is a link that leaves the store"):
        open_cells(store)


@pytest.mark.parametrize(("version", "shards"), [(2, None), (3, None), (3, (18, 24, 28))])
def test_a_store_whose_chunk_is_a_link_is_refused(
    tmp_path: Path, version: int, shards: tuple[int, ...] | None
) -> None:
    images = np.random.default_rng(0).integers(0, 255, (18, 24, 28)).astype(np.uint8)
    store = tmp_path / "cells.zarr"
    zarr.create_array(
        str(store), data=images, chunks=(6, 24, 28), shards=shards, zarr_format=version, compressors=None
    )
    sound = shutil.copytree(store, tmp_path / "sound.zarr")
    assert np.array_equal(open_cells(sound, layout="NYX").read(4)[0], images[4])
    first = next(path for path in sorted(store.rglob("*")) if path.name in ("0.0.0", "0") and path.is_file())
    secret = first.rename(tmp_path / "secret")
    first.symlink_to(secret)
    with pytest.raises(InputError, match="a part of it is a link that leaves the store"):
        open_cells(store, layout="NYX").read(4)


def test_no_onnx_file_of_others_is_opened(tmp_path: Path) -> None:
    """Such a file may ask for the contents of any other: its external data."""
    secret = tmp_path / "secret"
    secret.write_bytes(bytes(range(16)))
    tensor = onnx.TensorProto(name="weights", data_type=onnx.TensorProto.FLOAT, dims=[4])
    tensor.data_location = onnx.TensorProto.EXTERNAL
    tensor.external_data.add(key="location", value="../secret")
    out = onnx.helper.make_tensor_value_info("weights", onnx.TensorProto.FLOAT, [4])
    graph = onnx.helper.make_graph([], "graph", [], [out], [tensor])
    path = tmp_path / "cells" / "model.onnx"
    path.parent.mkdir()
    path.write_bytes(onnx.helper.make_model(graph).SerializeToString())
    os.utime(secret, (0, 0))
    with pytest.raises(InputError, match="is not a model file"):
        Classifier.load(path)
    with pytest.raises(InputError, match="is of no known kind"):
        open_cells(path)
    with pytest.raises(InputError, match="no image"):
        open_cells(path.parent)
    assert secret.stat().st_atime == 0


@pytest.mark.parametrize("name", ["a" * 250, "שלום עולם", "\u202eabc", "👩\u200d🔬", "a\nb", "-rf", "'; rm"])
def test_names_of_any_length_and_script(tmp_path: Path, name: str) -> None:
    folder = tmp_path / ("x" * 200) / ("y" * 200)
    picture(folder / f"{name}.png")
    found = open_cells(folder)
    assert found.read(0).shape == (1, 12, 10)
    assert str(found.origin(0)).isprintable()
    (folder / f"{name}.png").write_bytes(b"no picture")
    with pytest.raises(InputError) as error:
        open_cells(folder)
    assert str(error.value).isprintable() and len(str(error.value)) < 1100


@pytest.mark.parametrize(
    "name", ["pipe.npy", "//127.0.0.1/share/empty.npy", r"\\\\127.0.0.1\share\empty.npy"]
)
def test_a_reference_is_a_file_of_this_machine(tmp_path: Path, name: str) -> None:
    folder = tmp_path / "cells"
    folder.mkdir()
    np.save(folder / "cell.npy", np.random.default_rng(0).random((24, 28), np.float32))
    os.mkfifo(folder / "pipe.npy")
    said = {"wavelength_nm": 550, "values": "radians"}
    reference = str(folder / name) if name.startswith("pipe") else name
    (folder / "cells.json").write_text(json.dumps({"phase": {**said, "reference": reference}}))
    with pytest.raises(InputError, match="it is no file on this machine"):
        open_cells(folder / "cell.npy")
