"""Phase of raw pictures: off-axis holograms and quadriwave lateral shearing interferometry, by qpretrieve."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

from sparseattn.errors import InputError

_LARGEST_TRANSFORM = 2048
"""Side that a picture is padded to with zeros at most: eight complex pictures of that side are in memory."""

LARGEST_SIDE = 4096

_TINY = 1e-12


def wave_of(hologram: npt.NDArray[Any], reference: npt.NDArray[Any] | None) -> npt.NDArray[Any]:
    """Return the complex wave of an off-axis hologram, divided by that of a hologram without cells.

    Parameters
    ----------
    hologram
        (H, W), real.
    reference
        (H, W), real, or None. It is filtered exactly as the hologram.

    Returns
    -------
    (H, W) complex

    Raises
    ------
    InputError
        Where qpretrieve is not installed.
    ValueError
        Where no side band can be found, or the picture is too large.
    """
    qpretrieve = _qpretrieve()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recorded = qpretrieve.OffAxisHologram(_checked(hologram), **_transform(hologram))
        wave = np.asarray(recorded.field)[0]
        if reference is not None:
            empty = qpretrieve.OffAxisHologram(_checked(reference, hologram.shape), **_transform(hologram))
            empty.process_like(recorded)
            ground = np.asarray(empty.field)[0]
            wave = wave * ground.conj() / np.maximum(np.abs(ground) ** 2, _TINY)
    return np.asarray(wave)


def shearing_phase(
    picture: npt.NDArray[Any],
    reference: npt.NDArray[Any] | None,
    *,
    wavelength_nm: float,
    pitch_term: float,
) -> npt.NDArray[Any]:
    """Return the phase (H, W) in radians of a raw picture of quadriwave lateral shearing interferometry.

    Parameters
    ----------
    picture, reference
        (H, W), real; the reference shows no cells and may be None.
    wavelength_nm
        Of the light.
    pitch_term
        Of the grating and its place, as qpretrieve and qpformat define it, in metres.
    """
    qpretrieve = _qpretrieve()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        recorded = qpretrieve.QLSInterferogram(
            _checked(picture),
            reference=None if reference is None else _checked(reference, picture.shape),
            wavelength=wavelength_nm * 1e-9,
            qlsi_pitch_term=pitch_term,
        )
        recorded.run_pipeline()
        return np.asarray(np.asarray(recorded.phase)[0])


def _checked(picture: npt.NDArray[Any], shape: tuple[int, ...] | None = None) -> npt.NDArray[Any]:
    if shape is not None and picture.shape != shape:
        raise ValueError(f"its reference is {picture.shape} pixels large, it is {shape}")
    if max(picture.shape) > LARGEST_SIDE:
        raise ValueError(
            f"a hologram of {picture.shape} pixels is too large; cut it to {LARGEST_SIDE} a side"
        )
    if picture.dtype.kind == "c" or not np.isfinite(picture).all():
        raise ValueError("a hologram has real numbers alone")
    return picture


def _transform(picture: npt.NDArray[Any]) -> dict[str, Any]:
    """Return how it is transformed: padded as far as memory allows, large ones in single precision."""
    side = max(picture.shape)
    padding = next((n for n in (2, 1) if 2 ** np.ceil(np.log2(n * side)) <= _LARGEST_TRANSFORM), 0)
    return {"padding": padding} if padding else {"padding": 0, "dtype_conversion": np.float32}


def _qpretrieve() -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # about interfaces to other Fourier transforms
            import qpretrieve
    except ImportError:
        raise InputError("holograms need a further package: pip install 'napari-sparseattn[phase]'") from None
    return qpretrieve
