"""Tables of classes and samples beside a source."""

from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from sparseattn.cells import open_cells
from sparseattn.errors import InputError

RNG = np.random.default_rng(0)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    """Two sample folders; the file name ``1.png`` occurs in both."""
    for name in ("x/1.png", "x/2.png", "y/1.png", "y/ä.png"):
        path = tmp_path / "cells" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        iio.imwrite(path, RNG.integers(0, 255, (12, 10), dtype=np.uint8))
    return tmp_path / "cells"


@pytest.fixture
def table(tmp_path: Path) -> Path:
    return tmp_path / "table.csv"


def labels(source: Path, table: Path) -> tuple[str | None, ...]:
    return open_cells(source, subfolders="samples", labels_csv=table).labels


def test_cells_are_named_by_path_name_or_id(source: Path, table: Path) -> None:
    ids = open_cells(source, subfolders="samples").ids
    table.write_text(f"id,class,note\n./x/1.png,a,\n2.png,b,said\n{ids[2]},c,\ny\\a\u0308.png,a,\n", "utf-8")
    assert labels(source, table) == ("a", "b", "c", "a")


def test_cells_that_are_not_named_have_no_class(source: Path, table: Path) -> None:
    table.write_text("id,class\n2.png,b\n")
    assert labels(source, table) == (None, "b", None, None)
    assert open_cells(source, subfolders="classes", labels_csv=table).labels == ("x", "b", "y", "y")


@pytest.mark.parametrize("head", ["\ufeff", ""])
@pytest.mark.parametrize("separator", [",", ";", "\t"])
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_spreadsheets_write_tables_in_many_ways(
    source: Path, table: Path, head: str, separator: str, newline: str
) -> None:
    rows = [["class", "id"], ["a", "x/1.png"], ["", ""], [" b, c; d ", '"2.png"']]
    rows[3][0] = f'"{rows[3][0]}"'
    table.write_bytes((head + newline.join(separator.join(row) for row in rows) + newline).encode())
    assert labels(source, table) == ("a", "b, c; d", None, None)


def test_rows_of_a_stack_are_named_by_their_index(tmp_path: Path, table: Path) -> None:
    tifffile.imwrite(tmp_path / "stack.tif", RNG.integers(0, 255, (20, 12, 10), dtype=np.uint8))
    table.write_text("id,class\nstack.tif#0,a\nstack.tif#19,b\n")
    assert open_cells(tmp_path / "stack.tif", labels_csv=table).labels == ("a", *(None,) * 18, "b")
    table.write_text("id,class\nstack.tif,a\n")
    assert open_cells(tmp_path / "stack.tif", labels_csv=table).labels == ("a",) * 20
    table.write_text("id,class\nstack.tif#20,a\n")
    with pytest.raises(InputError, match=r"1 unknown id, the first 'stack.tif#20' in line 2"):
        open_cells(tmp_path / "stack.tif", labels_csv=table)


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (
            "id,class\n2.png,a\n9.png,a\n\n8.png,b\n",
            r"2 unknown ids, the first '9.png' in line 3; an id is a path",
        ),
        ("id,class\n0123456789abcdef,a\n", "1 unknown id"),
        ("id,class\n../cells/x/1.png,a\n", "1 unknown id"),
        ("id,class\n1.png,a\n", r"line 2, id '1.png': 2 files have this name; give the path"),
        (
            "id,class\n2.png,a\nx/2.png,b\n",
            r"1 cell again with another class, the first 'x/2.png' in lines 2 and 3",
        ),
        ("id,class\n2.png,a\n2.png,a\n", r"1 cell again, the first '2.png' in lines 2 and 3"),
        ("id,class\n2.png,a\nx/1.png,\n", "1 empty class, first in line 3"),
        ("id,label\n2.png,a\n", "no column class; its columns are id, label"),
        ("2.png,a\nx/1.png,b\n", "no column id and no column class"),
        ("id,class,class\n2.png,a,b\n", "names a column twice"),
        ("id,class\n2.png\n", "2 columns and 1 values in line 2"),
        ("id,class\n2.png,a,b\n", "2 columns and 3 values in line 2"),
        ('id,class\n"2.png,a\n', "is no CSV"),
        ("id,class\n", "no rows"),
        ("", "no rows"),
    ],
)
def test_tables_that_do_not_fit_are_refused(source: Path, table: Path, content: str, reason: str) -> None:
    table.write_text(content)
    with pytest.raises(InputError, match=reason) as error:
        labels(source, table)
    assert "table.csv" in str(error.value) and "\n" not in str(error.value)


def test_tables_that_cannot_be_read_are_named(source: Path, table: Path) -> None:
    with pytest.raises(InputError, match=r"table\.csv cannot be read: No such file"):
        labels(source, table)
    table.write_text("id,class\nä.png,a\n", "utf-16")
    with pytest.raises(InputError, match="not UTF-8 text; save it as 'CSV UTF-8'"):
        labels(source, table)
    table.write_bytes(b"id,class\n" + b"x" * 200_000 + b",a\n")
    with pytest.raises(InputError, match="is no CSV"):
        labels(source, table)
    with table.open("wb") as file:
        file.truncate(300 << 20)
    with pytest.raises(InputError, match="larger than 256 MB"):
        labels(source, table)


def test_samples_are_described_by_their_folder(source: Path, table: Path) -> None:
    table.write_text("sample,donor,day\ny,d1,3\nx,d2,\n")
    cells = open_cells(source, subfolders="samples", samples_csv=table)
    assert cells.samples.to_dict("list") == {
        "sample": ["x", "x", "y", "y"],
        "donor": ["d2", "d2", "d1", "d1"],
        "day": [None, None, "3", "3"],
    }
    assert cells.groups == ("d2", "d2", "d1", "d1")


def test_samples_are_described_by_cell(source: Path, table: Path) -> None:
    table.write_text("id,sample,donor\n2.png,s,007\ny/1.png,t,d\n")
    cells = open_cells(source, subfolders="classes", samples_csv=table)
    assert cells.column("sample") == (None, "s", "t", None)
    assert cells.groups == (None, "007", "d", None)
    assert cells.labels == ("x", "x", "y", "y")


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("sample,donor\nz,d\n", r"1 unknown id, the first 'z' in line 2; the sample folders are x, y"),
        ("sample,donor\nx,d\nx,d\n", r"again, the first 'x' in lines 2 and 3"),
        ("donor\nd\n", "no column sample"),
        ("id,donor\nnone.png,d\n", "1 unknown id"),
    ],
)
def test_sample_tables_that_do_not_fit_are_refused(
    source: Path, table: Path, content: str, reason: str
) -> None:
    table.write_text(content)
    with pytest.raises(InputError, match=reason):
        open_cells(source, subfolders="samples", samples_csv=table)


def test_samples_need_sample_folders(source: Path, table: Path) -> None:
    table.write_text("sample,donor\nx,d\n")
    with pytest.raises(InputError, match="do not lie in sample folders"):
        open_cells(source, subfolders="classes", samples_csv=table)


def test_columns_for_the_whole_source_win(blob_folder) -> None:
    folder = blob_folder(("day 1", "day 2"), count=2)
    cells = open_cells(folder, subfolders="samples", columns={"sample": "both", "condition": "fasting"})
    assert cells.column("sample") == ("both",) * 4
    assert cells.column("condition") == ("fasting",) * 4
