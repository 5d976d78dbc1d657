"""A recording and the cells that pass through it: shown in time, each at its place. Knows no widget."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from napari_sparseattn.layers.recording_view import RecordingView
from napari_sparseattn.workspace import CellSource, Placement

if TYPE_CHECKING:
    from collections.abc import Callable

    from napari_sparseattn.layers import Layers
    from napari_sparseattn.layers.field_watch import FieldWatch
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import CellSet
    from sparseattn.events import EventFrames, Passages


@dataclass(frozen=True, eq=False)
class OpenedRecording:
    """A recording, ready to be shown: its frames as layer data, its passages, and these as cells or None."""

    frames: EventFrames
    layers: list[Any]
    passages: Passages
    cells: CellSet | None


def read_recording(source: CellSource, on_slice: Callable[[int, int], None]) -> OpenedRecording | None:
    """Read a recording that cells pass through, in a thread; None where the source is none.

    Raises
    ------
    InputError
        When it cannot be read.
    """
    from sparseattn.cells import open_cells, open_passages
    from sparseattn.cells.passages import holds_passages
    from sparseattn.events import EventFrames

    if source.path is None or not holds_passages(source.path, source.options.get("events")):
        return None
    from napari_sparseattn.layers.recording import frame_layers  # loads dask

    passages = open_passages(source.path, source.options.get("events"), on_slice=on_slice)
    cells = open_cells(source.path, **source.options) if len(passages) else None
    frames = EventFrames.of(passages.store)
    size = None if cells is None else cells.pixel_size_um
    if cells is not None:
        _ = cells.ids, cells.shapes
    return OpenedRecording(frames, frame_layers(frames, source.path, size), passages, cells)


class RecordingWork:
    """The recording of one viewer: the cell looked at is marked in it, a click on a cell chooses it."""

    def __init__(self, workspace: Workspace, layers: Layers, watch: FieldWatch) -> None:
        self._workspace = workspace
        self.view = RecordingView(layers, watch)
        self._opened: OpenedRecording | None = None
        self._stays = False  # the time that is shown stays
        workspace.cells_changed.connect(self._take_cells)
        workspace.current_changed.connect(self._look_at)
        watch.plane_changed.connect(self._follow_time)
        watch.clicked.connect(self._choose)

    @property
    def is_current(self) -> bool:
        """Whether the workspace's cells are the passages of the recording."""
        opened = self._opened
        return opened is not None and opened.cells is not None and opened.cells is self._workspace.cells

    def show(self, opened: OpenedRecording, source: CellSource) -> None:
        """Show a recording and make its passages the workspace's cells, or none where no cell passes."""
        self._opened = opened
        self.view.show(opened.layers)
        self._workspace.set_cells(opened.cells, [source], placement=self._place)

    def _place(self, number: int) -> Placement:
        assert self._opened is not None
        middle = self._opened.passages.passages[number].middle_us
        return Placement((self._frame_at(middle),), self._corner(number, middle))

    def _corner(self, number: int, time: float) -> tuple[int, int]:
        """Return y, x of the first pixel of a passage's square at a time in µs."""
        assert self._opened is not None
        passages = self._opened.passages
        place = passages.passages[number].place(np.array([time]))[0]
        y, x = np.rint(place - (passages.settings.side - 1) / 2).astype(int).tolist()
        return y, x

    def _frame_at(self, time: float) -> int:
        assert self._opened is not None
        frames = self._opened.frames
        return int(time - frames.store.start) // frames.frame_us

    def _time_of(self, frame: int) -> float:
        """Return the middle of a frame in µs."""
        assert self._opened is not None
        frames = self._opened.frames
        return frames.store.start + (frame + 0.5) * frames.frame_us

    def _take_cells(self) -> None:
        """Other cells have come: the recording goes with its own."""
        opened = self._opened
        if opened is not None and opened.cells is not self._workspace.cells:
            self._opened = None
            self.view.close()

    def _look_at(self, number: int) -> None:
        if not self.is_current or number < 0:
            return
        if not self._stays:
            self.view.go_to(self._place(number).leading[0])
        self._mark()

    def _follow_time(self, _: int) -> None:
        if self.is_current and self._workspace.current >= 0:
            self._mark()

    def _mark(self) -> None:
        if self._opened is None or not self.view.is_shown:
            return
        number, frame = self._workspace.current, self.view.frame
        passages = self._opened.passages
        passage, half = passages.passages[number], self._opened.frames.frame_us / 2
        time = self._time_of(frame)
        there = passage.start - half <= time < passage.stop + half
        corner = self._corner(number, time) if there else None
        self.view.mark(passage.places, corner, passages.settings.side)

    def _choose(self, frame: int, y: int, x: int) -> None:
        """Look at the passage that is nearest to a pixel at a time, where one is near."""
        if not self.is_current or self._opened is None:
            return
        time, half = self._time_of(frame), self._opened.frames.frame_us / 2
        passages = self._opened.passages
        near = {
            number: float(np.hypot(*(passage.place(np.array([time]))[0] - (y, x))))
            for number, passage in enumerate(passages.passages)
            if passage.start - half <= time < passage.stop + half
        }
        number = min(near, key=near.__getitem__, default=-1)
        if number < 0 or near[number] > passages.settings.diameter:
            return
        self._stays = True
        try:
            self._workspace.current = number
        finally:
            self._stays = False
