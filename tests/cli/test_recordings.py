"""Event-camera recordings through the command line: described, learned from, classified."""

import csv
import json

import numpy as np
import pytest

from sparseattn.events.event import events_of
from sparseattn.simulate.flow import simulate_flow


def write_one_cell_recordings(folder, count=8):
    """Class folders of N-MNIST files: events in one heap, or in two."""
    random = np.random.default_rng(0)
    for name in ("one", "two"):
        (folder / name).mkdir(parents=True)
        for number in range(count):
            t = np.sort(random.integers(0, 100_000, 600))
            x, y = np.rint(random.normal(17, 1.5, (2, 600))).astype(int)
            if name == "two":
                x += random.choice([-7, 7], 600)
            p = random.integers(0, 2, 600)
            rows = np.stack([x, y, p << 7 | t >> 16, t >> 8 & 255, t & 255], axis=1).astype(np.uint8)
            (folder / name / f"{number}.bin").write_bytes(rows.tobytes())
    return folder


@pytest.fixture(scope="module")
def flow_file(tmp_path_factory):
    """A recording of six cells that flow by, as an array."""
    events, known = simulate_flow(6, np.random.default_rng(0), shape=(96, 160), duration=300_000)
    path = tmp_path_factory.mktemp("flow") / "flow.npy"
    np.save(path, events)
    assert len(known) == 6
    return path


def test_info_describes_a_recording(process, flow_file):
    facts = process("info", flow_file, "--json").json
    assert facts["n"] == 6 and facts["modality"] == "events"
    assert facts["recording"]["format"] == "array"
    assert facts["recording"]["events"] == len(np.load(flow_file))
    assert "speed_px_per_ms" in facts["measured"]
    text = process("info", flow_file).out
    assert "recording" in text and "6" in text


def test_info_describes_a_recording_without_cells(process, tmp_path):
    np.save(
        tmp_path / "still.npy", events_of(np.arange(500), np.arange(500) % 64, np.arange(500) % 48, [1] * 500)
    )
    finished = process("info", tmp_path / "still.npy", "--json")
    assert finished.status == 0 and finished.json["n"] == 0
    assert finished.json["recording"]["events"] == 500
    assert "no cell of about 30 pixels" in finished.err


def test_what_becomes_of_events_is_saved_with_the_model_and_used_by_predict(process, flow_file, tmp_path):
    """A model of passages, taught by a table of labels, answers for the recording without further options."""
    facts = process("info", flow_file, "--json").json
    predictable = tmp_path / "labels.csv"
    from sparseattn.cells import open_cells

    cells = open_cells(flow_file)
    with predictable.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["id", "class"])
        writer.writerows([name, "even" if row % 2 else "odd"] for row, name in enumerate(cells.ids))
    model = tmp_path / "m.safetensors"
    options = ("--representation", "voxel_grid", "--bins", 3, "--event-window", "20ms", "--epochs", 1)
    trained = process(
        "train",
        flow_file,
        "-o",
        model,
        "--labels-csv",
        predictable,
        "--size",
        16,
        *options,
        "--progress",
        "none",
    )
    assert trained.status == 0, trained.err
    described = process("info", model, "--json").json
    assert described["events"] == {
        "representation": "voxel_grid",
        "bins": 3,
        "window_us": 20_000,
        "window_events": None,
        "recordings": "passages",
        "diameter": 30.0,
        "slice_us": 2000,
    }
    assert described["channels"] == ["moment 1", "moment 2", "moment 3"]
    assert "voxel_grid of 20 ms, passages" in process("info", model).out
    table = tmp_path / "out.csv"
    finished = process("predict", model, flow_file, "-o", table, "--json")
    assert finished.status == 0, finished.err
    assert finished.json["n"] == facts["n"]
    with table.open() as file:
        rows = list(csv.DictReader(file))
    assert {row["id"] for row in rows} == set(cells.ids)
    assert float(rows[0]["speed_px_per_ms"]) > 0 and int(rows[0]["events"]) > 1000


def test_recordings_that_are_one_cell_each(process, tmp_path):
    folder, model = write_one_cell_recordings(tmp_path / "digits"), tmp_path / "m.safetensors"
    trained = process(
        "train", folder, "-o", model, "--size", 16, "--epochs", 20, "--progress", "none", "--json"
    )
    assert trained.status == 0, trained.err
    card = process("info", model, "--json").json
    assert card["events"]["recordings"] == "cells" and card["channels"] == ["on", "off"]
    judged = process("evaluate", model, folder, "--json").json
    assert judged["n"] == 16 and judged["accuracy"] > 0.8
    one = process("predict", model, folder / "two" / "0.bin", "-o", tmp_path / "one.csv", "--json")
    assert one.json["n"] == 1
    explained = process("explain", model, folder / "two" / "0.bin", "-o", tmp_path / "why")
    assert explained.status == 0, explained.err


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--event-window", "soon"), "--event-window"),
        (("--event-window", "1.5"), "--event-window"),
        (("--bins", 1), "bins"),
        (("--cell-diameter", 1), "diameter"),
    ],
)
def test_options_that_make_no_sense(process, flow_file, options, words):
    finished = process("info", flow_file, *options)
    assert finished.status == 2 and words in finished.err and len(finished.err.splitlines()) == 1


def test_a_folder_remembers_what_its_recordings_are(process, flow_file, tmp_path):
    (tmp_path / "flow.npy").symlink_to(flow_file)
    (tmp_path / "cells.json").write_text(json.dumps({"events": {"representation": "time_surface"}}))
    assert process("info", tmp_path / "flow.npy", "--json").json["channels"] == ["on age", "off age"]
    (tmp_path / "cells.json").write_text(json.dumps({"events": {"representation": 7}}))
    refused = process("info", tmp_path / "flow.npy")
    assert refused.status == 2 and "cells.json" in refused.err
