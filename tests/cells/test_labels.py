"""The label log: nothing is lost, everything can be taken back, and the test cells stay the test cells."""

import os
import random
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from sparseattn.cells import CellSet
from sparseattn.cells.labels import (
    EXCLUDE,
    TEST_SHARE,
    UNSURE,
    LabelClass,
    LabelLog,
    default_log_path,
    labelled_by,
)
from sparseattn.errors import InputError


def cell(number: int) -> str:
    return f"{number:016x}"


@pytest.fixture
def log(tmp_path: Path):
    with LabelLog.open(tmp_path / "labels.sqlite") as opened:
        opened.add_class("A", "#0072b2")
        opened.add_class("B")
        yield opened


def in_sql(path: Path) -> dict[str, tuple[str, str, bool]]:
    connection = sqlite3.connect(path)
    rows = connection.execute("SELECT cell, class, origin, tests FROM current_labels").fetchall()
    connection.close()
    return {name: (label, origin, bool(tests)) for name, label, origin, tests in rows}


def in_memory(log: LabelLog) -> dict[str, tuple[str, str, bool]]:
    return {name: (label.name, label.origin, label.set_aside) for name, label in log.labels.items()}


def test_labels_come_back(log: LabelLog) -> None:
    log.label([cell(1)], "A", annotator="Ada")
    log.label([cell(2), cell(3)], "B", origin="bulk", picked="bulk")
    log.label([cell(4)], UNSURE)
    log.label([cell(5)], EXCLUDE)
    log.label([cell(1)], "B")
    with LabelLog.open(log.path) as again:
        assert again.current() == {
            cell(1): "B", cell(2): "B", cell(3): "B", cell(4): UNSURE, cell(5): EXCLUDE
        }  # fmt: skip
        assert again.labels == log.labels
        assert again.counts == {"A": 0, "B": 3, UNSURE: 1, EXCLUDE: 1}
        assert again.classes == (LabelClass("A", "#0072b2", 1), LabelClass("B", None, 2))
        assert again.class_of([cell(1), cell(4), cell(9)]) == ["B", None, None]
        assert again.labels[cell(2)].origin == "bulk" and again.labels[cell(2)].time


