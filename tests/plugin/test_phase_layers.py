"""Phase and cytometry dropped on napari: stacks with units, colours, scale; what is asked, what refused."""

import json
from pathlib import Path

import h5py
import numpy as np
import pytest
from napari.components import ViewerModel

from napari_sparseattn._reader import get_reader
from napari_sparseattn.session import session_of
from napari_sparseattn.widgets.phase_dialog import PhaseDialog
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
    qtbot.waitUntil(lambda: isinstance(widget.questions.shown, PhaseDialog), timeout=30_000)
    dialog = widget.questions.shown
    qtbot.waitUntil(lambda: " nm, 24 x 28 pixels" in dialog.says.text(), timeout=30_000)
    before = dialog.says.text()
    dialog.wavelength.setValue(532)
    dialog.background.setCurrentText("its curve (second order)")
    qtbot.waitUntil(lambda: dialog.says.text() != before, timeout=30_000)
    assert not dialog.picture.pixmap().isNull()
    dialog.accept()
    workspace = session_of(viewer).workspace
    qtbot.waitUntil(lambda: workspace.cells is not None, timeout=30_000)
    cells = workspace.cells
    assert len(cells) == 3 and cells.unit == "nm" and cells.phase.wavelength_nm == 532
    said = {"wavelength_nm": 532, "background": "curve"}
    assert workspace.sources[0].options == {}  # it is remembered beside the file
    assert json.loads((tmp_path / "cells.json").read_text()) == {"files": {"a.h5": {"phase": said}}}
    assert viewer.layers[0].colormap.name == "viridis"
    assert viewer.canvas.overlays.scale_bar.visible and viewer.layers[0].colorbar.visible

    ids = cells.ids
    widget.actions_by_name["Phase…"].trigger()
    dialog = widget.questions.shown
    assert dialog.wavelength.value() == 532
    dialog.values.setCurrentText("QLSI picture")  # which it is not: it lacks what such files say
    qtbot.waitUntil(lambda: "pitch term" in dialog.says.text(), timeout=30_000)
    assert not dialog.buttons.button(dialog.buttons.StandardButton.Ok).isEnabled()
    dialog.values.setCurrentText("as the file says")
    dialog.invert.setChecked(True)
    qtbot.waitUntil(lambda: " nm, 24 x 28 pixels" in dialog.says.text(), timeout=30_000)
    dialog.accept()
    qtbot.waitUntil(lambda: workspace.cells is not cells, timeout=30_000)
    assert workspace.cells.phase.invert and workspace.cells.ids == ids  # labels stay


def test_cells_that_are_no_file_have_no_settings_of_phase(make_napari_viewer, qtbot) -> None:
    viewer = make_napari_viewer()
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    widget.actions_by_name["Phase…"].trigger()
    assert "Open one file or folder of phase" in widget.status.text.text()
