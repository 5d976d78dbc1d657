"""Names of channels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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


def placeholder_names(count: int) -> tuple[str, ...]:
    """Return what channels are called that nobody names."""
    return ("intensity",) if count == 1 else tuple(f"channel {i}" for i in range(count))


def renamed(
    names: Sequence[str], new: Mapping[str, str], where: object, earlier: Sequence[str] | None = None
) -> tuple[str, ...]:
    """Return the names after some have been named anew; the others stay.

    Parameters
    ----------
    names
        As they are.
    new
        New names by old ones. One whose new name is there already is passed over.
    where
        What the channels are of, for the error.
    earlier
        Names that the channels had before, which are understood too.

    Raises
    ------
    InputError
        When there is no channel of an old name, or a name would be there twice.
    """
    old = earlier if earlier is not None and len(earlier) == len(names) else names
    missing = [one for one, to in new.items() if one not in names and one not in old and to not in names]
    if missing:
        raise InputError(
            f"{shown(where)} has no channel {', '.join(map(shown, missing))} to be named anew; it has "
            f"{', '.join(map(shown, names))}."
        )
    after = tuple(new.get(name, new.get(before, name)) for name, before in zip(names, old, strict=True))
    check_channels(after, len(names), where)
    return after