def test_undo_and_redo_survive_reopening(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    log.label([cell(1), cell(2)], "B")
    log.label([cell(2)], None)
    assert log.undo() == (cell(2),)
    assert set(log.undo()) == {cell(1), cell(2)}
    path = log.path
    log.close()
    with LabelLog.open(path) as again:
        assert again.current() == {cell(1): "A"}
        assert set(again.redo()) == {cell(1), cell(2)}
        assert again.current() == {cell(1): "B", cell(2): "B"}
        again.redo()
        assert again.current() == {cell(1): "B"} and not again.can_redo
        assert again.redo() == ()
        for _ in range(3):
            assert again.can_undo
            again.undo()
        assert again.current() == {} and not again.can_undo and again.undo() == ()
        again.label([cell(7)], "A")
        assert not again.can_redo


def test_any_course_of_actions_is_the_same_in_memory_in_the_file_and_reopened(log: LabelLog) -> None:
    chance = random.Random(3)
    states: list[dict[str, str]] = [log.current()]  # what undo must come back to
    ahead: list[dict[str, str]] = []
    for _ in range(150):
        what = chance.choice(["label", "label", "undo", "redo"])
        if what == "label":
            cells = [cell(chance.randrange(8)) for _ in range(chance.randrange(1, 4))]
            log.label(cells, chance.choice(["A", "B", UNSURE, None]), origin=chance.choice(["hand", "bulk"]))
            states.append(log.current())
            ahead.clear()
        elif what == "undo":
            assert bool(log.undo()) == (len(states) > 1)
            if len(states) > 1:
                ahead.append(states.pop())
        else:
            assert bool(log.redo()) == bool(ahead)
            if ahead:
                states.append(ahead.pop())
        assert log.current() == states[-1]
        assert in_sql(log.path) == in_memory(log)
    with LabelLog.open(log.path) as again:
        assert in_memory(again) == in_memory(log)
        assert (again.can_undo, again.can_redo) == (log.can_undo, log.can_redo)


def test_test_cells_are_decided_once_and_for_ever(log: LabelLog) -> None:
    by_hand = [cell(number) for number in range(2000)]
    log.label(by_hand, "A")
    share = len(log.test_cells) / len(by_hand)
    assert abs(share - TEST_SHARE) < 0.04
    chosen = log.test_cells
    log.label(by_hand, "B")
    log.label(by_hand[:500], None)
    log.label(by_hand[:500], "A", picked="uncertain")
    assert log.test_cells == chosen
    log.label(sorted(chosen), "A", origin="bulk", picked="bulk")
    assert not log.test_cells
    assert all(log.labels[name].set_aside for name in chosen)  # and they do not teach either
    assert log.class_of(sorted(chosen), with_test_cells=False) == [None] * len(chosen)


@pytest.mark.parametrize(
    ("origin", "picked"), [("bulk", "bulk"), ("hand", "uncertain"), ("bulk", "hand"), ("imported", "bulk")]
)
def test_bulk_and_uncertain_cells_never_test(log: LabelLog, origin, picked) -> None:
    cells = [cell(number) for number in range(300)]
    log.label(cells, "A", origin=origin, picked=picked)
    log.label(cells, "B")  # a correction by hand makes no test cell of one that may have taught
    assert not log.test_cells


def test_copies_of_an_image_are_on_one_side(log: LabelLog) -> None:
    names = [cell(number) for number in range(200)]
    log.label([*names, *(f"{name}-2" for name in names)], "A")
    assert {f"{name}-2" for name in log.test_cells if "-" not in name} == {
        name for name in log.test_cells if "-" in name
    }


def test_labels_move_with_their_cells(log: LabelLog) -> None:
    names = [cell(number) for number in range(100)]
    log.label(names, "A", annotator="Ada")
    before = log.test_cells
    log.move({name: f"{name}p0y1x1a9" for name in [*names, cell(999)]})
    assert log.test_cells == before | {f"{name}p0y1x1a9" for name in before}
    assert log.labels[f"{cell(5)}p0y1x1a9"].annotator == "Ada" and len(log.current()) == 200
    log.undo()
    assert log.test_cells == before and len(log.current()) == 100


def test_a_label_taken_away_is_taken_away_from_where_it_moved_from(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    log.move({cell(1): cell(2)})
    log.label([cell(2)], None)
    log.label([cell(3)], "B")
    assert log.spoken_of == (cell(1), cell(2), cell(3))
    log.move({cell(2): cell(1)})
    assert log.current() == {cell(3): "B"}
    assert log.spoken_of == (cell(2), cell(3), cell(1))
    log.undo()
    assert log.current() == {cell(1): "A", cell(3): "B"}
    with LabelLog.open(log.path) as again:
        assert again.spoken_of == log.spoken_of == (cell(1), cell(2), cell(3))


def test_labels_over_those_of_the_files(log: LabelLog) -> None:
    cells = CellSet.from_array(
        np.arange(5 * 16, dtype=np.uint8).reshape(5, 1, 4, 4),
        channels=("c",),
        labels=["B", "B", "B", None, None],
    )
    log.label([cells.ids[0], cells.ids[3]], "A", picked="uncertain")
    log.label([cells.ids[1]], EXCLUDE)
    assert labelled_by(cells, log).labels == ("A", None, "B", "A", None)


def test_classes_are_changed_with_their_labels(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    log.change_class("A", to="Alpha", colour="#112233", key=5)
    assert log.current() == {cell(1): "Alpha"}
    assert log.classes[0] == LabelClass("Alpha", "#112233", 5)
    log.remove_class("Alpha")
    assert log.current() == {} and [one.name for one in log.classes] == ["B"]
    with pytest.raises(InputError, match="no class"):
        log.label([cell(2)], "Alpha")
    log.add_class("Alpha")
    assert log.current() == {cell(1): "Alpha"}
    assert in_sql(log.path) == in_memory(log)
    with LabelLog.open(log.path) as again:
        assert again.classes == log.classes and again.current() == log.current()


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda log: log.add_class("a"), "already"),
        (lambda log: log.add_class("  "), "empty"),
        (lambda log: log.add_class("Unsure"), "state"),
        (lambda log: log.add_class("x" * 81), "longer"),
        (lambda log: log.add_class("C", "red"), "colour"),
        (lambda log: log.add_class("C", key=1), "belongs to 'A'"),
        (lambda log: log.change_class("A", to="B"), "already"),
        (lambda log: log.change_class("A", key=12), "1 to 9"),
        (lambda log: log.remove_class("C"), "no class"),
    ],
)
def test_classes_that_cannot_be(log: LabelLog, change, said) -> None:
    before = log.classes
    with pytest.raises(InputError, match=said):
        change(log)
    assert log.classes == before


