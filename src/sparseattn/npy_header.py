"""Arrays in numpy's formats: what a header says, and archives of which nothing is believed."""

from __future__ import annotations

import lzma
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from math import prod
from pathlib import Path
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
    except Exception:  # it is Python text, which damage makes numpy's parser trip over in many ways
        raise ValueError("it is not an array in numpy's format, or it is truncated") from None
    if min(shape, default=0) < 0:
        raise ValueError(f"its header is damaged: an axis is {min(shape)} long")
    if dtype.hasobject:
        raise ValueError("it holds Python objects, which are not loaded because they could run code")
    return NpyHeader(shape, fortran, dtype, stream.tell())


@contextmanager
def opened_npz(path: Path) -> Iterator[zipfile.ZipFile]:
    """Open an .npz archive; what is wrong with it meanwhile is said in a few words.

    Raises
    ------
    ValueError
        When it is no archive, or damaged, or encrypted, or packed in a way unknown here.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            yield archive
    except (zipfile.BadZipFile, zlib.error, lzma.LZMAError, EOFError, KeyError, RuntimeError) as error:
        raise ValueError(f"it is not an .npz archive, or it is damaged ({error})") from None
