"""The command line says what a source is, remembers it, and refuses cells that a model was not made for."""

import csv
from collections.abc import Callable
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from sparseattn.cells.remembered import CONFIG_VARIABLE

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own settings, empty."""
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "settings"))
    return tmp_path / "settings"


def put_cells(folder: Path, channels: tuple[str, ...], count: int = 3) -> Path:
    """Write cells as TIFFs with named channels; the cell is bright in the first channel."""
    folder.mkdir(parents=True)
    for number in range(count):
        pixels = RNG.normal(128, 8, (len(channels), 20, 20))
        pixels[0, 5:15, 5:15] += 80
        tifffile.imwrite(
            folder / f"{number}.tif",
            pixels.clip(0, 255).astype(np.uint8),
            photometric="minisblack",
            metadata={"axes": "CYX", "Channel": {"Name": list(channels)}},
        )
    return folder


def table(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def words(text: str) -> str:
    return " ".join(text.split())


def resampled(source: Path, target: Path, times: int) -> Path:
    """Write the cells as an objective of so many times the magnification would show them."""
    for path in sorted(source.glob("*/*.png")):
        (target / path.parent.name).mkdir(parents=True, exist_ok=True)
        image = iio.imread(path).repeat(times, axis=0).repeat(times, axis=1)
        iio.imwrite(target / path.parent.name / path.name, image)
    return target


@pytest.fixture(scope="module")
def models(trained: Any, process: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Models of the same cells of 1 µm a pixel: resized to the grid, and with a grid of 2 µm a pixel."""
    folder = tmp_path_factory.mktemp("models")
    for name, more in (("resized", ()), ("grid", ("--grid-pixel", "2um"))):
        done = process(
            "train", trained.cells, "-o", folder / f"{name}.safetensors", "--size", 16, "--epochs", 3,
            "--pixel-size", "1um", "--progress", "none", *more,
        )  # fmt: skip
        assert done.status == 0, done.err
    return folder


# What it is, and what is remembered


def test_info_says_what_is_a_guess_and_how_to_correct_it(tmp_path: Path, process: Callable[..., Any]) -> None:
    cells = put_cells(tmp_path / "my cells", ("Ch4", "Ch6"))
    said = words(process("info", cells).out)
    assert "axes CYX, 2 x 20 x 20 (the file says)" in said
    assert "modality unknown (nobody says)" in said
    assert f"sparseattn info '{cells}' --modality KIND --pixel-size LENGTH --remember" in said

    done = process(
        "info", cells, "--modality", "flow", "--channel-names", "Ch4=brightfield", "--pixel-size", "0.5um",
        "--remember", "--json",
    )  # fmt: skip
    assert done.json["remembered"] == str(cells / "cells.json")
    said = words(process("info", cells).out)
    assert f"channels brightfield, Ch6 ({cells / 'cells.json'})" in said
    assert "in the files Ch4, Ch6" in said
    assert f"modality flow ({cells / 'cells.json'})" in said
    assert "to correct" not in said
    facts = process("info", cells, "--json").json["facts"]
    assert facts["pixel_size_um"] == {"value": 0.5, "by": "folder", "path": str(cells / "cells.json")}
    assert facts["guessed"] == []


def test_a_file_is_remembered_by_its_name(tmp_path: Path, sparseattn: Callable[..., Any]) -> None:
    for name in ("a.npy", "b.npy"):
        np.save(tmp_path / name, RNG.integers(0, 255, (6, 12, 10), dtype=np.uint8))
    refused = sparseattn("info", tmp_path / "a.npy")
    assert refused.status == 2 and "fits several layouts" in refused.err
    assert sparseattn("info", tmp_path / "a.npy", "--layout", "NYX", "--remember").status == 0
    assert sparseattn("info", tmp_path / "a.npy", "--json").json["n"] == 6
    assert sparseattn("info", tmp_path / "b.npy").status == 2


def test_a_folder_that_cannot_be_written_is_remembered_in_the_users_settings(
    tmp_path: Path, own_settings: Path, process: Callable[..., Any]
) -> None:
    cells = put_cells(tmp_path / "cells", ("Ch4",))
    (cells / "cells.json").mkdir()  # so that no file can be put there, by whomever
    done = process("info", cells, "--modality", "flow", "--remember", "--json")
    assert done.status == 0, done.err
    assert Path(done.json["remembered"]).is_relative_to(own_settings)
    fact = process("info", cells, "--json").json["facts"]["modality"]
    assert fact == {"value": "flow", "by": "settings", "path": done.json["remembered"]}


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        (["--remember"], "has nothing to remember"),
        (["--channel-names", "Ch4=a,b", "--remember"], "neither a list of names"),
        (["--channel-names", "Ch4=a,Ch4=b"], "neither a list of names"),
        (["--channel-names", "Ch9=a", "--remember"], "has no channel Ch9 to be named anew; it has Ch4, Ch6"),
        (["--channel-names", "Ch4=Ch6"], "repeat"),
        (["--pixel-size", "5", "--remember"], "no length with a unit"),
        (["--pixel-size", "5m", "--remember"], "pixel size is 5"),
    ],
)
def test_what_cannot_be_said_is_refused_and_not_remembered(
    tmp_path: Path, sparseattn: Callable[..., Any], options: list[str], reason: str
) -> None:
    cells = put_cells(tmp_path / "cells", ("Ch4", "Ch6"))
    done = sparseattn("info", cells, *options)
    assert done.status == 2 and reason in done.err and done.out == ""
    assert not (cells / "cells.json").exists()


