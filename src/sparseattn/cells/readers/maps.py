"""Memory maps of files, kept open between the cells of a stack."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt


def mapped(
    path: Path, changed: int, dtype: str, offset: int, shape: tuple[int, ...], fortran: bool = False
) -> npt.NDArray[Any]:
    """Map the numbers at `offset` of a file whose time of change was `changed` when it was opened.

    Raises
    ------
    OSError
        When the file has changed: to read a map of a file that has become shorter would end the process.
    """
    if path.stat().st_mtime_ns != changed:
        raise OSError("it has changed since it was opened")
    return _map(path, changed, dtype, offset, shape, fortran)


@lru_cache(maxsize=16)
def _map(
    path: Path, changed: int, dtype: str, offset: int, shape: tuple[int, ...], fortran: bool
) -> npt.NDArray[Any]:
    return np.memmap(path, dtype, "r", offset, shape, "F" if fortran else "C")
