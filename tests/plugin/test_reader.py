"""The reader: which folders and arrays become stacks, and what the layers hold."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_sparseattn._reader import get_reader
from sparseattn.simulate import simulate

RNG = np.random.default_rng(0)


def picture(path: Path, size: int = 12, channels: int = 3) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, RNG.integers(0, 255, (size, size, channels), dtype=np.uint8))


def layers_of(path: Path) -> list[Image]:
    read = get_reader(str(path))
    assert read is not None
    viewer = ViewerModel()
    for data, keywords, kind in read(str(path)):
        getattr(viewer, f"add_{kind}")(data, **keywords)
    return list(viewer.layers)


def test_a_folder_of_pictures_is_one_stack(tmp_path: Path) -> None:
    for name in ("b", "a"):
        picture(tmp_path / "smear" / f"{name}.png")
    (layer,) = layers_of(tmp_path / "smear")
    assert layer.name == "smear" and layer.rgb and layer.data.shape == (2, 12, 12, 3)
    assert np.array_equal(np.asarray(layer.data[0]), iio.imread(tmp_path / "smear" / "a.png"))
    assert layer.metadata["sparseattn"] == {"path": str(tmp_path / "smear"), "options": {}}


def test_class_folders_are_one_stack_and_their_names_are_not_taken_for_classes(tmp_path: Path) -> None:
    picture(tmp_path / "day 1" / "a.png")
    picture(tmp_path / "day 2" / "a.png")
    (layer,) = layers_of(tmp_path)
    assert layer.data.shape == (2, 12, 12, 3)
    assert layer.metadata["sparseattn"]["options"] == {"subfolders": "samples"}


def test_each_channel_is_a_layer(tmp_path: Path) -> None:
    simulate("events", tmp_path / "cells", 5, 0, size=32)
    on, off = layers_of(tmp_path / "cells")
    assert (on.name, off.name) == ("cells on", "cells off")
    assert on.data.shape == off.data.shape == (5, 32, 32)
    assert off.blending == "additive"


@pytest.mark.parametrize("suffix", [".npy", ".npz"])
def test_arrays(suffix: str, tmp_path: Path) -> None:
    path, images = tmp_path / f"cells{suffix}", RNG.random((70, 9, 9), np.float32)
    np.save(path, images) if suffix == ".npy" else np.savez(path, images=images)
    (layer,) = layers_of(path)
    assert np.array_equal(np.asarray(layer.data), images)


def test_pixels_are_read_when_they_are_looked_at(tmp_path: Path) -> None:
    for number in range(3):
        picture(tmp_path / "cells" / f"{number}.png")
    (layer,) = layers_of(tmp_path / "cells")
    picture(tmp_path / "cells" / "2.png")
    assert np.array_equal(np.asarray(layer.data[2]), iio.imread(tmp_path / "cells" / "2.png"))


def test_what_is_not_a_stack_of_cells_is_left_to_others(tmp_path: Path) -> None:
    picture(tmp_path / "alone.png")
    (tmp_path / "empty").mkdir()
    np.save(tmp_path / "unclear.npy", np.zeros((4, 9, 9)))  # four cells, or four channels
    np.save(tmp_path / "events.npy", np.zeros(5, [("t", "i8"), ("x", "u2")]))
    np.save(tmp_path / "objects.npy", np.array([{}]), allow_pickle=True)
    for name in ("alone.png", "empty", "unclear.npy", "events.npy", "objects.npy", "missing"):
        assert get_reader(str(tmp_path / name)) is None, name
    assert get_reader([str(tmp_path / "alone.png")]) is None


def test_cells_of_several_sizes_make_no_padded_stack(tmp_path: Path, monkeypatch) -> None:
    picture(tmp_path / "mixed" / "small.png", 8)
    picture(tmp_path / "mixed" / "large.png", 16)
    opened = []
    monkeypatch.setattr("napari_sparseattn.show.open_in_viewer", opened.append)
    read = get_reader(str(tmp_path / "mixed"))
    assert read is not None
    assert read(str(tmp_path / "mixed")) == [(None,)]  # to napari: read, without a layer
    assert opened == [tmp_path / "mixed"]


def test_real_cells(real_data: Path) -> None:
    layers = layers_of(real_data / "flow_jurkat")
    assert len(layers) == 3
    assert {layer.data.shape for layer in layers} == {(len(layers[0].data), 40, 40)}
    assert {layer.blending for layer in layers[1:]} == {"additive"}
