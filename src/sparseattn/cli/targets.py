"""Refuse, before any work is done, a file that could not be written in the end."""

from __future__ import annotations

import os
from pathlib import Path

from sparseattn.errors import InputError


def check_output_file(path: Path) -> None:
    """Raise InputError where a file could not be written."""
    folder = path.absolute().parent
    if path.is_dir():
        raise InputError(f"{path} is a folder; give -o the name of a file")
    if not folder.is_dir():
        raise InputError(f"cannot write {path}: there is no folder {folder}; make it first")
    if not os.access(folder, os.W_OK | os.X_OK):
        raise InputError(f"cannot write {path}: the folder {folder} may not be written to; give another")
