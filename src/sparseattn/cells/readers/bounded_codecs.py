"""Zarr's codecs, unpacking no more of a chunk than a bound: a few megabytes may be gigabytes unpacked."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import struct
import zlib
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from functools import cached_property
from math import prod
from typing import Any

import numcodecs
import zarr
from numcodecs.compat import ensure_bytes, ndarray_copy
from numcodecs.registry import register_codec
from zarr.codecs import GzipCodec, ZstdCodec

from sparseattn.cells.readers.sound_blosc import sound_blosc

_LARGEST, _LEAST, _TIMES = 1 << 30, 1 << 20, 16
"""Filters may make less of what was unpacked, such as bytes of floats."""

_PIECE = 1 << 20
_ZSTD_FRAME, _ZSTD_SKIPPABLE, _ZSTD_BLOCK = 0xFD2FB528, 0x184D2A50, 128 << 10


class BoundedZlib(numcodecs.Zlib):  # type: ignore[misc]
    """numcodecs' zlib, for chunks that may be bombs."""

    codec_id = "zlib"
    _largest = _LARGEST

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked; ValueError where they are too many."""
        unpacking = zlib.decompressobj()
        unpacked = unpacking.decompress(ensure_bytes(buf), self._largest + 1)
        _check(len(unpacked), self._largest)
        if not unpacking.eof:
            raise ValueError("a chunk is truncated")
        return ndarray_copy(unpacked, out)


class BoundedGZip(numcodecs.GZip):  # type: ignore[misc]
    """numcodecs' gzip, for chunks that may be bombs."""

    codec_id = "gzip"
    _largest = _LARGEST

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked; ValueError where they are too many."""
        return ndarray_copy(_read(gzip.GzipFile(fileobj=io.BytesIO(ensure_bytes(buf))), self._largest), out)


class BoundedBZ2(numcodecs.BZ2):  # type: ignore[misc]
    """numcodecs' bzip2, for chunks that may be bombs."""

    codec_id = "bz2"
    _largest = _LARGEST

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked; ValueError where they are too many."""
        return ndarray_copy(_read(bz2.BZ2File(io.BytesIO(ensure_bytes(buf))), self._largest), out)


class BoundedLZMA(numcodecs.LZMA):  # type: ignore[misc]
    """numcodecs' LZMA, for chunks that may be bombs."""

    codec_id = "lzma"
    _largest = _LARGEST

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked; ValueError where they are too many."""
        packed = io.BytesIO(ensure_bytes(buf))
        raw = self.format == lzma.FORMAT_RAW
        kind = lzma.FORMAT_AUTO if self.format == lzma.FORMAT_XZ else self.format
        with lzma.LZMAFile(packed, format=kind, filters=self.filters if raw else None) as stream:
            return ndarray_copy(_read(stream, self._largest), out)


class BoundedLZ4(numcodecs.LZ4):  # type: ignore[misc]
    """numcodecs' LZ4, for chunks that may be bombs."""

    codec_id = "lz4"
    _largest = _LARGEST

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked; ValueError where the head says that they are too many."""
        packed = ensure_bytes(buf)
        if len(packed) < 4:
            raise ValueError("a chunk is truncated")
        _check(struct.unpack_from("<I", packed)[0], self._largest)
        return super().decode(packed, out)


class BoundedZstd(numcodecs.Zstd):  # type: ignore[misc]
    """numcodecs' Zstandard, for chunks that may be bombs."""

    codec_id = "zstd"
    _largest = _LARGEST

    def decode(self, buf: Any, out: Any = None) -> Any:
        """Return the bytes unpacked; ValueError where they may be too many by the heads of its blocks."""
        packed = ensure_bytes(buf)
        _check(_most_of_zstd(packed), self._largest)
        return super().decode(packed, out)


class BoundedGzipCodec(GzipCodec):
    """The same for Zarr of version 3."""

    @cached_property
    def _gzip_codec(self) -> BoundedGZip:
        return BoundedGZip(self.level)


