"""From what was recorded to the optical path difference in nanometres."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.phase.background import without_background
from sparseattn.phase.settings import LENGTHS, PhaseSettings, Values

_LARGEST_UNWRAPPED = 12_000_000
"""Pixels; unwrapping takes 128 bytes for each."""

_TURN: dict[Values, float] = {"radians": 2 * np.pi, "wavelengths": 1.0}
"""One wavelength of path difference, in these units."""

RAW = ("hologram", "qlsi")
"""Values that are pictures of a camera, of which the phase has to be retrieved."""


def path_difference(
    recorded: npt.NDArray[Any],
    settings: PhaseSettings,
    *,
    reference: npt.NDArray[Any] | None = None,
    pitch_term: float | None = None,
) -> npt.NDArray[np.float32]:
    """Return the optical path difference of one image.

    Parameters
    ----------
    recorded
        (H, W), of the kind that ``settings.values`` names, which is not "auto".
    settings
        With a wavelength, unless the values are lengths.
    reference
        (H, W) of the same kind without cells, or None.
    pitch_term
        Of "qlsi".

    Returns
    -------
    numpy.ndarray
        (H, W) float32, nm.

    Raises
    ------
    ValueError
        Where it cannot be made of these numbers.
    """
    values = settings.values
    if recorded.dtype.kind == "f" and not np.isfinite(recorded).all():
        raise ValueError("it holds NaN or infinite values")
    if values in LENGTHS:
        image = _off(recorded, reference) * np.float32(LENGTHS[values])
    else:
        assert settings.wavelength_nm is not None  # whoever opened the file has asked for it
        phase = _phase(recorded, settings, reference, pitch_term)
        image = (phase * (settings.wavelength_nm / _TURN.get(values, 2 * np.pi))).astype(np.float32)
    if settings.invert:
        image = -image
    kind = settings.background
    if kind == "auto":
        kind = "tilt" if values in RAW else "none"
    return without_background(image, kind)


def unwrapped(phase: npt.NDArray[Any]) -> npt.NDArray[np.float64]:
    """Return a phase (H, W) in radians, wrapped or not, without jumps of 2 pi.

    By scikit-image, after Herraez et al. 2002, doi:10.1364/AO.41.007437.

    Raises
    ------
    ValueError
        Where it is too large for that.
    """
    from skimage.restoration import unwrap_phase

    if phase.size > _LARGEST_UNWRAPPED:
        raise ValueError(
            f"{phase.shape[0]} x {phase.shape[1]} pixels are too many to be unwrapped; "
            f"save the unwrapped phase, or say that it is not to be done"
        )
    wrapped = np.angle(np.exp(1j * phase.astype(np.float64)))
    # The outermost pixels of what scikit-image is given come out by chance: they are not to be ours.
    result: npt.NDArray[np.float64] = unwrap_phase(np.pad(wrapped, 1, mode="edge"), rng=0)[1:-1, 1:-1]
    return result


def _phase(
    recorded: npt.NDArray[Any],
    settings: PhaseSettings,
    reference: npt.NDArray[Any] | None,
    pitch_term: float | None,
) -> npt.NDArray[Any]:
    """Return the phase (H, W) in radians, or in wavelengths."""
    values = settings.values
    if values == "qlsi":
        from sparseattn.phase.holograms import shearing_phase

        if pitch_term is None or settings.wavelength_nm is None:
            raise ValueError("it does not say its pitch term (qlsi_pitch_term), as qpformat's files do")
        return shearing_phase(
            recorded, reference, wavelength_nm=settings.wavelength_nm, pitch_term=pitch_term
        )
    if values in _TURN:
        return _continuous(recorded, reference, settings.unwrap, _TURN[values])
    if values == "hologram":
        from sparseattn.phase.holograms import wave_of

        wave = wave_of(recorded, reference)
    else:
        wave = recorded if reference is None else recorded * np.conj(reference)
    phase = np.angle(wave)
    if not np.isfinite(phase).all():
        raise ValueError("it holds NaN or infinite values")
    return phase if settings.unwrap is False else unwrapped(phase)


def _continuous(
    recorded: npt.NDArray[Any], reference: npt.NDArray[Any] | None, unwrap: bool | None, turn: float
) -> npt.NDArray[Any]:
    """Unwrap a phase where it is asked for, or where what was recorded fills one turn and no more."""
    if unwrap is None:
        extent = float(recorded.max()) - float(recorded.min())
        unwrap = 0.9 * turn < extent <= 1.001 * turn
    phase = _off(recorded, reference)
    return unwrapped(phase * (2 * np.pi / turn)) * (turn / (2 * np.pi)) if unwrap else phase


def _off(recorded: npt.NDArray[Any], reference: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    image = recorded.astype(np.float32)
    if reference is None:
        return image
    if reference.shape != recorded.shape:
        raise ValueError(f"its reference is {reference.shape} pixels large, it is {recorded.shape}")
    return image - reference.astype(np.float32)
