"""``napari-sparseattn``: napari with the plugin open."""

from __future__ import annotations

import argparse
import importlib.util
import os
import sys
from pathlib import Path


def main(arguments: list[str] | None = None) -> int:
    """Open the window, with cells, a model or a project where they are given."""
    parser = argparse.ArgumentParser(
        prog="napari-sparseattn", description="Classify single cells, and see the pixels that decided."
    )
    parser.add_argument("paths", nargs="*", type=Path, help="cells, a model (.safetensors) or a project")
    parser.add_argument(
        "--subfolders", choices=("classes", "samples"), help="what the subfolders of a folder of cells are"
    )
    given = parser.parse_args(arguments)
    missing = [path for path in given.paths if not path.exists()]
    if missing:
        parser.error(f"{missing[0]} is not there; give a folder of cells, a model or a project")
    if importlib.util.find_spec("napari") is None:
        print('napari is missing: pip install "napari-sparseattn[app]"', file=sys.stderr)
        return 1
    # Waiting threads sleep instead of spinning: the window stays quick beside a training. Read by torch,
    # which is imported before Qt: on Windows its libraries are not found after Qt's.
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    import napari
    import torch  # noqa: F401

    viewer = napari.Viewer(title="SparseAttnNet")
    _, widget = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    options = {} if given.subfolders is None else {"subfolders": given.subfolders}
    for path in given.paths:
        widget.open_path(path, **options)
    napari.run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
