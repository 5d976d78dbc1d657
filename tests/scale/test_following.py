"""The table of a watched folder, followed while it grows: each whole row is read once."""

from pathlib import Path

import pytest

from sparseattn.errors import InputError
from sparseattn.scale.watch.following import Following

HEADER = (
    "id,source,sample,predicted,confidence,p_a,p_b,entropy,in_distribution,k,model_hash,modified_ns,error\n"
)


def row(name: str, predicted: str = "a", error: str = "") -> str:
    confidence = "" if error else "0.9"
    return f"1,{name},,{predicted},{confidence},0.9,0.1,0.3,0.5,7,0,17,{error}\n"


def test_rows_are_read_once_and_whole(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    following = Following(table)
    assert following.read().cells == ()  # it is not there yet
    table.write_text(HEADER + row("one.tif")[:5])
    assert following.read().cells == () and following.classes == ("a", "b")
    table.write_text(HEADER + row("one.tif") + row("'=two.tif", error="it is truncated", predicted=""))
    one, two = following.read().cells
    assert (one.source, one.predicted, one.confidence, one.modified_ns) == ("one.tif", "a", 0.9, 17)
    assert (two.source, two.predicted, two.error) == ("=two.tif", None, "it is truncated")
    assert following.read().cells == ()
    with table.open("a") as stream:
        stream.write(row("three.tif"))
    assert [cell.source for cell in following.read().cells] == ["three.tif"]
    table.write_text(HEADER + row("one.tif"))  # begun anew, or a row that was cut off was taken away
    found = following.read()
    assert found.anew and [cell.source for cell in found.cells] == ["one.tif"]


def test_a_long_table_comes_in_pieces(tmp_path: Path) -> None:
    table = tmp_path / "rows.csv"
    table.write_text(HEADER + "".join(row(f"{number}.tif") for number in range(20_000)))
    following, seen, looks = Following(table), [], 0
    while True:
        found = following.read()
        seen += [cell.source for cell in found.cells]
        looks += 1
        if not found.more:
            break
    assert seen == [f"{number}.tif" for number in range(20_000)] and looks > 2


def test_another_table_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\n1,2\n")
    with pytest.raises(InputError, match=r"other\.csv is no table of a watched folder"):
        Following(tmp_path / "other.csv").read()
