"""What all tests of the app share: settings of their own, not those of another test or of the user."""

from pathlib import Path

import pytest
from qtpy.QtCore import QSettings


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path) -> None:
    for kind in (QSettings.Format.NativeFormat, QSettings.Format.IniFormat):
        QSettings.setPath(kind, QSettings.Scope.UserScope, str(tmp_path / "settings"))


@pytest.fixture
def window(make_napari_viewer, qtbot):
    """A viewer with the dock: (viewer, dock widget)."""
    viewer = make_napari_viewer(show=True)
    viewer.window.resize(1280, 800)
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    yield viewer, widget
    widget.session.close()
