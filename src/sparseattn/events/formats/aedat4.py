"""The frame of an AEDAT4 file: whether its packets lie one behind the other up to its end.

faery reads the packets; of one that says it is longer than the file it would take all the memory first.
"""

from __future__ import annotations

import struct
from pathlib import Path

_MAGIC = b"#!AER-DAT4.0\r\n"
_LARGEST_HEADER = 1 << 24
_TABLE_POSITION = 6
"""Place of the field `dataTablePosition` in the header's table of fields."""


def check_packets(path: Path) -> None:
    """Walk from packet to packet without reading them.

    Raises
    ------
    ValueError
        When it is no AEDAT4, or a packet reaches beyond the end of the file.
    """
    length = path.stat().st_size
    with path.open("rb") as stream:
        if stream.read(len(_MAGIC)) != _MAGIC:
            raise ValueError("it is no AEDAT4 file, or its header is damaged")
        size = stream.read(4)
        if len(size) < 4 or not 8 <= struct.unpack("<I", size)[0] <= _LARGEST_HEADER:
            raise ValueError("its header is damaged or truncated")
        header = stream.read(struct.unpack("<I", size)[0])
        _check_text(header)
        place = stream.tell()
        end = _end_of_packets(header, length)
        while place < end:
            stream.seek(place)
            head = stream.read(8)
            payload = struct.unpack("<ii", head)[1] if len(head) == 8 else -1
            if payload < 0 or place + 8 + payload > length:
                raise ValueError(f"it is damaged or truncated: its packet at byte {place} does not end in it")
            place += 8 + payload


def _check_text(header: bytes) -> None:
    """Raise ValueError where the header's XML is no text: on such, faery's native part ends the program."""
    text = header[header.find(b"<") : header.rfind(b">") + 1]
    try:
        text.decode("utf-8")
    except UnicodeDecodeError:
        raise ValueError("its header is damaged: its description is no text") from None


def _end_of_packets(header: bytes, length: int) -> int:
    """Return where the packets end: at the table of them where the header (a FlatBuffer) says its place."""
    try:
        (table,) = struct.unpack_from("<I", header)
        fields = table - struct.unpack_from("<i", header, table)[0]
        (fields_length,) = struct.unpack_from("<H", header, fields)
        if fields_length <= _TABLE_POSITION or fields < 0:
            return length
        (offset,) = struct.unpack_from("<H", header, fields + _TABLE_POSITION)
        if not offset:
            return length
        position = int(struct.unpack_from("<q", header, table + offset)[0])
    except struct.error:
        raise ValueError("its header is damaged") from None
    return position if 0 < position <= length else length
