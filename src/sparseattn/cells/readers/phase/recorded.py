"""What a file of phase recorded, and the source that makes optical path difference of it."""

from __future__ import annotations

import dataclasses
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cell_file import CellFile, Source
from sparseattn.errors import InputError, WavelengthError
from sparseattn.phase.opd import RAW, path_difference
from sparseattn.phase.settings import LENGTHS, PhaseSettings, Values

CHANNEL, UNIT = "optical path difference", "nm"

LARGEST_PIXELS = 64_000_000
"""Of one image: unlike others it is in memory several times while it is computed."""


@dataclass(frozen=True)
class RecordedPhase:
    """What a file says of its numbers.

    Attributes
    ----------
    values
        What they are.
    wavelength_nm
        Of the light; None where the file does not say.
    reference
        Gives as its row 0 the same without cells, or None.
    pitch_term
        Of "qlsi" pictures; see `sparseattn.phase.holograms.shearing_phase`.
    """

    values: Values
    wavelength_nm: float | None = None
    reference: Source | None = None
    pitch_term: float | None = None


@dataclass(frozen=True)
class PathDifference:
    """Optical path difference in nm, computed when a cell is read."""

    recorded: Source
    settings: PhaseSettings
    reference: Source | None
    pitch_term: float | None

    @property
    def path(self) -> Path:
        """The file of what was recorded."""
        return self.recorded.path

    def read(self, row: int) -> npt.NDArray[Any]:
        """Return cell `row` as (1, H, W) float32."""
        empty = None if self.reference is None else _first(cast(Hashable, self.reference))
        pixels = self.recorded.read(row)[0]
        return path_difference(pixels, self.settings, reference=empty, pitch_term=self.pitch_term)[None]


@lru_cache(maxsize=4)
def _first(source: Hashable) -> npt.NDArray[Any]:
    return np.asarray(cast(Source, source).read(0)[0])


def as_path_difference(
    file: CellFile, settings: PhaseSettings, reference: CellFile | None = None
) -> CellFile:
    """Return a file of phase as one of optical path difference.

    Parameters
    ----------
    file
        Of one channel.
    settings
        What the user says; where it says nothing, the file does.
    reference
        The file that ``settings.reference`` names, opened.

    Raises
    ------
    WavelengthError
        Where neither says the wavelength.
    InputError
        Where neither says what the numbers are.
    ValueError
        Where the numbers cannot be phase.
    """
    said = file.phase
    if file.channels != 1:
        raise ValueError(f"it has {file.channels} channels, and an image of phase has one")
    if file.shape[0] * file.shape[1] > LARGEST_PIXELS:
        raise ValueError(
            f"its {file.shape[0]} x {file.shape[1]} pixels are too many for a phase image; cut it into parts"
        )
    values = settings.values
    if values == "auto":
        values = said.values if said is not None else _likely(file, settings)
    if (values == "field") != (file.dtype.kind == "c"):
        kind = "complex" if file.dtype.kind == "c" else "real"
        raise ValueError(f"its numbers are {kind}, which {values!r} are not")
    wavelength = settings.wavelength_nm or (None if said is None else said.wavelength_nm)
    if wavelength is None and values not in LENGTHS:
        raise WavelengthError(
            "the file does not say the wavelength of the light; give it by --wavelength, such as 550nm "
            "(phase={'wavelength_nm': 550})"
        )
    background = settings.background
    if background == "auto":
        background = "tilt" if values in RAW else "none"
    settings = dataclasses.replace(settings, values=values, wavelength_nm=wavelength, background=background)
    if reference is not None and reference.shape != file.shape:
        raise ValueError(f"its reference is {reference.shape} pixels large, it is {file.shape}")
    empty = reference.source if reference is not None else None if said is None else said.reference
    source = PathDifference(file.source, settings, empty, None if said is None else said.pitch_term)
    return dataclasses.replace(
        file,
        source=source,
        dtype=np.dtype(np.float32),
        channel_names=(CHANNEL,),
        unit=UNIT,
        modality="phase",
        phase=None,
    )


def common_settings(files: Sequence[CellFile]) -> PhaseSettings | None:
    """Return how the optical path differences of files are made; None where they are not, or differ."""
    found = {file.source.settings if isinstance(file.source, PathDifference) else None for file in files}
    return found.pop() if len(found) == 1 else None


def _likely(file: CellFile, settings: PhaseSettings) -> Values:
    if file.dtype.kind == "c":
        return "field"
    if file.dtype.kind == "f" and settings.wavelength_nm is not None:
        return "radians"
    raise InputError(
        "the file does not say what its numbers are; say so by --values radians (with --wavelength), nm, "
        "hologram ... (phase={'values': 'radians'})"
    )
