"""Blosc that looks at the head of a chunk first: of a damaged one the library writes beyond its memory."""

from __future__ import annotations

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any

import numcodecs
import zarr
from numcodecs.registry import register_codec
from zarr.codecs import BloscCodec

_HEAD = struct.Struct("<4x3I")
"""Of Blosc's first 16 bytes: the bytes unpacked, in a block, and packed."""

_LARGEST = 1 << 30


class SoundBlosc(numcodecs.Blosc):  # type: ignore[misc]
    """numcodecs' Blosc, for data that may be damaged."""

    codec_id = "blosc"

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked.

        Raises
        ------
        ValueError
            Where the head does not fit the data.
        """
        packed = numcodecs.compat.ensure_contiguous_ndarray(buf)
        if packed.nbytes < _HEAD.size:
            raise ValueError("a chunk is truncated")
        unpacked_bytes, block_bytes, packed_bytes = _HEAD.unpack_from(packed)
        if packed_bytes > packed.nbytes or unpacked_bytes > _LARGEST or block_bytes > unpacked_bytes:
            raise ValueError("a chunk is damaged")
        return super().decode(packed, out)


class SoundBloscCodec(BloscCodec):
    """The same for Zarr of version 3."""

    @cached_property
    def _blosc_codec(self) -> SoundBlosc:
        config = super()._blosc_codec.get_config()
        return SoundBlosc(**{name: value for name, value in config.items() if name != "id"})


@contextmanager
def sound_blosc() -> Iterator[None]:
    """Let arrays that are opened meanwhile unpack Blosc by the classes above."""
    name = f"{SoundBloscCodec.__module__}.{SoundBloscCodec.__qualname__}"
    zarr.registry.register_codec("blosc", SoundBloscCodec)
    register_codec(SoundBlosc, "blosc")
    try:
        with zarr.config.set({"codecs.blosc": name}):
            yield
    finally:
        register_codec(numcodecs.Blosc, "blosc")
