"""How good a model is and what it found: figures with intervals, plots, tables and one HTML file."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.report.document import write_html
    from sparseattn.report.figures import draw_figures, write_figures
    from sparseattn.report.report import Report, make_report
    from sparseattn.report.tables import report_tables

__all__ = [
    "Report",
    "draw_figures",
    "make_report",
    "report_tables",
    "write_figures",
    "write_html",
]

_HOMES = {
    "Report": "report",
    "draw_figures": "figures",
    "make_report": "report",
    "report_tables": "tables",
    "write_figures": "figures",
    "write_html": "document",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
