"""The field that layers show, as the library reads it from their file: with its unit, scale and names.

Its cells have the ids that the command line gives them, and it knows what was recorded.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import Any

from napari_sparseattn.layers.field_arrays import shape_of
from napari_sparseattn.layers.metadata import file_of
from sparseattn.cells import Field, open_field
from sparseattn.cells.remembered import read_remembered
from sparseattn.errors import InputError

FIELD_OPTIONS = ("layout", "channel_names", "modality", "dataset", "pixel_size_um", "phase")
"""Of the options of `open_cells`, those that `open_field` takes as well."""

RGB = ("red", "green", "blue")


def field_options(options: Mapping[str, Any]) -> dict[str, Any]:
    """Return those options that `open_field` takes."""
    return {name: options[name] for name in FIELD_OPTIONS if options.get(name) is not None}


def field_of_file(layers: Sequence[Any]) -> Field | None:
    """Return the field that image layers show; None where they show no file of ours, or a part of it."""
    files = [file_of(layer) for layer in layers]
    first = files[0]
    if first is None or not first.path.exists():
        return None
    if any(one is None or (one.path, one.options) != (first.path, first.options) for one in files):
        return None
    try:
        said = str(read_remembered(first.path).documents)
    except InputError:
        return None
    options = json.dumps(field_options(first.options))
    field = _opened(first.path, options, first.path.stat().st_mtime_ns, said)
    shape = shape_of(layers[0])
    if field is None or field.shape != shape[-2:] or field.planes != prod(shape[:-2]):
        return None
    shown = RGB if layers[0].rgb else tuple(one.channel for one in files if one is not None)
    return field if shown == field.channels else None


@lru_cache(maxsize=8)
def _opened(path: Path, options: str, changed: int, said: str) -> Field | None:
    """Open a field; it is another when its file has changed, or what is said of it."""
    try:
        return open_field(path, **json.loads(options))
    except InputError:
        return None
