"""The kinds of instrument that cells come from."""

from __future__ import annotations

from typing import Literal, get_args

from sparseattn.errors import InputError

Modality = Literal["brightfield", "flow", "fluorescence", "phase", "events", "unknown"]
MODALITIES: tuple[str, ...] = get_args(Modality)


def check_modality(modality: str | None) -> None:
    """Raise InputError unless the modality is known or None."""
    if modality is not None and modality not in MODALITIES:
        raise InputError(f"Modality {modality!r} is not known; use one of {', '.join(MODALITIES)}.")
