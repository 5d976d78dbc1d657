"""Coherent light through a lens, by the angular spectrum (Goodman, Introduction to Fourier Optics, ch. 3)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

ComplexImage = NDArray[np.complexfloating]


def through_lens(
    wave: ComplexImage, step: float, *, wavelength: float, aperture: float, index: float, defocus: float = 0.0
) -> ComplexImage:
    """Return a complex field as a lens shows it.

    Spatial frequencies above ``aperture / wavelength`` are lost; the others travel ``defocus`` with the
    wave number ``kz = 2 pi sqrt((index / wavelength)**2 - fx**2 - fy**2)``.

    Parameters
    ----------
    wave
        (S, S) complex field.
    step, wavelength, defocus
        In µm: grid spacing, vacuum wavelength, distance from focus.
    aperture
        Numerical aperture, below ``index``.
    index
        Refractive index of the medium.

    Returns
    -------
    (S, S) complex64
    """
    squared = np.fft.fftfreq(wave.shape[-1], step) ** 2
    frequency = squared[:, None] + squared
    passed = frequency < (aperture / wavelength) ** 2
    axial = 2 * np.pi * np.sqrt(np.maximum((index / wavelength) ** 2 - frequency, 0))
    # The phase of the wave that goes straight on is left out: only differences can be seen.
    transfer = passed * np.exp(1j * defocus * (axial - axial[0, 0]))
    return np.asarray(np.fft.ifft2(np.fft.fft2(wave) * transfer), np.complex64)


def speckle(
    random: np.random.Generator, size: int, step: float, *, wavelength: float, aperture: float, index: float
) -> ComplexImage:
    """Return a (size, size) complex Gaussian field, as coarse as the lens can show, with mean square 1."""
    noise = random.standard_normal((2, size, size), np.float32)
    wave = noise[0] + 1j * noise[1]
    field = through_lens(wave, step, wavelength=wavelength, aperture=aperture, index=index)
    return np.asarray(field / np.sqrt(np.mean(np.abs(field) ** 2)))
