"""Open a file by every door that it has, and read what it holds."""

from collections.abc import Callable
from pathlib import Path

import numpy as np

from benchmarks.fuzz.kinds import Kind
from benchmarks.fuzz.makers.marks import SHAPE

READ = 2
"""How many of its cells are read and measured."""


def look(path: Path, kind: Kind) -> str:
    """Return "read" or "refused": what became of a file.

    Raises
    ------
    AssertionError
        Where a refusal is not one printable line.
    Exception
        Whatever is no refusal goes through.
    """
    from sparseattn.cells import Field, cut_marked_cells, open_cells, open_field, open_marks
    from sparseattn.cells.measure import measure_cells

    def cells() -> None:
        there = open_cells(path, **kind.options)
        _ = there.ids, there.shapes, there.samples
        some = there.subset(range(min(len(there), READ)))
        for index in range(len(some)):
            some.mask(index)
        for _ in measure_cells(some):
            pass
        for index in range(len(some)):
            some.read(index)

    def field() -> None:
        options = {name: value for name, value in kind.options.items() if name not in ("tile", "events")}
        there = open_field(path, dataset=kind.series, **options)
        there.plane(0), there.fingerprint(there.planes - 1)

    def marks() -> None:
        there = Field.from_array(np.zeros(SHAPE, np.uint8), "YX", name="smear.png")
        cut_marked_cells(there, open_marks(path, there))

    doors = (marks, cells) if kind.is_marks else (cells, field)
    return "read" if any([_opens(door) for door in doors]) else "refused"  # each is tried


def _opens(door: Callable[[], None]) -> bool:
    from sparseattn.errors import InputError

    try:
        door()
    except InputError as error:
        if "\n" in str(error) or not str(error).isprintable():
            raise AssertionError(f"not one printable line: {error!r}") from error
        return False
    return True
