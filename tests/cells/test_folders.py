"""Folders: classes, samples, sidecars, links, and what is passed over."""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest

from sparseattn.cells import Skipped, open_cells
from sparseattn.errors import InputError

RNG = np.random.default_rng(0)


def put(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        iio.imwrite(path, RNG.integers(0, 255, (12, 10), dtype=np.uint8))


def test_a_flat_folder_is_read_in_the_order_of_names(tmp_path: Path) -> None:
    put(tmp_path / "b.png", tmp_path / "a.PNG", tmp_path / "zell ü\nzwei.png")
    (tmp_path / "notes.txt").write_text("not an image")
    cells = open_cells(str(tmp_path))
    assert [origin.path.name for origin in cells.origins] == ["a.PNG", "b.png", "zell ü\nzwei.png"]
    assert str(cells.origins[2]).endswith("zell ü\\nzwei.png")
    assert (cells.labels, cells.skipped) == ((None,) * 3, ())
    assert open_cells(tmp_path, class_name="blast").labels == ("blast",) * 3


def test_subfolders_are_what_the_caller_says(tmp_path: Path) -> None:
    put(tmp_path / "x" / "1.png", tmp_path / "x" / "2.png", tmp_path / "y" / "1.png")
    with pytest.raises(InputError, match=r"subfolders='classes' or 'samples'"):
        open_cells(tmp_path)
    classes = open_cells(tmp_path, subfolders="classes")
    assert (classes.labels, classes.groups) == (("x", "x", "y"), (None,) * 3)
    samples = open_cells(tmp_path, subfolders="samples")
    assert (samples.labels, samples.groups) == ((None,) * 3, ("x", "x", "y"))
    assert samples.samples["sample"].tolist() == ["x", "x", "y"]
    assert open_cells(tmp_path / "x").labels == (None, None)
    assert open_cells(tmp_path / "x", subfolders="classes").labels == (None, None)


def test_sizes_may_differ(tmp_path: Path) -> None:
    iio.imwrite(tmp_path / "a.png", RNG.integers(0, 255, (12, 10), dtype=np.uint8))
    iio.imwrite(tmp_path / "b.png", RNG.integers(0, 255, (30, 7), dtype=np.uint8))
    cells = open_cells(tmp_path)
    assert cells.shapes == ((12, 10), (30, 7))
    assert [cells.read(i).shape for i in range(2)] == [(1, 12, 10), (1, 30, 7)]


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png", tmp_path / "a" / "masks" / "1.png", tmp_path / "loose.png")
    put(tmp_path / "_masks" / "1.png", tmp_path / ".hidden" / "1.png", tmp_path / "a" / "_2.png")
    (tmp_path / "empty").mkdir()
    cells = open_cells(tmp_path, subfolders="classes")
    assert len(cells) == 1
    assert cells.skipped == (
        Skipped(str(tmp_path / "a" / "masks"), "it lies more than one folder deep"),
        Skipped(str(tmp_path / "loose.png"), "it lies outside the class folders"),
        Skipped(str(tmp_path / "empty"), "the class folder holds no images"),
    )


def test_deeper_folders_say_what_to_do(tmp_path: Path) -> None:
    put(tmp_path / "sample" / "class" / "1.png")
    with pytest.raises(
        InputError, match=r"two folders deep .*open each of its folders by itself and join them"
    ):
        open_cells(tmp_path, subfolders="samples")


def test_links_that_leave_the_folder_are_not_followed(tmp_path: Path) -> None:
    inside, outside = tmp_path / "inside", tmp_path / "outside"
    put(inside / "1.png", outside / "2.png")
    (inside / "away.png").symlink_to(outside / "2.png")
    (inside / "far").symlink_to(outside)
    (inside / "near.png").symlink_to(inside / "1.png")
    (inside / "loop.png").symlink_to(inside / "loop.png")
    cells = open_cells(inside)
    assert [origin.path.name for origin in cells.origins] == ["1.png", "near.png"]
    assert {Path(skip.origin).name for skip in cells.skipped} == {"away.png", "far"}
    (tmp_path / "link").symlink_to(inside)
    assert len(open_cells(tmp_path / "link")) == 2


def test_the_sidecar_describes_the_cells(tmp_path: Path) -> None:
    put(tmp_path / "data" / "a" / "1.png")
    (tmp_path / "data" / "cells.json").write_text('{"modality": "phase", "channels": ["height"], "other": 1}')
    for path in (tmp_path / "data", tmp_path / "data" / "a"):
        cells = open_cells(path, subfolders="classes")
        assert (cells.modality, cells.channels) == ("phase", ("height",))
    cells = open_cells(tmp_path / "data", subfolders="classes", modality="flow", channel_names=["BF"])
    assert (cells.modality, cells.channels) == ("flow", ("BF",))


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("{", "cannot be read as JSON"),
        ("[" * 100_000, "cannot be read as JSON"),
        ("[]", "one JSON object"),
        ('{"modality": "x-ray"}', "modality 'x-ray' is not one of brightfield"),
        ('{"modality": []}', "is not one of brightfield"),
        ('{"channels": "red"}', "must be a list of names"),
        ('{"channels": ["a", "b"]}', r"1 channels and 2 channel names"),
    ],
)
def test_a_sidecar_of_nonsense_is_refused(tmp_path: Path, content: str, reason: str) -> None:
    put(tmp_path / "1.png")
    (tmp_path / "cells.json").write_text(content)
    with pytest.raises(InputError, match=reason):
        open_cells(tmp_path)


