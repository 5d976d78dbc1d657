"""Bad input: exit status 2, one sentence on stderr, nothing half-written. Each is run as a process."""

import json
import os
import shutil
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile
from PIL import Image


@pytest.fixture
def refused(process):
    """Run a command and check that it refused its input as it should, and named what was wrong."""

    def check(*arguments, words=()):
        finished = process(*arguments)
        lines = finished.err.splitlines()
        assert finished.status == 2, finished.err
        assert finished.out == ""
        assert len(lines) == 1, finished.err
        assert lines[0].startswith("sparseattn: ")
        for word in words:
            assert str(word) in lines[0], lines[0]

    return check


@pytest.fixture
def output(tmp_path):
    """An empty folder to write to, which must be empty in the end."""
    folder = tmp_path / "output"
    folder.mkdir()
    yield folder
    assert list(folder.iterdir()) == []


def damage(image: Path, kind: str) -> None:
    if kind == "truncated":
        image.write_bytes(image.read_bytes()[:200])
    elif kind == "no image":
        image.write_text("not a picture")
    else:
        iio.imwrite(image, np.full((20, 20, 3), 7, np.uint8))


def test_missing_path(refused, tmp_path, output):
    refused("train", tmp_path / "nowhere", "-o", output / "m.safetensors", words=("nowhere",))


def test_empty_folder(refused, tmp_path, output):
    (tmp_path / "empty").mkdir()
    refused("train", tmp_path / "empty", "-o", output / "m.safetensors", words=("empty",))


def test_one_class(refused, make_cells, tmp_path, output):
    cells = make_cells(tmp_path / "cells", ("bright",))
    refused("train", cells, "-o", output / "m.safetensors", words=("bright", "two classes"))


def test_class_with_one_image(refused, make_cells, tmp_path, output):
    cells = make_cells(tmp_path / "cells")
    (cells / "rare").mkdir()
    shutil.copy(cells / "dark/0.png", cells / "rare/0.png")
    iio.imwrite(cells / "rare/0.png", iio.imread(cells / "dark/0.png")[::-1])
    refused("train", cells, "-o", output / "m.safetensors", words=("rare",))


@pytest.mark.parametrize("kind", ["truncated", "no image"])
def test_bad_images_are_named_when_strict(refused, make_cells, tmp_path, output, kind):
    cells = make_cells(tmp_path / "cells")
    damage(cells / "dark/3.png", kind)
    refused("train", cells, "-o", output / "m.safetensors", "--strict", "--size", 16, words=("dark/3.png",))


def test_bad_images_are_skipped_and_counted(process, make_cells, tmp_path):
    cells = make_cells(tmp_path / "cells")
    damage(cells / "dark/3.png", "truncated")
    damage(cells / "bright/1.png", "no image")
    damage(cells / "bright/2.png", "constant")
    model = tmp_path / "m.safetensors"
    finished = process("train", cells, "-o", model, "--size", 16, "--epochs", 1, "--json")
    assert finished.status == 0, finished.err
    assert finished.json["skipped"] == 3
    assert "Traceback" not in finished.err
    assert sum(line.startswith("Skipped") for line in finished.err.splitlines()) >= 1


def test_all_images_bad(refused, make_cells, tmp_path, output):
    cells = make_cells(tmp_path / "cells", count=2)
    for image in cells.rglob("*.png"):
        damage(image, "no image")
    refused("train", cells, "-o", output / "m.safetensors", words=(cells,))


def test_values_that_are_not_finite(refused, tmp_path, output):
    for name, value in (("one", np.nan), ("two", np.inf)):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(2):
            image = np.random.default_rng(number).random((16, 16), dtype=np.float32)
            image[3, 4] = value
            tifffile.imwrite(tmp_path / "cells" / name / f"{number}.tif", image)
    words = ("NaN", "infinite")
    refused("train", tmp_path / "cells", "-o", output / "m.safetensors", "--size", 16, words=words)


def test_constant_images(refused, tmp_path, output):
    for name, value in (("one", 1), ("two", 2)):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(3):
            iio.imwrite(
                tmp_path / "cells" / name / f"{number}.png", np.full((16, 16), 9 * value + number, np.uint8)
            )
    refused("train", tmp_path / "cells", "-o", output / "m.safetensors", "--size", 16, words=("constant",))


@pytest.mark.parametrize("side", [1, 10_000])
def test_tiny_and_huge_images(refused, tmp_path, output, side):
    (tmp_path / "cells").mkdir()
    Image.new("1", (side, side)).save(tmp_path / "cells/cell.png")
    refused("info", tmp_path / "cells", words=("cell.png", side))


def test_mixed_channel_counts(refused, make_cells, tmp_path, output):
    cells = make_cells(tmp_path / "cells")
    iio.imwrite(cells / "dark/3.png", iio.imread(cells / "dark/3.png")[..., 0])
    refused("train", cells, "-o", output / "m.safetensors", words=("channels", "dark/3.png"))


