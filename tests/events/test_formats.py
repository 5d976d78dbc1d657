"""Files of events: each format gives the events that an independent decoder gives, in packets."""

import importlib.util
import sys
from pathlib import Path

import h5py
import numpy as np
import pytest

from sparseattn.events import Recording, open_recording
from sparseattn.events.files import is_recording

_SPEC = importlib.util.spec_from_file_location("event_decoders", Path(__file__).with_name("decoders.py"))
assert _SPEC is not None and _SPEC.loader is not None
decoders = importlib.util.module_from_spec(_SPEC)
sys.modules[_SPEC.name] = decoders
_SPEC.loader.exec_module(decoders)


def rows_of(recording: Recording) -> np.ndarray:
    """(E, 4) of t, x, y, p, in the order of the file."""
    events = np.concatenate(list(recording.packets()))
    return np.stack([events[letter].astype(np.int64) for letter in "txyp"], axis=1)


def table(events: np.ndarray) -> np.ndarray:
    return np.stack([events[letter].astype(np.int64) for letter in "txyp"], axis=1)


def in_order(rows: np.ndarray) -> np.ndarray:
    """Rows in one order, whatever the order of events of one time."""
    return rows[np.lexsort(rows.T[::-1])]


def test_real_evt3_gives_the_events_of_its_npy(real_data: Path) -> None:
    folder = real_data / "formats" / "events"
    recording = open_recording(folder / "evt3_sample.raw")
    found, known = rows_of(recording), np.load(folder / "evt3_sample.npy")
    assert recording.kind == "EVT3" and len(found) == len(known) == 219_596
    for column, letter in enumerate("xyp", start=1):
        assert np.array_equal(found[:, column], known[letter])
    # The array's own times jump by 4096 µs and are wrong; faery's are at most 11 µs late, where the clock's
    # high word changes.
    own = decoders.evt3(folder / "evt3_sample.raw")
    assert np.array_equal(found[:, 1:], own[:, 1:])
    late = found[:, 0] - own[:, 0]
    assert late.min() >= 0 and late.max() <= 11 and (late == 0).mean() > 0.99
    assert recording.store().size == (720, 1280) and recording.store().count == 219_596


def test_real_evt2_and_event_stream_are_as_decoded_by_hand(real_data: Path) -> None:
    folder = real_data / "formats" / "events"
    for name, decode, size in (
        ("evt2_sample.raw", decoders.evt2, (480, 640)),
        ("dvs.es", decoders.event_stream, (240, 320)),
    ):
        recording = open_recording(folder / name)
        assert np.array_equal(in_order(rows_of(recording)), in_order(decode(folder / name))), name
        assert recording.store().size == size


def test_real_aedat4_has_as_many_events_as_its_own_table_says(real_data: Path) -> None:
    from faery.extension import aedat

    path = real_data / "formats" / "events" / "davis.aedat4"
    with aedat.Decoder(path) as decoder:
        tracks = {track.id: track.data_type for track in decoder.tracks()}
        said = sum(
            part.elements_count
            for part in decoder.file_data_definitions()
            if tracks[part.track_id] == "events"
        )
    recording = open_recording(path)
    assert len(rows_of(recording)) == said == 117_667
    assert recording.size == (260, 346)


def test_real_nmnist_is_as_decoded_by_hand(real_data: Path) -> None:
    for path in sorted((real_data / "events_nmnist").glob("test/*/*.bin"))[::20]:
        recording = open_recording(path)
        assert recording.size == (34, 34)
        assert np.array_equal(rows_of(recording), decoders.nmnist(path))


def test_every_real_file_opens(real_data: Path) -> None:
    for path in sorted((real_data / "formats" / "events").iterdir()):
        assert is_recording(path) and open_recording(path).store().count > 100_000


@pytest.mark.parametrize(
    ("name", "version", "kind"),
    [
        ("a.raw", "evt2", "EVT2"),
        ("a.raw", "evt3", "EVT3"),
        ("a.dat", "dat2", "DAT"),
        ("a.es", None, "Event Stream"),
        ("a.aedat4", None, "AEDAT4"),
    ],
)
def test_formats_that_faery_writes(
    name: str, version: str | None, kind: str, some_events, write_events, tmp_path: Path
) -> None:
    events = some_events()
    write_events(tmp_path / name, events, version)
    recording = open_recording(tmp_path / name)
    assert recording.kind == kind and recording.size == (48, 64) and recording.note is None
    assert np.array_equal(in_order(rows_of(recording)), in_order(table(events)))


