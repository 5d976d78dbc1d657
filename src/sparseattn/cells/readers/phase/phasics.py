"""Phasics' processed images (SID PHA*.tif): optical path difference, by qpformat."""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.phase.qpformat_kinds import qpformat_kind
from sparseattn.cells.readers.phase.recorded import RecordedPhase

TAG = 61238
"""TIFF tag that holds the settings of Phasics' program."""

_LONG_WAVE_NM = 1e6
"""The file holds path differences, which qpformat turns into phase and unwraps; of such a wave they are far
less than a turn, so that nothing happens to them."""


@dataclass(frozen=True)
class _Phasics:
    path: Path
    changed: int

    def read(self, row: int) -> npt.NDArray[Any]:
        if self.path.stat().st_mtime_ns != self.changed:
            raise OSError("it has changed since it was opened")
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            phase = np.asarray(_checked(self.path).get_qpimage(0).pha, np.float32)
        return np.asarray(phase[None] * np.float32(_LONG_WAVE_NM / (2 * math.pi)))


def open_phasics(path: Path, shape: tuple[int, int]) -> list[CellFile]:
    """Describe the image, which is (H, W) large.

    Raises
    ------
    ValueError
        With the reason why it is not to be used.
    """
    source = _Phasics(path, path.stat().st_mtime_ns)
    _checked(path)
    return [CellFile(source, None, 1, shape, np.dtype(np.float32), phase=RecordedPhase("nm"))]


def _checked(path: Path) -> Any:
    kind = qpformat_kind("SinglePhasePhasicsTif")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if not kind.verify(path):
            raise ValueError("it is of Phasics and holds no phase; export the processed image (SID PHA*.tif)")
        return kind(path, meta_data={"wavelength": _LONG_WAVE_NM * 1e-9})
