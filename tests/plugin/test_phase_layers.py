"""Phase and cytometry dropped on napari: stacks with units, colours, scale; what is asked, what refused."""

from pathlib import Path

import h5py
import numpy as np
import pytest
from napari.components import ViewerModel
from qtpy.QtWidgets import QInputDialog

from napari_sparseattn._reader import get_reader
from napari_sparseattn.session import session_of
from sparseattn.errors import InputError

Y, X = np.mgrid[:24, :28]
OPD = (50 + 250 * np.exp(-((Y - 12) ** 2 + (X - 14) ** 2) / 40)).astype(np.float32)


def write_hologram(path: Path, **said: float) -> Path:
    with h5py.File(path, "w") as file:
        file.attrs.update({"file_format": "qpformat", "imaging_modality": "off-axis holography"})
        fringes = 100 + 60 * np.cos(np.pi / 2 * (Y + X) + OPD / 100)
        for number in range(3):
            file[str(number)] = fringes.astype(np.uint8)
            file[str(number)].attrs.update(said)
    return path


def test_path_differences_are_shown_in_nanometres_from_the_ground_up(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    for number in range(3):
        np.save(tmp_path / "cells" / f"{number}.npy", OPD)
    said = '{"phase": {"values": "nm"}, "pixel_size_um": 0.2}'
    (tmp_path / "cells" / "cells.json").write_text(said)
    read = get_reader(str(tmp_path / "cells"))
    assert read is not None
    ((data, keywords, kind),) = read(str(tmp_path / "cells"))
    assert kind == "image" and keywords["name"] == "cells (nm)" and keywords["colormap"] == "viridis"
    assert keywords["contrast_limits"] == pytest.approx((50, 300), abs=2)
    assert keywords["scale"] == (1, 0.2, 0.2) and keywords["units"][1:] == ("um", "um")
    viewer = ViewerModel()
    viewer.add_image(data, **keywords)
    np.testing.assert_allclose(np.asarray(viewer.layers[0].data[1]), OPD)


def test_recordings_and_matlab_files_are_stacks(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "a.rtdc", "w") as file:
        file["events/image"] = np.random.default_rng(0).integers(0, 255, (20, 12, 30), dtype=np.uint8)
    read = get_reader(str(tmp_path / "a.rtdc"))
    assert read is not None
    ((data, keywords, _),) = read(str(tmp_path / "a.rtdc"))
    assert data.shape == (20, 12, 30) and "colormap" not in keywords


def test_what_cannot_be_read_is_told_and_not_left_to_nobody(tmp_path: Path) -> None:
    (tmp_path / "a.cif").write_bytes(b"II*\0")
    (tmp_path / "b.rtdc").write_bytes(b"no HDF5")
    for name, reason in (("a.cif", "in IDEAS choose"), ("b.rtdc", "it is not HDF5")):
        read = get_reader(str(tmp_path / name))
        assert read is not None
        with pytest.raises(InputError, match=reason):
            read(str(tmp_path / name))


def test_phase_of_unknown_light_goes_to_the_dock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = write_hologram(tmp_path / "a.h5")
    opened = []
    monkeypatch.setattr("napari_sparseattn.show.open_in_viewer", opened.append)
    read = get_reader(str(path))
    assert read is not None and read(str(path)) == [(None,)] and opened == [path]


def test_the_dock_asks_for_the_wavelength(make_napari_viewer, qtbot, tmp_path: Path) -> None:
    path = write_hologram(tmp_path / "a.h5", **{"pixel size": 2e-7})
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    widget.open_path(path)
    qtbot.waitUntil(lambda: isinstance(getattr(widget, "_question", None), QInputDialog), timeout=30_000)
    dialog = widget._question
    assert "does not say of which light" in dialog.labelText()
    dialog.setDoubleValue(532)
    dialog.accept()
    workspace = session_of(viewer).workspace
    qtbot.waitUntil(lambda: workspace.cells is not None, timeout=30_000)
    cells = workspace.cells
    assert len(cells) == 3 and cells.unit == "nm" and cells.phase.wavelength_nm == 532
    assert workspace.sources[0].options == {"phase": {"wavelength_nm": 532}}  # for the project file
    assert viewer.layers[0].colormap.name == "viridis"
    assert viewer.canvas.overlays.scale_bar.visible and viewer.layers[0].colorbar.visible
