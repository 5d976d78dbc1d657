"""What the user works on now: one source of cells or the image of a field, and what is known of it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

from sparseattn.cells import describe
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.session import Session
    from napari_sparseattn.workspace import CellSource, Workspace
    from sparseattn.cells import CellSet, Field, SourceFacts


_described: WeakKeyDictionary[CellSet | Field, SourceFacts] = WeakKeyDictionary()


@dataclass(frozen=True)
class WorkedOn:
    """The source, where it is one and has a file, and whether it is a field."""

    source: CellSource | None
    is_field: bool


def worked_on(session: Session) -> WorkedOn:
    """Return the field's image while its cells or its tab are looked at, else the source of the cells."""
    sources, field = session.workspace.sources, session.field
    image = field.image_source
    if image is not None and (session.field_in_front or field.is_current or not sources):
        return WorkedOn(image, True)
    one = sources[0] if len(sources) == 1 else None
    return WorkedOn(one if one is not None and one.path is not None else None, False)


def facts_of(session: Session) -> SourceFacts | None:
    """Return what was worked out of what is worked on, or None where nothing is open."""
    field, cells = session.field, session.workspace.cells
    if worked_on(session).is_field:
        try:
            return described(field.layers.image(field.chosen_images).field)
        except InputError:
            return None
    return None if cells is None else described(cells)


def described(source: CellSet | Field) -> SourceFacts:
    """Return what was worked out of cells or a field; of ten thousand files that takes some time, once."""
    if source not in _described:
        _described[source] = describe(source)
    return _described[source]


def is_sample(workspace: Workspace) -> bool:
    """Whether the cells are the simulated ones that come with the plugin."""
    from napari_sparseattn._sample_data import instrument_of

    paths = [source.path for source in workspace.sources if source.path is not None]
    return any(instrument_of(path) is not None for path in paths)
