"""Dropped files: recordings become frames in time, microscopes' files their channels in micrometres."""

import os
import sys
from pathlib import Path

import numpy as np
import pytest
from napari.components import ViewerModel
from napari.layers import Image

from napari_sparseattn._reader import get_reader
from sparseattn.errors import InputError
from sparseattn.simulate.flow import simulate_flow


def layers_of(path: Path) -> list[Image]:
    read = get_reader(str(path))
    assert read is not None
    viewer = ViewerModel()
    for data, keywords, kind in read(str(path)):
        getattr(viewer, f"add_{kind}")(data, **keywords)
    return list(viewer.layers)


def test_a_recording_is_a_stack_of_frames(tmp_path: Path) -> None:
    events, _ = simulate_flow(1, np.random.default_rng(0), shape=(64, 64), duration=100_000)
    np.save(tmp_path / "flow.npy", events)
    on, off = layers_of(tmp_path / "flow.npy")
    assert (on.name, off.name) == ("flow on", "flow off")
    count = on.data.shape[0]
    assert on.data.shape == off.data.shape == (count, 64, 64) and 250 <= count <= 501
    assert float(on.scale[0]) * count == pytest.approx(100, rel=0.02)  # ms
    assert str(on.units[0]) == "millisecond" and on.axis_labels == ("time", "y", "x")
    total = int(np.asarray(on.data).sum()) + int(np.asarray(off.data).sum())
    assert total == len(events)


def test_a_damaged_recording_is_refused_in_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "a.bin").write_bytes(b"1234567")
    read = get_reader(str(tmp_path / "a.bin"))
    assert read is not None
    with pytest.raises(InputError, match=r"a\.bin cannot be used: it is truncated or no N-MNIST recording"):
        read(str(tmp_path / "a.bin"))


def test_real_recordings(real_data: Path) -> None:
    for name, size in (("evt3_sample.raw", (720, 1280)), ("dvs.es", (240, 320))):
        on, off = layers_of(real_data / "formats" / "events" / name)
        assert on.data.shape[1:] == size == off.data.shape[1:]
        assert np.asarray(on.data[on.data.shape[0] // 2]).any()


def test_real_fields_have_channel_names_and_a_scale(real_data: Path) -> None:
    layers = layers_of(real_data / "formats" / "nd2" / "example-multichannel.nd2")
    names = [layer.name.removeprefix("example-multichannel ") for layer in layers]
    assert names == ["Mono", "DAPI", "FITC BP", "TRITC BP"]
    assert all(layer.scale == pytest.approx([0.32339, 0.32339], rel=1e-4) for layer in layers)
    assert all(str(unit) == "micrometer" for unit in layers[0].units)
    plate = real_data / "formats" / "ome_zarr" / "xyz_8bit__mitotic_plate_calibrated.ome.zarr"
    (layer,) = layers_of(plate)
    assert layer.data.shape == (6, 263, 263) and layer.axis_labels == ("plane", "y", "x")
    assert layer.scale == pytest.approx([1, 0.0851964, 0.0851964], rel=1e-4)


@pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)
def test_the_scale_bar_is_shown(make_napari_viewer_proxy, real_data: Path) -> None:
    viewer = make_napari_viewer_proxy()
    viewer.open(str(real_data / "formats" / "nd2" / "example-pbmc.nd2"), plugin="napari-sparseattn")
    assert len(viewer.layers) == 4 and viewer.canvas.overlays.scale_bar.visible
