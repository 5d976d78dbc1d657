"""What of a field is classified and how, as the user chose it and as a project remembers it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from sparseattn.cells import CropSettings, SegmentSettings
from sparseattn.errors import InputError


@dataclass(frozen=True)
class FieldChoice:
    """What is classified: image layers, a labels layer or None (cells are to be found), and how."""

    images: tuple[str, ...]
    labels: str | None
    all_planes: bool = False
    crop: CropSettings = field(default_factory=CropSettings)
    segment: SegmentSettings = field(default_factory=SegmentSettings)


def crop_from(said: Any) -> CropSettings:
    """Return remembered settings, or the usual ones where they make no sense."""
    try:
        return CropSettings.from_json(said) if isinstance(said, dict) else CropSettings()
    except InputError:
        return CropSettings()


def segment_from(said: Any) -> SegmentSettings:
    """Return remembered settings, or the usual ones where they make no sense."""
    try:
        return SegmentSettings.from_json(said)
    except InputError:
        return SegmentSettings()
