"""From phase, waves and holograms to nanometres: what went in comes out."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sparseattn.errors import InputError
from sparseattn.phase import PhaseSettings, path_difference, without_background
from sparseattn.phase.opd import unwrapped

WAVELENGTH = 600.0
Y, X = np.mgrid[:96, :80].astype(np.float64)
OPD = 900 * np.exp(-((Y - 45) ** 2 + (X - 40) ** 2) / 300)  # one and a half wavelengths high
PHASE = OPD * 2 * np.pi / WAVELENGTH


def settings(**more: object) -> PhaseSettings:
    return PhaseSettings.from_json({"wavelength_nm": WAVELENGTH, "background": "none", **more})


@pytest.mark.parametrize(
    ("values", "recorded"),
    [
        ("radians", PHASE),
        ("wavelengths", OPD / WAVELENGTH),
        ("nm", OPD),
        ("um", OPD / 1e3),
        ("m", OPD / 1e9),
    ],
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_every_unit_becomes_nanometres(values: str, recorded: np.ndarray, dtype: type) -> None:
    result = path_difference(recorded.astype(dtype), settings(values=values))
    assert result.dtype == np.float32
    np.testing.assert_allclose(result, OPD, atol=1e-3)
    np.testing.assert_allclose(
        path_difference(recorded.astype(dtype), settings(values=values, invert=True)), -OPD, atol=1e-3
    )


@pytest.mark.parametrize("values", ["radians", "wavelengths", "field"])
def test_what_was_wrapped_is_unwrapped(values: str) -> None:
    wave = np.exp(1j * PHASE)
    wrapped = np.angle(wave)
    recorded = {"radians": wrapped, "wavelengths": wrapped / (2 * np.pi), "field": wave}[values]
    result = path_difference(recorded, settings(values=values))
    np.testing.assert_allclose(result - result[0, 0], OPD - OPD[0, 0], atol=0.01)
    left = path_difference(recorded, settings(values=values, unwrap=False))
    np.testing.assert_allclose(left, wrapped * WAVELENGTH / (2 * np.pi), atol=0.01)


def test_phase_of_less_than_a_turn_is_left_as_it_is() -> None:
    noisy = np.random.default_rng(0).uniform(-2, 2, (40, 40))
    result = path_difference(noisy, settings(values="radians"))
    np.testing.assert_allclose(result, noisy * WAVELENGTH / (2 * np.pi), rtol=1e-5)


def test_a_reference_is_taken_off_before_unwrapping() -> None:
    ground = 3 * X / 10  # several turns
    result = path_difference(
        np.angle(np.exp(1j * (PHASE + ground))),
        settings(values="radians"),
        reference=np.angle(np.exp(1j * ground)),
    )
    np.testing.assert_allclose(result - result[0, 0], OPD - OPD[0, 0], atol=0.05)


@pytest.mark.parametrize("reference", [True, False])
def test_a_hologram_gives_back_the_phase_that_made_it(reference: bool) -> None:
    opd = 250 * np.exp(-((Y - 45) ** 2 + (X - 40) ** 2) / 200)
    carrier = 2 * np.pi * (Y + X) / 4
    uneven = 0.3 * (X / 80) ** 2 if reference else 0
    fringes = 100 + 60 * np.cos(carrier + uneven + opd * 2 * np.pi / WAVELENGTH)
    empty = 100 + 60 * np.cos(carrier + uneven) if reference else None
    said = PhaseSettings("hologram", WAVELENGTH, background="tilt")
    result = path_difference(fringes.astype(np.uint8), said, reference=empty)
    inside = np.s_[12:-12, 12:-12]  # the filter rings at the border
    if result[45, 40] < 0:  # which of the two side bands is taken is free
        result = path_difference(
            fringes.astype(np.uint8), PhaseSettings("hologram", WAVELENGTH, invert=True), reference=empty
        )
    assert np.abs(result - opd)[inside].max() < 25
    assert abs(result[45, 40] - 250) < 15


def test_unwrapping_is_the_same_every_time() -> None:
    noisy = np.angle(np.exp(1j * (PHASE + np.random.default_rng(0).normal(0, 0.8, PHASE.shape))))
    once = unwrapped(noisy)
    assert all(np.array_equal(once, unwrapped(noisy)) for _ in range(20))


def test_numbers_that_cannot_be_phase() -> None:
    with pytest.raises(ValueError, match="NaN"):
        path_difference(np.full((8, 8), np.nan), settings(values="radians"))
    with pytest.raises(ValueError, match="reference is"):
        path_difference(PHASE, settings(values="radians"), reference=PHASE[:-1])
    with pytest.raises(ValueError, match="too many to be unwrapped"):
        unwrapped(np.zeros((4000, 4000), np.float16))
    with pytest.raises(ValueError, match="too large"):
        path_difference(np.zeros((5000, 8), np.uint8), settings(values="hologram"))


@pytest.mark.parametrize(
    ("said", "complaint"),
    [
        ({"values": "degrees"}, "values of phase images is 'degrees'"),
        ({"background": "rolling"}, "background of phase images"),
        ({"wavelength_nm": 0.55}, "wavelength is 0.55; give 10 to 20000"),
        ({"wavelength_nm": "red"}, "wavelength is 'red'"),
        ({"wavelength_nm": float("nan")}, "wavelength is nan"),
        ({"unwrap": "yes"}, "unwrap of phase images"),
        ({"colour": 1}, "no setting 'colour'"),
    ],
)
def test_settings_that_make_no_sense(said: dict[str, object], complaint: str) -> None:
    with pytest.raises(InputError, match=complaint):
        PhaseSettings.from_json(said)
    assert PhaseSettings.from_json(settings().to_json()) == settings()


@pytest.mark.parametrize(("kind", "bowl"), [("tilt", 0.0), ("curve", 800.0)])
@pytest.mark.parametrize("wanted", [5, 40])
def test_the_ground_under_few_and_many_cells_is_found(
    phase_field, kind: str, bowl: float, wanted: int
) -> None:
    field = phase_field(1, (192, 224), wanted, bowl=bowl)  # 40: cells cover three tenths
    flat = without_background(field.seen, kind)
    error = flat - field.clean
    ground = field.labels == 0
    assert abs(error[ground].mean()) < 0.5
    blocks = error.reshape(6, 32, 7, 32).mean(axis=(1, 3))
    assert np.abs(blocks).max() < 2  # nm; the ground rises over 600 nm
    np.testing.assert_allclose(without_background(field.seen - 1e4, kind), flat, atol=0.1)


def test_only_what_is_asked_for_is_taken_off(phase_field: Callable[..., Any]) -> None:
    field = phase_field(2)
    assert np.array_equal(without_background(field.seen, "none"), field.seen)
    level = without_background(field.seen, "offset")
    np.testing.assert_allclose(np.diff(level.astype(np.float64) - field.seen, axis=0), 0, atol=1e-3)
    constant = without_background(np.full((7, 9), 3.5), "curve")
    np.testing.assert_allclose(constant, 0, atol=1e-6)
