"""All that the plugin knows about one viewer's work: cells, model, k, labels. Knows no widget and no layer.

Every change goes through a method or a property here and is told by a psygnal signal, on the thread that
makes it: the user interface's. Nothing here imports torch, Qt or napari.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.class_items import SETTING_ASIDE, ClassItem, check_classes, with_classes
from napari_sparseattn.looked_at import LookedAt
from napari_sparseattn.workspace_records import CellSource, LabelLog, Placement, Shown, Token
from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.made_for import Mismatch
    from sparseattn.predictions import Predictions

__all__ = ["SETTING_ASIDE", "CellSource", "ClassItem", "LabelLog", "Placement", "Shown", "Token", "Workspace"]


class Workspace(LookedAt):
    """The state of the plugin in one viewer, and the signals that tell of its changes."""

    def __init__(self) -> None:
        super().__init__()
        self._cells: CellSet | None = None
        self._sources: tuple[CellSource, ...] = ()
        self._placement: Callable[[int], Placement] | None = None
        self._model_cells: CellSet | None = None
        self._channel_names: dict[str, str] = {}
        self._classifier: Classifier | None = None
        self._model_path: Path | None = None
        self._mismatches: tuple[Token, tuple[Mismatch, ...]] | None = None  # of which cells and model
        self._forced: tuple[Path | None, int] | None = None  # which source, with which model
        self._cells_version = 0
        self._model_version = 0
        self._predictions: Predictions | None = None
        self._label_log: LabelLog | None = None
        self._classes: tuple[ClassItem, ...] = ()
        self._blind = False
        self._filters: dict[str, Any] = {}
        self._project_path: Path | None = None
        self.extras: dict[str, Any] = {}
        """What a tab keeps in the project file under its own name, as plain JSON."""

    # -- cells ---------------------------------------------------------------------------------------

    @property
    def cells(self) -> CellSet | None:
        """The cells as they were opened; their labels are those of the files. Never changed in place."""
        return self._cells

    @property
    def model_cells(self) -> CellSet | None:
        """The cells with their channels named as the model names them: what is given to the classifier."""
        return self._model_cells

    @property
    def sources(self) -> tuple[CellSource, ...]:
        """Where the cells were opened from."""
        return self._sources

    def set_cells(
        self,
        cells: CellSet | None,
        sources: Sequence[CellSource] = (),
        *,
        placement: Callable[[int], Placement] | None = None,
    ) -> None:
        """Take other cells. The current cell is the first.

        ``placement`` says where a cell lies in the image that the viewer shows; without it a stack is leafed
        through where all cells have one size, else each cell is shown by itself.
        """
        before = self._classes
        if _first_path(sources) != _first_path(self._sources):  # classes of other cells mean nothing here
            self._keep_classes(cells, self._classifier)
        self._cells, self._sources, self._placement = cells, tuple(sources), placement
        self._cells_version += 1
        self._channel_names, self._model_cells = {}, cells
        self._selection, self._predictions = (), None
        self._forget_explanation()
        self._current = 0 if cells is not None and len(cells) else -1
        self.cells_changed.emit()  # brings the label log of these cells, and its classes
        if cells is not None:
            self.add_classes(cells.classes)
        if self._classes != before:
            self.classes_changed.emit()
        self.predictions_changed.emit()
        self.selection_changed.emit(())
        self.current_changed.emit(self._current)

    def tell_sources(self, sources: Sequence[CellSource]) -> None:
        """Say where the present cells can be opened from, where that is another place than before."""
        self._sources = tuple(sources)

    def placement(self, index: int) -> Placement:
        """Return where a cell lies in the image that it is shown in."""
        if self._placement is not None:
            return self._placement(index)
        return Placement((index,)) if self.is_stack else Placement()

    @property
    def has_placement(self) -> bool:
        """Whether the cells lie in an image that is in the viewer already (a field)."""
        return self._placement is not None

    @property
    def is_stack(self) -> bool:
        """Whether all cells have one size, so that they are shown as one stack with a slider."""
        return self._cells is not None and self._placement is None and len(set(self._cells.shapes)) == 1

    @property
    def channel_names(self) -> dict[str, str]:
        """Channels of the cells that the model names otherwise: the cells' name -> the model's name."""
        return dict(self._channel_names)

    def set_channel_names(self, names: Mapping[str, str]) -> None:
        """Say which channel of the cells is which of the model.

        Raises
        ------
        InputError
            When two channels would get one name.
        """
        kept = {ours: theirs for ours, theirs in names.items() if ours != theirs}
        if self._cells is None or kept == self._channel_names:
            return
        renamed = [kept.get(name, name) for name in self._cells.channels]
        if len(set(renamed)) != len(renamed):
            raise InputError("two channels of the cells cannot be the same channel of the model")
        self._model_cells = self._cells.with_channels(renamed)
        self._channel_names = kept
        self._cells_version += 1
        self._predictions = None
        self._forget_explanation()
        self.channels_changed.emit()
        self.predictions_changed.emit()

    # -- model ---------------------------------------------------------------------------------------

    @property
    def classifier(self) -> Classifier | None:
        return self._classifier

    @property
    def model_path(self) -> Path | None:
        """The model's file; None where it has none yet."""
        return self._model_path

    def set_classifier(self, classifier: Classifier | None, path: Path | None = None) -> None:
        """Take another model; k becomes the one that it learned."""
        self._classifier, self._model_path = classifier, path
        self._model_version += 1
        self._predictions = None
        self._forget_explanation()
        self._target_class, self._against_class, self._head = None, None, None
        before = self._classes
        log = self._label_log
        self._keep_classes(self._cells, classifier, () if log is None else [one.name for one in log.classes])
        if classifier is not None:
            self._k = classifier.k
            self.add_classes(classifier.classes)
        if self._classes != before:
            self.classes_changed.emit()
        self.model_changed.emit()
        self.predictions_changed.emit()
        self.k_changed.emit(self._k)

    @property
    def mismatches(self) -> tuple[Mismatch, ...]:
        """In what the cells differ from those that the model was made for."""
        cells, token = self.model_cells, self.token
        if self._classifier is None or cells is None:
            return ()
        if self._mismatches is None or self._mismatches[0] != token:
            self._mismatches = token, self._classifier.mismatches(cells)
        return self._mismatches[1]

    @property
    def mismatch(self) -> str | None:
        """Why the model cannot be asked about these cells, or None where it can or one of them is missing."""
        first = next((one for one in self.mismatches if not (self.forced and one.can_be_forced)), None)
        return None if first is None else first.sentence

    @property
    def forced(self) -> bool:
        """Whether the user wants the model to be asked though it was made for other cells."""
        return self._forced is not None and self._forced == (_first_path(self._sources), self._model_version)

    def use_anyway(self) -> None:
        """Let the model be asked about cells that it was not made for: of this source, with this model."""
        if self._classifier is None or self._cells is None or self.forced:
            return
        self._forced = _first_path(self._sources), self._model_version
        self._cells_version += 1
        self._predictions = None
        self._forget_explanation()
        self.channels_changed.emit()
        self.predictions_changed.emit()

    @property
    def token(self) -> Token:
        """The present cells and model: a result that was begun under another token is not to land."""
        return Token(self._cells_version, self._model_version)

    # -- what is known of all cells --------------------------------------------------------------------

    @property
    def predictions(self) -> Predictions | None:
        """What the present model says of the present cells; its ``indices`` point into `cells`."""
        return self._predictions

    def set_predictions(self, predictions: Predictions | None) -> None:
        self._predictions = predictions
        self.predictions_changed.emit()

    @property
    def label_log(self) -> LabelLog | None:
        return self._label_log

    def set_label_log(self, log: LabelLog | None) -> None:
        """Take another label log; its labels win over those of the files."""
        self._label_log = log
        if log is not None:
            self.add_classes(name for name in log.current().values() if name not in SETTING_ASIDE)
        self.labels_changed.emit(())

    def labels(self) -> tuple[str | None, ...]:
        """Return the label of each cell: the log's where it has one, else the file's."""
        if self._cells is None:
            return ()
        if self._label_log is None:
            return self._cells.labels
        given = self._label_log.current()
        return tuple(
            given.get(name, label) for name, label in zip(self._cells.ids, self._cells.labels, strict=True)
        )

    def label_of(self, index: int) -> str | None:
        """Return the label of one cell: the log's where it has one, else the file's."""
        if self._cells is None or not 0 <= index < len(self._cells):
            return None
        label = self._cells.labels[index]
        if self._label_log is None:
            return label
        return self._label_log.current().get(self._cells.ids[index], label)

    # -- classes ---------------------------------------------------------------------------------------

    @property
    def classes(self) -> tuple[ClassItem, ...]:
        """The classes that cells may be given: those of the model, of the files, and those added by hand."""
        return self._classes

    @property
    def colours(self) -> dict[str, str]:
        """Colour of each class by its name."""
        return {item.name: item.colour for item in self._classes}

    def set_classes(self, classes: Sequence[ClassItem]) -> None:
        """Replace the list: what adding, renaming, recolouring and removing end in.

        Raises
        ------
        InputError
            When a name or a key is there twice, or a name is empty or no class.
        """
        check_classes(classes)
        if tuple(classes) != self._classes:
            self._classes = tuple(classes)
            self.classes_changed.emit()

    def add_classes(self, names: Iterable[str]) -> None:
        """Add classes that are not there yet, each with the next free colour and key."""
        self.set_classes(with_classes(self._classes, names))

    def _keep_classes(
        self, cells: CellSet | None, classifier: Classifier | None, of_log: Iterable[str] = ()
    ) -> None:
        """Let go of the classes that neither these cells, this model nor a label log of them have."""
        known = {
            *of_log,
            *(() if cells is None else cells.classes),
            *(() if classifier is None else classifier.classes),
        }
        self._classes = tuple(item for item in self._classes if item.name in known)

    @property
    def blind(self) -> bool:
        """Whether predictions are to be hidden while cells are labelled."""
        return self._blind

    @blind.setter
    def blind(self, blind: bool) -> None:
        if blind != self._blind:
            self._blind = blind
            self.blind_changed.emit()

    # -- project ---------------------------------------------------------------------------------------

    @property
    def filters(self) -> dict[str, Any]:
        """The gallery's filters, as plain JSON."""
        return dict(self._filters)

    def set_filters(self, filters: Mapping[str, Any]) -> None:
        if dict(filters) != self._filters:
            self._filters = dict(filters)
            self.filters_changed.emit()

    @property
    def project_path(self) -> Path | None:
        """The project file, once there is one."""
        return self._project_path

    def set_project_path(self, path: Path | None) -> None:
        self._project_path = path
        self.project_changed.emit()

    @property
    def samples(self) -> pd.DataFrame | None:
        """Sample columns, one row a cell."""
        return None if self._cells is None else self._cells.samples

    # -- the status line -------------------------------------------------------------------------------

    def say(self, sentence: str) -> None:
        """Show a sentence in the status line."""
        self.said.emit(sentence)

    def fail(self, error: BaseException | str) -> None:
        """Show in the status line what went wrong: one sentence, never a traceback."""
        self.failed.emit(str(error))


def _first_path(sources: Sequence[CellSource]) -> Path | None:
    return sources[0].path if sources else None
