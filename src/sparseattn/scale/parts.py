"""Parts of a set of cells: runs of consecutive ones, each worked on as a whole."""

from __future__ import annotations

from dataclasses import dataclass

from sparseattn.errors import InputError


@dataclass(frozen=True)
class Part:
    """Cells ``start`` to before ``stop``."""

    number: int
    start: int
    stop: int

    def __len__(self) -> int:
        """Return how many cells it has."""
        return self.stop - self.start


def parts_of(cells: int, cells_a_part: int) -> tuple[Part, ...]:
    """Return the parts of so many cells, in order: every cell lies in exactly one.

    Raises
    ------
    InputError
        Where a part would hold no cell.
    """
    if cells_a_part < 1:
        raise InputError(f"a part of {cells_a_part} cells cannot be; give at least 1")
    starts = range(0, cells, cells_a_part)
    return tuple(Part(number, start, min(start + cells_a_part, cells)) for number, start in enumerate(starts))
