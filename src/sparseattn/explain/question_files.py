"""The answers to further questions about a cell as files, and as columns of the index."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd
import tifffile
from numpy.typing import NDArray

from sparseattn.csv_text import FLOATS, write_csv

if TYPE_CHECKING:
    from sparseattn.explain.explanation import Explanation
    from sparseattn.explain.questions import AskedCells

AGAINST_FILE, AGAINST_TABLE = "against.tif", "against.csv"
COUNTERFACTUAL_FILE = "counterfactual.csv"
NEIGHBOURS_FILE = "neighbours.csv"


class QuestionFiles:
    """Writes what was asked of each cell into its folder: see docs/explanations.md for the files.

    Parameters
    ----------
    asked : AskedCells
        Who answers.
    """

    def __init__(self, asked: AskedCells) -> None:
        self._asked = asked

    def write(self, explanation: Explanation, folder: Path) -> Mapping[str, object]:
        """Write the answers of one cell, and return what the index says of them."""
        questions, answers = self._asked.questions, self._asked.answers(explanation)
        row: dict[str, object] = {}
        if questions.against is not None:
            found = answers.against
            row |= {"against": questions.against, "against_score": None if found is None else found.score}
            if found is not None:
                tifffile.imwrite(
                    folder / AGAINST_FILE, explanation.on_original(found.pixels), compression="zlib",
                    metadata={"axes": "YX"},
                )  # fmt: skip
                table = unit_table(explanation, explanation.selected.positions)
                write_csv(table.assign(evidence=found.units), folder / AGAINST_TABLE, FLOATS)
        if questions.counterfactual:
            flip = answers.counterfactual
            row |= {
                "flips_to": None if flip is None else flip.other_class,
                "flips_without_pixels": None if flip is None else flip.pixels,
                "flips_smallest": None if flip is None else flip.smallest,
            }
            if flip is not None:
                write_csv(unit_table(explanation, flip.positions), folder / COUNTERFACTUAL_FILE, FLOATS)
        if questions.known is not None:
            near = answers.neighbours
            write_csv(
                pd.DataFrame(
                    [(one.cell_id, one.source, one.label, one.likeness) for one in near],
                    columns=["id", "source", "class", "likeness"],
                ),
                folder / NEIGHBOURS_FILE,
                FLOATS,
            )
            labels = [one.label for one in near]
            row |= {
                "nearest": near[0].cell_id if near else None,
                "nearest_class": labels[0] if near else None,
                "nearest_likeness": near[0].likeness if near else None,
                "neighbours_of_the_class": labels.count(explanation.predicted),
                "neighbours": len(near),
            }
        return row

    def finish(self, folder: Path) -> None:
        """Nothing is of all cells together."""


def unit_table(explanation: Explanation, positions: NDArray[np.int64]) -> pd.DataFrame:
    """Return a row for each of some selected units: its place in the net's grid, its box in the original."""
    places = {place: row for row, place in enumerate(map(tuple, explanation.selected.positions.tolist()))}
    rows = [places[place] for place in map(tuple, positions.tolist())]
    boxes = explanation.selected.boxes[rows]
    return pd.DataFrame(
        {
            "rank": np.arange(1, len(rows) + 1),
            "grid_y": positions[:, 0],
            "grid_x": positions[:, 1],
            "unit_pixels": explanation.unit_pixels,
            **dict(zip(("y0", "x0", "y1", "x1"), boxes.T, strict=True)),
        }
    )
