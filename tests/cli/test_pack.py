"""`pack`: many files become one store that opens as they did, whatever ended the packing in between."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import h5py
import imageio.v3 as iio
import numpy as np
import pytest
import zarr

from sparseattn.cells import CellSet, open_cells
from sparseattn.errors import CellError, InputError


def same(one: CellSet, other: CellSet) -> None:
    """See that two sets are of the same cells."""
    assert one.ids == other.ids and one.labels == other.labels and one.shapes == other.shapes
    assert one.channels == other.channels and one.modality == other.modality and one.unit == other.unit
    assert one.pixel_sizes_um == other.pixel_sizes_um
    for index in range(len(one)):
        np.testing.assert_array_equal(one.read(index), other.read(index))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Pictures of several sizes in class folders, with a table of samples, two of them equal."""
    random = np.random.default_rng(0)
    lines = ["id,sample,dose"]
    for name in ("a", "b"):
        (tmp_path / "cells" / name).mkdir(parents=True)
        for number in range(12):
            size = (20, 20) if number % 4 else (14, 26)
            path = tmp_path / "cells" / name / f"{number}.png"
            iio.imwrite(path, random.integers(0, 255, (*size, 3)).astype(np.uint8))
            lines.append(f"{name}/{number}.png,day {number % 2},{number / 2}")
    shutil.copy(tmp_path / "cells" / "a" / "1.png", tmp_path / "cells" / "b" / "1.png")
    (tmp_path / "cells" / "cells.json").write_text(json.dumps({"pixel_size_um": 0.25}))
    (tmp_path / "samples.csv").write_text("\n".join(lines))
    return tmp_path / "cells"


def test_a_store_opens_as_the_files_did(folder: Path, tmp_path: Path, sparseattn: Callable) -> None:
    samples = folder.parent / "samples.csv"
    store = tmp_path / "cells.zarr"
    done = sparseattn("pack", folder, "-o", store, "--samples-csv", samples, "--json")
    assert done.status == 0, done.err
    assert done.json["cells"] == 24 and done.json["errors"] == []
    files = open_cells(folder, subfolders="classes", samples_csv=samples)
    packed = open_cells(store)
    same(files, packed)
    assert packed.ids[13].endswith("-2")
    assert list(packed.column("sample")) == list(files.column("sample"))
    assert list(packed.column("dose")) == list(files.column("dose"))
    assert not list(tmp_path.glob(".*partial"))
    again = sparseattn("pack", folder, "-o", store)
    assert again.status == 2 and f"{store} is there already" in again.err


def test_a_bad_cell_keeps_its_place(folder: Path, tmp_path: Path, sparseattn: Callable) -> None:
    bad = folder / "a" / "5.png"
    bad.write_bytes(bad.read_bytes()[:200])
    done = sparseattn("pack", folder, "-o", tmp_path / "cells.zarr", "--json")
    assert done.status == 0, done.err
    (error,) = done.json["errors"]
    assert error["source"] == str(bad)
    files, packed = open_cells(folder, subfolders="classes"), open_cells(tmp_path / "cells.zarr")
    assert packed.ids == files.ids
    for index, origin in enumerate(files.origins):
        if origin.path == bad:
            with pytest.raises(CellError, match="could not be read when it was packed"):
                packed.read(index)
        else:
            np.testing.assert_array_equal(packed.read(index), files.read(index))