def test_tables(log: LabelLog, tmp_path: Path) -> None:
    log.label([cell(1)], "A", annotator="Ada")
    log.label([cell(2)], "B", origin="bulk", picked="bulk")
    log.export_csv(tmp_path / "labels.csv")
    with LabelLog.open(tmp_path / "other.sqlite") as other:
        assert other.import_csv(tmp_path / "labels.csv") == 2
        assert other.current() == log.current()
        assert other.labels[cell(1)].origin == "imported" and other.labels[cell(1)].annotator == "Ada"
        assert other.labels[cell(2)].origin == "bulk"
        other.undo()
        assert other.current() == {}
    (tmp_path / "names.csv").write_text("id;class\none.png;A\ntwo.png;exclude\n")
    found = {"one.png": [cell(8)], "two.png": [cell(9), cell(10)]}
    assert log.import_csv(tmp_path / "names.csv", lambda name: found.get(name, [])) == 3
    assert log.labels[cell(10)].name == EXCLUDE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cell,class\n1,A\n", "no column id"),
        ("id,class\nno.png,A\n", "no known cell in line 2"),
        ("id,class\none.png,A\none.png,B\n", "two classes, in lines 2 and 3"),
        ("id,class\none.png,\n", "empty class"),
        ("id,class\none.png,a\n", "already"),  # A is there
    ],
)
def test_tables_that_cannot_be_used_change_nothing(log: LabelLog, tmp_path: Path, text, said) -> None:
    (tmp_path / "labels.csv").write_text(text)
    before = log.classes
    with pytest.raises(InputError, match=said):
        log.import_csv(tmp_path / "labels.csv", lambda name: [cell(1)] if name == "one.png" else [])
    assert log.current() == {} and log.classes == before


def test_a_copy_is_whole(log: LabelLog, tmp_path: Path) -> None:
    log.label([cell(1)], "A")
    log.copy(tmp_path / "copy.sqlite")
    with LabelLog.open(tmp_path / "copy.sqlite") as copy:
        assert copy.labels == log.labels
    with pytest.raises(InputError, match="no folder"):
        log.copy(tmp_path / "nowhere" / "copy.sqlite")


