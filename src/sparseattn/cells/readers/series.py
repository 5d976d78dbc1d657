"""Files that hold several images: positions of a stage, wells of a plate, series of a microscope."""

from __future__ import annotations

from collections.abc import Sequence

_SHOWN = 6


def chosen_series(names: Sequence[str], wanted: str | None) -> str:
    """Return the name of the series that is meant: by its name, else by its number from 0.

    Raises
    ------
    ValueError
        Where there is none, several and none is named, or none of that name.
    """
    if not names:
        raise ValueError("it holds no images")
    listing = ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")
    if wanted is None:
        if len(names) > 1:
            raise ValueError(f"it holds {len(names)} series ({listing}); name one of them as dataset")
        return names[0]
    if wanted in names:
        return wanted
    if wanted.isascii() and wanted.isdecimal() and int(wanted) < len(names):
        return names[int(wanted)]
    raise ValueError(f"it holds no series {wanted!r}; it has {listing}")
