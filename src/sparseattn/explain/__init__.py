"""Which pixels decided: the selected pixels and the maps of a cell, their files and the overlay picture."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.explain.evidence import ClassEvidence, class_evidence
    from sparseattn.explain.explainer import CellExplainer, ProbabilityCurve
    from sparseattn.explain.explanation import Explanation, SelectedUnits, explain_cell
    from sparseattn.explain.figure import cell_figure, write_figure
    from sparseattn.explain.files import write_explanation, write_explanations
    from sparseattn.explain.overlay import overlay_figure, save_overlay

_HOME = {
    "CellExplainer": "explainer",
    "ClassEvidence": "evidence",
    "Explanation": "explanation",
    "ProbabilityCurve": "explainer",
    "SelectedUnits": "explanation",
    "cell_figure": "figure",
    "class_evidence": "evidence",
    "explain_cell": "explanation",
    "write_explanation": "files",
    "write_explanations": "files",
    "write_figure": "figure",
    "overlay_figure": "overlay",
    "save_overlay": "overlay",
}

__all__ = [
    "CellExplainer",
    "ClassEvidence",
    "Explanation",
    "ProbabilityCurve",
    "SelectedUnits",
    "cell_figure",
    "class_evidence",
    "explain_cell",
    "overlay_figure",
    "save_overlay",
    "write_explanation",
    "write_explanations",
    "write_figure",
]


def __getattr__(name: str) -> Any:
    """Import a public name when it is first used, so that torch and matplotlib stay out until then."""
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(importlib.import_module(f"{__name__}.{_HOME[name]}"), name)
