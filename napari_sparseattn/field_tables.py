"""What is known of each cell of a field: the class that it is shown as; tables for napari and for export."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sparseattn.class_items import SETTING_ASIDE

if TYPE_CHECKING:
    import pandas as pd

    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import FieldCells
    from sparseattn.refusal import Refusal

OTHER = "other / not sure"

MEASURED = {"area (µm²)": "area_um2", "mean OPD (nm)": "mean_opd_nm", "dry mass (pg)": "dry_mass_pg"}
"""What is measured of optical path differences: its title, and its sample column."""


def shown_classes(found: FieldCells, workspace: Workspace, refusal: Refusal) -> list[str]:
    """Return what each cell is shown as: its given class, else the predicted one, `OTHER`, or ""."""
    shown = [""] * len(found)
    predictions = workspace.predictions
    if predictions is not None and not workspace.blind:
        refused = refusal.refused(predictions)
        for index, name, no in zip(predictions.indices, predictions.predicted, refused, strict=True):
            shown[int(index)] = OTHER if no else str(name)
    for index, label in enumerate(workspace.labels()):
        if label is not None:
            shown[index] = label
    return shown


def features_table(found: FieldCells, workspace: Workspace, classes: list[str]) -> pd.DataFrame:
    """Return what is known of each cell, a row a cell: napari's features table."""
    import pandas as pd

    columns: dict[str, Any] = {
        "label": found.label,
        "class": classes,
        "given": [label or "" for label in workspace.labels()],
    }
    predictions = workspace.predictions
    if predictions is not None and not workspace.blind:
        shares = dict(zip(predictions.classes, predictions.probabilities.T, strict=True))
        for name, values in (
            ("confidence", predictions.confidence),
            ("familiar", predictions.in_distribution),
            *((f"p {name}", share) for name, share in shares.items()),
        ):
            column = np.full(len(found), np.nan)
            column[predictions.indices] = values
            columns[name] = column.round(4)
    if found.field.planes > 1:
        columns["plane"] = found.plane
    for title, name in MEASURED.items():
        values = found.cells.column(name)
        if values is not None:
            columns[title] = np.array(values, np.float64).round(3)
    columns |= {
        "area": found.area, "centroid y": found.centroid[:, 0].round(2),
        "centroid x": found.centroid[:, 1].round(2), "touches edge": found.touches_edge,
    }  # fmt: skip
    return pd.DataFrame(columns)


def export_table(
    found: FieldCells, workspace: Workspace, refusal: Refusal, classes: list[str]
) -> pd.DataFrame:
    """Return a row a cell: the columns of ``sparseattn predict --labels``, and what the cell is shown as.

    "shown_as" is the given class, else the predicted one or `OTHER`; None where neither is known.
    """
    from sparseattn.table.cell_table import cell_table

    predictions = None if workspace.blind else workspace.predictions
    cells = found.cells
    if predictions is not None:
        refused: list[int | None] = [None] * len(found)
        says_no = refusal.refused(predictions)
        for index, no in zip(predictions.indices.tolist(), says_no.tolist(), strict=True):
            refused[index] = int(no)
        cells = cells.with_columns({"refused": tuple(refused)})
    table = cell_table(
        cells, predictions=predictions, human_labels=workspace.labels(), no_class=SETTING_ASIDE
    )
    table.insert(list(table.columns).index("predicted"), "shown_as", [name or None for name in classes])
    return table