# Cells and a model


def test_channels_are_mapped_by_name_once(
    tmp_path: Path, trained: Any, process: Callable[..., Any], sparseattn: Callable[..., Any]
) -> None:
    cells = put_cells(tmp_path / "cells", ("Ch1", "Ch2", "Ch3", "Ch6"))
    refused = process("predict", trained.model, cells, "-o", tmp_path / "t.csv")
    assert refused.status == 2
    assert refused.err.splitlines() == [
        "sparseattn: the cells have the channels Ch1, Ch2, Ch3, Ch6 and lack red, green, blue, which the "
        "model was made for; give cells of the same kind, or name their channels "
        "(--channel-names 'Ch1=red')"
    ]
    assert (
        sparseattn("predict", trained.model, cells, "-o", tmp_path / "t.csv", "--force").status == 2
    )  # 4 of 3
    names = ("--channel-names", "Ch1=red, Ch2=green, Ch3=blue")
    done = sparseattn("predict", trained.model, cells, "-o", tmp_path / "t.csv", *names)
    assert done.status == 0, done.err
    assert sparseattn("info", cells, *names, "--remember").status == 0
    assert sparseattn("predict", trained.model, cells, "-o", tmp_path / "again.csv").status == 0
    assert table(tmp_path / "t.csv") == table(tmp_path / "again.csv")


def test_as_many_channels_may_be_taken_in_their_order(
    tmp_path: Path, trained: Any, process: Callable[..., Any], sparseattn: Callable[..., Any]
) -> None:
    cells = put_cells(tmp_path / "cells", ("Ch1", "Ch2", "Ch3"))
    refused = process("explain", trained.model, cells, "-o", tmp_path / "explained")
    assert refused.status == 2 and "(or --force)" in refused.err and not (tmp_path / "explained").exists()
    done = sparseattn("explain", trained.model, cells, "-o", tmp_path / "explained", "--force", "--json")
    assert done.status == 0 and len(done.json["cells"]) == 3
    (note,) = done.json["notes"]
    assert note.endswith("forced: they are taken for red, green, blue in their order") and note in done.err


def test_another_modality_is_refused_or_forced_with_a_warning(
    tmp_path: Path, trained: Any, process: Callable[..., Any], sparseattn: Callable[..., Any]
) -> None:
    other = ("--modality", "fluorescence")
    sentence = "the cells are fluorescence images and the model was made for brightfield"
    commands: dict[str, tuple[Any, ...]] = {
        "predict": (trained.model, trained.cells, "-o", tmp_path / "t.csv"),
        "evaluate": (trained.model, trained.cells),
        "report": (trained.model, trained.cells, "-o", tmp_path / "r.html"),
        "finetune": (trained.model, trained.cells, "-o", tmp_path / "m.safetensors", "--epochs", 1),
    }
    refused = process("predict", *commands["predict"], *other)
    assert refused.status == 2 and refused.err.count("\n") == 1
    assert (
        f"{sentence}; give a model for them, or say the right modality (--modality brightfield)"
        in refused.err
    )
    for name, arguments in commands.items():
        done = sparseattn(name, *arguments, *other)
        assert done.status == 2 and sentence in done.err, name
        forced = sparseattn(name, *arguments, *other, "--force", "--json")
        assert forced.status == 0, forced.err
        assert forced.json["notes"] == [f"{sentence}; forced: the answers may mean nothing"], name
        assert sentence.removeprefix("the ") in forced.err
    assert all(sentence in row["notes"] for row in table(tmp_path / "t.csv"))
    assert sentence.removeprefix("the ") in (tmp_path / "r.html").read_text(encoding="utf-8")
    assert "notes" not in table_of(sparseattn, trained, tmp_path)[0]


def table_of(sparseattn: Callable[..., Any], trained: Any, folder: Path) -> list[dict[str, str]]:
    assert sparseattn("predict", trained.model, trained.cells, "-o", folder / "plain.csv").status == 0
    return table(folder / "plain.csv")


