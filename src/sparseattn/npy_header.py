"""The header of an array in numpy's format: where the numbers lie and of what kind they are."""

from __future__ import annotations

from dataclasses import dataclass
from math import prod
from typing import IO, Any

import numpy as np


@dataclass(frozen=True)
class NpyHeader:
    """What the header says.

    Attributes
    ----------
    shape, fortran, dtype
        Of the array; whether its first axis is the fastest.
    offset
        Bytes of the stream before the first number.
    """

    shape: tuple[int, ...]
    fortran: bool
    dtype: np.dtype[Any]
    offset: int

    @property
    def size(self) -> int:
        """Bytes of all numbers."""
        return prod(self.shape) * self.dtype.itemsize


def read_npy_header(stream: IO[bytes]) -> NpyHeader:
    """Read a header by numpy's own parser, which evaluates nothing; the stream is left at the first number.

    Raises
    ------
    ValueError
        When it is none, or the array holds Python objects.
    """
    try:
        version = np.lib.format.read_magic(stream)
        read = (
            np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        )
        shape, fortran, dtype = read(stream)
    except ValueError:
        raise ValueError("it is not an array in numpy's format, or it is truncated") from None
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not loaded because they could run code")
    return NpyHeader(shape, fortran, dtype, stream.tell())
