"""``EventSettings``: what becomes of a recording, from its events to the images that a net sees."""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from sparseattn.errors import InputError

Representation = Literal["histogram", "time_surface", "voxel_grid"]
Recordings = Literal["cells", "passages"]


@dataclass(frozen=True)
class EventSettings:
    """How cells are found in a recording, and how the events of a cell become an image.

    Attributes
    ----------
    representation
        "histogram": how many on and off events each pixel had (uint16). "time_surface": how long ago the last
        on and off event of each pixel was at the end of the window, as exp(-age / decay) with a third of the
        window as decay, 0 where there was none (float32). "voxel_grid": the window cut into `bins` moments;
        each event adds its polarity, -1 or 1, to the nearest two, shared by its distance (float32).
    bins
        Moments of the voxel grid: 2 to 16.
    window_us, window_events
        Which events of a cell count: those of so many µs, or so many events, around the middle of its time.
        At most one of them is given; none: all events.
    recordings
        "cells": each recording is one cell. "passages": the cells that pass through the field. None:
        passages where a recording is opened by itself, cells where it lies in a folder; N-MNIST files are
        always one cell.
    diameter
        Of a cell in pixels, to find passages by, and to cut them out: their images are squares of 1.6
        diameters, which move with the cell.
    slice_us
        µs of events that a cell is looked for in at once: in these it moves less than half its diameter,
        and makes a hundred events or more.
    """

    representation: Representation = "histogram"
    bins: int = 5
    window_us: int | None = None
    window_events: int | None = None
    recordings: Recordings | None = None
    diameter: float = 30.0
    slice_us: int = 2000

    def __post_init__(self) -> None:
        if self.representation not in get_args(Representation):
            raise InputError(
                f"The representation {self.representation!r} is not known; "
                f"use one of {', '.join(get_args(Representation))}."
            )
        if self.recordings not in (None, *get_args(Recordings)):
            raise InputError(f"Recordings are cells or passages, not {self.recordings!r}.")
        if self.window_us is not None and self.window_events is not None:
            raise InputError("A window of events is of a fixed time or of a fixed count; give one of them.")
        ranges: tuple[tuple[str, float, float, float | None], ...] = (
            ("bins", 2, 16, self.bins),
            ("window_us", 1, 1 << 35, self.window_us),
            ("window_events", 1, 1 << 26, self.window_events),
            ("diameter", 4, 1024, self.diameter),
            ("slice_us", 10, 10_000_000, self.slice_us),
        )
        for name, low, high, value in ranges:
            if value is not None and not low <= value <= high:
                raise InputError(f"{name} is {value:g}; give {low:g} to {high:g}.")

    @property
    def channels(self) -> tuple[str, ...]:
        """Names of the channels of the images."""
        if self.representation == "histogram":
            return "on", "off"
        if self.representation == "time_surface":
            return "on age", "off age"
        return tuple(f"moment {number}" for number in range(1, self.bins + 1))

    @property
    def side(self) -> int:
        """Side in pixels of the image of a passing cell."""
        return 2 * round(0.8 * self.diameter)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, d: Any) -> EventSettings:
        """Return the settings that `to_json` wrote; what is missing is as by default.

        Raises
        ------
        InputError
            When an entry makes no sense.
        """
        if not isinstance(d, dict) or not set(d) <= {field.name for field in fields(cls)}:
            raise InputError("The settings for event recordings are damaged.")
        whole = ("bins", "window_us", "window_events", "slice_us")
        sound = all(d.get(name) is None or type(d[name]) is int for name in whole)
        if not sound or ("diameter" in d and type(d["diameter"]) not in (int, float)):
            raise InputError("The settings for event recordings are damaged: a number is expected.")
        try:
            return cls(**d)
        except TypeError as error:
            raise InputError(f"The settings for event recordings are damaged ({error}).") from None
