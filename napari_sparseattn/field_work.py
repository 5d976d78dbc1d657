"""Classifying the cells of a field in their place: finds them, cuts them out, asks the model, paints them.

Knows no widget. What was answered for a cell is kept by what the cell looks like, so that after an edit of
the labels, another segmentation or another plane only cells that changed are classified.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal
from qtpy.QtCore import QTimer

from napari_sparseattn.colours import NO_CLASS
from napari_sparseattn.layers.field import FieldImage, FieldLayers, numbers_image
from napari_sparseattn.workspace import SETTING_ASIDE, CellSource, Placement
from sparseattn.cells import CropSettings, SegmentSettings
from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd
    from numpy.typing import NDArray

    from napari_sparseattn.jobs import Jobs, Report
    from napari_sparseattn.labelling import Labelling
    from napari_sparseattn.layers import Layers
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import FieldCells
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

OTHER = "other / not sure"

_PAUSE_MS = 400
"""After an edit or a step of a slider, work begins when nothing more came for so long."""

_COALESCE_MS = 30

_BATCH = 64


@dataclass(frozen=True)
class FieldChoice:
    """What is classified: image layers, a labels layer or None (cells are to be found), and how."""

    images: tuple[str, ...]
    labels: str | None
    all_planes: bool = False
    crop: CropSettings = field(default_factory=CropSettings)
    segment: SegmentSettings = field(default_factory=SegmentSettings)


class FieldWork:
    """The field of one viewer."""

    found_changed = Signal()
    """`found`: other cells, or none."""
    painted_changed = Signal()
    """What the cells are painted as: `classes`."""
    preview_changed = Signal(int)
    """Cells were found for a look; how many."""

    def __init__(self, workspace: Workspace, jobs: Jobs, layers: Layers, labelling: Labelling) -> None:
        self.layers = FieldLayers(layers)
        self._workspace, self._jobs, self._all_layers, self._labelling = workspace, jobs, layers, labelling
        self.choice: FieldChoice | None = None
        self.found: FieldCells | None = None
        self.opacity, self.contour = 0.5, 0
        self.least_familiar, self.least_confidence = 0.05, 0.5
        self._image: FieldImage | None = None
        self._labels_name = ""
        self._previewed: tuple[Any, ...] | None = None
        self._answers: dict[tuple[str, int], dict[str, tuple[Any, float]]] = {}
        self._partial: Predictions | None = None
        self._painted_cells: FieldCells | None = None
        self._numbers: NDArray[Any] | None = None  # of cells that are not painted yet
        self._hides_labels = False
        self._again = _timer(_PAUSE_MS, self._classify_again)
        self._soon = _timer(_COALESCE_MS, self._repaint)
        # New layers take napari long to make: what is to be shown of new cells is shown a step at a time, so
        # that the window answers between them.
        self._begin = _timer(
            0, self._start_first
        )  # what is due with it, the explanation, has a turn of its own
        self._first = _timer(0, self._paint_first)
        self._adding = _timer(0, self._add_painted)
        self._framing = _timer(0, self._show_frame)
        for signal in (
            workspace.predictions_changed, workspace.labels_changed, workspace.classes_changed,
            workspace.blind_changed,
        ):  # fmt: skip
            signal.connect(self._repaint)
        workspace.current_changed.connect(self._show_frame_soon)
        workspace.model_changed.connect(self._take_model)
        workspace.channels_changed.connect(self._take_model)
        self.layers.clicked.connect(self._look_at)
        self.layers.edited.connect(self._take_edit)
        self.layers.renamed.connect(self._take_name)
        self.layers.plane_changed.connect(self._take_plane)
        self.layers.key_pressed.connect(self.press)

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
        self.choice, self._hides_labels = choice, True
        try:
            image = self.layers.image(choice.images)
            shown = self.layers.plane_of(image.name)
        except InputError as error:
            self._workspace.fail(error)
            return
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
        about = source.options["field"]
        labels = about.get("labels")
        if source.path is None or (labels is None and "segment" not in about):
            self._workspace.fail(
                f"{source.title} or its labels were not saved as files; open them and classify again"
            )
            return
        try:
            image = self.layers.open(source.path, "image")
            name = None if labels is None else self.layers.open(Path(labels), "labels")
        except InputError as error:
            self._workspace.fail(error)
            return
        crop, segment = crop_from(about.get("crop")), segment_from(about.get("segment", {}))
        self.classify(FieldChoice((image,), name, bool(about.get("all_planes")), crop, segment))

    def labels_keeper(self) -> Callable[[Path], tuple[CellSource, bool]] | None:
        """Return what keeps the labels of the field when a project is saved, or None without a field.

        It is called in a thread with the TIFF to write to, and writes it where the labels are in no file, or
        not as they are now. It returns the source of the cells, which then names that file, and whether it
        was written. It raises `InputError` when it cannot be.
        """
        image, found = self._image, self.found
        if image is None or found is None or not self.is_current or not self.layers.has(self._labels_name):
            return None
        source = self._source(image, self._labels_name, found)
        about = dict(source.options["field"])
        labels = self.layers.label_pixels(self._labels_name)

        def keep(path: Path) -> tuple[CellSource, bool]:
            if "segment" in about or labels.is_in_its_file():
                return source, False
            labels.write(path)
            return replace(source, options={"field": {**about, "labels": str(path)}}), True

        return keep

    def _cut(self, image: FieldImage, labels_name: str, planes: Sequence[int], choice: FieldChoice) -> None:
        try:
            labels = self.layers.label_image(labels_name, planes)
        except InputError as error:
            self._workspace.fail(error)
            return

        def cut(report: Report) -> tuple[FieldCells, NDArray[Any]]:
            from sparseattn.cells import cut_cells

            found = cut_cells(image.field, labels, choice.crop, planes=planes, on_plane=report)
            _ = found.contents  # reads the planes once: here, not where a window would wait
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
        self._image, self._labels_name = image, labels_name
        self.layers.follow(image.name, labels_name)
        self._all_layers.set_source(image.name)

        def place(index: int) -> Placement:
            leading = np.unravel_index(int(found.plane[index]), image.leading) if image.leading else ()
            return Placement(tuple(int(at) for at in leading), found.offset(index))

        same = before is not None and before.ids == found.cells.ids and self.found is not None
        self.found, self._numbers = found, numbers
        self._begin.start()
        workspace.set_cells(found.cells, [self._source(image, labels_name, found)], placement=place)
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

    def _source(self, image: FieldImage, labels_name: str, found: FieldCells) -> CellSource:
        assert self.choice is not None
        labels = self.layers.labels_path(labels_name)
        about: dict[str, Any] = {"crop": found.settings.to_json(), "all_planes": self.choice.all_planes}
        if labels is not None:
            about["labels"] = str(labels)
        elif self.choice.labels is None and not self.layers.is_edited(labels_name):
            about["segment"] = self.choice.segment.to_json()
        return CellSource(image.path, {"field": about}, image.field.name)

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
        k = workspace.k
        known = self._answers.setdefault((classifier.model_hash, k), {})
        contents = found.contents
        missing = [index for index, text in enumerate(contents) if text not in known]
        for job in self._jobs.running:
            if job.key == "classify":
                job.cancel()
        if not missing:
            workspace.set_predictions(_joined(classifier, cells, contents, known, k))
            return

        def land(answered: dict[str, tuple[Any, float]]) -> None:
            known.update(answered)
            workspace.set_predictions(_joined(classifier, cells, contents, known, k))

        self._jobs.start(
            f"Classifying {len(missing):,} cells",
            lambda report: _answers(classifier, cells, contents, missing, k, report),
            land,
            on_progress=workspace.predictions_progressed.emit,
            key="classify",
        )

    def _take_model(self) -> None:
        if self.is_current:
            self._ask_model()

    @property
    def is_busy(self) -> bool:
        """Whether something is still to be shown, or to be done after a pause."""
        return any(timer.isActive() for timer in self._timers)

    @property
    def _timers(self) -> tuple[QTimer, ...]:
        return (self._again, self._soon, self._begin, self._first, self._adding, self._framing)

    @property
    def is_current(self) -> bool:
        """Whether the workspace's cells are those of the field."""
        return self.found is not None and self._workspace.cells is self.found.cells

    # -- what the user does --------------------------------------------------------------------------

    def set_refusal(self, least_familiar: float, least_confidence: float) -> None:
        """Say below which figures a cell is painted as other."""
        self.least_familiar, self.least_confidence = least_familiar, least_confidence
        self._repaint_soon()

    def set_look(self, opacity: float, contour: int) -> None:
        """Say how the cells are painted: filled, or an outline of so many pixels."""
        self.opacity, self.contour = opacity, contour
        self._repaint_soon()

    def _repaint_soon(self) -> None:
        """Paint once for all steps of a slider that come meanwhile."""
        if not self._soon.isActive():
            self._soon.start()

    def press(self, given: str) -> None:
        """Label the cell that is looked at, as a key says; see `FieldLayers.key_pressed`."""
        if self.is_current:
            self._labelling.press(given, (self._workspace.current,))

    def _look_at(self, plane: int, y: int, x: int) -> None:
        if not self.is_current or self.found is None:
            return
        index = self.found.find(plane, y, x)
        if index is not None and self._image is not None:
            self._workspace.current = index
            self.layers.take_keys(self._image.name)

    def _take_name(self, before: str, after: str) -> None:
        """A layer was renamed: go on with it."""
        if self._image is not None and self._image.name == before:
            self._image = replace(self._image, name=after)
        if self._labels_name == before:
            self._labels_name = after
        if self.choice is not None:
            self.choice = replace(
                self.choice,
                images=tuple(after if name == before else name for name in self.choice.images),
                labels=after if self.choice.labels == before else self.choice.labels,
            )

    def _take_edit(self, name: str) -> None:
        if self.is_current and name == self._labels_name:
            self._again.start()

    def _take_plane(self, plane: int) -> None:
        choice = self.choice
        if not self.is_current or choice is None or choice.all_planes:
            return
        self._again.start()

    def _classify_again(self) -> None:
        """Take the labels as they are now, or the plane that is shown now."""
        choice, image = self.choice, self._image
        if choice is None or image is None or not self.is_current or not self.layers.has(image.name):
            return  # or the image was closed meanwhile
        if choice.labels is None and not choice.all_planes and self.found is not None:
            shown = self.layers.plane_of(image.name)
            if shown not in self.found.plane:
                self.classify(choice)
                return
        try:
            planes = range(image.field.planes) if choice.all_planes else (self.layers.plane_of(image.name),)
        except InputError as error:
            self._workspace.fail(error)
            return
        self._cut(image, self._labels_name, tuple(planes), choice)

    # -- what is shown -------------------------------------------------------------------------------

    def classes(self) -> list[str]:
        """Return what each cell is painted as: its given class, else the predicted one, `OTHER`, or ""."""
        found, workspace = self.found, self._workspace
        if found is None or not self.is_current:
            return []
        painted = [""] * len(found)
        predictions = workspace.predictions
        if predictions is not None and not workspace.blind:
            from sparseattn.refusal import Refusal

            refused = Refusal(self.least_familiar, self.least_confidence).refused(predictions)
            for index, name, no in zip(predictions.indices, predictions.predicted, refused, strict=True):
                painted[int(index)] = OTHER if no else str(name)
        for index, label in enumerate(workspace.labels()):
            if label is not None:
                painted[index] = label
        return painted

    def export_table(self) -> pd.DataFrame:
        """Return a row a cell: the columns of ``sparseattn predict --labels``, and what the cell is shown as.

        "shown_as" is the given class, else the predicted one or `OTHER`; None where neither is known.
        """
        from sparseattn.refusal import Refusal
        from sparseattn.table.cell_table import cell_table

        found, workspace = self.found, self._workspace
        assert found is not None
        predictions = None if workspace.blind else workspace.predictions
        cells = found.cells
        if predictions is not None:
            refused: list[int | None] = [None] * len(found)
            says_no = Refusal(self.least_familiar, self.least_confidence).refused(predictions)
            for index, no in zip(predictions.indices.tolist(), says_no.tolist(), strict=True):
                refused[index] = int(no)
            cells = cells.with_columns({"refused": tuple(refused)})
        table = cell_table(
            cells, predictions=predictions, human_labels=workspace.labels(), no_class=SETTING_ASIDE
        )
        shown = [name or None for name in self.classes()]
        table.insert(list(table.columns).index("predicted"), "shown_as", shown)
        return table

    def _table(self, classes: list[str]) -> pd.DataFrame:
        """Return what is known of each cell, a row a cell: napari's features table."""
        import pandas as pd

        found, workspace = self.found, self._workspace
        assert found is not None
        columns: dict[str, Any] = {
            "label": found.label,
            "class": classes,
            "given": [label or "" for label in workspace.labels()],
        }
        predictions = workspace.predictions
        if predictions is not None and not workspace.blind:
            shares = dict(zip(predictions.classes, predictions.probabilities.T, strict=True))
            for name, values in (
                ("confidence", predictions.confidence),
                ("familiar", predictions.in_distribution),
                *((f"p {name}", share) for name, share in shares.items()),
            ):
                column = np.full(len(found), np.nan)
                column[predictions.indices] = values
                columns[name] = column.round(4)
        if found.field.planes > 1:
            columns["plane"] = found.plane
        columns |= {
            "area": found.area, "centroid y": found.centroid[:, 0].round(2),
            "centroid x": found.centroid[:, 1].round(2), "touches edge": found.touches_edge,
        }  # fmt: skip
        return pd.DataFrame(columns)

    def _repaint(self, *_: Any) -> None:
        if self.is_current and self._painted_cells is self.found:
            self._paint()

    def _paint(self) -> None:
        found, image = self.found, self._image
        assert found is not None and image is not None
        colours, classes = self._workspace.colours, self.classes()
        try:
            self.layers.paint(
                image.name, found, [colours.get(name, NO_CLASS) for name in classes], self._table(classes),
                opacity=self.opacity, contour=self.contour, numbers=self._numbers,
            )  # fmt: skip
        except InputError as error:
            self._workspace.fail(error)
            return
        if self._hides_labels:  # not after an edit: it is what the user is working on
            self._hides_labels = False
            self.layers.hide(self._labels_name)
        self._painted_cells, self._numbers = found, None
        self.painted_changed.emit()

    def _start_first(self) -> None:
        self._first.start()

    def _paint_first(self) -> None:
        if self.is_current:
            self._paint()
            self._adding.start()

    def _add_painted(self) -> None:
        self.layers.add_painted()
        self._framing.start()

    def _show_frame_soon(self, *_: Any) -> None:
        """Frame the cell that is looked at, once the layers of new cells are there."""
        coming = (self._begin, self._first, self._adding)
        if self._image is not None and not any(timer.isActive() for timer in coming):
            self._framing.start()

    def _show_frame(self) -> None:
        found, image, index = self.found, self._image, self._workspace.current
        if image is None:
            return
        try:
            if found is None or not self.is_current or index < 0:
                self.layers.frame(image.name, 0, None)
            else:
                self.layers.frame(image.name, int(found.plane[index]), found.box[index].tolist())
        except InputError:  # the image was removed
            return

    def close(self) -> None:
        """Do nothing more."""
        with suppress(RuntimeError):  # Qt has taken the timer with it
            for timer in self._timers:
                timer.stop()