class BoundedZstdCodec(ZstdCodec):
    """The same for Zarr of version 3."""

    @cached_property
    def _zstd_codec(self) -> BoundedZstd:
        return BoundedZstd(level=self.level, checksum=self.checksum)


_OF_VERSION_2 = (BoundedZlib, BoundedGZip, BoundedBZ2, BoundedLZMA, BoundedLZ4, BoundedZstd)
_OF_VERSION_3 = {"gzip": BoundedGzipCodec, "zstd": BoundedZstdCodec}


@contextmanager
def bounded_codecs() -> Iterator[None]:
    """Let arrays that are opened meanwhile unpack by the classes above, and Blosc by `SoundBlosc`."""
    with ExitStack() as stack:
        stack.enter_context(sound_blosc())
        names = {}
        for name, codec in _OF_VERSION_3.items():
            zarr.registry.register_codec(name, codec)
            names[f"codecs.{name}"] = f"{codec.__module__}.{codec.__qualname__}"
        stack.enter_context(zarr.config.set(names))
        for bounded in _OF_VERSION_2:
            register_codec(bounded)
            stack.callback(register_codec, bounded.__mro__[1])
        yield


def bind_codecs(array: Any) -> None:
    """Let the codecs of an array that was opened so unpack no more than its chunks may need."""
    metadata = array.metadata
    found = [getattr(metadata, "compressor", None), *(getattr(metadata, "filters", None) or ())]
    for codec in _with_those_of_shards(getattr(metadata, "codecs", ())):
        # Those of version 3 look up numcodecs' own when they are first asked.
        found += [getattr(codec, name, None) for name in ("_codec", "_gzip_codec", "_zstd_codec")]
    chunk_bytes = prod(map(int, array.chunks)) * array.dtype.itemsize
    for codec in found:
        if isinstance(codec, _OF_VERSION_2):
            codec._largest = min(_LARGEST, max(_TIMES * chunk_bytes, _LEAST))


def _with_those_of_shards(codecs: Iterable[Any]) -> Iterator[Any]:
    for codec in codecs:
        yield codec
        yield from _with_those_of_shards(getattr(codec, "codecs", ()))
        yield from _with_those_of_shards(getattr(codec, "index_codecs", ()))


def _check(unpacked: int, largest: int) -> None:
    if unpacked > largest:
        raise ValueError(
            f"a chunk of it unpacks to over {largest >> 20:,} MiB, which is more than it may hold"
        )


def _read(stream: Any, largest: int) -> bytearray:
    unpacked = bytearray()
    while piece := stream.read(_PIECE):
        unpacked += piece
        _check(len(unpacked), largest)
    return unpacked


def _most_of_zstd(packed: bytes) -> int:
    """Return how many bytes Zstandard may unpack at most, by the heads of all blocks (RFC 8878)."""
    most, at = 0, 0
    try:
        while at < len(packed):
            (magic,) = struct.unpack_from("<I", packed, at)
            if magic & 0xFFFFFFF0 == _ZSTD_SKIPPABLE:
                at += 8 + struct.unpack_from("<I", packed, at + 4)[0]
                continue
            if magic != _ZSTD_FRAME:
                raise ValueError("a chunk is damaged")
            said = packed[at + 4]
            single, has_checksum = said >> 5 & 1, said >> 2 & 1
            at += 5 + (1 - single) + (0, 1, 2, 4)[said & 3] + (single, 2, 4, 8)[said >> 6]
            last = 0
            while not last:
                head = int.from_bytes(packed[at : at + 3], "little")
                last, kind, size = head & 1, head >> 1 & 3, head >> 3
                if at + 3 > len(packed):
                    raise ValueError("a chunk is truncated")
                most += _ZSTD_BLOCK if kind == 2 else size
                at += 3 + (1 if kind == 1 else size)
            at += 4 * has_checksum
    except (struct.error, IndexError):
        raise ValueError("a chunk is truncated") from None
    return most
