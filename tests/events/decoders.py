"""Tiny decoders, written from the formats' descriptions alone: what the readers are compared with."""

from pathlib import Path

import numpy as np


def body(path: Path) -> bytes:
    """The bytes after the lines that begin with a percent sign."""
    data = path.read_bytes()
    place = 0
    while data[place : place + 1] == b"%":
        place = data.index(b"\n", place) + 1
    return data[place:]


def evt2(path: Path) -> np.ndarray:
    """(E, 4) of t, x, y, p: 32-bit words, their highest four bits the kind."""
    rows, high = [], None
    for word in np.frombuffer(body(path), "<u4").tolist():
        kind = word >> 28
        if kind == 8:
            high = word & 0xFFFFFFF
        elif kind in (0, 1) and high is not None:
            rows.append((high << 6 | word >> 22 & 0x3F, word >> 11 & 0x7FF, word & 0x7FF, kind))
    return np.array(rows, np.int64)


def evt3(path: Path) -> np.ndarray:
    """(E, 4) of t, x, y, p: 16-bit words that change a state, and vectors of 12 or 8 events."""
    data = body(path)
    rows, high, low, y, first, polarity = [], 0, 0, 0, 0, 0
    for word in np.frombuffer(data[: len(data) // 2 * 2], "<u2").tolist():
        kind, value = word >> 12, word & 0xFFF
        if kind == 0:
            y = value & 0x7FF
        elif kind == 2:
            rows.append((high << 12 | low, value & 0x7FF, y, value >> 11))
        elif kind == 3:
            first, polarity = value & 0x7FF, value >> 11
        elif kind in (4, 5):
            width = 12 if kind == 4 else 8
            rows += [(high << 12 | low, first + bit, y, polarity) for bit in range(width) if value >> bit & 1]
            first += width
        elif kind == 6:
            low = value
        elif kind == 8:
            high = value
    return np.array(rows, np.int64)


def event_stream(path: Path) -> np.ndarray:
    """(E, 4) of t, x, y, p of a DVS stream of version 2: a byte of time and polarity, x and y from below."""
    data = path.read_bytes()
    assert data[:16] == b"Event Stream\x02\x00\x00\x01"
    height = int.from_bytes(data[18:20], "little")
    rows, place, t = [], 20, 0
    while place < len(data):
        if data[place] >= 0xFE:
            t, place = t + 127, place + 1
            continue
        t += data[place] >> 1
        x, y = (int.from_bytes(data[place + at : place + at + 2], "little") for at in (1, 3))
        rows.append((t, x, height - 1 - y, data[place] & 1))
        place += 5
    return np.array(rows, np.int64)


def nmnist(path: Path) -> np.ndarray:
    """(E, 4) of t, x, y, p: five bytes an event."""
    rows = []
    data = path.read_bytes()
    for place in range(0, len(data), 5):
        x, y, high, middle, low = data[place : place + 5]
        rows.append(((high & 127) << 16 | middle << 8 | low, x, y, high >> 7))
    return np.array(rows, np.int64)
