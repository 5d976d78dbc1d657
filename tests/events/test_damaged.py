"""Damaged recordings: a reason each, no crash; what is found by chance is found again here."""

import struct
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparseattn.cells import open_cells
from sparseattn.errors import InputError
from sparseattn.events import EventSettings, open_recording

SAMPLES = ("evt2.raw", "evt3.raw", "a.dat", "a.es", "a.aedat4", "a.bin", "a.npy", "a.npz", "a.csv")


@pytest.fixture(scope="module")
def samples(tmp_path_factory: pytest.TempPathFactory, request: pytest.FixtureRequest) -> Path:
    """A sound file of each format."""
    from sparseattn.events.event import events_of

    folder = tmp_path_factory.mktemp("sound")
    random = np.random.default_rng(0)
    t = np.sort(random.integers(0, 40_000, 300))
    x, y, p = (random.integers(0, limit, 300) for limit in (64, 48, 2))
    events = events_of(t, x, y, p)
    write = request.getfixturevalue("write_events")
    for name in SAMPLES[:5]:
        write(folder / name, events, {"evt2.raw": "evt2", "evt3.raw": "evt3", "a.dat": "dat2"}.get(name))
    rows = np.stack([x % 34, y % 34, p << 7 | t >> 16, t >> 8 & 255, t & 255], axis=1)
    (folder / "a.bin").write_bytes(rows.astype(np.uint8).tobytes())
    np.save(folder / "a.npy", events)
    np.savez(folder / "a.npz", **{letter: events[letter] for letter in "txyp"})
    lines = ["t,x,y,p", *(",".join(map(str, row)) for row in events[["t", "x", "y", "p"]].tolist())]
    (folder / "a.csv").write_text("\n".join(lines))
    return folder


@settings(max_examples=60)
@given(
    name=st.sampled_from(SAMPLES),
    keep=st.floats(0, 1),
    flips=st.lists(st.tuples(st.floats(0, 1), st.integers(0, 7)), max_size=6),
)
def test_a_damaged_file_opens_or_is_refused_in_one_line(name, keep, flips, samples, tmp_path_factory) -> None:
    data = bytearray((samples / name).read_bytes())
    for place, bit in flips:
        data[min(int(place * len(data)), len(data) - 1)] ^= 1 << bit
    path = tmp_path_factory.mktemp("damaged") / name
    path.write_bytes(data[: max(int(keep * len(data)), 1)] if not flips or keep < 0.5 else data)
    try:
        cells = open_cells(path, events=EventSettings(recordings="cells"))
        cells.read(0)
    except InputError as error:
        assert "\n" not in str(error) and name in str(error)


@pytest.mark.parametrize("name", SAMPLES)
@pytest.mark.parametrize("suffix", [".raw", ".dat", ".es", ".aedat4", ".bin", ".npy", ".npz", ".csv", ".h5"])
def test_a_wrong_ending_is_refused(name: str, suffix: str, samples: Path, tmp_path: Path) -> None:
    if suffix == Path(name).suffix:
        return
    path = tmp_path / f"wrong{suffix}"
    path.write_bytes((samples / name).read_bytes())
    with pytest.raises(InputError, match=f"wrong\\{suffix}"):
        open_cells(path)


def test_a_packet_longer_than_its_file_takes_no_memory(samples: Path, tmp_path: Path) -> None:
    """faery would make room for it first: two gigabytes, and a minute."""
    data = bytearray((samples / "a.aedat4").read_bytes())
    header = struct.unpack_from("<I", data, 14)[0]
    struct.pack_into("<i", data, 14 + 4 + header + 4, 0x7FFFFFF0)
    (tmp_path / "a.aedat4").write_bytes(data)
    with pytest.raises(ValueError, match="does not end in it"):
        open_recording(tmp_path / "a.aedat4")


def test_a_recording_that_ends_within_an_event_is_read_up_to_there(samples: Path, tmp_path: Path) -> None:
    data = (samples / "evt2.raw").read_bytes()
    (tmp_path / "a.raw").write_bytes(data[:-2])
    recording = open_recording(tmp_path / "a.raw")
    assert recording.note == "it ends within an event, which is left out"
    assert recording.store().count == open_recording(samples / "evt2.raw").store().count - 1


def test_an_event_far_off_any_sensor_is_damage(samples: Path, tmp_path: Path) -> None:
    events = np.load(samples / "a.npy")
    events["x"][7] = 16_000
    np.save(tmp_path / "a.npy", events)
    with pytest.raises(InputError, match="an event lies at x 16000"):
        open_cells(tmp_path / "a.npy")
