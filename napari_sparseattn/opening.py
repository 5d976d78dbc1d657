"""Opening cells, models and what napari's own menus opened: off the user interface's thread."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from psygnal import Signal

from napari_sparseattn.kinds_of_files import is_of_a_microscope
from napari_sparseattn.recording_work import OpenedRecording, RecordingWork, read_recording
from napari_sparseattn.source_cells import FILES, cells_of
from napari_sparseattn.source_words import is_to_be_asked
from napari_sparseattn.worked_on import described
from napari_sparseattn.workspace import CellSource, Placement
from sparseattn.errors import InputError, LayoutError, WavelengthError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report
    from napari_sparseattn.layers import Layers
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import CellSet

_LARGEST_CELL = 512
"""Pixels a side: a file of one larger image is a field of many cells."""


class Opening:
    """Everything that brings cells or a model into the workspace."""

    subfolders_asked = Signal(Path, tuple)
    """A folder has image subfolders: classes or samples? Answer by `open_cells(subfolders=)`."""

    wavelength_asked = Signal(CellSource, bool)
    """A file holds phase and does not say of which light; whether its cells are to be added to others."""

    layout_asked = Signal(CellSource, tuple)
    """Which axis of an array of such a shape is which is not known; answer by `Correcting.correct`."""

    guess_made = Signal(CellSource)
    """Cells were opened, and what was guessed of them changes what they are; see `Correcting.correct`."""

    passages_missed = Signal(CellSource)
    """No cell passes through a recording as it was searched."""

    field_met = Signal(CellSource)
    """What was to be opened as cells is an image of many cells."""

    def __init__(self, workspace: Workspace, jobs: Jobs, layers: Layers, recording: RecordingWork) -> None:
        self._workspace, self._jobs, self._layers = workspace, jobs, layers
        self._recording = recording
        layers.offered.connect(self.take_layer)

    def take_offers(self) -> None:
        """Take the cells of layers that were there before the plugin was opened: the newest."""
        offers = self._layers.offers()
        if offers and self._workspace.cells is None:
            self.take_layer(*offers[-1])

    def take_layer(self, source: CellSource, name: str) -> None:
        """Take the cells that a layer was made of; the layer is where they are shown."""

        def land(cells: CellSet) -> None:
            if name in self._layers.names("image"):
                self._layers.set_source(name, leafs=True)
            self._workspace.set_cells(cells, [source])

        self._start(source.title, lambda _: _opened(source), land)

    def open_cells(
        self, path: Path, *, add: bool = False, on_opened: Callable[[], None] | None = None, **options: Any
    ) -> None:
        """Open a folder or a stack; with ``add`` its cells join those that are there.

        ``options`` are those of `sparseattn.cells.open_cells`, plain JSON values.
        """
        source = CellSource(Path(path), options)
        before = (self._workspace.cells, self._workspace.sources) if add else (None, ())
        looked_at = self._looked_at()

        def work(report: Report) -> CellSet | OpenedRecording | Callable[[], None]:
            from sparseattn.cells import CellSet

            if not add:
                recording = read_recording(source, report)
                if recording is not None:
                    return recording
                if _is_field(source):
                    return partial(self.field_met.emit, source)
            try:
                cells = _opened(source)
            except WavelengthError:
                return partial(self.wavelength_asked.emit, source, add)
            except LayoutError as error:
                return partial(self.layout_asked.emit, source, error.shape)
            except InputError:
                names = _subfolders(source)
                if not names:
                    raise
                return partial(self.subfolders_asked.emit, source.path, names)
            if before[0] is not None:
                cells = CellSet.concatenate([before[0], cells])
                _ = cells.ids
            return cells

        def land(result: CellSet | OpenedRecording | Callable[[], None]) -> None:
            if callable(result):  # something is to be asked first
                result()
                return
            if isinstance(result, OpenedRecording):
                self._show_recording(result, source, looked_at)
                if on_opened is not None:
                    on_opened()
                return
            cells = result
            told: list[str] = []
            for signal in (self._workspace.said, self._workspace.failed):
                signal.connect(told.append)
            self._workspace.set_cells(cells, [*before[1], source])
            for signal in (self._workspace.said, self._workspace.failed):
                signal.disconnect(told.append)
            self._look_at(looked_at)
            if not told:  # what is said of their labels is not to be talked over
                self._tell_skipped(cells)
            if on_opened is not None:
                on_opened()
            if not add and is_to_be_asked(described(cells)):
                self.guess_made.emit(source)

        self._start(source.title, work, land)

    def _show_recording(self, opened: OpenedRecording, source: CellSource, looked_at: str | None) -> None:
        self._recording.show(opened, source)
        if opened.cells is None:
            self.passages_missed.emit(source)
            return
        self._look_at(looked_at)
        count = len(opened.cells)
        passing = "One cell passes" if count == 1 else f"{count:,} cells pass"
        self._workspace.say(f"{passing} through the field.")

    def _looked_at(self) -> str | None:
        cells, current = self._workspace.cells, self._workspace.current
        return None if cells is None or current < 0 else cells.ids[current]

    def _look_at(self, name: str | None) -> None:
        """Go on with the cell that was looked at, where it was opened again."""
        cells = self._workspace.cells
        if cells is not None and name in cells.ids:
            self._workspace.current = cells.ids.index(name)

    def use_selected_layers(self) -> None:
        """Take the cells of the selected image layers: a stack a layer a channel, or one RGB stack."""
        chosen = self._layers.selected_pixels()
        if chosen is None:
            self._workspace.fail(
                "Select an image layer of cells in the list of layers (several of one shape are channels)."
            )
            return

        def work(_: Report) -> CellSet:
            import numpy as np

            from sparseattn.cells import CellSet

            planes = [np.asarray(pixels) for pixels in chosen.pixels]
            images = np.stack([plane.reshape(-1, *plane.shape[-2:]) for plane in planes], axis=1)
            kind = "brightfield" if chosen.channels[0] == "red" and images.dtype == np.uint8 else "unknown"
            cells = CellSet.from_array(images, channels=chosen.channels, modality=kind, name=chosen.name)
            _ = cells.ids
            return cells

        def place(index: int) -> Placement:
            import numpy as np

            return Placement(tuple(int(at) for at in np.unravel_index(index, chosen.leading or (1,))))

        def land(cells: CellSet) -> None:
            if chosen.name not in self._layers.names("image"):
                return  # it was removed meanwhile
            self._layers.set_source(chosen.name, leafs=True)
            source = CellSource(None, {"layers": list(chosen.channels)}, chosen.name)
            self._workspace.set_cells(cells, [source], placement=place)

        self._start(chosen.name, work, land)

    def load_model(self, path: Path, on_loaded: Callable[[], None] | None = None) -> None:
        """Load a model file."""

        def work(_: Report) -> Any:
            from sparseattn.classifier import Classifier

            return Classifier.load(path)

        def land(classifier: Any) -> None:
            self._workspace.set_classifier(classifier, Path(path))
            self.match_channels()
            if on_loaded is not None:
                on_loaded()

        self._jobs.start(f"Loading {Path(path).name}", work, land, bound_to=(), key="load")

    def match_channels(self) -> None:
        """Take channels for those of the model that differ from them in upper and lower case alone."""
        workspace = self._workspace
        if workspace.classifier is None or workspace.cells is None or not workspace.mismatch:
            return
        there = {name.casefold(): name for name in workspace.cells.channels}
        wanted = workspace.classifier.prepare.channels
        names = {there[name.casefold()]: name for name in wanted if name.casefold() in there}
        if len(names) == len(wanted):
            workspace.set_channel_names(names)

    def _start(self, title: str, work: Callable[[Report], Any], land: Callable[[Any], None]) -> None:
        def landed(result: Any) -> None:
            land(result)
            self.match_channels()

        def prepared(report: Report) -> Any:
            from napari_sparseattn.layers.stack import load_what_layers_need

            load_what_layers_need()
            return work(report)

        self._jobs.start(f"Opening {title}", prepared, landed, bound_to=(), key="open")

    def _tell_skipped(self, cells: CellSet) -> None:
        count = len(cells.skipped)
        if count:
            first = cells.skipped[0]
            what = "One file was" if count == 1 else f"{count:,} files were"
            self._workspace.say(f"{what} left out; the first: {first.origin}: {first.reason}")
        elif len(cells) == 1:
            self._workspace.say("One cell opened. If it is an image of many cells, go on in the Field tab.")
        else:
            self._workspace.say(f"{len(cells):,} cells opened.")


def _is_field(source: CellSource) -> bool:
    """Whether a file is a microscope's, or holds an image larger than any cell that is recorded by itself."""
    from napari_sparseattn.layers.file_field import field_options
    from sparseattn.cells import open_field
    from sparseattn.cells.readers.series_names import series_names
    from sparseattn.events import is_recording

    path = source.path
    if path is None or is_recording(path):
        return False
    try:
        if "dataset" not in source.options and len(series_names(path)) > 1:
            return True
        field = open_field(path, **field_options(source.options))
        return is_of_a_microscope(path) or max(field.shape) > _LARGEST_CELL
    except (ValueError, OSError):  # what it is instead is found out when it is opened as cells
        return False


def _opened(source: CellSource) -> CellSet:
    cells = cells_of(source)
    # the files are read once for it: here, not where a window would wait
    _ = cells.ids, cells.shapes, described(cells)
    return cells


def _subfolders(source: CellSource) -> tuple[str, ...]:
    """Return the names of a folder's image subfolders where nobody has said what they are, else none."""
    from sparseattn.cells import open_cells

    said = "subfolders" in source.options or FILES in source.options
    if source.path is None or not source.path.is_dir() or said:
        return ()
    try:
        cells = open_cells(source.path, subfolders="samples", **source.options)
    except InputError:
        return ()
    return tuple(sorted({str(name) for name in cells.column("sample") or () if name is not None}))
