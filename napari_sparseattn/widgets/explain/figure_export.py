"""Saving the figure of a cell, in a job."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Report
    from napari_sparseattn.session import Session

FORMATS = ("Scalable figure (*.svg)", "PDF (*.pdf)", "Picture (*.png)")


def save_figure(session: Session, path: Path) -> None:
    """Write the figure of the current cell and its source data; say where, or what went wrong."""
    workspace = session.workspace
    explanation, evidence, curve = workspace.explanation, workspace.evidence, workspace.curve
    colours, pixel_size = workspace.colours, session.layers.pixel_size_um

    def write(_: Report) -> list[Path]:
        from sparseattn.explain import write_figure

        return write_figure(
            explanation, path, evidence=evidence, curve=curve, colours=colours, pixel_size_um=pixel_size
        )

    def tell(written: list[Path]) -> None:
        count = len(written) - 1
        workspace.say(f"Saved {written[0]} and its source data in {count} CSV files beside it.")

    session.jobs.start("Saving the figure", write, tell, bound_to=(), key="figure")
