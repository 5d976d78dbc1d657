"""How files are read: options that every command with a source of cells has, in one place."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import typer

from sparseattn.cli.recordings import (
    Meaning,
    Representation,
    events_of_model,
    parse_slice,
    parse_window,
    window_text,
)
from sparseattn.errors import InputError
from sparseattn.phase.settings import BackgroundName, Values

_UNITS_NM = {"nm": 1.0, "um": 1e3, "µm": 1e3, "μm": 1e3, "mm": 1e6, "m": 1e9}


@dataclass(frozen=True)
class Reading:
    """How the files of a source are read; its fields are the options, in this order.

    Attributes
    ----------
    dataset, file_names, tile, pixel_size
        As `sparseattn.cells.open_cells` takes them, sizes as text.
    wavelength, values, background, unwrap, invert, reference
        Of phase images: see `sparseattn.phase.PhaseSettings`.
    representation, bins, event_window, recordings_are, cell_diameter, event_slice
        Of event-camera recordings: see `sparseattn.events.EventSettings`; the window as text, the slice in
        ms.
    """

    dataset: Annotated[
        str | None,
        typer.Option(help="Which dataset of a file, series of a microscope, or field of a plate: A/1/0."),
    ] = None
    file_names: Annotated[
        str | None, typer.Option(help="How files are named that hold a channel each: {cell}_{channel}.")
    ] = None
    tile: Annotated[
        str | None, typer.Option(help="Images are montages: height x width of a cell, as 55 or 40x50.")
    ] = None
    pixel_size: Annotated[str | None, typer.Option(help="Side of a pixel in the sample, such as 0.2um.")] = (
        None
    )
    wavelength: Annotated[
        str | None, typer.Option(help="Of phase images: wavelength of the light, such as 550nm.")
    ] = None
    values: Annotated[
        Values | None, typer.Option(help="Of phase images: what the numbers are. [as the file says]")
    ] = None
    background: Annotated[
        BackgroundName | None, typer.Option(help="Of phase images: ground to fit and take off.")
    ] = None
    unwrap: Annotated[
        bool | None,
        typer.Option(help="Of phase images: remove jumps of one wavelength. [where it fills one]"),
    ] = None
    invert: Annotated[bool, typer.Option("--invert", help="Of phase images: turn the sign.")] = False
    reference: Annotated[
        Path | None, typer.Option(help="Of phase images: the same without cells, to take off.")
    ] = None
    representation: Annotated[
        Representation | None,
        typer.Option(help="Of recordings: what becomes of a cell's events. [histogram]"),
    ] = None
    bins: Annotated[
        int | None, typer.Option(help="Of recordings: moments of the voxel grid, 2 to 16. [5]")
    ] = None
    event_window: Annotated[
        str | None, typer.Option(help="Of recordings: 20ms, 500us or 3000 (events) of a cell. [all]")
    ] = None
    recordings_are: Annotated[
        Meaning | None,
        typer.Option(help="What recordings are: one cell each, or cells passing. [alone: passages]"),
    ] = None
    cell_diameter: Annotated[
        float | None, typer.Option(help="Of recordings: of a passing cell, in pixels. [30]")
    ] = None
    event_slice: Annotated[
        float | None,
        typer.Option(help="Of recordings: ms in which a cell moves half its diameter. [2]"),
    ] = None

    def for_model(self, model: Path) -> Reading:
        """Return how to read cells for a model: what is not said of events is as the model was made with."""
        events = events_of_model(model)
        if events is None:
            return self
        known: dict[str, Any] = {
            "representation": events.representation,
            "bins": events.bins,
            "event_window": window_text(events),
            "recordings_are": events.recordings,
            "cell_diameter": events.diameter,
            "event_slice": events.slice_us / 1000,
        }
        return replace(self, **{name: value for name, value in known.items() if getattr(self, name) is None})

    def of_a_field(self) -> dict[str, Any]:
        """Return what `sparseattn.cells.open_field` is to be given.

        Raises
        ------
        InputError
            Where a length cannot be read, or an option is for folders of cells.
        """
        given = self.arguments()
        for_cells = (given.pop("file_names"), given.pop("tile"), given.pop("events"))
        if for_cells != (None, None, None):
            raise InputError(
                "--file-names, --tile and options of recordings are for cells; leave them out with a field"
            )
        return given

    def arguments(self) -> dict[str, Any]:
        """Return what `sparseattn.cells.open_cells` is to be given.

        Raises
        ------
        InputError
            Where a length cannot be read.
        """
        given = {
            "wavelength_nm": parse_length(self.wavelength, "--wavelength", "550nm"),
            "values": self.values,
            "background": self.background,
            "unwrap": self.unwrap,
            "invert": self.invert or None,
            "reference": None if self.reference is None else str(self.reference),
        }
        phase = {name: value for name, value in given.items() if value is not None}
        recordings = {
            "representation": self.representation,
            "bins": self.bins,
            "recordings": self.recordings_are,
            "diameter": self.cell_diameter,
            "slice_us": parse_slice(self.event_slice),
        }
        events: dict[str, Any] = {name: value for name, value in recordings.items() if value is not None}
        events |= parse_window(self.event_window)
        return {
            "dataset": self.dataset,
            "file_names": self.file_names,
            "tile": parse_tile(self.tile),
            "pixel_size_um": parse_micrometres(self.pixel_size, "--pixel-size", "0.2um"),
            "phase": phase or None,
            "events": events or None,
        }


PLAIN_READING = Reading()


def parse_length(text: str | None, option: str, example: str) -> float | None:
    """Return in nanometres what a length with its unit says; None stays None.

    Raises
    ------
    InputError
        If it is no length, or has no unit.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d+(?:\.\d*)?|\.\d+)\s*([a-zµμ]+)", text.strip(), re.ASCII)
    if match is None or match[2] not in _UNITS_NM:
        raise InputError(f"{option} {text!r} is no length with a unit; give one such as {example}")
    return round(float(match[1]) * _UNITS_NM[match[2]], 9)


def parse_micrometres(text: str | None, option: str, example: str) -> float | None:
    """Return in micrometres what a length with its unit says, as `parse_length` reads it."""
    length = parse_length(text, option, example)
    return None if length is None else length / 1000


def parse_tile(text: str | None) -> tuple[int, int] | None:
    """Return height and width of ``55`` or ``40x50``; None stays None.

    Raises
    ------
    InputError
        If it is neither.
    """
    if text is None:
        return None
    match = re.fullmatch(r"(\d{1,5})(?:\s*x\s*(\d{1,5}))?", text.strip(), re.ASCII)
    if match is None:
        raise InputError(f"--tile {text!r} is no size of a cell; give one such as 55 or 40x50")
    return int(match[1]), int(match[2] or match[1])
