"""Prophesee RAW (EVT2, EVT2.1, EVT3) and DAT, AEDAT4 and Event Stream, by faery.

faery refuses events that lie off the sensor, and ends within bounds of time and memory on damaged files
(`python -m benchmarks.fuzz`); what its native part raises besides, a panic, is no `Exception`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from sparseattn.events.event import Events, events_of
from sparseattn.events.formats.aedat4 import check_packets
from sparseattn.events.recording import LARGEST_SIDE, Recording

KINDS = {".raw": "EVT", ".dat": "DAT", ".aedat4": "AEDAT4", ".es": "Event Stream"}

_ANY_SIZE = (2048, 2048)
"""What 11 bits of x and y reach: of files that do not say the size of their sensor."""

_VERSIONS = {"2.0": "evt2", "2.1": "evt2.1", "3.0": "evt3", "2": "evt2", "21": "evt2.1", "3": "evt3"}
_WORDS = {"evt2": 4, "evt2.1": 8, "evt3": 2, "dat": 8}
_HEADER = 1 << 16


def open_by_faery(path: Path) -> Recording:
    """Describe a recording from its header.

    Raises
    ------
    ValueError, OSError
        With the reason why it is none; also where faery is not installed.
    """
    kind = KINDS[path.suffix.lower()]
    version = None
    length = 0
    if kind in ("EVT", "DAT"):
        header = _header(path)
        length = len(header)
        version = _evt_version(header) if kind == "EVT" else None
    elif kind == "AEDAT4":
        check_packets(path)
    decoder = _asked(partial(_decoder, path, version))
    width, height = decoder.dimensions()
    size = None if (width, height) == _ANY_SIZE else (int(height), int(width))
    if size is not None and not 1 <= min(size) <= max(size) <= LARGEST_SIDE:
        raise ValueError(f"its header is damaged: a sensor of {width} x {height} pixels")
    note = None
    word = _WORDS.get(version or "dat", 1)
    body = path.stat().st_size - length - (2 if kind == "DAT" else 0)
    if kind in ("EVT", "DAT") and body % word:
        note = "it ends within an event, which is left out"
    shown_kind = f"EVT{version[3:]}" if version else kind
    return Recording(path, shown_kind, size, partial(_packets, path, version), note)


def _header(path: Path) -> bytes:
    """Return the lines that begin with a percent sign."""
    with path.open("rb") as stream:
        start = stream.read(_HEADER)
    place = 0
    while start[place : place + 1] == b"%":
        end = start.find(b"\n", place)
        if end < 0:
            raise ValueError("its header does not end; it is damaged or of another kind")
        place = end + 1
        if start[:place].endswith((b"% end\n", b"% end\r\n")):
            break
    if not place:
        raise ValueError("it has no Prophesee header; it is damaged or of another kind")
    return start[:place]


def _evt_version(header: bytes) -> str:
    found = re.search(rb"^% evt (\d\.\d)\s*$|^% format EVT(\d+)", header, re.MULTILINE)
    version = _VERSIONS.get((found[1] or found[2]).decode()) if found else None
    if version is None:
        raise ValueError("its header names no version of EVT that can be read (2.0, 2.1, 3.0)")
    return version


def _decoder(path: Path, version: str | None) -> Any:
    try:
        import faery
    except ImportError:
        raise ValueError(
            "event recordings need a further package: pip install 'napari-sparseattn[events]'"
        ) from None
    return faery.events_stream_from_file(path, dimensions_fallback=_ANY_SIZE, version_fallback=version)


def _packets(path: Path, version: str | None) -> Iterator[Events]:
    packets = _asked(lambda: iter(_decoder(path, version)))
    while (packet := _asked(lambda: next(packets, None))) is not None:
        if len(packet):
            t = packet["t"]
            if int(t.max()) > np.iinfo(np.int64).max:
                raise ValueError("it is damaged: its times are larger than any clock's")
            yield events_of(t, packet["x"], packet["y"], packet["on"])


def _asked(ask: Any) -> Any:
    """Return what faery answers; what it raises, a panic of its native part included, becomes ValueError."""
    try:
        return ask()
    except (OSError, ValueError, TypeError, MemoryError, KeyboardInterrupt, SystemExit, GeneratorExit):
        raise
    except BaseException as error:
        raise ValueError(f"it is damaged or truncated ({str(error)[:120]})") from None