def test_images_that_show_far_more_of_the_sample_are_refused(
    tmp_path: Path, trained: Any, models: Path, process: Callable[..., Any], sparseattn: Callable[..., Any]
) -> None:
    command = ("evaluate", models / "resized.safetensors", trained.cells, "--pixel-size")
    refused = process(*command, "4um")
    assert refused.status == 2
    assert "the images show 80 µm of the sample and those that the model was made for 20 µm" in refused.err
    assert "cells look 4 times smaller to it" in refused.err
    assert sparseattn(*command, "0.2um").status == 2
    forced = sparseattn(*command, "4um", "--force", "--json")
    assert forced.status == 0 and "resized all the same" in forced.json["notes"][0]
    known, unknown = sparseattn(*command, "1.2um", "--json"), sparseattn(*command[:-1], "--json")
    assert known.status == unknown.status == 0 and known.json == unknown.json


def test_a_grid_of_fixed_size_rescales_cells_of_another_magnification(
    tmp_path: Path, trained: Any, models: Path, process: Callable[..., Any], sparseattn: Callable[..., Any]
) -> None:
    model = models / "grid.safetensors"
    said = sparseattn("info", model, "--json").json
    assert (said["policy"], said["grid_pixel_um"], said["pixel_size_um"]) == ("crop", 2, 1)
    fine = resampled(trained.cells, tmp_path / "fine", 4)
    assert sparseattn("info", fine, "--pixel-size", "0.25um", "--remember").status == 0
    as_trained, rescaled = tmp_path / "one.csv", tmp_path / "four.csv"
    first = sparseattn("predict", model, trained.cells, "-o", as_trained, "--pixel-size", "1um", "--json")
    second = process("predict", model, fine, "-o", rescaled, "--json")
    assert (first.status, second.status) == (0, 0), second.err
    assert first.json["notes"] == []
    assert second.json["notes"] == ["cells of 0.25 µm a pixel are rescaled to 2; the training cells had 1"]
    report = sparseattn("report", model, fine, "-o", tmp_path / "r.html", "--json").json
    assert "brought to 2 µm a pixel, cropped or padded" in report["methods"]
    assert report["notes"] == second.json["notes"]
    for one, four in zip(table(as_trained), table(rescaled), strict=True):
        for name in ("p_bright", "p_dark", "p_striped"):
            assert float(one[name]) == pytest.approx(float(four[name]), abs=0.02)


def test_a_grid_of_fixed_size_refuses_cells_whose_pixel_size_nobody_knows(
    tmp_path: Path, trained: Any, models: Path, process: Callable[..., Any], sparseattn: Callable[..., Any]
) -> None:
    command = ("predict", models / "grid.safetensors", trained.cells, "-o", tmp_path / "t.csv")
    refused = process(*command)
    assert refused.status == 2
    assert "the pixel size of 24 of 24 cells is not known" in refused.err and "--pixel-size" in refused.err
    forced = sparseattn(*command, "--force", "--json")
    assert forced.status == 0 and forced.json["notes"][0].endswith("forced: it is taken for 1 µm")
    coarse = sparseattn(*command, "--pixel-size", "30um")
    assert coarse.status == 2 and "they would be enlarged 15 times" in coarse.err
    again = ("train", trained.cells, "-o", tmp_path / "m.safetensors", "--grid-pixel", "2um")
    assert "pixel size of 24 of 24 cells is not known" in sparseattn(*again).err
    refused = sparseattn(*again, "--policy", "resize", "--pixel-size", "1um")
    assert refused.status == 2 and "leave one out" in refused.err


def test_the_selected_pixels_of_a_rescaled_cell_lie_on_the_cell(
    tmp_path: Path, trained: Any, models: Path, sparseattn: Callable[..., Any]
) -> None:
    fine = resampled(trained.cells, tmp_path / "fine", 4)
    out = tmp_path / "explained"
    done = sparseattn(
        "explain", models / "grid.safetensors", fine, "-o", out, "--pixel-size", "0.25um", "--limit", 3,
        "--pixels", 0.05, "--json",
    )  # fmt: skip
    assert done.status == 0, done.err
    for folder in sorted(path for path in out.iterdir() if path.is_dir()):
        boxes = table(next(folder.glob("*.csv")))
        assert boxes
        for row in boxes:
            y0, x0, y1, x1 = (int(row[name]) for name in ("y0", "x0", "y1", "x1"))
            if (y0, x0, y1, x1) != (0, 0, 0, 0):
                assert 0 <= y0 < y1 <= 80 and 0 <= x0 < x1 <= 80
                # units of 2 x 2 grid pixels of 2 µm, 8 pixels each; at the rim half of one may be padding
                assert {y1 - y0, x1 - x0} <= {8, 16}
        maps = [tifffile.imread(path) for path in folder.glob("*.tif")]
        assert maps and all(one.shape[-2:] == (80, 80) for one in maps)
