"""Deformability cytometry: images, masks and features of .rtdc files, and scores written to a copy."""

import warnings
from pathlib import Path

import h5py
import numpy as np
import pytest

from sparseattn.cells import CellSet, open_cells
from sparseattn.cells.columns import LazyColumn
from sparseattn.cells.measure import measure_cells
from sparseattn.errors import InputError
from sparseattn.export.recording import score_codes, write_recording
from sparseattn.export.tables import write_predictions
from sparseattn.predictions import Predictions

RNG = np.random.default_rng(0)
COUNT = 30


@pytest.fixture
def recording(tmp_path: Path) -> Path:
    """A small recording, laid out as dclab's are."""
    path = tmp_path / "measurement.rtdc"
    masks = np.zeros((COUNT, 16, 40), np.uint8)
    masks[:, 4:12, 10:20] = 255
    with h5py.File(path, "w") as file:
        file.attrs.update({"experiment:event count": COUNT, "imaging:pixel size": 0.34})
        file.attrs["setup:software version"] = "ShapeIn 2.0.1"
        file.attrs.update({"experiment:sample": "blood", "experiment:run index": 1})
        images = RNG.integers(80, 120, (COUNT, 16, 40), dtype=np.uint8) + masks // 4
        file.create_dataset("events/image", data=images, chunks=(10, 16, 40), compression="gzip")
        file.create_dataset("events/mask", data=masks, compression="gzip")
        file["events/deform"] = RNG.random(COUNT).astype(np.float32)
        file["events/area_um"] = RNG.uniform(20, 80, COUNT)
        file["events/frame"] = np.arange(COUNT)
        file["events/trace/fl1_raw"] = np.zeros((COUNT, 20), np.int16)
    return path


def predictions_of(cells: CellSet, classes: tuple[str, ...], rows: list[int]) -> Predictions:
    shares = RNG.dirichlet(np.ones(len(classes)), len(rows)).astype(np.float32)
    return Predictions(
        cells=cells.subset(rows),
        indices=np.array(rows),
        classes=classes,
        probabilities=shares,
        in_distribution=np.ones(len(rows), np.float32),
        k=10,
        sides=(None,) * len(rows),
        model_hash="0123456789abcdef",
        skipped=(),
    )


def test_images_masks_and_features(recording: Path) -> None:
    cells = open_cells(recording)
    assert (len(cells), cells.shapes[0], cells.channels) == (COUNT, (16, 40), ("brightfield",))
    assert (cells.modality, cells.pixel_size_um) == ("flow", 0.34)
    with h5py.File(recording) as file:
        for index in (0, 17, 29):
            np.testing.assert_array_equal(cells.read(index)[0], file["events/image"][index])
            np.testing.assert_array_equal(cells.mask(index), file["events/mask"][index] > 0)
        assert set(cells.column_names) == {"deform", "area_um", "frame"}
        some = cells.subset([5, 3])
        np.testing.assert_allclose(some.samples["area_um"], file["events/area_um"][:][[5, 3]])
    ((_, measured),) = measure_cells(cells.subset([0, 1]))
    assert measured.area.tolist() == [80, 80]  # the recording's own masks
    np.testing.assert_allclose(measured.further["area_um2"], 80 * 0.34**2)


def test_features_are_read_when_they_are_looked_at(recording: Path) -> None:
    cells = open_cells(recording)
    column = cells.column("deform")
    assert isinstance(column, LazyColumn) and "values" not in vars(column)
    assert len(column) == COUNT and column[3] == pytest.approx(float(list(column)[3]))
    both = CellSet.concatenate([cells, cells.subset([1])])
    assert both.column("frame") == (*range(COUNT), 1)


def test_several_recordings_in_a_folder(recording: Path) -> None:
    other = recording.with_name("second.rtdc")
    other.write_bytes(recording.read_bytes())
    with h5py.File(other, "r+") as file:
        del file["events/deform"]
    cells = open_cells(recording.parent)
    deform = np.array(cells.samples["deform"], float)
    assert len(cells) == 2 * COUNT and np.isnan(deform[COUNT:]).all() and np.isfinite(deform[:COUNT]).all()


@pytest.mark.parametrize(
    ("classes", "codes"),
    [
        (("neutrophil", "lymphocyte"), ["neu", "lym"]),
        (("G1", "G2", "S_phase"), ["g1x", "g2x", "sph"]),
        (("monocyte", "monoblast", "monster"), ["mon", "moo", "mos"]),
        (("Änderung", "細胞", "細"), ["and", "xxx", "x00"]),
    ],
)
def test_classes_have_codes_of_three(classes: tuple[str, ...], codes: list[str]) -> None:
    assert list(score_codes(classes).values()) == codes
    many = score_codes([f"class {number}" for number in range(300)])
    assert len(set(many.values())) == 300 and all(len(code) == 3 for code in many.values())


