"""Asking where a table is to be written."""

from __future__ import annotations

from pathlib import Path

from qtpy.QtWidgets import QFileDialog, QWidget

from napari_sparseattn.settings import last_folder, remember_folder

_KINDS = {".csv": "CSV (*.csv)", ".parquet": "Parquet (*.parquet)"}


def ask_table_file(parent: QWidget, title: str, name: str) -> Path | None:
    """Ask for a CSV or Parquet file, in the folder of the last report; None where the user gave it up.

    The kind that is offered first is that of ``name``; a name without an ending gets that of the kind chosen.
    """
    offered = sorted(_KINDS, key=lambda suffix: suffix != Path(name).suffix)
    path, kind = QFileDialog.getSaveFileName(
        parent, title, str(Path(last_folder("report")) / name), ";;".join(_KINDS[one] for one in offered)
    )
    if not path:
        return None
    chosen = Path(path)
    remember_folder("report", chosen.parent)
    return chosen if chosen.suffix else chosen.with_suffix(".parquet" if "parquet" in kind else ".csv")
