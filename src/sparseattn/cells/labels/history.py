"""What follows from the events of a label log: which labels and classes hold now. Knows no file."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Self

from sparseattn.cells.labels.records import RESERVED, Label, LabelClass, LabelEvent


class LabelHistory:
    """All events in memory, and what holds after them.

    Attributes
    ----------
    labels : dict
        The label of every cell that has one, by id.
    set_aside : dict
        Of every cell that ever had a label, whether it tests for ever.
    """

    def __init__(self) -> None:
        self.labels: dict[str, Label] = {}
        self.set_aside: dict[str, bool] = {}
        self._classes: dict[int, LabelClass] = {}
        self._removed: set[int] = set()
        self._events: dict[str, list[LabelEvent]] = {}
        self._cells_of: dict[int, list[str]] = {}
        self._done: list[int] = []  # actions that stand
        self._undone: set[int] = set()
        self._to_redo: list[tuple[int, int]] = []  # an undone action, and the undo

    @classmethod
    def of(
        cls,
        classes: Iterable[tuple[int, LabelClass, bool]],
        set_aside: Mapping[str, bool],
        actions: Iterable[tuple[str, int, LabelEvent | int]],
    ) -> Self:
        """Return the history of a log as it was written.

        Parameters
        ----------
        classes
            Number, class, and whether it is removed.
        set_aside
            See the attribute.
        actions
            Kind, number of the action, and its next label or the action that it takes back.
        """
        history = cls()
        history.set_aside.update(set_aside)
        for number, label_class, removed in classes:
            history.set_class(number, label_class, removed)
        for kind, action, told in actions:
            if isinstance(told, int):
                history.take_back(kind, action, told)
            elif action in history._cells_of:
                history._events.setdefault(told.cell, []).append(told)
                history._cells_of[action].append(told.cell)
            else:
                history.add(action, [told])
        history.labels.clear()
        for cell in history._events:  # in the order in which the cells were first spoken of
            history._settle(cell)
        return history

    # Classes, by number

    @property
    def kept(self) -> dict[int, LabelClass]:
        """The classes that were not removed, in the order in which they were added."""
        numbers = sorted(self._classes.keys() - self._removed)
        return {number: self._classes[number] for number in numbers}

    def removed_number(self, name: str) -> int | None:
        """Return the number of a class that was removed, or None where none of this name was."""
        return next((number for number in self._removed if self._classes[number].name == name), None)

    @property
    def next_number(self) -> int:
        """A number that no class has had."""
        return max(self._classes, default=len(RESERVED)) + 1

    def set_class(self, number: int, label_class: LabelClass, removed: bool = False) -> None:
        """Add, change or remove a class."""
        self._classes[number] = label_class
        (self._removed.add if removed else self._removed.discard)(number)
        for cell, events in self._events.items():  # the names in the labels, and whether they count
            if any(event.class_number == number for event in events):
                self._settle(cell)

    # Actions

    def undoable(self, ours: Callable[[int], bool]) -> int | None:
        """Return the action to undo next, of those that are ours to undo."""
        return next(filter(ours, reversed(self._done)), None)

    def redoable(self, ours: Callable[[int], bool]) -> int | None:
        """Return the undo to take back next, of those that are ours."""
        return next((undo for _, undo in reversed(self._to_redo) if ours(undo)), None)

    def add(
        self, action: int, events: Sequence[LabelEvent], set_aside: dict[str, bool] | None = None
    ) -> None:
        """Take the labels of one action; ``set_aside`` says so of cells that had no label before."""
        self.set_aside.update(set_aside or {})
        for event in events:
            self._events.setdefault(event.cell, []).append(event)
            self._settle(event.cell)
        self._cells_of[action] = [event.cell for event in events]
        self._done.append(action)
        self._to_redo.clear()

    def take_back(self, kind: str, action: int, of: int) -> tuple[str, ...]:
        """Take an undo or redo; return the cells that it concerns."""
        if kind == "undo":
            self._done = [one for one in self._done if one != of]
            self._undone.add(of)
            self._to_redo.append((of, action))
            target = of
        else:
            target = next(label for label, undo in self._to_redo if undo == of)
            self._to_redo = [pair for pair in self._to_redo if pair[1] != of]
            self._undone.discard(target)
            self._done.append(target)
        cells = tuple(self._cells_of.get(target, ()))
        for cell in cells:
            self._settle(cell)
        return cells

    # Cells

    def knows(self, cell: str) -> bool:
        """Return whether anything was ever said of a cell, undone or not."""
        return cell in self._events

    def last(self, cell: str) -> LabelEvent | None:
        """Return what was said last of a cell, and not undone."""
        events = reversed(self._events.get(cell, []))
        return next((event for event in events if event.action not in self._undone), None)

    @property
    def spoken_of(self) -> tuple[str, ...]:
        """Ids of the cells that got a label, or lost it; what was said last stands last."""
        last = {cell: event.action for cell in self._events if (event := self.last(cell)) is not None}
        return tuple(sorted(last, key=last.__getitem__))

    def _settle(self, cell: str) -> None:
        """Work out what holds for one cell."""
        last = self.last(cell)
        number = last.class_number if last is not None else None
        if last is None or number is None or number in self._removed:
            self.labels.pop(cell, None)
            return
        name = RESERVED[number - 1] if number <= len(RESERVED) else self._classes[number].name
        self.labels[cell] = Label(
            cell, name, last.origin, last.annotator, last.picked, last.time, self.set_aside.get(cell, False)
        )