def test_the_file_is_only_added_to(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    connection = sqlite3.connect(log.path)
    for statement in ("UPDATE events SET class = 4", "DELETE FROM events", "DELETE FROM set_aside"):
        with pytest.raises(sqlite3.IntegrityError, match="only added to"):
            connection.execute(statement)
    connection.close()


def test_what_another_program_adds_is_seen_and_is_its_own_to_undo(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    with LabelLog.open(log.path) as other:
        other.label([cell(1), cell(2)], "B")
        other.undo()
        assert log.can_undo and not log.can_redo
        other.redo()
        assert log.current() == {cell(1): "B", cell(2): "B"}
        log.label([cell(3)], "A")
        assert other.undo() == (cell(1), cell(2))  # not the label of the third cell, which came later
        assert log.current() == {cell(1): "A", cell(3): "A"}
        assert log.undo() == (cell(3),) and log.undo() == (cell(1),)
        assert other.current() == {} and other.can_redo and log.can_redo
        assert not other.can_undo
    with LabelLog.open(log.path) as again:  # alone, and all is its own
        assert again.redo() == (cell(1),) and again.redo() == (cell(3),)
        assert again.redo() == (cell(1), cell(2))


def test_a_locked_file_says_so_and_is_as_it_was(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    blocker = sqlite3.connect(log.path, isolation_level=None)
    blocker.execute("BEGIN IMMEDIATE")
    with pytest.raises(InputError, match="another program"):
        log.label([cell(2)], "A")
    assert log.current() == {cell(1): "A"}
    blocker.execute("ROLLBACK")
    blocker.close()
    log.label([cell(2)], "A")
    assert len(log.current()) == 2


def test_files_that_are_no_label_log(tmp_path: Path) -> None:
    (tmp_path / "text.sqlite").write_text("these are not labels, and they are long enough")
    with pytest.raises(InputError, match="not a label file"):
        LabelLog.open(tmp_path / "text.sqlite")
    foreign = sqlite3.connect(tmp_path / "foreign.sqlite")
    foreign.execute("CREATE TABLE t(a)")
    foreign.close()
    with pytest.raises(InputError, match="another program"):
        LabelLog.open(tmp_path / "foreign.sqlite")
    LabelLog.open(tmp_path / "newer.sqlite").close()
    newer = sqlite3.connect(tmp_path / "newer.sqlite")
    newer.execute("PRAGMA user_version = 99")
    newer.close()
    with pytest.raises(InputError, match="newer version"):
        LabelLog.open(tmp_path / "newer.sqlite")
    with pytest.raises(InputError, match="folder"):
        LabelLog.open(tmp_path)
    with pytest.raises(InputError, match="no label file"):
        LabelLog.open(tmp_path / "nowhere" / "labels.sqlite")
    with pytest.raises(InputError, match="no label file"):
        LabelLog.open(tmp_path / "none.sqlite", read_only=True)


def test_a_damaged_file_says_so(log: LabelLog, tmp_path: Path) -> None:
    log.label([cell(number) for number in range(2000)], "A")
    log.close()
    content = bytearray(log.path.read_bytes())
    content[4096 : len(content) // 2] = os.urandom(len(content) // 2 - 4096)
    (tmp_path / "damaged.sqlite").write_bytes(content)
    with pytest.raises(InputError, match="damaged"):
        LabelLog.open(tmp_path / "damaged.sqlite")


def test_read_only(log: LabelLog) -> None:
    log.label([cell(1)], "A")
    with LabelLog.open(log.path, read_only=True) as reader:
        assert reader.current() == {cell(1): "A"} and not reader.can_undo
        with pytest.raises(InputError, match="may not be written to"):
            reader.label([cell(2)], "A")
        with pytest.raises(InputError, match="may not be written to"):
            reader.add_class("C")


LABELLER = """
import sys
from sparseattn.cells.labels import LabelLog
log = LabelLog.open(sys.argv[1])
for number in range(100_000):
    log.label([f"{number:016x}"], "A" if number % 2 else "B")
    print(number, flush=True)
"""


@pytest.mark.parametrize("after", [1, 17, 40])
def test_a_kill_loses_at_most_the_label_being_written(log: LabelLog, after: int) -> None:
    process = subprocess.Popen(
        [sys.executable, "-c", LABELLER, str(log.path)], stdout=subprocess.PIPE, text=True
    )
    for line in process.stdout:
        if int(line) == after:
            process.kill()
            break
    told = [after, *(int(line) for line in process.stdout if line.endswith("\n"))]
    process.wait()
    process.stdout.close()
    with LabelLog.open(log.path) as again:
        kept = again.current()
        assert len(kept) - (told[-1] + 1) in (0, 1)
        assert all(kept[cell(number)] == ("A" if number % 2 else "B") for number in range(told[-1] + 1))
        again.label([cell(10**6)], "A")


def test_a_half_written_event_is_rolled_back(log: LabelLog, tmp_path: Path) -> None:
    """A machine that stops while SQLite writes leaves a journal beside the file."""
    log.label([cell(1)], "A")
    writer = sqlite3.connect(log.path, isolation_level=None)
    writer.execute("PRAGMA cache_spill = 1")
    writer.execute("PRAGMA cache_size = 1")
    writer.execute("BEGIN IMMEDIATE")
    for number in range(3000):
        writer.execute(
            "INSERT INTO events(time, action, kind, cell, class) VALUES ('', 99, 'label', ?, 3)",
            (cell(number),),
        )
    there = tmp_path / "there"
    there.mkdir()
    for name in (log.path.name, f"{log.path.name}-journal"):
        shutil.copy(log.path.with_name(name), there / name)
    writer.execute("ROLLBACK")
    writer.close()
    with LabelLog.open(there / log.path.name) as again:
        assert again.current() == {cell(1): "A"}


def test_where_the_labels_of_a_source_lie(tmp_path: Path) -> None:
    (tmp_path / "cells").mkdir()
    (tmp_path / "stack.zarr").mkdir()
    assert default_log_path(tmp_path / "cells") == tmp_path / "cells" / "_labels.sqlite"
    assert default_log_path(tmp_path / "stack.zarr") == tmp_path / "_stack.zarr.labels.sqlite"
    assert default_log_path(tmp_path / "stack.tif") == tmp_path / "_stack.tif.labels.sqlite"


def test_classes_are_taken_over_at_once(log: LabelLog) -> None:
    log.label([cell(1)], "B")
    log.remove_class("B")
    log.take_classes([LabelClass("C", None, 1), LabelClass("B"), LabelClass("D", key=9)])
    assert set(log.classes) == {
        LabelClass("A", "#0072b2", 1),
        LabelClass("B"),  # with the labels that it had
        LabelClass("C"),  # the key is that of A
        LabelClass("D", None, 9),
    }
    log.take_classes([LabelClass("D", "#222222", 1), LabelClass("A", key=9)])  # they change keys
    assert {one.name: one.key for one in log.classes} == {"A": 9, "B": None, "C": None, "D": 1}
    assert log.current() == {cell(1): "B"}
    with LabelLog.open(log.path, read_only=True) as again:
        assert again.classes == log.classes
    with pytest.raises(InputError, match="state that every cell can have"):
        log.take_classes([LabelClass("E"), LabelClass("unsure")])
    assert len(log.classes) == 4  # all or none
