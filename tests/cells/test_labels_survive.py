"""Labels on disks that are full, vanish or may only be read, and in two programs at once: nothing is lost."""

import os
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from sparseattn.cells.labels import LabelLog
from sparseattn.errors import InputError
from tests.conftest import fill


def cell(number: int) -> str:
    return f"{number:016x}"


def label_many(log: LabelLog, numbers: range) -> list[str]:
    """Label cells one by one until it is refused; return those that were labelled."""
    given = []
    for number in numbers:
        log.label([cell(number)], "A")
        given.append(cell(number))
    return given


def test_a_full_disk_takes_nothing_away(small_disk: Path) -> None:
    with LabelLog.open(small_disk / "labels.sqlite") as log:
        log.add_class("A")
        given = label_many(log, range(20))
        filler = fill(small_disk)
        with pytest.raises(InputError, match="the disk is full; make room and try again"):
            for number in range(20, 10_000):
                log.label([cell(number)], "A")
                given.append(cell(number))
        assert list(log.current()) == given
        with LabelLog.open(log.path, read_only=True) as other:
            assert list(other.current()) == given
        filler.unlink()
        log.label([cell(10_000)], "A")
        assert len(log.current()) == len(given) + 1
        fill(small_disk)
        with pytest.raises(InputError, match=r"copy\.sqlite cannot be written to: the disk is full"):
            log.copy(small_disk / "copy.sqlite")
        (small_disk / "filler").unlink()
    assert sorted(os.listdir(small_disk)) == ["labels.sqlite"]


def test_no_file_is_begun_on_a_full_disk(small_disk: Path) -> None:
    fill(small_disk)
    with pytest.raises(InputError, match="the disk is full"):
        LabelLog.open(small_disk / "labels.sqlite")
    assert os.listdir(small_disk) == ["filler"]


def test_a_disk_that_may_only_be_read(small_disk: Path) -> None:
    with LabelLog.open(small_disk / "labels.sqlite") as log:
        log.add_class("A")
        given = label_many(log, range(5))
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    with LabelLog.open(small_disk / "labels.sqlite") as log:
        assert log.read_only and list(log.current()) == given and not log.can_undo
        with pytest.raises(InputError, match="may not be written to"):
            log.label([cell(9)], "A")


def test_a_drive_that_vanishes_is_noticed(small_disk: Path) -> None:
    """The open file could still be written to, and the label would be gone with it."""
    log = LabelLog.open(small_disk / "labels.sqlite")
    log.add_class("A")
    given = label_many(log, range(5))
    subprocess.run(["umount", "-l", str(small_disk)], check=True)
    with pytest.raises(InputError, match="is gone, perhaps with its drive; bring it back"):
        log.label([cell(9)], "A")
    assert list(log.current()) == given
    log.copy(small_disk.parent / "saved.sqlite")
    log.close()
    with LabelLog.open(small_disk.parent / "saved.sqlite") as saved:
        assert list(saved.current()) == given


def test_a_folder_that_is_renamed_away_and_comes_back(tmp_path: Path) -> None:
    (tmp_path / "share").mkdir()
    with LabelLog.open(tmp_path / "share" / "labels.sqlite") as log:
        log.add_class("A")
        given = label_many(log, range(5))
        (tmp_path / "share").rename(tmp_path / "away")
        with pytest.raises(InputError, match="is gone"):
            log.label([cell(9)], "A")
        assert list(log.current()) == given
        (tmp_path / "away").rename(tmp_path / "share")
        log.label([cell(9)], "A")
        assert list(log.current()) == [*given, cell(9)]


def test_a_file_that_another_program_replaces(tmp_path: Path) -> None:
    """As programs do that keep two folders alike."""
    with LabelLog.open(tmp_path / "labels.sqlite") as log:
        log.add_class("A")
        label_many(log, range(5))
        shutil.copy(log.path, tmp_path / "old")
        shutil.copy(log.path, tmp_path / "same")
        (tmp_path / "same").replace(log.path)  # all is in it, and it is written to from now on
        log.label([cell(5)], "A")
        with LabelLog.open(log.path, read_only=True) as other:
            assert len(other.current()) == 6
        (tmp_path / "old").replace(log.path)  # the last label is not in it
        with pytest.raises(InputError, match="was replaced by another while it was open"):
            log.label([cell(6)], "A")
        assert len(log.current()) == 6
        log.copy(tmp_path / "saved.sqlite")
        with LabelLog.open(tmp_path / "saved.sqlite") as saved:
            assert len(saved.current()) == 6


TWO = """
import sys
from sparseattn.cells.labels import LabelLog
from sparseattn.errors import InputError
me = sys.argv[2]
def do(work, *arguments):
    while True:
        try:
            return work(*arguments)
        except InputError as error:
            assert "another program; try again" in str(error), error
with do(LabelLog.open, sys.argv[1]) as log:
    do(log.add_class, f"only {me}")
    for number in range(60):
        do(log.label, [f"{number:016x}"], f"only {me}")
        if number % 10 == 9:
            do(log.undo)
"""


