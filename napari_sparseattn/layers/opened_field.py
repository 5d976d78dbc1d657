"""An image of many cells as napari layers: a layer a channel, by its name, in micrometres where known."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import dask.array as da
import numpy as np
from numpy.typing import NDArray

from napari_sparseattn.layers.file_field import field_options
from napari_sparseattn.layers.metadata import MARK, note_of_file
from napari_sparseattn.layers.stack import RGB, LayerData, limits_of, path_difference_look
from sparseattn.cells import Field, open_field
from sparseattn.cells.readers.series_names import series_names

MOST_SERIES = 6
"""Of a file that holds more, the first few are shown."""

HUES = ("gray", "blue", "green", "magenta", "yellow", "cyan", "red")


def field_layers(path: Path, options: Mapping[str, Any] | None = None) -> list[LayerData]:
    """Return the Image layers of a file: (Y, X), or (N, Y, X) for several planes, of each channel and series.

    ``options`` are those of `sparseattn.cells.open_field`, plain JSON values.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    said = field_options(options or {})
    names = series_names(path) if "dataset" not in said else []
    if len(names) < 2:
        return _layers(open_field(path, **said), path.stem, path, said)
    layers: list[LayerData] = []
    for name in names[:MOST_SERIES]:
        of_series = {**said, "dataset": name}
        layers += _layers(open_field(path, **of_series), f"{path.stem} {name}", path, of_series)
    return layers


def _layers(field: Field, name: str, path: Path, options: Mapping[str, Any]) -> list[LayerData]:
    first = field.plane(field.planes // 2)
    shared: dict[str, Any] = {}
    if field.pixel_size_um is not None:
        size = field.pixel_size_um
        leading, unit = ((1,), ("pixel",)) if field.planes > 1 else ((), ())
        shared |= {"scale": (*leading, size, size), "units": (*unit, "um", "um")}
    if field.planes > 1:
        shared["axis_labels"] = ("plane", "y", "x")

    def noted(channel: str | None, **more: Any) -> dict[str, Any]:
        return {"metadata": {MARK: {**note_of_file(path, options, channel), **more}}}

    if field.modality == "phase" and field.unit == "nm" and len(field.channels) == 1:
        look = path_difference_look(first[0])
        about = noted(field.channels[0], unit="nm")
        return [(_stack(field, 0), {"name": f"{name} (nm)", **look, **shared, **about}, "image")]
    if field.channels == RGB and field.dtype == np.uint8:
        pixels = _stack(field, slice(None)).transpose(*range(_lead(field)), -2, -1, -3)
        return [(pixels, {"name": name, "rgb": True, **shared, **noted(None)}, "image")]
    layers: list[LayerData] = []
    for place, channel in enumerate(field.channels):
        keywords: dict[str, Any] = {
            "name": name if len(field.channels) == 1 else f"{name} {channel}",
            "colormap": HUES[place % len(HUES)],
            **shared,
            **noted(channel),
        }
        if place:
            keywords["blending"] = "additive"
        limits = limits_of(np.percentile(first[place], (0.5, 99.8)))
        if limits is not None:
            keywords["contrast_limits"] = limits
        layers.append((_stack(field, place), keywords, "image"))
    return layers


def _lead(field: Field) -> int:
    return 1 if field.planes > 1 else 0


def _stack(field: Field, channel: int | slice) -> da.Array:
    """Return planes that are read when they are looked at; one plane has no axis of planes."""
    depth = (len(field.channels),) if isinstance(channel, slice) else ()

    def read(block_id: tuple[int, ...]) -> NDArray[Any]:
        return np.asarray(field.plane(block_id[0])[channel])[None]

    stack = da.map_blocks(
        read,
        chunks=((1,) * field.planes, *((n,) for n in (*depth, *field.shape))),
        dtype=field.dtype,
        meta=np.empty((0,) * (3 + len(depth)), field.dtype),
        name=f"field-{uuid.uuid4().hex}",
    )
    return stack if field.planes > 1 else stack[0]
