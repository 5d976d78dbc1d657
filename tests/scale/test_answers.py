"""What a run in parts says of all its cells in few bytes each, and some of its rows as one table."""

from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from sparseattn.errors import InputError
from sparseattn.report.report import report_without_model
from sparseattn.scale import answers
from sparseattn.scale.answers import read_answers
from sparseattn.scale.export_rows import write_rows
from sparseattn.scale.part import part_file
from sparseattn.scale.part_table import write_part
from sparseattn.scale.results import Results, open_results
from sparseattn.scale.run_plan import RunPlan
from sparseattn.scale.stand_in import stand_in
from sparseattn.table.filters import CellFilter, CellOrder, rows_shown

COUNT, A_PART = 230, 50
CLASSES = ("b", "a")
COLUMNS = (
    ("id", "string"), ("source", "string"), ("sample", "string"), ("file", "string"), ("dry_mass", "double"),
    ("predicted", "string"), ("confidence", "float"), ("p_b", "float"), ("p_a", "float"),
    ("entropy", "float"), ("in_distribution", "float"), ("k", "int32"), ("human_label", "string"),
    ("split", "string"), ("model_hash", "string"), ("error", "string"),
)  # fmt: skip


@pytest.fixture(scope="module")
def rows() -> pd.DataFrame:
    """Rows as `predict` writes them: some cells have no class, some could not be read, one has no sample."""
    random = np.random.default_rng(0)
    share = random.random(COUNT).astype(np.float32)
    read = random.random(COUNT) > 0.1
    known = random.choice(["a", "b", "c", None], COUNT)
    text = pd.Series(np.where(share > 0.5, "b", "a"), dtype=object).where(read, None)
    other = (1 - share).astype(np.float32)
    return pd.DataFrame(
        {
            "id": [f"{row:016x}" for row in range(COUNT)],
            "source": [f"cells.zarr#{row}" for row in range(COUNT)],
            "sample": [None if row == 3 else f"day {row % 3}" for row in range(COUNT)],
            "file": [f"{row}.tif" for row in range(COUNT)],
            "dry_mass": random.normal(100, 5, COUNT),
            "predicted": text,
            "confidence": np.where(read, np.maximum(share, other), np.nan).astype(np.float32),
            "p_b": np.where(read, share, np.nan).astype(np.float32),
            "p_a": np.where(read, other, np.nan).astype(np.float32),
            "entropy": np.where(read, share * other, np.nan).astype(np.float32),
            "in_distribution": np.where(read, random.random(COUNT), np.nan).astype(np.float32),
            "k": np.full(COUNT, 7, np.int32),
            "human_label": known,
            "split": [("test", None)[row % 2] for row in range(COUNT)],
            "model_hash": ["0" * 32] * COUNT,
            "error": [None if one else "it is truncated" for one in read],
        }
    )


@pytest.fixture
def results(rows: pd.DataFrame, tmp_path: Path) -> Results:
    plan = RunPlan(
        model_hash="0" * 32, cells="", count=COUNT, cells_a_part=A_PART, k=7, engine="torch", device="cpu",
        batch_size=1, error_rate=None, refraction_increment=0.18, notes=(), columns=COLUMNS, selected=False,
        maps=False,
    )  # fmt: skip
    plan.write(tmp_path)
    for part in plan.parts:
        some = rows.iloc[part.start : part.stop]
        arrays = [
            pa.array(some[name], type=pa.type_for_alias(kind), from_pandas=kind == "string")
            for name, kind in COLUMNS
        ]
        write_part(pa.table(arrays, names=[name for name, _ in COLUMNS]), tmp_path / part_file(part.number))
    (tmp_path / "summary.json").write_text("{}")
    return open_results(tmp_path)


def test_the_answers_are_what_the_rows_say(
    results: Results, rows: pd.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(answers, "MOST_TEXTS", 100)
    done: list[tuple[int, int]] = []
    table = read_answers(results, lambda *said: done.append(said))
    assert done == [(50, COUNT), (100, COUNT), (150, COUNT), (200, COUNT), (COUNT, COUNT)]
    assert "file" not in table.columns  # it tells the cells one by one
    assert list(table["predicted"].cat.categories) == list(CLASSES)
    for name in ("sample", "predicted", "human_label", "split"):
        assert table[name].astype(object).where(table[name].notna(), None).tolist() == rows[name].tolist()
    for name in ("confidence", "entropy", "in_distribution", "dry_mass"):
        np.testing.assert_allclose(table[name], rows[name], rtol=1e-6)
    both = rows["predicted"].notna() & rows["human_label"].notna()
    assert table["disagreement"].tolist() == (both & (rows["predicted"] != rows["human_label"])).tolist()
    chosen = CellFilter(samples=(("sample", ("day 1", "")),), predicted=("a",), confidence=(0.6, 1.0))
    wanted = rows[
        rows["sample"].isin(["day 1", None]) & (rows["predicted"] == "a") & (rows["confidence"] >= 0.6)
    ].sort_values("dry_mass", ascending=False)
    assert rows_shown(table, chosen, CellOrder("dry_mass", True)).tolist() == wanted.index.tolist()


def test_cells_without_pictures_make_the_same_report(results: Results, rows: pd.DataFrame) -> None:
    predictions = results.predictions(stand_in(results, read_answers(results)), checked=True)
    report = report_without_model(predictions)
    read = rows[rows["error"].isna()]
    assert len(predictions) == len(read) and len(predictions.skipped) == COUNT - len(read)
    judged = read[read["human_label"].isin(CLASSES) & (read["split"] == "test")]
    assert report.judgement is not None and report.judgement.cells.side == "test"
    accuracy = (judged["human_label"] == judged["predicted"]).mean()
    assert report.judgement.metrics["accuracy"] == pytest.approx(accuracy)
    counts = {one.sample: one.counts for one in report.fractions.samples}
    expected = pd.crosstab(read["sample"].fillna("unknown"), read["predicted"])[list(CLASSES)]
    assert counts == {name: tuple(row) for name, row in zip(expected.index, expected.to_numpy(), strict=True)}


@pytest.mark.parametrize("name", ["some.parquet", "some.csv"])
def test_some_rows_become_one_table(results: Results, rows: pd.DataFrame, tmp_path: Path, name: str) -> None:
    chosen = np.array([229, 4, 5, 120])
    write_rows(results, chosen, tmp_path / name)
    read = pd.read_parquet if name.endswith("parquet") else pd.read_csv
    written = read(tmp_path / name)
    assert list(written.columns) == [name for name, _ in COLUMNS]
    assert written["source"].tolist() == rows["source"][sorted(chosen)].tolist()
    np.testing.assert_allclose(written["confidence"], rows["confidence"][sorted(chosen)], rtol=1e-6)
    write_rows(results, np.array([], np.int64), tmp_path / name)
    assert len(read(tmp_path / name)) == 0


def test_what_cannot_be_written_or_read_is_said(results: Results, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"let the name end in \.parquet or \.csv"):
        write_rows(results, np.array([0]), tmp_path / "some.xlsx")
    (results.folder / part_file(2)).unlink()
    with pytest.raises(InputError, match=r"part-00002\.parquet is damaged or gone"):
        write_rows(results, np.array([120]), tmp_path / "some.csv")
    assert not (tmp_path / "some.csv").exists()
    with pytest.raises(InputError, match=r"part-00002\.parquet is damaged or gone"):
        read_answers(results)
