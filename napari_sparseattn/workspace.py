"""All that the plugin knows about one viewer's work: cells, model, k, labels. Knows no widget and no layer.

Every change goes through a method or a property here and is told by a psygnal signal, on the thread that
makes it: the user interface's. Nothing here imports torch, Qt or napari.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from psygnal import Signal

from napari_sparseattn.colours import nth_colour
from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.explain import ClassEvidence, Explanation, ProbabilityCurve
    from sparseattn.predictions import Predictions

SETTING_ASIDE = ("unsure", "exclude")
"""Answers that are no class, yet can be given to a cell."""


@dataclass(frozen=True)
class CellSource:
    """One place that cells were opened from, and how, so that a project can open it again.

    ``path`` is None for cells that have no file: those of a layer. ``options`` are the keyword arguments of
    `sparseattn.cells.open_cells`, plain JSON values.
    """

    path: Path | None
    options: Mapping[str, Any] = field(default_factory=dict)
    name: str = ""

    @property
    def title(self) -> str:
        return self.name or (self.path.name if self.path is not None else "layer")


@dataclass(frozen=True)
class Placement:
    """Where a cell lies in the image that it is shown in, in that image's own pixels.

    ``leading`` are the indices of the axes before the last two (the row of a stack, the plane of a field);
    ``offset`` is (y, x) of the cell's upper left pixel.
    """

    leading: tuple[int, ...] = ()
    offset: tuple[int, int] = (0, 0)


@dataclass(frozen=True)
class ClassItem:
    """A class that cells can be given: its colour "#rrggbb" and its key "1" to "9", or "" for none."""

    name: str
    colour: str
    key: str = ""


@dataclass(frozen=True)
class Shown:
    """What is drawn over the cell, and how strongly."""

    selected: bool = True
    neighbourhood: bool = False
    coarse: bool = False
    fine: bool = False
    evidence: bool = False
    opacity: float = 0.6


class LabelLog(Protocol):
    """What the workspace asks of a label log (`sparseattn.cells.labels`)."""

    @property
    def path(self) -> Path: ...

    def current(self) -> Mapping[str, str]:
        """Return the label of each labelled cell by its id."""


@dataclass(frozen=True)
class Token:
    """The cells and the model that a job was started for; see `Workspace.token`."""

    cells: int
    model: int


class Workspace:
    """The state of the plugin in one viewer. Signals are named for what has changed."""

    cells_changed = Signal()
    """Other cells: `cells`, `sources`, `placement`. Predictions, selection and explanation are gone."""
    model_changed = Signal()
    """Another model, or none; `classifier`, `model_path`. Predictions and explanation are gone."""
    channels_changed = Signal()
    """`channel_names`: which channel of the cells is which of the model."""
    current_changed = Signal(int)
    """The cell that is looked at; -1 for none."""
    selection_changed = Signal(tuple)
    """`selection`: indices of the cells chosen in the gallery."""
    k_changed = Signal(int)
    """`k`: pixels to select."""
    target_changed = Signal()
    """`target_class`, the class to explain, or None for the one predicted."""
    head_changed = Signal()
    """`head`, the attention head that is shown, or None for their mean."""
    shown_changed = Signal()
    """`shown`: which overlays are drawn."""
    explanation_changed = Signal()
    """`explanation` of the current cell, or None. Emitted once a step of the slider, not once a value."""
    curve_changed = Signal()
    """`curve`: class probabilities of the current cell against k, or None while they are not known."""
    evidence_changed = Signal()
    """`evidence` for the target class, or None while it is not known."""
    predictions_changed = Signal()
    """`predictions` of all cells, or None."""
    predictions_progressed = Signal(int, int)
    """Cells that are classified, and of all."""
    labels_changed = Signal(tuple)
    """Ids of the cells whose label changed; an empty tuple for all."""
    classes_changed = Signal()
    """`classes`: names, colours, keys."""
    blind_changed = Signal()
    """`blind`: whether what the model thinks is hidden, so that it does not sway who labels."""
    filters_changed = Signal()
    """`filters` of the gallery, as plain JSON."""
    project_changed = Signal()
    """`project_path`."""
    said = Signal(str)
    """A sentence for the status line."""
    failed = Signal(str)
    """A sentence for the status line: what went wrong and what to do."""

    def __init__(self) -> None:
        self._cells: CellSet | None = None
        self._sources: tuple[CellSource, ...] = ()
        self._placement: Callable[[int], Placement] | None = None
        self._model_cells: CellSet | None = None
        self._channel_names: dict[str, str] = {}
        self._classifier: Classifier | None = None
        self._model_path: Path | None = None
        self._cells_version = 0
        self._model_version = 0
        self._current = -1
        self._selection: tuple[int, ...] = ()
        self._k = 0
        self._target_class: str | None = None
        self._head: int | None = None
        self._shown = Shown()
        self._explanation: Explanation | None = None
        self._evidence: ClassEvidence | None = None
        self._curve: ProbabilityCurve | None = None
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
        self._cells, self._sources, self._placement = cells, tuple(sources), placement
        self._cells_version += 1
        self._channel_names, self._model_cells = {}, cells
        self._selection, self._explanation, self._evidence, self._predictions = (), None, None, None
        self._current = 0 if cells is not None and len(cells) else -1
        if cells is not None:
            self.add_classes(cells.classes)
        self.cells_changed.emit()
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
        self._explanation, self._evidence, self._predictions = None, None, None
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
        self._explanation, self._evidence, self._predictions = None, None, None
        self._target_class, self._head = None, None
        if classifier is not None:
            self._k = classifier.k
            self.add_classes(classifier.classes)
        self.model_changed.emit()
        self.predictions_changed.emit()
        self.k_changed.emit(self._k)

    @property
    def mismatch(self) -> str | None:
        """Why the model cannot be asked about these cells, or None where it can or one of them is missing."""
        cells = self.model_cells
        if self._classifier is None or cells is None:
            return None
        try:
            self._classifier.check(cells)
        except InputError as error:
            return str(error)
        return None

    @property
    def token(self) -> Token:
        """The present cells and model: a result that was begun under another token is not to land."""
        return Token(self._cells_version, self._model_version)

    # -- what is looked at ---------------------------------------------------------------------------

    @property
    def current(self) -> int:
        """Index of the cell that is looked at; -1 for none."""
        return self._current

    @current.setter
    def current(self, index: int) -> None:
        count = 0 if self._cells is None else len(self._cells)
        if index == self._current or not 0 <= index < count:
            return
        self._current = int(index)
        self.current_changed.emit(self._current)

    @property
    def selection(self) -> tuple[int, ...]:
        """Indices of the chosen cells, ascending; labels go to them, or to the current cell."""
        return self._selection

    @selection.setter
    def selection(self, indices: Iterable[int]) -> None:
        chosen = tuple(sorted({int(index) for index in indices}))
        if chosen != self._selection:
            self._selection = chosen
            self.selection_changed.emit(chosen)

    @property
    def k(self) -> int:
        """Pixels of the net's grid to select; 0 without a model."""
        return self._k

    @k.setter
    def k(self, k: int) -> None:
        if self._classifier is None:
            return
        k = min(max(int(k), 1), self._classifier.prepare.size**2)
        if k != self._k:
            self._k = k
            self.k_changed.emit(k)

    @property
    def target_class(self) -> str | None:
        """The class whose evidence is shown; None for the one that is predicted."""
        return self._target_class

    @target_class.setter
    def target_class(self, name: str | None) -> None:
        if name != self._target_class:
            self._target_class = name
            self.target_changed.emit()

    @property
    def head(self) -> int | None:
        """The head of the fine attention that is shown; None for their mean."""
        return self._head

    @head.setter
    def head(self, head: int | None) -> None:
        if head != self._head:
            self._head = head
            self.head_changed.emit()

    @property
    def shown(self) -> Shown:
        """Which overlays are drawn. Change it with ``workspace.show(coarse=True)``."""
        return self._shown

    def show(self, **changes: bool | float) -> None:
        """Change some fields of `shown`."""
        shown = dataclasses.replace(self._shown, **changes)  # type: ignore[arg-type]
        if shown != self._shown:
            self._shown = shown
            self.shown_changed.emit()

    @property
    def explanation(self) -> Explanation | None:
        """Of the current cell with the present k. Set by `napari_sparseattn.live` alone."""
        return self._explanation

    def set_explanation(self, explanation: Explanation | None) -> None:
        if explanation is not None or self._explanation is not None:
            self._explanation = explanation
            self.explanation_changed.emit()

    @property
    def evidence(self) -> ClassEvidence | None:
        """What speaks for and against the target class in the explanation; None while not known."""
        return self._evidence

    def set_evidence(self, evidence: ClassEvidence | None) -> None:
        if evidence is not None or self._evidence is not None:
            self._evidence = evidence
            self.evidence_changed.emit()

    @property
    def curve(self) -> ProbabilityCurve | None:
        """Of the current cell."""
        return self._curve

    def set_curve(self, curve: ProbabilityCurve | None) -> None:
        if curve is not None or self._curve is not None:
            self._curve = curve
            self.curve_changed.emit()

    @property
    def explained_class(self) -> str | None:
        """The class whose evidence is shown: the chosen one, else the one predicted."""
        if self._target_class is not None or self._explanation is None:
            return self._target_class
        return self._explanation.predicted

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
        for what, values in (
            ("name", [item.name for item in classes]),
            ("key", [item.key for item in classes if item.key]),
        ):
            twice = sorted({value for value in values if values.count(value) > 1})
            if twice:
                raise InputError(f"the {what} {twice[0]!r} is there twice; give each class its own")
        for item in classes:
            if not item.name.strip() or item.name in SETTING_ASIDE:
                raise InputError(f"a class cannot be named {item.name!r}; give another name")
        if tuple(classes) != self._classes:
            self._classes = tuple(classes)
            self.classes_changed.emit()

    def add_classes(self, names: Iterable[str]) -> None:
        """Add classes that are not there yet, each with the next free colour and key."""
        items = list(self._classes)
        for name in names:
            if any(item.name == name for item in items) or name in SETTING_ASIDE or not name.strip():
                continue
            used_colours = {item.colour for item in items}
            used_keys = {item.key for item in items}
            place = next(i for i in range(len(items) + 1) if nth_colour(i) not in used_colours)
            key = next((str(i) for i in range(1, 10) if str(i) not in used_keys), "")
            items.append(ClassItem(name, nth_colour(place), key))
        self.set_classes(items)

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
