"""How recorded phase becomes optical path difference: what a user says, and what is remembered of it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, get_args

from sparseattn.errors import InputError

Values = Literal["auto", "radians", "wavelengths", "nm", "um", "m", "field", "hologram", "qlsi"]
"""What the numbers of a file are; "field" is a complex wave, "hologram" and "qlsi" are raw pictures."""

BackgroundName = Literal["auto", "none", "offset", "tilt", "curve"]

LENGTHS: dict[Values, float] = {"nm": 1.0, "um": 1e3, "m": 1e9}
"""Nanometres in a unit of length."""

WAVELENGTHS_NM = (10.0, 20_000.0)

REFRACTION_INCREMENT = 0.18
"""Of the matter of animal cells in µm³/pg (that is, mL/g): mostly protein, 0.18 to 0.19."""

INCREMENTS = (0.01, 1.0)


@dataclass(frozen=True)
class PhaseSettings:
    """How recorded phase becomes optical path difference (OPD) in nanometres.

    Attributes
    ----------
    values
        What the numbers are: "radians" or "wavelengths" of phase; "nm", "um" or "m" of OPD; "field": a
        complex wave, whose phase is taken; "hologram": a raw off-axis hologram; "qlsi": a raw picture of
        quadriwave lateral shearing interferometry. "auto": as the file says; else a complex wave or, of real
        numbers and with a wavelength, radians.
    wavelength_nm
        Of the light, in vacuum; None: as the file says.
    unwrap
        Whether jumps of 2 pi are removed; None: where the phase is taken of a wave, or fills one turn and no
        more.
    invert
        Whether the sign is turned: which of the two images in a hologram is taken is a matter of chance.
    background
        What is fitted to the ground and removed: "none"; "offset"; "tilt": a plane; "curve": a second-order
        surface. "auto": a plane of raw pictures, nothing of files that were processed before.
    reference
        File of the same kind without cells, at the same place: it is taken off first. Of holograms the wave
        is divided by it.
    """

    values: Values = "auto"
    wavelength_nm: float | None = None
    unwrap: bool | None = None
    invert: bool = False
    background: BackgroundName = "auto"
    reference: str | None = None

    def __post_init__(self) -> None:
        for name, choices in (("values", Values), ("background", BackgroundName)):
            if getattr(self, name) not in get_args(choices):
                raise InputError(
                    f"{name} of phase images is {getattr(self, name)!r}; give one of "
                    f"{', '.join(get_args(choices))}."
                )
        check_wavelength(self.wavelength_nm)

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, d: Mapping[str, Any]) -> PhaseSettings:
        """Return the settings that `to_json` wrote; what is missing is as by default.

        Raises
        ------
        InputError
            When an entry makes no sense.
        """
        unknown = sorted(set(d) - {field.name for field in fields(cls)})
        if unknown:
            raise InputError(f"Phase images have no setting {', '.join(map(repr, unknown))}.")
        for name, kinds in (("unwrap", bool | None), ("invert", bool), ("reference", str | None)):
            if name in d and not isinstance(d[name], kinds):
                raise InputError(f"The setting {name} of phase images cannot be {d[name]!r}.")
        return cls(**d)


def check_wavelength(wavelength_nm: object) -> None:
    """Raise InputError unless it is None or a wavelength of light in nanometres."""
    if wavelength_nm is None:
        return
    number = isinstance(wavelength_nm, int | float) and not isinstance(wavelength_nm, bool)
    low, high = WAVELENGTHS_NM
    if not (number and math.isfinite(wavelength_nm) and low <= wavelength_nm <= high):  # type: ignore[operator, arg-type]
        raise InputError(f"The wavelength is {wavelength_nm!r}; give {low:g} to {high:g}, in nanometres.")


def check_increment(increment: float) -> None:
    """Raise InputError unless it can be a refraction increment in µm³/pg."""
    low, high = INCREMENTS
    if not (math.isfinite(increment) and low <= increment <= high):
        raise InputError(
            f"The refraction increment is {increment:g}; give {low:g} to {high:g} µm³/pg "
            f"(proteins {REFRACTION_INCREMENT:g})."
        )
