"""What this project parses itself: how each parser is asked about a file, and what it may answer."""

import json
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.fuzz.kinds import KINDS
from benchmarks.fuzz.makers import events, marks, microscopy, models, phase

Maker = Callable[[Path], object]


@dataclass(frozen=True)
class Form:
    """One kind of file that a parser takes: its ending, and what writes sound ones to begin with."""

    suffix: str
    makers: tuple[Maker, ...]


@dataclass(frozen=True)
class Parser:
    """A parser.

    Attributes
    ----------
    parse
        Reads a file to its end. May raise InputError with one printable line and, where it is a reader that
        says so, ValueError or OSError; anything else is a finding.
    forms
        The kinds of file; the first byte of an input says which of them it is.
    is_json
        Whether inputs are changed value by value, and not byte by byte alone.
    """

    parse: Callable[[Path], None]
    forms: tuple[Form, ...]
    is_json: bool = False

    def write(self, data: bytes, folder: Path, name: str) -> Path:
        """Write an input as the file that it stands for."""
        form = self.forms[data[0] % len(self.forms) if data else 0]
        path = folder / f"{name}{form.suffix}"
        path.write_bytes(data[1:])
        return path

    def seeds(self, folder: Path) -> list[bytes]:
        """Return sound inputs."""
        found = []
        for number, form in enumerate(self.forms):
            for place, make in enumerate(form.makers):
                path = folder / f"{number}_{place}{form.suffix}"
                make(path)
                found.append(bytes([number]) + path.read_bytes())
        return found


def _text(content: str) -> Maker:
    return lambda path: path.write_text(content, encoding="utf-8")


def _json(said: object) -> Maker:
    return _text(json.dumps(said))


def _read_a_cell(file: Any) -> None:
    with suppress(Exception):  # `CellSet` says of any that the cell cannot be read
        file.source.read(0)


def _model_file(path: Path) -> None:
    from sparseattn.classifier import Classifier

    Classifier.load(path)


def _model_card(path: Path) -> None:
    from sparseattn.classifier import Classifier
    from sparseattn.learn.options import TrainingOptions

    model = path.with_suffix(".safetensors")
    try:
        models.with_card(path.read_text(encoding="utf-8", errors="replace"), model)
        TrainingOptions.from_json(Classifier.load(model).history.options)
    finally:
        model.unlink(missing_ok=True)


def _array(path: Path) -> None:
    from sparseattn.cells.readers.arrays import open_array
    from sparseattn.events.formats.arrays import open_event_array

    recording = open_event_array(path)
    if recording is not None:
        for _ in recording.packets():
            pass
        return
    for file in open_array(path, layout=None, one_cell=True, dataset=None):
        _read_a_cell(file)


def _recording(path: Path) -> None:
    from sparseattn.events.files import open_recording

    for _ in open_recording(path).packets():
        pass


def _event_table(path: Path) -> None:
    from sparseattn.events.formats.tables import open_event_table

    recording = open_event_table(path)
    if recording is not None:
        for _ in recording.packets():
            pass


@cache
def _cells() -> Any:
    from sparseattn.cells import CellSet

    images = np.random.default_rng(0).integers(0, 255, (4, 1, 8, 8)).astype(np.uint8)
    cells = CellSet.from_array(images, channels=("grey",), name="cells.npy")
    return cells.with_columns({"sample": ("a", "a", "b", "b")})


def _table(path: Path) -> None:
    from sparseattn.cells.labels.tables import read_labels
    from sparseattn.cells.tables import describe_samples, label_cells
    from sparseattn.errors import InputError

    for read in (
        lambda: label_cells(_cells(), Path("cells.npy"), path),
        lambda: describe_samples(_cells(), Path("cells.npy"), path),
        lambda: read_labels(path, None, "me"),
    ):
        try:
            read()
        except InputError as error:
            _check_sentence(error)


def _marks(path: Path) -> None:
    from sparseattn.cells import Field, cut_marked_cells, open_marks

    field = Field.from_array(np.zeros((60, 80), np.uint8), "YX", name="smear.png")
    cut_marked_cells(field, open_marks(path, field))


def _sidecar(path: Path) -> None:
    from sparseattn.cells.sidecar import parse_sidecar, read_document

    said = read_document(path)
    parse_sidecar(said, {}, path)


def _project(path: Path) -> None:
    from napari_sparseattn.project import read_project, sources_of
    from sparseattn.table.filters import CellFilter

    said = read_project(path)
    sources_of(said, path)
    CellFilter.from_json(said["filters"])


def _tiff(path: Path) -> None:
    from sparseattn.cells import open_cells

    open_cells(path).read(0)


def _ome_zarr(path: Path) -> None:
    """Take the input for the attributes of a group with an image and a well."""
    from shutil import rmtree

    from sparseattn.cells.readers.zarr_store import open_zarr

    store = path.with_suffix(".zarr")
    try:
        for group in ("", "A", "A/1", "A/1/0"):
            (store / group).mkdir()
            (store / group / ".zgroup").write_text('{"zarr_format": 2}')
            (store / group / ".zattrs").write_bytes(path.read_bytes())
        for group in ("", "A/1/0"):
            (store / group / "0").mkdir(exist_ok=True)
            (store / group / "0/.zarray").write_text(
                '{"zarr_format": 2, "shape": [2, 8, 8], "chunks": [2, 8, 8], "dtype": "|u1", "order": "C", '
                '"compressor": null, "filters": null, "fill_value": 0}'
            )
        for file in open_zarr(store, layout=None, one_cell=True, series=None):
            _read_a_cell(file)
    finally:
        rmtree(store, ignore_errors=True)


