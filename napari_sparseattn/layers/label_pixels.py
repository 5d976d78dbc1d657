"""The pixels of a labels layer and the file that may hold them: compared and written in a job's thread."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.cells import Field
from sparseattn.errors import InputError


@dataclass(frozen=True, eq=False)
class LabelPixels:
    """Whole numbers (..., Y, X), above 0 where there is a cell, and the file of the layer, where it has one.

    The pixels are the layer's own array: who draws on it while it is written may find a stroke in the file.
    """

    pixels: Any
    path: Path | None
    of_file: bool | None = None
    """Whether they are just what the file says, where that is known without reading it."""

    def is_in_its_file(self) -> bool:
        """Return whether there is a file that holds just these pixels."""
        if self.path is None or self.of_file is not None:
            return bool(self.of_file)
        from sparseattn.cells import open_field

        shape = self.pixels.shape
        try:
            there = open_field(self.path)
            if there.planes != prod(shape[:-2]) or there.shape != tuple(shape[-2:]):
                return False
            here = Field.from_array(self.pixels, "N" * (len(shape) - 2) + "YX")
            return all(np.array_equal(here.plane(plane), there.plane(plane)) for plane in range(there.planes))
        except InputError:  # a kind of file that others read, or it has gone
            return False

    def write(self, path: Path) -> None:
        """Write them as a compressed TIFF, 0 wherever there is no cell.

        Raises
        ------
        InputError
            When it cannot be written.
        """
        import tifffile

        from sparseattn.writing import replaced_file

        data = np.maximum(np.asarray(self.pixels), 0)
        data = data.astype(np.min_scalar_type(int(data.max(initial=0))))
        with replaced_file(path) as draft:
            tifffile.imwrite(draft, data, compression="zlib", bigtiff=data.nbytes > 1 << 31)