@pytest.mark.parametrize(
    ("rows", "word"),
    [("0.png,dark\nghost.png,dark\n", "ghost.png"), ("0.png,dark\n0.png,bright\n", "0.png"), ("", "no rows")],
    ids=["unknown id", "duplicate", "empty"],
)
def test_labels_csv(refused, make_cells, tmp_path, output, rows, word):
    cells = make_cells(tmp_path / "cells", ("dark",)) / "dark"
    labels = tmp_path / "labels.csv"
    labels.write_text("id,class\n" + rows)
    refused(
        "train", cells, "-o", output / "m.safetensors", "--labels-csv", labels, words=("labels.csv", word)
    )


@pytest.mark.parametrize("pixels", ["0", "257"])
def test_pixels_out_of_range_in_training(refused, trained, output, pixels):
    refused(
        "train",
        trained.cells,
        "-o",
        output / "m.safetensors",
        "--size",
        16,
        f"--pixels={pixels}",
        words=(pixels,),
    )


def test_pixels_out_of_range_for_a_model(refused, trained, output):
    refused("predict", trained.model, trained.cells, "-o", output / "p.csv", "-k", 257, words=(257, 256))


def test_channels_out_of_range(refused, trained, output):
    refused("train", trained.cells, "-o", output / "m.safetensors", "--channels", "0,3", words=("3", "red"))


def test_no_model_file(refused, trained, output):
    refused("evaluate", trained.cells / "none.safetensors", trained.cells, words=("none.safetensors",))


def spoil(model: Path, kind: str) -> None:
    data = model.read_bytes()
    length = int.from_bytes(data[:8], "little")
    if kind == "truncated":
        data = data[: len(data) // 2]
    elif kind == "edited":
        data = data[:-100] + bytes([data[-100] ^ 1]) + data[-99:]
    elif kind == "not a model":
        data = b"PK\x03\x04 this is something else altogether"
    else:
        header = json.loads(data[8 : 8 + length])
        card = json.loads(header["__metadata__"]["card"])
        card["format_version"] += 1
        header["__metadata__"]["card"] = json.dumps(card)
        text = json.dumps(header).encode()
        data = len(text).to_bytes(8, "little") + text + data[8 + length :]
    model.write_bytes(data)


@pytest.mark.parametrize("kind", ["truncated", "edited", "newer", "not a model"])
def test_model_files_that_cannot_be_used(refused, trained, tmp_path, output, kind):
    model = tmp_path / "spoilt.safetensors"
    shutil.copy(trained.model, model)
    spoil(model, kind)
    refused("predict", model, trained.cells, "-o", output / "p.csv", words=("spoilt.safetensors",))


def unwritable(tmp_path: Path, kind: str) -> Path:
    if kind == "missing":
        return tmp_path / "missing"
    if kind == "a file":
        (tmp_path / "file").write_text("")
        return tmp_path / "file"
    if os.name == "nt" or os.geteuid() == 0:
        pytest.skip("this user may write anywhere")
    (tmp_path / "closed").mkdir(mode=0o555)
    return tmp_path / "closed"


@pytest.mark.parametrize("kind", ["missing", "a file", "closed"])
def test_output_that_cannot_be_written(refused, trained, tmp_path, kind):
    folder = unwritable(tmp_path, kind)
    refused("train", trained.cells, "-o", folder / "m.safetensors", words=(folder,))
    refused("predict", trained.model, trained.cells, "-o", folder / "p.csv", words=(folder,))
    assert not (tmp_path / "missing").exists()
    if kind != "missing":  # explain makes its folder
        refused("explain", trained.model, trained.cells, "-o", folder / "e", words=(folder,))


def test_explanations_are_not_mixed_with_other_files(refused, trained, tmp_path):
    (tmp_path / "notes.txt").write_text("mine")
    refused("explain", trained.model, trained.cells, "-o", tmp_path, words=(tmp_path, "--overwrite"))
    assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]


def test_table_of_unknown_kind(refused, trained, output):
    refused("predict", trained.model, trained.cells, "-o", output / "p.docx", words=(".csv", ".fcs"))


def test_classes_that_the_model_does_not_know(refused, trained, make_cells, tmp_path):
    cells = make_cells(tmp_path / "cells", ("dark", "strange"))
    refused("evaluate", trained.model, cells, words=("strange", "--other"))


def test_subfolders_that_could_be_classes_or_samples(refused, trained, make_cells, tmp_path, output):
    cells = make_cells(tmp_path / "cells", ("donor_1", "donor_2"), count=1)
    refused("predict", trained.model, cells, "-o", output / "p.csv", words=("classes", "samples", "donor_1"))


def test_cells_that_the_model_was_not_made_for(refused, trained, tmp_path, output):
    tifffile.imwrite(tmp_path / "cell.tif", np.random.default_rng(0).random((20, 20), dtype=np.float32))
    refused("explain", trained.model, tmp_path / "cell.tif", "-o", output / "e", words=("channels", "red"))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (("fly",), "fly"),
        (("train",), "DATA"),
        (("train", "cells", "-o", "m", "--size", "big"), "--size"),
        (("train", "cells", "--wings"), "--wings"),
        (("simulate", "xray", "-o", "cells"), "xray"),
        (("simulate", "opd", "-n", "0", "-o", "cells"), "0"),
    ],
    ids=lambda value: " ".join(value[:2]) if isinstance(value, tuple) else "",
)
def test_wrong_usage(refused, arguments, word):
    refused(*arguments, words=(word,))