def _label_log(path: Path) -> None:
    from sparseattn.cells.labels.log import LabelLog

    with LabelLog.open(path, read_only=True) as log:
        _ = log.labels, log.classes, log.counts, log.test_cells


def _make_label_log(path: Path) -> None:
    from sparseattn.cells.labels.log import LabelLog

    with LabelLog.open(path) as log:
        log.add_class("round"), log.add_class("long")
        log.label(["0011223344556677"], "round")
        log.label(["8899aabbccddeeff"], "long")
        log.undo()


def _check_sentence(error: Exception) -> None:
    if "\n" in str(error) or not str(error).isprintable():
        raise AssertionError(f"not one printable line: {error!r}") from error


def ask(parser: Parser, path: Path) -> bool:
    """Return whether a file was read, False where it was refused.

    Raises
    ------
    AssertionError
        Where a refusal is not one printable line.
    Exception
        Whatever is no refusal goes through.
    """
    from sparseattn.errors import InputError

    try:
        parser.parse(path)
    except InputError as error:
        _check_sentence(error)
        return False
    except (ValueError, OSError):
        return False
    return True


_SIDECAR = {
    "modality": "phase",
    "layout": "NCYX",
    "channels": {"Ch4": "brightfield"},
    "pixel_size_um": 0.5,
    "phase": {"wavelength_nm": 633, "background": "tilt", "values": "radians"},
    "events": {"representation": "time_surface", "window_us": 20000, "recordings": "cells"},
    "files": {"later.tif": {"pixel_size_um": 0.25}},
}
_PROJECT = {
    "format": "sparseattn project",
    "format_version": 1,
    "sources": [{"path": "cells", "options": {"field": {"labels": "a.tif"}}, "name": "cells"}],
    "channel_names": {"a": "b"},
    "forced": False,
    "model": "m.safetensors",
    "model_hash": None,
    "k": 20,
    "label_log": "labels.sqlite",
    "classes": [{"name": "round", "colour": "#ff0000", "key": 1}],
    "filters": {
        "samples": {"sample": ["a"]},
        "confidence": [0, 1],
        "limits": {"area": [1, 2]},
        "gates": [
            {
                "name": "g",
                "x": "a",
                "y": "b",
                "vertices": [[0, 0], [1, 0], [1, 1]],
                "log_x": False,
                "log_y": False,
                "active": True,
            }
        ],
    },
    "current": None,
    "shown": {},
    "error_rate": 0.1,
    "extras": {"gallery": {}},
}
_SCALES = {
    "multiscales": [
        {
            "axes": [{"name": name, "type": "space", "unit": "nanometer"} for name in "cyx"],
            "datasets": [
                {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1, 325, 325]}]}
            ],
        }
    ],
    "omero": {"channels": [{"label": "a"}, {"label": "b"}]},
}
_PLATE = {"plate": {"wells": [{"path": "A/1"}]}, "well": {"images": [{"path": "0"}]}, **_SCALES}
_SERIES = {"bioformats2raw.layout": 3, "series": ["0"], **_SCALES}

_LABELS = "id,class,origin,annotator,picked\ncells.npy#0,round,bulk,me,hand\ncells.npy#1,long,,,\n"
_SAMPLES = "sample;donor;day\na;d 1;3\nb;'d 2';4\n"


def _faery(suffix: str, *versions: str) -> Form:
    makers = [lambda path, version=version: events.by_faery(path, version=version) for version in versions]
    return Form(suffix, tuple(makers) or (events.by_faery,))


def _kind(name: str) -> Form:
    return Form(KINDS[name].suffix, (KINDS[name].make,))


PARSERS = {
    "model-file": Parser(_model_file, (Form(".safetensors", (models.model,)),)),
    "model-card": Parser(_model_card, (Form(".json", (models.card,)),), is_json=True),
    "array": Parser(
        _array,
        (Form(".npy", (phase.npy, events.fields, events.bare)), Form(".npz", (phase.npz, events.members))),
    ),
    "recording": Parser(
        _recording,
        (_faery(".raw", "evt2", "evt3"), _faery(".dat", "dat2"), _kind("event stream"), _kind("nmnist")),
    ),
    "aedat4": Parser(_recording, (_kind("aedat4"),)),
    "event-table": Parser(_event_table, (Form(".csv", (events.table, events.text)),)),
    "table": Parser(_table, (Form(".csv", (_text(_LABELS), _text(_SAMPLES))),)),
    "yolo": Parser(_marks, (Form(".txt", (marks.yolo,)),)),
    "coco-geojson": Parser(_marks, (Form(".json", (marks.coco, marks.geojson)),), is_json=True),
    "sidecar": Parser(_sidecar, (Form(".json", (_json(_SIDECAR),)),), is_json=True),
    "project": Parser(_project, (Form(".json", (_json(_PROJECT),)),), is_json=True),
    "ome-zarr": Parser(
        _ome_zarr, (Form(".json", (_json(_SCALES), _json(_PLATE), _json(_SERIES))),), is_json=True
    ),
    "tiff": Parser(_tiff, (Form(".tif", (microscopy.ome_tiff,)),)),
    "label-log": Parser(_label_log, (Form(".sqlite", (_make_label_log,)),)),
}
"""By name; a name may stand on a command line."""