def test_names_of_channels_that_differ_between_files_are_refused(tmp_path: Path) -> None:
    import tifffile

    for name, channels in (("a", ["BF", "PI"]), ("b", ["PI", "BF"])):
        pixels = RNG.integers(0, 255, (2, 12, 10), dtype=np.uint16)
        tifffile.imwrite(
            tmp_path / f"{name}.tif", pixels, metadata={"axes": "CYX", "Channel": {"Name": channels}}
        )
    with pytest.raises(InputError, match=r"a\.tif has \('BF', 'PI'\) and .*b\.tif has \('PI', 'BF'\)"):
        open_cells(tmp_path)
    assert open_cells(tmp_path, channel_names=["one", "two"]).channels == ("one", "two")


@pytest.mark.parametrize(
    ("more", "reason"),
    [
        ({"layout": "XY"}, "use one of YX, YXC, CYX, NYX, NCYX, NYXC"),
        ({"modality": "x-ray"}, "use one of brightfield"),
        ({"subfolders": "guess"}, "classes or samples, not 'guess'"),
        ({"class_name": " "}, "class name is empty"),
        ({"class_name": "a", "labels_csv": "labels.csv"}, "exclude each other"),
        ({"class_name": "a", "subfolders": "classes"}, "exclude each other"),
        ({"channel_names": ["a", "b"]}, "1 channels and 2 channel names"),
    ],
)
def test_choices_that_cannot_be_are_refused(tmp_path: Path, more: dict[str, Any], reason: str) -> None:
    put(tmp_path / "1.png")
    with pytest.raises(InputError, match=reason):
        open_cells(tmp_path, **more)


def test_opening_and_reading_needs_neither_torch_nor_pandas(tmp_path: Path) -> None:
    put(tmp_path / "a" / "1.png")
    (tmp_path / "labels.csv").write_text("id,class\n1.png,b\n")
    code = (
        "import json, sys, sparseattn\n"
        "cells = sparseattn.open_cells(sys.argv[1], subfolders='samples', labels_csv=sys.argv[2])\n"
        "cells.read(0), cells.ids, cells.groups\n"
        "print(json.dumps([m in sys.modules for m in ('torch', 'pandas', 'zarr')]))"
    )
    command = [sys.executable, "-c", code, str(tmp_path), str(tmp_path / "labels.csv")]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert json.loads(done.stdout) == [False, False, False]
