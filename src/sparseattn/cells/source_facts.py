"""What was worked out of a source of cells, and from whom each fact is known."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from sparseattn.cells.cellset import CellSet
from sparseattn.cells.facts import Known, KnownFrom
from sparseattn.cells.modality import Modality

if TYPE_CHECKING:
    from pathlib import Path

    from sparseattn.cells.field import Field
    from sparseattn.events.settings import EventSettings

T = TypeVar("T")


@dataclass(frozen=True)
class Fact(Generic[T]):
    """One fact about a source.

    Attributes
    ----------
    value
        None where nobody knows.
    by
        From whom it is known; None where nobody knows.
    path
        The ``cells.json``, or the file of the user's settings, that says so.
    """

    value: T | None = None
    by: KnownFrom | None = None
    path: Path | None = None

    @property
    def guessed(self) -> bool:
        """Whether nobody said it."""
        return self.by in (None, "guess", "default")

    def to_json(self) -> dict[str, Any]:
        """Return the fact as plain JSON values."""
        value: Any = self.value
        value = value.to_json() if hasattr(value, "to_json") else value
        value = list(value) if isinstance(value, tuple) else value
        return {"value": value, "by": self.by, "path": None if self.path is None else str(self.path)}


@dataclass(frozen=True)
class SourceFacts:
    """What a source of cells is.

    Attributes
    ----------
    count
        Cells, or planes of a field.
    shapes
        ((H, W), how many), the commonest first, in pixels.
    dtype
        Of the numbers in the files.
    array_shape
        Of the image in the file, axis by axis as `layout` names them; None where files differ.
    layout
        Which axis is which, such as "NCYX": N cells or planes, C channels, Y rows, X columns.
    modality
        The kind of instrument.
    channels
        Their names.
    file_channels
        Their names in the files.
    unit
        Of the pixels' values.
    pixel_size_um
        Side of a pixel in the sample, in micrometres; no value where the cells differ.
    pixel_sizes_um
        All that occur, in micrometres, the smallest first; None where it is not known of some.
    wavelength_nm
        Of the light, of phase images.
    events
        What became of the events of recordings.
    """

    count: int
    shapes: tuple[tuple[tuple[int, int], int], ...]
    dtype: str | None
    array_shape: tuple[int, ...] | None
    layout: Fact[str]
    modality: Fact[Modality]
    channels: Fact[tuple[str, ...]]
    file_channels: tuple[str, ...]
    unit: Fact[str]
    pixel_size_um: Fact[float]
    pixel_sizes_um: tuple[float | None, ...]
    wavelength_nm: Fact[float]
    events: Fact[EventSettings]

    @property
    def guessed(self) -> tuple[str, ...]:
        """Names of the facts that may be corrected and that nobody said, of those that matter to a model."""
        facts: dict[str, Fact[Any]] = {
            "modality": self.modality,
            "channels": self.channels,
            "pixel_size_um": self.pixel_size_um,
        }
        if self.layout.by is not None:
            facts["layout"] = self.layout
        if len(self.pixel_sizes_um) > 1 and None not in self.pixel_sizes_um:
            del facts["pixel_size_um"]  # they differ, and each is known
        return tuple(name for name, fact in facts.items() if fact.guessed)

    def to_json(self) -> dict[str, Any]:
        """Return the facts as plain JSON values."""
        facts = {name: value.to_json() for name, value in vars(self).items() if isinstance(value, Fact)}
        return {
            **facts,
            "dtype": self.dtype,
            "array_shape": None if self.array_shape is None else list(self.array_shape),
            "file_channels": list(self.file_channels),
            "pixel_sizes_um": list(self.pixel_sizes_um),
            "guessed": list(self.guessed),
        }


def describe(source: CellSet | Field) -> SourceFacts:
    """Say what a source of cells is, and from whom each fact is known; no pixel is read.

    Parameters
    ----------
    source
        Cells as `open_cells` gives them, or a field as `open_field` does.
    """
    known = source.known
    if isinstance(source, CellSet):
        count, shapes, events = len(source), Counter(source.shapes).most_common(), source.events
        axes = [file.axes for file in source.files]
        dtypes: Sequence[str] = [file.dtype.name for file in source.files]
        sizes = set(source.pixel_sizes_um)
    else:
        count, shapes, events = source.planes, [(source.shape, source.planes)], None
        axes, dtypes, sizes = [source.axes], [source.dtype.name], {source.pixel_size_um}
    letters = {None if one is None else one.names for one in axes}
    lengths = {None if one is None else one.shape for one in axes}
    layout = letters.pop() if len(letters) == 1 else None
    wavelength = None if source.phase is None else source.phase.wavelength_nm
    made = [by for name, by in known.items() if name.startswith("events.")]
    return SourceFacts(
        count=count,
        shapes=tuple(shapes),
        dtype=dtypes[0] if len(set(dtypes)) == 1 else None,
        array_shape=lengths.pop() if len(lengths) == 1 else None,
        layout=_fact(layout, known.get("layout")),
        modality=_fact(source.modality, known.get("modality", Known("default"))),
        channels=_fact(source.channels, known.get("channels", Known("guess"))),
        file_channels=source.file_channels or source.channels,
        unit=_fact(source.unit, known.get("unit")),
        pixel_size_um=_fact(source.pixel_size_um, known.get("pixel_size_um", Known("file"))),
        pixel_sizes_um=tuple(sorted(sizes, key=lambda size: -1 if size is None else size)),
        wavelength_nm=_fact(wavelength, known.get("phase.wavelength_nm", Known("file"))),
        events=_fact(events, made[0] if made else Known("default")),
    )


def _fact(value: T | None, known: Known | None) -> Fact[T]:
    if value is None:
        return Fact()
    return Fact(value) if known is None else Fact(value, known.by, known.path)
