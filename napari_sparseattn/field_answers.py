"""What a model said of the cells of a field, kept by what they look like: changed cells are asked anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Report
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

Answers = dict[str, tuple[Any, float]]
"""Content of a cell -> its probabilities (classes,), and how familiar it is."""

_BATCH = 64


class KnownAnswers:
    """The answers of each model at each k."""

    def __init__(self) -> None:
        self._of: dict[tuple[str, int], Answers] = {}

    def of(self, classifier: Classifier, k: int) -> Answers:
        """Return what is known, to be added to."""
        return self._of.setdefault((classifier.model_hash, k), {})


def ask_model(
    classifier: Classifier,
    cells: CellSet,
    contents: Sequence[str],
    missing: Sequence[int],
    k: int,
    report: Report,
    *,
    force: bool = False,
) -> Answers:
    """Ask the model about some of the cells, in a thread; cells that cannot be read have no answer."""
    import torch

    torch.set_num_threads(1)  # of this thread alone; else the user interface would wait for its turn
    answered: Answers = {}
    report(0, len(missing))
    for part in classifier.answers(cells.subset(missing), k=k, batch_size=_BATCH, force=force):
        for row, probabilities, familiar in zip(
            part.indices, part.probabilities, part.in_distribution, strict=True
        ):
            answered[contents[missing[int(row)]]] = (probabilities, float(familiar))
        if len(part):
            report(int(part.indices[-1]) + 1, len(missing))
    return answered


def joined(
    classifier: Classifier, cells: CellSet, contents: Sequence[str], known: Answers, k: int
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