@pytest.mark.parametrize("kind", ["fields", "seconds", "xytp", "txyp", "members", "rows in a member"])
def test_arrays(kind: str, some_events, tmp_path: Path) -> None:
    events, path = some_events(), tmp_path / "a.npy"
    rows = table(events)
    if kind == "fields":
        np.save(path, events)
    elif kind == "seconds":
        named = np.empty(len(events), [("x", "<i4"), ("y", "<i4"), ("timestamp", "<f8"), ("polarity", "?")])
        named["x"], named["y"], named["timestamp"] = events["x"], events["y"], events["t"] / 1e6
        named["polarity"] = events["p"]
        np.save(path, named)
    elif kind == "xytp":
        np.save(path, rows[:, [1, 2, 0, 3]].astype(np.float64))
    elif kind == "txyp":
        rows = rows.copy()
        np.save(path, np.where(np.arange(4) == 3, 2 * rows - 1, rows))  # polarity -1 and 1
    else:
        path = tmp_path / "a.npz"
        if kind == "members":
            np.savez_compressed(path, **{letter: events[letter] for letter in "xytp"})
        else:
            np.savez(path, events=rows)
    assert is_recording(path)
    assert np.array_equal(rows_of(open_recording(path)), rows)


@pytest.mark.parametrize("kind", ["named", "bare", "spaces", "sensor first", "unit in the name"])
def test_text(kind: str, some_events, tmp_path: Path) -> None:
    rows, path = table(some_events()), tmp_path / "a.csv"
    lines = [",".join(map(str, row)) for row in rows.tolist()]
    if kind == "named":
        lines = ["x,y,polarity,t", *(",".join(map(str, row)) for row in rows[:, [1, 2, 3, 0]].tolist())]
    elif kind == "spaces":
        path = tmp_path / "events.txt"
        lines = [f"{t / 1e6:.6f} {x} {y} {p}" for t, x, y, p in rows.tolist()]
    elif kind == "sensor first":
        lines = ["# made by hand", "64 48", *lines]
    elif kind == "unit in the name":
        lines = ["time_ms;x;y;p;frame", *(f"{t / 1e3:.3f};{x};{y};{p};7" for t, x, y, p in rows.tolist())]
    path.write_text("\n".join(lines) + "\n")
    assert is_recording(path)
    recording = open_recording(path)
    assert np.array_equal(rows_of(recording), rows)
    assert recording.size == ((48, 64) if kind == "sensor first" else None)


@pytest.mark.parametrize("kind", ["metavision", "dsec", "e2vid", "rows"])
def test_hdf5(kind: str, some_events, tmp_path: Path) -> None:
    events, path = some_events(), tmp_path / "a.h5"
    rows = table(events)
    with h5py.File(path, "w") as file:
        if kind == "metavision":
            file["CD/events"] = events[["x", "y", "p", "t"]]
        elif kind == "dsec":
            for letter in "xypt":
                file[f"events/{letter}"] = events[letter] - (1000 if letter == "t" else 0)
            file["t_offset"], file["events/t_offset"] = 1000, 1000
            file["ms_to_idx"] = np.arange(50)
        elif kind == "e2vid":
            for letter, name in zip("xypt", ("xs", "ys", "ps", "ts"), strict=True):
                file[f"events/{name}"] = events[letter] / 1e6 if letter == "t" else events[letter]
        else:
            file["davis/left/events"] = rows[:, [1, 2, 0, 3]].astype(np.float64)
        file.attrs["width"], file.attrs["height"] = 64, 48
    assert is_recording(path)
    recording = open_recording(path)
    assert recording.size == (48, 64)
    assert np.array_equal(rows_of(recording), rows)


def test_other_files_are_no_recordings(tmp_path: Path) -> None:
    np.save(tmp_path / "image.npy", np.random.default_rng(0).random((40, 4)))
    np.save(tmp_path / "cells.npy", np.zeros((20, 12, 12), np.uint8))
    np.savez(tmp_path / "cells.npz", images=np.zeros((20, 12, 12)), labels=np.arange(20))
    (tmp_path / "labels.csv").write_text("id,class\na,one\nb,two\n")
    (tmp_path / "numbers.csv").write_text("1,2\n3,4\n")
    (tmp_path / "notes.txt").write_text("no events here\n")
    (tmp_path / "empty.csv").touch()
    with h5py.File(tmp_path / "images.h5", "w") as file:
        file["image"] = np.zeros((5, 8, 8))
    for path in tmp_path.iterdir():
        assert not is_recording(path), path
        with pytest.raises(ValueError, match=r"\w"):
            open_recording(path)
