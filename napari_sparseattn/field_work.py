"""Classifying the cells of a field in their place: finds them, cuts them out, asks the model, paints them.

Knows no widget. What was answered for a cell is kept by what the cell looks like, so that after an edit of
the labels, another segmentation or another plane only cells that changed are classified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sparseattn import field_source, field_tables
from napari_sparseattn.field_answers import Answers, KnownAnswers, ask_model, joined
from napari_sparseattn.field_choice import FieldChoice
from napari_sparseattn.field_painting import FieldPainting, ShownField
from napari_sparseattn.field_tables import OTHER
from napari_sparseattn.layers.field import FieldImage, FieldLayers, numbers_image
from napari_sparseattn.layers.field_marks import ReadMarks, read_marks
from napari_sparseattn.timers import once_after
from napari_sparseattn.workspace import CellSource, Placement
from sparseattn.cells import SegmentSettings
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from pathlib import Path

    import pandas as pd
    from numpy.typing import NDArray

    from napari_sparseattn.jobs import Jobs, Report
    from napari_sparseattn.labelling import Labelling
    from napari_sparseattn.layers import Layers
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import FieldCells

__all__ = ["OTHER", "FieldChoice", "FieldWork"]

_PAUSE_MS = 400
"""After an edit or a step of a slider, work begins when nothing more came for so long."""


class FieldWork:
    """The field of one viewer."""

    found_changed = Signal()
    """`found`: other cells, or none."""
    painted_changed = Signal()
    """What the cells are painted as: `classes`."""
    preview_changed = Signal(int)
    """Cells were found for a look; how many."""
    marks_opened = Signal(str)
    """Cells that others have marked were opened: the name of their layer."""
    dropped_otherwise = Signal(object)
    """What was dropped is neither marks nor one image: its path."""
    image_opened = Signal(tuple)
    """An image was opened to be worked on: the names of its layers."""
    image_chosen = Signal()
    """`chosen_images`."""

    def __init__(self, workspace: Workspace, jobs: Jobs, layers: Layers, labelling: Labelling) -> None:
        self.layers = FieldLayers(layers)
        self._workspace, self._jobs, self._all_layers, self._labelling = workspace, jobs, layers, labelling
        self.choice: FieldChoice | None = None
        self.chosen_images: tuple[str, ...] = ()
        """Layers of the image that is chosen to be worked on."""
        self.painting = FieldPainting(workspace, self.layers)
        self._previewed: tuple[Any, ...] | None = None
        self._known = KnownAnswers()
        self._again = once_after(_PAUSE_MS, self._classify_again)
        self.painting.painted.connect(self.painted_changed.emit)
        workspace.model_changed.connect(self._take_model)
        workspace.channels_changed.connect(self._take_model)
        self.layers.watch.clicked.connect(self._look_at)
        self.layers.watch.edited.connect(self._take_edit)
        self.layers.watch.renamed.connect(self._take_name)
        self.layers.watch.plane_changed.connect(self._take_plane)
        self.layers.painted.key_pressed.connect(self.press)

    # -- opening -------------------------------------------------------------------------------------

    def open_image(self, source: CellSource) -> None:
        """Open an image of many cells, to be worked on; one that shows the same file goes."""
        path, options = source.path, source.options
        assert path is not None

        def read(_: Report) -> list[Any]:
            from napari_sparseattn.layers.opened_field import field_layers
            from napari_sparseattn.layers.stack import load_what_layers_need

            load_what_layers_need()
            return field_layers(path, options)

        def land(data: list[Any]) -> None:
            choice, field = self.choice, self.painting.field
            again = self.is_current and field is not None and field.image.path == path
            self.chosen_images = self.layers.show_images(path, data)
            self.image_opened.emit(self.chosen_images)
            self.image_chosen.emit()
            if again and choice is not None:
                self.classify(replace(choice, images=self.chosen_images))

        self._jobs.start(f"Opening {source.title}", read, land, bound_to=(), key="open")

    def open_marks(self, path: Path) -> None:
        """Open what marks the cells of the image that is chosen, to be its cells."""
        self._open_on_image(path, lambda image: read_marks(image, path))

    def open_dropped(self, path: Path) -> None:
        """Open a label image as the cells of the image that is chosen, another image to be worked on.

        What is neither is told by `dropped_otherwise`.
        """

        def read(image: FieldImage) -> ReadMarks | CellSource | None:
            from sparseattn.cells import open_field
            from sparseattn.cells.marks import looks_like_labels

            if looks_like_labels(path, image.field):
                return read_marks(image, path)
            try:
                return CellSource(path) if open_field(path).planes == 1 else None
            except InputError:
                return None

        self._open_on_image(path, read)

    def _open_on_image(self, path: Path, read: Callable[[FieldImage], ReadMarks | CellSource | None]) -> None:
        if self.image_name is None:
            self._workspace.fail(f"{path.name} marks cells: open their image first, in the Field tab.")
            return
        try:
            image = self.layers.image(self.chosen_images)
        except InputError as error:
            self._workspace.fail(error)
            return

        def land(found: ReadMarks | CellSource | None) -> None:
            if found is None:
                self.dropped_otherwise.emit(path)
            elif isinstance(found, CellSource):
                self.open_image(found)
            elif self.layers.has(image.name):
                self.marks_opened.emit(self.layers.show_marks(image.name, found))
                self._workspace.say(_told(found))

        self._jobs.start(f"Opening {path.name}", lambda _: read(image), land, bound_to=(), key="open")

    def choose_image(self, names: tuple[str, ...]) -> None:
        """Say which image is chosen to be worked on: the names of its layers."""
        self.chosen_images = names
        self.image_chosen.emit()

    @property
    def image_name(self) -> str | None:
        """The first layer of the image that is chosen; None where there is none."""
        names = self.chosen_images
        return names[0] if names and self.layers.has(names[0]) else None

    @property
    def image_source(self) -> CellSource | None:
        """The file of the image that is chosen, and how it was opened, where that is known."""
        return None if self.image_name is None else self.layers.file_of(self.image_name)

    # -- finding cells -------------------------------------------------------------------------------

    def preview(self, choice: FieldChoice) -> None:
        """Find cells on the plane that is shown, for a look."""
        try:
            image = self.layers.image(choice.images)
            plane = self.layers.plane_of(image.name)
        except InputError as error:
            self._workspace.fail(error)
            return
        wanted = (choice.images, choice.segment, plane)

        def land(labels: Any) -> None:
            if not self.layers.has(image.name):
                return  # removed meanwhile
            self.layers.show_found(image.name, plane, labels)
            self._previewed = wanted
            self.preview_changed.emit(int(labels.max()))

        self._jobs.start(
            "Finding cells",
            lambda report: _found(image, choice.segment, plane, report),
            land,
            bound_to=(),
            key="find",
        )

    # -- classifying ---------------------------------------------------------------------------------

    def classify(self, choice: FieldChoice) -> None:
        """Classify the cells of a field; those without a labels layer are found first."""
        self.choice = choice
        self.painting.hide_labels_once()
        try:
            image = self.layers.image(choice.images)
            shown = self.layers.plane_of(image.name)
        except InputError as error:
            self._workspace.fail(error)
            return
        self._all_layers.make_way_for(image.name)
        planes = tuple(range(image.field.planes)) if choice.all_planes else (shown,)
        if choice.labels is not None:
            self._cut(image, choice.labels, planes, choice)
            return
        missing = [plane for plane in planes if self._previewed != (choice.images, choice.segment, plane)]

        def land(found: list[Any]) -> None:
            if not self.layers.has(image.name):
                return  # removed meanwhile
            name = ""
            for plane, labels in zip(missing, found, strict=True):
                name = self.layers.show_found(image.name, plane, labels)
            if len(planes) == 1:
                self._previewed = (choice.images, choice.segment, planes[0])
            self._cut(image, name, planes, choice)

        if not missing:
            name = self.layers.found(image.name)
            if name is not None:
                self._cut(image, name, planes, choice)
                return
            missing = list(planes)  # the layer was removed

        def find(report: Report) -> list[Any]:
            found = []
            for done, plane in enumerate(missing):
                report(done, len(missing))  # where it can be stopped
                found.append(_found(image, choice.segment, plane, report if len(missing) == 1 else None))
            return found

        self._jobs.start("Finding cells", find, land, bound_to=(), key="find")

    def reopen(self, source: CellSource) -> None:
        """Show a field of a project again, and classify its cells as they were."""
        try:
            self.classify(field_source.choice_of(source, self.layers))
        except InputError as error:
            self._workspace.fail(error)

    def labels_keeper(self) -> field_source.Keeper | None:
        """Return what keeps the labels of the field when a project is saved, or None without a field."""
        field, choice = self.painting.field, self.choice
        if field is None or choice is None or not self.is_current or not self.layers.has(field.labels):
            return None
        return field_source.labels_keeper(field, choice, self.layers)

    def _cut(self, image: FieldImage, labels_name: str, planes: Sequence[int], choice: FieldChoice) -> None:
        try:
            labels, classes = (
                self.layers.label_image(labels_name, planes),
                self.layers.classes_of(labels_name),
            )
        except InputError as error:
            self._workspace.fail(error)
            return

        def cut(report: Report) -> tuple[FieldCells, NDArray[Any]]:
            from sparseattn.cells import cut_cells
            from sparseattn.cells.measure import with_measured_columns

            found = cut_cells(image.field, labels, choice.crop, planes=planes, on_plane=report)
            _ = found.contents  # reads the planes once: here, not where a window would wait
            found = found.with_cells(with_measured_columns(found.cells, on_cells=report))
            if any(classes):
                given = [classes[number - 1] if number <= len(classes) else None for number in found.label]
                found = found.with_cells(found.cells.with_labels(given))
            return found, numbers_image(found, image.leading)

        def land(result: tuple[FieldCells, NDArray[Any]]) -> None:
            if self.layers.has(image.name) and self.layers.has(labels_name):
                self._take_cells(image, labels_name, *result)

        self._jobs.start("Cutting out cells", cut, land, bound_to=("cells",), key="cut")

    def _take_cells(
        self, image: FieldImage, labels_name: str, found: FieldCells, numbers: NDArray[Any]
    ) -> None:
        """Make them the workspace's cells; the one that was looked at stays, labels follow their cells."""
        from sparseattn.cells.same_cell import moved_ids

        workspace = self._workspace
        before = workspace.cells
        looked_at = None if before is None or workspace.current < 0 else before.ids[workspace.current]
        names = workspace.channel_names
        self.layers.follow(image.name, labels_name)
        self._all_layers.set_source(image.name)

        def place(index: int) -> Placement:
            leading = np.unravel_index(int(found.plane[index]), image.leading) if image.leading else ()
            return Placement(tuple(int(at) for at in leading), found.offset(index))

        same = before is not None and before.ids == found.cells.ids and self.found is not None
        field = ShownField(image, labels_name, found)
        self.painting.show(field, numbers)
        assert self.choice is not None
        source = field_source.source_of(field, self.choice, self.layers)
        workspace.set_cells(found.cells, [source], placement=place)
        if names and set(names) <= set(found.cells.channels):
            workspace.set_channel_names(names)
        log = self._labelling.log
        if log is not None:
            try:
                self._labelling.move(moved_ids(log.spoken_of, found.cells.ids))
            except InputError as error:
                workspace.fail(error)
        if looked_at is not None and not same:
            follow = moved_ids([looked_at], found.cells.ids)
            looked_at = follow.get(looked_at, looked_at)
        if looked_at in found.cells.ids:
            workspace.current = found.cells.ids.index(looked_at)
        self.found_changed.emit()
        self._ask_model()

    def _ask_model(self) -> None:
        """Classify the cells that the model has not been asked about."""
        workspace, found = self._workspace, self.found
        classifier, cells = workspace.classifier, workspace.model_cells
        if found is None or workspace.cells is not found.cells:
            return
        if classifier is None or cells is None:
            workspace.say(f"{len(found):,} cells cut out. Load a model to classify them.")
            return
        if workspace.mismatch:
            workspace.fail(workspace.mismatch)
            return
        k, force = workspace.k, workspace.forced
        known = self._known.of(classifier, k)
        contents = found.contents
        missing = [index for index, text in enumerate(contents) if text not in known]
        for job in self._jobs.running:
            if job.key == "classify":
                job.cancel()
        if not missing:
            workspace.set_predictions(joined(classifier, cells, contents, known, k))
            return

        def land(answered: Answers) -> None:
            known.update(answered)
            workspace.set_predictions(joined(classifier, cells, contents, known, k))

        self._jobs.start(
            f"Classifying {len(missing):,} cells",
            lambda report: ask_model(classifier, cells, contents, missing, k, report, force=force),
            land,
            on_progress=workspace.predictions_progressed.emit,
            key="classify",
        )

    def _take_model(self) -> None:
        if self.is_current:
            self._ask_model()

    @property
    def found(self) -> FieldCells | None:
        """The cells of the field; None where none were cut out."""
        return None if self.painting.field is None else self.painting.field.found

    @property
    def is_current(self) -> bool:
        """Whether the workspace's cells are those of the field."""
        return self.painting.is_current

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be shown, or to be done after a pause."""
        return self._again.isActive() or self.painting.is_busy

    # -- what the user does --------------------------------------------------------------------------

    def set_refusal(self, least_familiar: float, least_confidence: float) -> None:
        """Say below which figures a cell is painted as other."""
        self.painting.set_refusal(least_familiar, least_confidence)

    def set_look(self, opacity: float, contour: int) -> None:
        """Say how the cells are painted: filled, or an outline of so many pixels."""
        self.painting.set_look(opacity, contour)

    def press(self, given: str) -> None:
        """Label the cell that is looked at, as a key says; see `PaintedLayers.key_pressed`."""
        if self.is_current:
            self._labelling.press(given, (self._workspace.current,))

    def _look_at(self, plane: int, y: int, x: int) -> None:
        field = self.painting.field
        if field is None or not self.is_current:
            return
        index = field.found.find(plane, y, x)
        if index is not None:
            self._workspace.current = index
            self.layers.painted.take_keys(field.image.name)

    def _take_name(self, before: str, after: str) -> None:
        """A layer was renamed: go on with it."""
        field = self.painting.field
        if field is not None and field.image.name == before:
            self.painting.field = replace(field, image=replace(field.image, name=after))
        elif field is not None and field.labels == before:
            self.painting.field = replace(field, labels=after)
        if self.choice is not None:
            self.choice = replace(
                self.choice,
                images=tuple(after if name == before else name for name in self.choice.images),
                labels=after if self.choice.labels == before else self.choice.labels,
            )

    def _take_edit(self, name: str) -> None:
        field = self.painting.field
        if field is not None and self.is_current and name == field.labels:
            self._again.start()

    def _take_plane(self, plane: int) -> None:
        choice = self.choice
        if not self.is_current or choice is None or choice.all_planes:
            return
        self._again.start()

    def _classify_again(self) -> None:
        """Take the labels as they are now, or the plane that is shown now."""
        choice, field = self.choice, self.painting.field
        if choice is None or field is None or not self.is_current or not self.layers.has(field.image.name):
            return  # or the image was closed meanwhile
        image = field.image
        if choice.labels is None and not choice.all_planes:
            shown = self.layers.plane_of(image.name)
            if shown not in field.found.plane:
                self.classify(choice)
                return
        try:
            planes = range(image.field.planes) if choice.all_planes else (self.layers.plane_of(image.name),)
        except InputError as error:
            self._workspace.fail(error)
            return
        self._cut(image, field.labels, tuple(planes), choice)

    # -- what is shown -------------------------------------------------------------------------------

    def classes(self) -> list[str]:
        """Return what each cell is painted as: its given class, else the predicted one, `OTHER`, or ""."""
        return self.painting.classes()

    def export_table(self) -> pd.DataFrame:
        """Return a row a cell; see `field_tables.export_table`."""
        found = self.found
        assert found is not None
        return field_tables.export_table(found, self._workspace, self.painting.refusal, self.classes())

    def close(self) -> None:
        """Do nothing more."""
        self.painting.close()
        with suppress(RuntimeError):  # Qt has taken the timer with it
            self._again.stop()


def _found(
    image: FieldImage, settings: SegmentSettings, plane: int, on_step: Callable[[int, int], None] | None
) -> Any:
    from sparseattn.cells import find_cells

    return find_cells(image.field, settings, plane=plane, on_step=on_step)


def _told(marks: ReadMarks) -> str:
    count = len(np.unique(marks.labels[marks.labels > 0]))
    named = len({name for name in marks.classes if name is not None})
    of = f" of {named} class{'es' if named > 1 else ''}" if named else ""
    return f"{count:,} cell{'s' if count != 1 else ''}{of} marked. Press Classify cells to use them."
