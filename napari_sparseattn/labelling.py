"""Giving cells their classes: writes the label log, and knows which cell to label next. Knows no widget.

Every label is on disk when the call that gives it returns. Signals go by the workspace.
"""

from __future__ import annotations

import getpass
import hashlib
import random
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

from napari_sparseattn._sample_data import instrument_of
from napari_sparseattn.workspace import SETTING_ASIDE, ClassItem, Workspace
from sparseattn.cells.labels import LabelClass, LabelLog, LabelOrigin, Picked, default_log_path
from sparseattn.errors import InputError

Order = Literal["in order", "random", "uncertain"]
HOME = Path.home() / ".napari-sparseattn" / "labels"
"""Where labels lie of cells that have no file, or lie where nothing can be written."""


class Labelling:
    """What one viewer's user does with labels."""

    def __init__(self, workspace: Workspace) -> None:
        self._workspace = workspace
        self._offered: tuple[int, Picked] = (-1, "hand")  # the cell that was offered last, and why
        self._uncertain: list[int] = []  # cells to offer, the most telling first
        self._random = random.Random()
        self._taking = False  # classes are being read from a log, so none is to be written
        workspace.cells_changed.connect(self._open_existing)
        workspace.classes_changed.connect(self._keep_classes)
        workspace.predictions_changed.connect(self._uncertain.clear)

    # The log

    @property
    def log(self) -> LabelLog | None:
        """The label log, or None as long as no label was given."""
        log = self._workspace.label_log
        return log if isinstance(log, LabelLog) else None

    def close(self) -> None:
        """Close the file; its labels are on disk already."""
        log = self.log
        if log is not None:
            self._workspace.set_label_log(None)
            log.close()

    def open(self, path: Path) -> None:
        """Take the labels of a file, or begin a new file.

        Raises
        ------
        InputError
            Where it is no label log.
        """
        earlier = self.log
        if earlier is not None and earlier.path == path.expanduser().absolute():
            self._take_classes_of(earlier)
            return
        log = LabelLog.open(path)
        self._taking = True
        try:
            self._take_classes(log)
            self._workspace.set_label_log(log)
        finally:
            self._taking = False
        if earlier is not None:
            earlier.close()
        self._keep_classes()

    def default_path(self) -> Path | None:
        """Return where the labels of the present cells lie: beside the first source, where there is one.

        Those of the sample cells lie in the user's folder: the cells are part of the installed package.
        """
        paths = [source.path for source in self._workspace.sources if source.path is not None]
        if paths:
            instrument = instrument_of(paths[0])
            return default_log_path(paths[0]) if instrument is None else HOME / f"sample_{instrument}.sqlite"
        if self._workspace.cells is None:
            return None
        name = "_".join(source.title for source in self._workspace.sources) or "cells"
        return HOME / f"{re.sub('[^A-Za-z0-9]+', '_', name)[:60]}.sqlite"

    def _open_existing(self) -> None:
        """Bring back the labels that were given earlier, beside these cells or in the user's folder."""
        self._uncertain.clear()
        self._offered = (-1, "hand")
        self.close()
        path = self.default_path()
        for place in () if path is None else dict.fromkeys((path, _elsewhere(path))):
            if place.is_file():
                try:
                    self._join(place)
                except InputError as error:
                    self._workspace.fail(error)

    def _join(self, place: Path) -> None:
        """Open a file of labels or, where another is open, bring them together in one that can be written."""
        log = self.log
        if log is None:
            self.open(place)
            return
        if log.read_only:
            earlier = log.path
            self.open(place)
        else:
            earlier = place
        assert self.log is not None
        with LabelLog.open(earlier, read_only=True) as other:
            count = self.log.take_from(other)
        if count:
            self._take_classes_of(self.log)
            self._workspace.labels_changed.emit(())
            self._workspace.say(
                f"{count:,} labels that were kept in {earlier} are taken over; Undo leaves them."
            )

    def _writable(self, classes: Iterable[str] = ()) -> LabelLog:
        """Return the log, with these classes in it where they are on the list."""
        if self.log is None or self.log.read_only:
            path = self.default_path()
            if path is None:
                raise InputError("there are no cells to label; open some first")
            try:
                if self.log is None:
                    self._begin(path)
                else:
                    self._begin_elsewhere(path)
            except InputError:  # a disk that is full, or may only be read, such as a microscope's share
                if self.log is not None or path.parent == HOME:
                    raise
                self._begin_elsewhere(path)
        assert self.log is not None
        if not {*classes} <= {one.name for one in self.log.classes}:
            self._write_classes(classes)
        return self.log

    def _begin(self, path: Path) -> None:
        if path.parent == HOME:
            try:
                HOME.mkdir(parents=True, exist_ok=True)
            except OSError as error:
                raise InputError(f"labels cannot be kept in {HOME}: {error.strerror}") from None
        self._join(path)

    def _begin_elsewhere(self, path: Path) -> None:
        """Keep labels in the user's folder from now on, since they cannot be written beside the cells."""
        place = _elsewhere(path)
        self._begin(place)
        self._workspace.say(f"Nothing can be written beside the cells: labels are kept in {place}.")

    # Classes

    def _take_classes_of(self, log: LabelLog) -> None:
        self._taking = True
        try:
            self._take_classes(log)
        finally:
            self._taking = False

    def _take_classes(self, log: LabelLog) -> None:
        """Show the classes of a log, with its colours and keys, before those that it does not know."""
        known = {one.name: one for one in self._workspace.classes}
        items: list[ClassItem] = []
        for one in log.classes:
            item = known.pop(one.name, ClassItem(one.name, ""))
            items.append(replace(item, colour=one.colour or item.colour, key=str(one.key or "")))
        keys = {item.key for item in items}
        rest = [item if item.key not in keys else replace(item, key="") for item in known.values()]
        without = [item.name for item in items if not item.colour]
        self._workspace.set_classes([item for item in items if item.colour] + rest)
        self._workspace.add_classes(without)

    def _write_classes(self, also: Iterable[str] = ()) -> None:
        """Keep names, colours and keys of the classes of these cells in the log as well.

        What a model alone brings is no class of these cells before it is used, as ``also`` says: the model
        may be the wrong one.
        """
        log, cells = self.log, self._workspace.cells
        if log is None or log.read_only or self._taking:
            return
        own = {*(one.name for one in log.classes), *(() if cells is None else cells.classes), *also}
        log.take_classes(
            LabelClass(item.name, item.colour, int(item.key) if item.key else None)
            for item in self._workspace.classes
            if item.name in own
        )

    def _keep_classes(self) -> None:
        try:
            self._write_classes()
        except InputError as error:
            self._workspace.fail(error)

    def add_class(self, name: str) -> None:
        """Add a class with the next free colour and key; one that was removed comes back with its labels."""
        name = " ".join(name.split())
        if name.casefold() in (*(item.name.casefold() for item in self._workspace.classes), *SETTING_ASIDE):
            raise InputError(f"there is a class or state {name!r} already; choose another name")
        if not name:
            raise InputError("the name of the class is empty; type one")
        self._writable()
        self._workspace.add_classes([name])
        self._write_classes([name])
        self._workspace.labels_changed.emit(())

    def rename_class(self, name: str, to: str) -> None:
        """Rename a class; its labels go with it."""
        log = self._writable([name])
        log.change_class(name, to=to)
        self._replace(name, name=" ".join(to.split()))
        self._workspace.labels_changed.emit(())

    def recolour_class(self, name: str, colour: str) -> None:
        """Give a class another colour, ``#rrggbb``."""
        self._write_classes([name])
        self._replace(name, colour=colour)

    def set_key(self, name: str, key: str) -> None:
        """Give a class another key, "1" to "9"; a class that has it gets the former key of this one."""
        self._write_classes([name])
        items = self._workspace.classes
        former = next(item.key for item in items if item.name == name)
        self._workspace.set_classes(
            [
                replace(item, key=key)
                if item.name == name
                else replace(item, key=former)
                if item.key == key
                else item
                for item in items
            ]
        )

    def remove_class(self, name: str) -> None:
        """Remove a class; its cells count as unlabelled until it is added again."""
        log = self._writable([name])
        log.remove_class(name)
        self._workspace.set_classes([item for item in self._workspace.classes if item.name != name])
        self._workspace.labels_changed.emit(())

    def _replace(self, of: str, **changes: str) -> None:
        items = [replace(item, **changes) if item.name == of else item for item in self._workspace.classes]
        self._workspace.set_classes(items)

    # Labels

    def targets(self) -> tuple[int, ...]:
        """Return the cells that a key labels: those selected, else the one that is looked at."""
        workspace = self._workspace
        return workspace.selection or ((workspace.current,) if workspace.current >= 0 else ())

    def label(
        self,
        indices: Sequence[int],
        name: str | None,
        *,
        origin: LabelOrigin = "hand",
        picked: Picked | None = None,
    ) -> None:
        """Give cells a class, ``unsure`` or ``exclude``, or take their labels away with None.

        Parameters
        ----------
        picked
            How the cells were chosen; where it is not given it is known from what was offered last.

        Raises
        ------
        InputError
            Where the label cannot be written; nothing is changed then.
        """
        cells = self._workspace.cells
        if cells is None or not len(indices):
            raise InputError("there is no cell to label; open cells, or choose some in the gallery")
        offered, why = self._offered
        if picked is None:
            picked = why if tuple(indices) == (offered,) else "hand"
        ids = tuple(cells.ids[index] for index in indices)
        log = self._writable([] if name is None else [name])
        log.label(ids, name, origin=origin, picked=picked, annotator=self.annotator)
        self._workspace.labels_changed.emit(ids)

    def accept(self, answers: Mapping[int, str]) -> int:
        """Give cells the classes that a model answered, as one action; return how many were given one.

        Cells that have a label, if unsure, keep it.
        """
        cells, labels = self._workspace.cells, self._workspace.labels()
        if cells is None:
            return 0
        found = {cells.ids[index]: name for index, name in answers.items() if labels[index] is None}
        if found:
            log = self._writable(found.values())
            log.label_each(found, origin="bulk", picked="bulk", annotator=self.annotator)
            self._workspace.labels_changed.emit(tuple(found))
        return len(found)

    def move(self, names: Mapping[str, str]) -> None:
        """Let labels follow cells that have new ids, old id to new id."""
        if self.log is not None and names:
            self.log.move(names)
            self._workspace.labels_changed.emit(tuple(names.values()))

    def press(self, given: str, indices: Sequence[int]) -> None:
        """Do what a key asks of some cells, and say what could not be done.

        Parameters
        ----------
        given : str
            A class's key, ``undo``, ``redo``, ``unsure``, ``exclude``, or nothing to take the label away.
        indices : sequence of int
            The cells.
        """
        try:
            if given in ("undo", "redo"):
                if not (self.undo() if given == "undo" else self.redo()):
                    self._workspace.say(f"There is nothing to {given}.")
                return
            name: str | None = given or None
            if given.isdigit():
                name = next((item.name for item in self._workspace.classes if item.key == given), None)
                if name is None:
                    self._workspace.say(f"No class has the key {given}; give it one in Label & Retrain.")
                    return
            self.label(indices, name)
        except InputError as error:
            self._workspace.fail(error)

    def undo(self) -> int:
        """Take back the last action; return how many cells it concerned, and look at it if it was one."""
        return self._step(() if self.log is None else self.log.undo())

    def redo(self) -> int:
        """Do again what was taken back last."""
        return self._step(() if self.log is None else self.log.redo())

    def _step(self, ids: tuple[str, ...]) -> int:
        cells = self._workspace.cells
        if ids and cells is not None:
            if len(ids) == 1 and ids[0] in cells.ids:
                self._workspace.current = cells.ids.index(ids[0])
            self._workspace.labels_changed.emit(ids)
        return len(ids)

    @property
    def annotator(self) -> str:
        """Who labels; kept in the project."""
        given = self._workspace.extras.get("label", {}).get("annotator")
        return str(given) if given is not None else _user()

    @annotator.setter
    def annotator(self, name: str) -> None:
        self._workspace.extras.setdefault("label", {})["annotator"] = name

    def labels_of_files(self) -> dict[str, str]:
        """Return the labels that came with the cells' files and that the log does not have, by id."""
        cells = self._workspace.cells
        if cells is None or not cells.classes:
            return {}
        known = {} if self.log is None else self.log.labels
        pairs = zip(cells.ids, cells.labels, strict=True)
        return {name: label for name, label in pairs if label is not None and name not in known}

    def take_over_files(self) -> int:
        """Write the files' labels into the log, as one action, so that a part of them is set aside too."""
        found = self.labels_of_files()
        if found:
            self._writable(found.values()).label_each(found, origin="imported", annotator=self.annotator)
            self._workspace.labels_changed.emit(tuple(found))
        return len(found)

    def import_csv(self, path: Path) -> int:
        """Take over the labels of a table; return how many cells were labelled. See `LabelLog.import_csv`."""
        cells = self._workspace.cells
        if cells is None:
            raise InputError("there are no cells to label; open some first")
        places: dict[str, list[str]] = {}
        for name, origin in zip(cells.ids, cells.origins, strict=True):
            places.setdefault(name, []).append(name)
            for key in (str(origin), *([] if origin.index is not None else [origin.path.name])):
                places.setdefault(key, []).append(name)
            if origin.index is not None:
                places.setdefault(f"{origin.path.name}#{origin.index}", []).append(name)

        def find(key: str) -> Sequence[str]:
            found = places.get(key, [])
            if len(found) > 1:
                raise InputError(f"{len(found)} cells are named {key!r}; give their ids instead")
            return found

        log = self._writable()
        count = log.import_csv(path, find, annotator=self.annotator)
        self._take_classes(log)
        self._workspace.labels_changed.emit(())
        return count

    # Which cell next

    def next_cell(self, order: Order, from_index: int | None = None) -> int | None:
        """Return a cell to look at that is to be labelled, or None; remembers why it was offered.

        Most uncertain cells come from `set_uncertain`; where it has no more, the caller computes them anew.
        """
        unlabelled = self.to_label()
        if not unlabelled:
            return None
        if order == "uncertain":
            free = set(unlabelled)
            self._uncertain[:] = [index for index in self._uncertain if index in free]
            if not self._uncertain:
                return None
            chosen = self._uncertain[0]
        elif order == "random":
            chosen = self._random.choice(unlabelled)
        else:
            start = self._workspace.current if from_index is None else from_index
            chosen = next((index for index in unlabelled if index > start), unlabelled[0])
        self._offered = (chosen, {"in order": "hand", "random": "random", "uncertain": "uncertain"}[order])
        return chosen

    def set_uncertain(self, indices: Sequence[int]) -> None:
        """Take the cells to offer as most uncertain, the most telling first."""
        self._uncertain[:] = list(indices)

    def candidates(self, most: int) -> list[int]:
        """Return cells to look through for telling ones; of very many a random part."""
        free = self.to_label()
        return free if len(free) <= most else sorted(self._random.sample(free, most))

    def to_label(self) -> list[int]:
        """Return the cells without any label, ascending; where there are none, those that nobody gave.

        A label that came with a file may be wrong, and a part of the labels given by hand is to test models.
        """
        labels, cells = self._workspace.labels(), self._workspace.cells
        unlabelled = [index for index, label in enumerate(labels) if label is None]
        if unlabelled or cells is None:
            return unlabelled
        looked_at = {} if self.log is None else self.log.labels
        return [index for index, name in enumerate(cells.ids) if name not in looked_at]


def _elsewhere(path: Path) -> Path:
    """Return where the labels lie instead where nothing can be written beside the cells."""
    if path.parent == HOME:
        return path
    name = hashlib.blake2b(str(path).encode(), digest_size=8).hexdigest()
    return HOME / f"{name}.sqlite"


def _user() -> str:
    try:
        return getpass.getuser()
    except (OSError, KeyError, ImportError):
        return ""
