"""What a model answers for a set of cells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError

if TYPE_CHECKING:
    import pandas as pd

    from sparseattn.cells import CellSet, Skipped
    from sparseattn.learn.split import Side


@dataclass(frozen=True, eq=False)
class Predictions:
    """A row for each cell that could be read.

    Attributes
    ----------
    cells : CellSet
        The n cells, in the order of the rows; those that could not be read are left out.
    indices : ndarray
        (n,) int64, where they were in the set that was given.
    classes : tuple of str
        Names of the columns of ``probabilities``.
    probabilities : ndarray
        (n, classes) float32.
    in_distribution : ndarray
        (n,) float32 in (0, 1]: near 0 for cells like none that the model was taught with. Fitted at the
        model's own k; at another k it is a rough guide.
    k : int
        Selected pixels of the net's grid.
    sides : tuple of (str or None)
        Side of the model's split that each cell was on; None for cells that the model has not seen.
    model_hash : str
        Of the model that answered.
    skipped : tuple of Skipped
        The cells that could not be read, and why.
    notes : tuple of str
        What a reader of the answers must know: what was forced, what was rescaled.
    engine : str
        What the answers were computed by; all engines give the same.
    features : ndarray or None
        (n, D) float32, what the net's last layer decides by; None where they were not asked for.
    """

    cells: CellSet
    indices: NDArray[np.int64]
    classes: tuple[str, ...]
    probabilities: NDArray[np.float32]
    in_distribution: NDArray[np.float32]
    k: int
    sides: tuple[Side | None, ...]
    model_hash: str
    skipped: tuple[Skipped, ...]
    notes: tuple[str, ...] = ()
    engine: str = "torch"
    features: NDArray[np.float32] | None = None

    def __len__(self) -> int:
        """Return the number of rows."""
        return len(self.indices)

    @classmethod
    def join(cls, parts: Sequence[Predictions], cells: CellSet) -> Predictions:
        """Join what one model said of parts of a set, as `Classifier.answers` gives them.

        Parameters
        ----------
        parts : sequence of Predictions
            Their ``indices`` are those in ``cells``.
        cells : CellSet
            The whole set.

        Raises
        ------
        InputError
            Where none of the cells could be read.
        """
        skipped = tuple(skipped for part in parts for skipped in part.skipped)
        if not any(len(part) for part in parts):
            reason = f"; the first: {skipped[0].origin}: {skipped[0].reason}" if skipped else ""
            raise InputError(f"none of the {len(cells)} cells can be read{reason}")
        indices = np.concatenate([part.indices for part in parts])
        features = [part.features for part in parts if part.features is not None]
        return cls(
            cells=cells.subset(indices),
            indices=indices,
            classes=parts[0].classes,
            probabilities=np.concatenate([part.probabilities for part in parts]),
            in_distribution=np.concatenate([part.in_distribution for part in parts]),
            k=parts[0].k,
            sides=tuple(side for part in parts for side in part.sides),
            model_hash=parts[0].model_hash,
            skipped=skipped,
            engine=parts[0].engine,
            notes=parts[0].notes,
            features=np.concatenate(features) if features else None,
        )

    def subset(self, rows: Sequence[int] | NDArray[np.integer]) -> Predictions:
        """Return some rows, in the order given; what could not be read stays noted."""
        kept = np.asarray(rows, dtype=np.int64)
        return replace(
            self,
            cells=self.cells.subset(kept),
            indices=self.indices[kept],
            probabilities=self.probabilities[kept],
            in_distribution=self.in_distribution[kept],
            sides=tuple(self.sides[row] for row in kept),
            features=None if self.features is None else self.features[kept],
        )

    def with_note_column(self) -> Predictions:
        """Return the same with the notes as a sample column ``notes``, so that they stay with the table."""
        if not self.notes:
            return self
        said = ("; ".join(self.notes),) * len(self)
        return replace(self, cells=self.cells.with_columns({"notes": said}))

    def with_set_column(self, inside: NDArray[np.bool_]) -> Predictions:
        """Return the same with a sample column ``set``: the classes that each cell may be of.

        Parameters
        ----------
        inside : ndarray
            (n, classes) bool.
        """
        return replace(self, cells=self.cells.with_columns({"set": self.set_texts(inside)}))

    def set_texts(self, inside: NDArray[np.bool_]) -> tuple[str, ...]:
        """Return the classes that each cell may be of, as text.

        Parameters
        ----------
        inside : ndarray
            (n, classes) bool; the most probable class of a cell stands first: ``monocyte or lymphocyte``.
        """
        order = np.argsort(-self.probabilities, axis=1, kind="stable")
        names = np.array(self.classes, dtype=object)
        inside = np.take_along_axis(np.asarray(inside, dtype=bool), order, axis=1)
        return tuple(" or ".join(names[places[row]]) for places, row in zip(order, inside, strict=True))

    @property
    def ids(self) -> tuple[str, ...]:
        """Id of each cell."""
        return self.cells.ids

    @property
    def origins(self) -> tuple[str, ...]:
        """File of each cell, with its row in it."""
        return tuple(str(origin) for origin in self.cells.origins)

    @property
    def samples(self) -> pd.DataFrame:
        """Sample columns, one row a cell."""
        return self.cells.samples

    @property
    def human_label(self) -> tuple[str | None, ...]:
        """Class that was given to each cell, None where there is none."""
        return self.cells.labels

    @property
    def predicted(self) -> NDArray[np.str_]:
        """(n,) name of the most probable class."""
        names: NDArray[np.str_] = np.array(self.classes)[self.probabilities.argmax(axis=1)]
        return names

    @property
    def confidence(self) -> NDArray[np.float32]:
        """(n,) largest probability."""
        confidence: NDArray[np.float32] = self.probabilities.max(axis=1)
        return confidence

    @property
    def entropy(self) -> NDArray[np.float32]:
        """(n,) entropy of the probabilities in nats: 0 for a sure answer, log(classes) for none at all."""
        shares = self.probabilities.astype(np.float64)
        logarithms = np.log(shares, where=shares > 0, out=np.zeros_like(shares))
        nats: NDArray[np.float64] = -(shares * logarithms).sum(axis=1)
        return np.maximum(nats, 0).astype(np.float32)
