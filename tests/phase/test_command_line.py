"""Phase on the command line, as processes."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
import tifffile

from sparseattn.cli.reading import parse_length
from sparseattn.errors import InputError
from sparseattn.simulate import simulate


def sparseattn(*arguments: object) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "sparseattn", *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300)


@pytest.mark.parametrize(
    ("text", "nanometres"),
    [("550nm", 550), (".633 um", 633), ("0.2µm", 200), ("5.5e-7m", None), ("550", None)],
)
def test_lengths(text: str, nanometres: float | None) -> None:
    if nanometres is None:
        with pytest.raises(InputError, match=r"--wavelength '.*' is no length with a unit"):
            parse_length(text, "--wavelength", "550nm")
    else:
        assert parse_length(text, "--wavelength", "550nm") == pytest.approx(nanometres)


def test_info_says_what_is_made_of_a_file(tmp_path: Path) -> None:
    tifffile.imwrite(tmp_path / "a.tif", np.random.default_rng(0).random((30, 40), np.float32))
    asked = sparseattn("info", tmp_path / "a.tif", "--values", "radians")
    assert asked.returncode == 2 and "give it by --wavelength, such as 550nm" in asked.stderr
    assert asked.stderr.count("\n") == 1 and asked.stdout == ""
    done = sparseattn(
        "info", tmp_path / "a.tif", "--wavelength", "550nm", "--pixel-size", "0.2um", "--background", "tilt"
    )
    assert done.returncode == 0, done.stderr
    assert "unit             nm" in done.stdout and "pixel size       0.2 µm" in done.stdout
    assert "radians, wavelength 550 nm, tilt taken off" in done.stdout
    facts = json.loads(sparseattn("info", tmp_path / "a.tif", "--wavelength", "550nm", "--json").stdout)
    assert facts["unit"] == "nm" and facts["phase"]["wavelength_nm"] == 550 and facts["pixel_size_um"] is None


@pytest.mark.slow
def test_a_field_of_phase_becomes_a_table_with_dry_mass(
    phase_field: Callable[..., Any], tmp_path: Path
) -> None:
    simulate("opd", tmp_path / "cells", 30, 0, size=32)
    model, table = tmp_path / "model.safetensors", tmp_path / "table.csv"
    trained = sparseattn(
        "train", tmp_path / "cells", "-o", model, "--size", 32, "--epochs", 2, "--progress", "none"
    )
    assert trained.returncode == 0, trained.stderr
    truth = phase_field(1, (384, 448), 12)
    np.save(tmp_path / "field.npy", truth.seen * 2 * np.pi / 633)
    light = ["--wavelength", "633nm", "--background", "tilt", "--pixel-size", f"{truth.pixel_size_um}um"]
    done = sparseattn(
        "predict", model, tmp_path / "field.npy", "--find", "-o", table, "--channel-names", "opd", *light
    )
    assert done.returncode == 0, done.stderr
    rows = pd.read_csv(table)
    assert len(rows) == len(truth.masses)
    assert rows["dry_mass_pg"].sum() == pytest.approx(truth.masses.sum(), rel=0.03)
    assert rows["predicted"].isin(["basophil", "eosinophil", "lymphocyte", "monocyte", "neutrophil"]).all()
    again = sparseattn(
        *("predict", model, tmp_path / "field.npy", "--find", "-o", table, "--channel-names", "opd", *light),
        *("--refraction-increment", 0.19),
    )
    assert again.returncode == 0, again.stderr
    np.testing.assert_allclose(pd.read_csv(table)["dry_mass_pg"], rows["dry_mass_pg"] * 0.18 / 0.19)
