"""Names of channels."""

from __future__ import annotations

from collections.abc import Sequence

from sparseattn.cells.origin import shown
from sparseattn.errors import InputError


def check_channels(names: Sequence[str], count: int, where: object) -> None:
    """Raise InputError unless there are `count` distinct names."""
    if len(names) != count:
        raise InputError(
            f"{shown(where)} has {count} channels and {len(names)} channel names: {list(names)}."
        )
    if len(set(names)) != count:
        raise InputError(f"The channel names of {shown(where)} repeat: {list(names)}.")
