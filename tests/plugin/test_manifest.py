"""The manifest: valid, every command there, and nothing heavy behind it."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from npe2 import PluginManifest

from sparseattn.simulate import simulate

MANIFEST = Path(__file__).parents[2] / "napari_sparseattn" / "napari.yaml"


def test_the_manifest_is_valid_and_its_commands_can_be_imported() -> None:
    manifest = PluginManifest.from_file(MANIFEST)
    manifest.validate_imports()
    assert manifest.name == "napari-sparseattn"
    assert [sample.key for sample in manifest.contributions.sample_data] == ["opd", "events", "stained"]


def test_the_plugin_loads_neither_torch_nor_qt_nor_dask() -> None:
    code = (
        "import sys, napari_sparseattn, napari_sparseattn._reader, napari_sparseattn._sample_data\n"
        "heavy = {'torch', 'qtpy', 'PyQt6', 'PySide6', 'napari', 'dask', 'pandas', 'matplotlib'}\n"
        "sys.exit(' '.join(heavy & set(sys.modules)) or None)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr


def test_napari_starts_as_quickly_with_the_plugin_unused() -> None:
    """At its start napari reads a plugin's manifest and no more; 50 ms of processor time at most."""
    code = (
        "import sys, time, npe2\n"
        "from npe2 import PluginManifest\n"
        "begun = time.process_time()\n"
        "PluginManifest.from_distribution('napari-sparseattn')\n"
        "print(time.process_time() - begun, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    seconds, torch_is_there = done.stdout.split()
    assert float(seconds) < 0.05 and torch_is_there == "False"


@pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)
def test_a_folder_opens_in_a_window(make_napari_viewer_proxy, tmp_path: Path) -> None:
    simulate("stained", tmp_path / "cells", 5, 0, size=32)
    viewer = make_napari_viewer_proxy()
    (layer,) = viewer.open(str(tmp_path / "cells"), plugin="napari-sparseattn")
    assert layer.data.shape == (5, 32, 32, 3)
    (sample,) = viewer.open_sample("napari-sparseattn", "stained")
    assert sample.rgb
