"""Files of Amnis' imaging flow cytometers, which no maintained Python package reads: what to do instead."""

from __future__ import annotations

from pathlib import Path
from typing import NoReturn

SUFFIXES = frozenset({".cif", ".daf", ".rif"})


def refuse_amnis(path: Path) -> NoReturn:
    """Raise ValueError with the way that leads from the file here."""
    raise ValueError(
        f"{path.suffix.lower()} files of Amnis cytometers are not read here; in IDEAS choose Tools > Export "
        f".tif images..., 16 bit, raw, one file per channel, and open the folder of TIFFs"
    )