def test_damage_in_a_store_is_noticed(folder: Path, tmp_path: Path, sparseattn: Callable) -> None:
    assert sparseattn("pack", folder, "-o", tmp_path / "cells.zarr").status == 0
    (shard,) = (path for path in (tmp_path / "cells.zarr" / "images" / "c").rglob("*") if path.is_file())
    written = bytearray(shard.read_bytes())
    written[len(written) // 2] ^= 0xFF
    shard.write_bytes(written)
    with pytest.raises(CellError):
        open_cells(tmp_path / "cells.zarr").read(0)


def test_a_killed_pack_goes_on(tmp_path: Path) -> None:
    """The cells are large, so that there are many shards; the process ends at a random moment of each."""
    random = np.random.default_rng(0)
    source = tmp_path / "many.npy"
    images = random.integers(0, 4, (40, 1, 2048, 2048)).astype(np.uint8)
    np.save(source, images)
    store, draft = tmp_path / "cells.zarr", tmp_path / ".cells.zarr.partial"
    command = [sys.executable, "-m", "sparseattn", "pack", source, "-o", store, "--layout", "NCYX"]
    kills = 0
    while not store.exists():
        process = subprocess.Popen(list(map(str, command)), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        written = shards(draft)
        while process.poll() is None and shards(draft) == written:
            time.sleep(0.01)
        if process.poll() is None and kills < 2:
            process.kill()
            kills += 1
        _, said = process.communicate(timeout=200)
        assert process.returncode in (0, -signal.SIGKILL), said
    assert kills == 2
    packed = open_cells(store)
    same(open_cells(source, layout="NCYX"), packed)
    assert zarr.open_array(store / "images", mode="r").shape == images.shape
    assert not draft.exists()


def shards(draft: Path) -> int:
    journal = draft / "packed.jsonl"
    return len(journal.read_bytes().splitlines()) if journal.exists() else 0


def test_another_pack_does_not_go_on_with_this_one(
    folder: Path, tmp_path: Path, sparseattn: Callable
) -> None:
    draft = tmp_path / ".cells.zarr.partial"
    draft.mkdir()
    (draft / "packed.jsonl").write_text(json.dumps({"cells": "of others"}) + "\n")
    done = sparseattn("pack", folder, "-o", tmp_path / "cells.zarr")
    assert done.status == 2
    assert "was begun with other cells" in done.err and not (tmp_path / "cells.zarr").exists()


def test_types_of_number_are_not_mixed(tmp_path: Path, sparseattn: Callable) -> None:
    random = np.random.default_rng(0)
    for name, dtype in (("one", np.uint8), ("two", np.uint16)):
        np.save(tmp_path / f"{name}.npy", random.integers(0, 200, (5, 1, 9, 9)).astype(dtype))
    words = ["pack", tmp_path / "one.npy", tmp_path / "two.npy", "--layout", "NCYX"]
    done = sparseattn(*words, "-o", tmp_path / "cells.zarr")
    assert done.status == 2
    assert "different types of number (uint16, uint8)" in done.err
    done = sparseattn(*words[:2], *words[3:], "-o", tmp_path / "cells.tif")
    assert done.status == 2 and "end in .zarr" in done.err


def test_phase_and_events_stay_what_they_are(tmp_path: Path, sparseattn: Callable) -> None:
    sample_data = Path(__file__).parents[2] / "sample_data"
    for kind in ("opd", "events"):
        store = tmp_path / f"{kind}.zarr"
        shutil.copy(sample_data / kind / "cells.json", tmp_path)  # of the stores it is known already
        done = sparseattn("pack", sample_data / kind, "-o", store)
        assert done.status == 0, done.err
        same(open_cells(sample_data / kind, subfolders="classes"), open_cells(store))
        model = sample_data.parent / "napari_sparseattn" / "models" / f"simulated_{kind}.safetensors"
        done = sparseattn("predict", model, store, "-o", tmp_path / f"{kind}.csv", "--json")
        assert done.status == 0 and done.json["n"] == len(open_cells(store)), done.err


def test_a_recording_keeps_its_features(real_data: Path, tmp_path: Path, sparseattn: Callable) -> None:
    recording = next((real_data / "formats" / "rtdc").rglob("*mask-blood*/*.rtdc"))
    done = sparseattn("pack", recording, "-o", tmp_path / "run.zarr")
    assert done.status == 0, done.err
    one, packed = open_cells(recording), open_cells(tmp_path / "run.zarr")
    same(one, packed)
    assert packed.column_names == one.column_names
    for name in one.column_names:
        assert list(packed.column(name)) == list(one.column(name))
    assert os.path.getsize(tmp_path / "run.zarr" / "cells.parquet") > 0


@pytest.mark.parametrize("part", ["images", "cells.parquet"])
def test_a_store_with_a_part_elsewhere_is_refused(
    folder: Path, tmp_path: Path, sparseattn: Callable, part: str
) -> None:
    store = tmp_path / "cells.zarr"
    assert sparseattn("pack", folder, "-o", store).status == 0
    (store / part).rename(tmp_path / "elsewhere")
    (store / part).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InputError, match="a link that leaves the store"):
        open_cells(store)


def test_masks_are_packed(tmp_path: Path, sparseattn: Callable) -> None:
    random = np.random.default_rng(0)
    masks = np.zeros((9, 16, 40), np.uint8)
    masks[:8, 4:12, 10:20] = 255  # the last has none
    masks[3, 5, 12] = 0
    (tmp_path / "recordings").mkdir()
    for name, width in (("wide", 40), ("narrow", 24)):
        with h5py.File(tmp_path / "recordings" / f"{name}.rtdc", "w") as file:
            file["events/image"] = random.integers(80, 120, (9, 16, width), dtype=np.uint8)
            file["events/mask"] = masks[:, :, :width]
    files = open_cells(tmp_path / "recordings")
    store = tmp_path / "cells.zarr"
    done = sparseattn("pack", tmp_path / "recordings", "-o", store)
    assert done.status == 0, done.err
    packed = open_cells(store)
    same(files, packed)
    for index in range(18):
        mask, own = packed.mask(index), files.mask(index)
        if index % 9 == 8:
            assert mask is None and own is not None and not own.any()
        else:
            np.testing.assert_array_equal(mask, own)
    about = json.loads((store / "masks" / "zarr.json").read_text())
    (store / "masks" / "zarr.json").write_text(json.dumps(about | {"shape": [18, 1, 16, 41]}))
    with pytest.raises(InputError, match="its masks are damaged"):
        open_cells(store)
