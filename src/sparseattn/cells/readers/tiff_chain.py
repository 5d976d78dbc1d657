"""The chain of a TIFF's pages: a damaged one may run in a circle, and a library after it."""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

_CLASSIC, _BIG = 42, 43


def check_chain(path: Path) -> None:
    """Walk from page to page without reading them.

    What is no TIFF, or ends early, is left to the library that reads it.

    Raises
    ------
    ValueError
        Where a page is followed by one that was there before.
    """
    with path.open("rb") as stream:
        head = stream.read(16)
        order = {b"II": "<", b"MM": ">"}.get(head[:2])
        if order is None or len(head) < 16:
            return
        (version,) = struct.unpack_from(order + "H", head, 2)
        if version == _CLASSIC:
            count, entry, place = struct.Struct(order + "H"), 12, struct.Struct(order + "I")
            (offset,) = place.unpack_from(head, 4)
        elif version == _BIG:
            count, entry, place = struct.Struct(order + "Q"), 20, struct.Struct(order + "Q")
            (offset,) = place.unpack_from(head, 8)
        else:
            return
        seen: set[int] = set()
        while offset:
            if offset in seen:
                raise ValueError("it is damaged: its pages run in a circle")
            seen.add(offset)
            tags = _number(stream, offset, count)
            following = None if tags is None else _number(stream, offset + count.size + tags * entry, place)
            if following is None:
                return
            offset = following


def _number(stream: BinaryIO, at: int, form: struct.Struct) -> int | None:
    """Return the number that lies there; None beyond the end."""
    if at >= 1 << 62:
        return None
    stream.seek(at)
    content = stream.read(form.size)
    return int(form.unpack(content)[0]) if len(content) == form.size else None