def _found(
    image: FieldImage, settings: SegmentSettings, plane: int, on_step: Callable[[int, int], None] | None
) -> Any:
    from sparseattn.cells import find_cells

    return find_cells(image.field, settings, plane=plane, on_step=on_step)


def _answers(
    classifier: Classifier,
    cells: Any,
    contents: Sequence[str],
    missing: Sequence[int],
    k: int,
    report: Report,
) -> dict[str, tuple[Any, float]]:
    """Ask the model about some of the cells; cells that cannot be read have no answer."""
    import torch

    torch.set_num_threads(1)  # of this thread alone; else the user interface would wait for its turn
    answered: dict[str, tuple[Any, float]] = {}
    report(0, len(missing))
    for part in classifier.answers(cells.subset(missing), k=k, batch_size=_BATCH):
        for row, probabilities, familiar in zip(
            part.indices, part.probabilities, part.in_distribution, strict=True
        ):
            answered[contents[missing[int(row)]]] = (probabilities, float(familiar))
        if len(part):
            report(int(part.indices[-1]) + 1, len(missing))
    return answered


def _joined(
    classifier: Classifier, cells: Any, contents: Sequence[str], known: dict[str, tuple[Any, float]], k: int
) -> Predictions | None:
    """Return what is known of all cells; None where nothing is."""
    from sparseattn.predictions import Predictions

    indices = np.array([i for i, text in enumerate(contents) if text in known], dtype=np.int64)
    if not len(indices):
        return None
    kept = cells.subset(indices)
    return Predictions(
        cells=kept,
        indices=indices,
        classes=classifier.classes,
        probabilities=np.stack([known[contents[i]][0] for i in indices]),
        in_distribution=np.array([known[contents[i]][1] for i in indices], np.float32),
        k=k,
        sides=tuple(classifier.split.sides.get(name) for name in kept.ids),
        model_hash=classifier.model_hash,
        skipped=(),
    )


def _timer(milliseconds: int, call: Callable[[], None]) -> QTimer:
    timer = QTimer()
    timer.setSingleShot(True)
    timer.setInterval(milliseconds)
    timer.timeout.connect(call)
    return timer


def crop_from(said: Any) -> CropSettings:
    """Return remembered settings, or the usual ones where they make no sense."""
    try:
        return CropSettings.from_json(said) if isinstance(said, dict) else CropSettings()
    except InputError:
        return CropSettings()


def segment_from(said: Any) -> SegmentSettings:
    """Return remembered settings, or the usual ones where they make no sense."""
    try:
        return SegmentSettings.from_json(said)
    except InputError:
        return SegmentSettings()
