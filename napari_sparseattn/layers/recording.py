"""A recording of an event camera as napari layers: frames of event counts, counted as they are looked at."""

from __future__ import annotations

import uuid
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.layers.stack import TINTS, LayerData
from sparseattn.events import EventFrames, open_recording


def recording_layers(path: Path, frame_us: int | None = None) -> list[LayerData]:
    """Return two Image layers (T, Y, X), on and off events; frames last some hundredth of the recording.

    All of the file is read once, to put its events in order on disk; frames are counted when shown.

    Raises
    ------
    ValueError, OSError
        With the reason why it cannot be read.
    """
    return frame_layers(EventFrames.of(open_recording(path).store(), frame_us), path)


def frame_layers(frames: EventFrames, path: Path, pixel_size_um: float | None = None) -> list[LayerData]:
    """Return two Image layers (T, Y, X), on and off events, of frames that were begun."""
    count, _, height, width = frames.shape
    middle = frames.frame(count // 2)
    size, unit = (1.0, "pixel") if pixel_size_um is None else (pixel_size_um, "um")
    shared: dict[str, Any] = {
        "scale": (frames.frame_us / 1000, size, size),
        "units": ("ms", unit, unit),
        "axis_labels": ("time", "y", "x"),
        "metadata": {"event_frames": {"path": str(path), "frame_us": frames.frame_us}},
    }
    layers: list[LayerData] = []
    for place, name in enumerate(("on", "off")):

        def read(block_id: tuple[int, ...], place: int = place) -> NDArray[Any]:
            return frames.frame(block_id[0])[place][None]

        stack = da.map_blocks(
            read,
            chunks=((1,) * count, (height,), (width,)),
            dtype=np.uint16,
            meta=np.empty((0,) * 3, np.uint16),
            name=f"events-{uuid.uuid4().hex}",
        )
        top = max(float(np.percentile(middle[place], 99.5)), 1.0)
        keywords = {
            "name": f"{path.stem} {name}",
            "contrast_limits": (0.0, top),
            "colormap": TINTS[place],
            "blending": "additive",
            **shared,
        }
        layers.append((stack, keywords, "image"))
    return layers
