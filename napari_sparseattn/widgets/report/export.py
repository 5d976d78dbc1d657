"""Writing the report to files, in a job."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from napari_sparseattn.report_job import MadeReport
    from napari_sparseattn.session import Session


def export_html(session: Session, made: MadeReport, path: Path, title: str) -> None:
    """Write the report as one HTML file."""

    def write() -> str:
        from sparseattn.report import write_html

        write_html(made.report, path, title=title, colours=made.question.colours)
        return f"The report is in {path}."

    _start(session, "Writing the report", write)


def export_figures(session: Session, made: MadeReport, folder: Path) -> None:
    """Write every plot as SVG and as PDF into a folder."""

    def write() -> str:
        from sparseattn.report import draw_figures, write_figures

        written = write_figures(draw_figures(made.report, made.question.colours), folder)
        return f"{len(written)} files of plots are in {folder}."

    _start(session, "Writing the plots", write)


def export_table(session: Session, made: MadeReport, name: str, path: Path) -> None:
    """Write one of the tables: what the screen shows."""

    def write() -> str:
        from sparseattn.export.tables import write_table

        write_table(made.tables[name], path)
        return f"The table is in {path}."

    _start(session, "Writing the table", write)


def _start(session: Session, name: str, write: Callable[[], str]) -> None:
    # Bound to nothing: what was asked for is written, whatever is opened meanwhile.
    session.jobs.start(name, lambda _: write(), session.workspace.say, bound_to=(), key=name)