def test_dclab_reads_the_scores_of_the_copy(recording: Path, tmp_path: Path) -> None:
    dclab = pytest.importorskip("dclab")
    cells = open_cells(recording)
    rows = [row for row in range(COUNT) if row != 7]  # one could not be read
    predictions = predictions_of(cells, ("neutrophil", "lymphocyte", "monocyte"), rows)
    before = recording.read_bytes()
    write_predictions(predictions, tmp_path / "copy.rtdc")
    assert recording.read_bytes() == before
    with dclab.new_dataset(tmp_path / "copy.rtdc") as dataset:
        names = [name for name in dataset.features if name.startswith("ml_score_")]
        assert names == ["ml_score_lym", "ml_score_mon", "ml_score_neu"]
        np.testing.assert_allclose(dataset["ml_score_neu"][rows], predictions.probabilities[:, 0])
        classes = dataset["ml_class"]
        best = [
            names.index(f"ml_score_{predictions.classes[i][:3]}") for i in predictions.probabilities.argmax(1)
        ]
        assert classes[rows].tolist() == best and classes[7] == -1
        np.testing.assert_array_equal(dataset["image"][4], cells.read(4)[0])
        assert 'ml_score_neu", "class": "neutrophil"' in "".join(dataset.logs["sparseattn"])
        assert dataset.config["setup"]["software version"].startswith("ShapeIn 2.0.1 | sparseattn")


def test_scores_of_an_earlier_model_do_not_mix_in(recording: Path, tmp_path: Path) -> None:
    first = predictions_of(open_cells(recording), ("old", "older"), list(range(COUNT)))
    write_predictions(first, tmp_path / "first.rtdc")
    second = predictions_of(open_cells(tmp_path / "first.rtdc"), ("new", "newer"), list(range(COUNT)))
    write_predictions(second, tmp_path / "second.rtdc")
    with h5py.File(tmp_path / "second.rtdc") as file:
        assert [name for name in file["events"] if "ml_" in name] == ["ml_score_new", "ml_score_nee"][::-1]


def test_what_is_no_copy_of_a_recording_is_refused(recording: Path, tmp_path: Path) -> None:
    predictions = predictions_of(open_cells(recording), ("a", "b"), list(range(COUNT)))
    with pytest.raises(InputError, match="is the recording itself, which is not changed"):
        write_predictions(predictions, recording)
    with pytest.raises(InputError, match="is the recording itself"):
        write_recording(predictions, recording)
    np.save(tmp_path / "cells.npy", RNG.random((20, 9, 9)))
    others = predictions_of(open_cells(tmp_path / "cells.npy"), ("a", "b"), list(range(20)))
    with pytest.raises(InputError, match=r"give one \.rtdc file as the source"):
        write_predictions(others, tmp_path / "copy.rtdc")
    assert not (tmp_path / "copy.rtdc").exists()


def test_recordings_without_images_are_refused(recording: Path) -> None:
    with h5py.File(recording, "r+") as file:
        del file["events/image"]
    with pytest.raises(InputError, match="holds features and no images; export it with images"):
        open_cells(recording)
    with h5py.File(recording, "r+") as file:
        file["basins/1"] = "{}"
    with pytest.raises(InputError, match="they lie in another file, its basin"):
        open_cells(recording)
    with h5py.File(recording, "r+") as file:
        del file["events"]
    with pytest.raises(InputError, match=r"it is no \.rtdc recording"):
        open_cells(recording)


def test_real_recordings(real_data: Path) -> None:
    dclab = pytest.importorskip("dclab")
    folder = real_data / "formats" / "rtdc"
    opened = 0
    for path in sorted(folder.rglob("*.rtdc")):
        with h5py.File(path) as file:
            has_images = "image" in file["events"]
        if not has_images:
            with pytest.raises(InputError, match="features and no images"):
                open_cells(path)
            continue
        cells = open_cells(path)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # old files are not all as dclab would write them today
            dataset = dclab.new_dataset(path)
        with dataset:
            assert len(cells) == len(dataset)
            for index in (0, len(cells) - 1):
                np.testing.assert_array_equal(cells.read(index)[0], dataset["image"][index])
                np.testing.assert_array_equal(cells.mask(index), dataset["mask"][index])
            np.testing.assert_allclose(np.array(cells.samples["deform"], float), dataset["deform"])
            assert cells.pixel_size_um == dataset.config["imaging"]["pixel size"]
        opened += 1
    assert opened == 3
