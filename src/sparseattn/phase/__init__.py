"""Quantitative phase: from holograms or phase to optical path difference, and to dry mass; arrays alone.

Names are loaded when first used (PEP 562), as everywhere: opening cells of other kinds needs none of it.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sparseattn.phase.background import Background, without_background
    from sparseattn.phase.mass import dry_mass
    from sparseattn.phase.opd import path_difference
    from sparseattn.phase.settings import REFRACTION_INCREMENT, PhaseSettings, Values

__all__ = [
    "REFRACTION_INCREMENT",
    "Background",
    "PhaseSettings",
    "Values",
    "dry_mass",
    "path_difference",
    "without_background",
]

_HOMES = {
    "REFRACTION_INCREMENT": "settings",
    "Background": "background",
    "PhaseSettings": "settings",
    "Values": "settings",
    "dry_mass": "mass",
    "path_difference": "opd",
    "without_background": "background",
}


def __getattr__(name: str) -> Any:
    if name in _HOMES:
        return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