def test_two_programs_keep_what_both_did(tmp_path: Path) -> None:
    """They begin the file, add a class each, label the same cells and undo, all at once."""
    path = tmp_path / "labels.sqlite"
    running = [
        subprocess.Popen([sys.executable, "-c", TWO, str(path), name], stderr=subprocess.PIPE, text=True)
        for name in ("one", "two", "three")
    ]
    said = [process.communicate()[1] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0], said
    with LabelLog.open(path) as log:
        assert {one.name for one in log.classes} == {"only one", "only two", "only three"}
        connection = sqlite3.connect(path)
        query = (
            "SELECT name, count(*) FROM events JOIN current_classes USING (class) WHERE kind = 'label' "
            "AND action NOT IN (SELECT action FROM undone_actions) GROUP BY class"
        )
        assert dict(connection.execute(query)) == dict.fromkeys(("only one", "only two", "only three"), 54)
        assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        connection.close()
        assert len(log.current()) == 54


def test_a_clock_that_goes_backwards_changes_no_order(tmp_path: Path) -> None:
    with LabelLog.open(tmp_path / "labels.sqlite") as log:
        log.add_class("A")
        log.add_class("B")
        log.label([cell(1)], "A")
        future = sqlite3.connect(log.path)
        future.execute(
            "INSERT INTO events(time, action, kind, cell, class, origin, picked) "
            "SELECT '2099-01-01T00:00:00+00:00', action + 1, kind, cell, class, origin, picked FROM events"
        )
        future.commit()
        future.close()
        log.label([cell(1)], "B")
        assert log.labels[cell(1)].name == "B" and log.labels[cell(1)].time < "2099"
        log.undo()
        assert log.labels[cell(1)].time > "2099"
    with LabelLog.open(log.path) as again:
        assert again.labels[cell(1)].time > "2099" and len(again.redo()) == 1
        assert again.current() == {cell(1): "B"}


def test_copies_taken_while_another_program_labels_are_whole(tmp_path: Path) -> None:
    path = tmp_path / "labels.sqlite"
    with LabelLog.open(path) as log:
        log.add_class("only one")
        shutil.copy(path, tmp_path / "plain.sqlite")  # open, but nobody writes: the file is all there is
        with LabelLog.open(tmp_path / "plain.sqlite") as plain:
            assert plain.classes == log.classes
        process = subprocess.Popen(
            [sys.executable, "-c", TWO.replace("do(log.add_class", "#"), str(path), "one"]
        )
        counts = []
        while process.poll() is None or not counts:
            log.copy(tmp_path / "copy.sqlite")
            connection = sqlite3.connect(tmp_path / "copy.sqlite")
            assert connection.execute("PRAGMA integrity_check").fetchone() == ("ok",)
            counts.append(connection.execute("SELECT count(*) FROM events").fetchone()[0])
            connection.close()
        assert process.returncode == 0 and counts == sorted(counts)
        log.copy(tmp_path / "copy.sqlite")
        with LabelLog.open(tmp_path / "copy.sqlite") as copy:
            assert copy.labels == log.labels and len(copy.labels) == 54


def test_labels_of_the_first_version_are_read_and_go_on(tmp_path: Path) -> None:
    """Written by the code that first had a label log; the format is the same to this day."""
    path = tmp_path / "labels.sqlite"
    connection = sqlite3.connect(path)
    connection.executescript((Path(__file__).parent / "labels_format_1.sql").read_text())
    connection.close()
    with LabelLog.open(path) as log:
        assert log.current() == {
            cell(1): "Alpha", cell(2): "B", cell(3): "B", cell(4): "unsure",
            **{cell(number): "Alpha" for number in range(5, 9)},
        }  # fmt: skip
        tests = log.test_cells
        log.label([cell(1)], "B", annotator="Ben")
        assert log.undo() == (cell(1),) and len(log.undo()) == 4 and log.labels[cell(1)].annotator == "Ada"
        log.redo()
        assert log.test_cells == tests


def test_labels_kept_in_two_places_are_brought_together(tmp_path: Path) -> None:
    with LabelLog.open(tmp_path / "share.sqlite") as share, LabelLog.open(tmp_path / "home.sqlite") as home:
        for log in (share, home):
            log.add_class("A")
        share.label([cell(1), cell(2)], "A")
        share.label([cell(2)], None)
        home.add_class("B", "#123456")
        home.label([cell(number) for number in range(1, 40)], "B", annotator="Ada")
        aside = {name for name, label in home.labels.items() if label.set_aside} - {cell(2)}
        assert share.take_from(home) == 37  # what was said on the share stays, a label taken away as well
        assert share.labels[cell(1)].name == "A" and cell(2) not in share.labels
        assert share.classes[-1].colour == "#123456" and share.labels[cell(3)].annotator == "Ada"
        assert {
            name for name, label in share.labels.items() if label.name == "B" and label.set_aside
        } == aside
        assert share.take_from(home) == 0
        assert len(share.undo()) == 37 and share.take_from(home) == 0
