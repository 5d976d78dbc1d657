"""What a column of the table of cells is called on the screen."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

_TITLES = {
    "id": "Id",
    "source": "Source",
    "predicted": "Predicted class",
    "human_label": "Given class",
    "confidence": "Confidence",
    "entropy": "Entropy (nats)",
    "in_distribution": "Familiar",
    "set": "May be",
    "attention_outside": "Attention outside",
    "area": "Area (pixels)",
    "area_um2": "Area (µm²)",
    "mean_opd_nm": "Mean path difference (nm)",
    "dry_mass_pg": "Dry mass (pg)",
    "time_ms": "Time (ms)",
    "duration_ms": "Duration (ms)",
    "from_y": "Enters at y",
    "from_x": "Enters at x",
    "to_y": "Leaves at y",
    "to_x": "Leaves at x",
    "path_px": "Path (pixels)",
    "speed_px_per_ms": "Speed (pixels/ms)",
    "events": "Events",
}
_LEFT_OUT = ("k", "split", "model_hash", "labelled", "disagreement")


def column_title(column: str) -> str:
    if column in _TITLES:
        return _TITLES[column]
    for start, title in (("p_", "Probability of "), ("mean_", "Mean of ")):
        if column.startswith(start):
            return title + column.removeprefix(start)
    return column


def sample_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns that tell of the sample: between the source and what the model says."""
    columns = list(table.columns)
    return columns[columns.index("source") + 1 : columns.index("predicted")]


def sortable_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns to sort by, those wanted most first."""
    first = ["confidence", "entropy", "in_distribution", "predicted", "human_label", "id", "source"]
    return first + [name for name in table.columns if name not in (*first, *_LEFT_OUT)]


def number_columns(table: pd.DataFrame) -> list[str]:
    """Return the columns of numbers, for the axes of a plot: measurements first."""
    kinds = table.dtypes.items()
    numbers = [str(name) for name, kind in kinds if kind.kind in "iuf" and name not in _LEFT_OUT]
    return sorted(numbers, key=lambda name: not name.startswith(("area", "mean_", "dry_mass")))


def can_be_limited(column: str) -> bool:
    """Whether a column of numbers is offered to be limited; some have controls of their own."""
    return column not in ("confidence", "in_distribution", *_LEFT_OUT)
