"""Classifies folders that come later with a kept model, one sample after the other, in a thread."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Report
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.drift import Drift
    from sparseattn.predictions import Predictions

_BATCH = 64
_STEPS = 1000
"""Of progress a sample: how many cells a sample has is known only once it is open."""


@dataclass(frozen=True)
class NewSample:
    """A folder or stack whose cells are one sample, and what is known of it: plain text."""

    path: Path
    name: str
    condition: str = ""

    @property
    def columns(self) -> dict[str, str]:
        """The sample columns that its cells get."""
        return {"sample": self.name, **({"condition": self.condition} if self.condition else {})}


@dataclass(frozen=True, eq=False)
class SampleResult:
    """What the model says of one sample; ``problem`` is a sentence where it could not be asked."""

    sample: NewSample
    cells: CellSet | None = None
    predictions: Predictions | None = None
    drift: Drift | None = None
    problem: str | None = None
    options: dict[str, Any] = field(default_factory=dict)
    """The options of `sparseattn.cells.open_cells` that its cells were opened with."""


def apply_model(classifier: Classifier, samples: Sequence[NewSample], report: Report) -> list[SampleResult]:
    """Classify the samples; each is given on as a part as soon as it is done.

    A sample that cannot be used does not stop the others.
    """
    import torch

    torch.set_num_threads(1)  # of this thread alone: the user interface is not to wait for its turn
    results = []
    for place, sample in enumerate(samples):

        def tell(done: int, total: int, place: int = place) -> None:
            report(place * _STEPS + done * _STEPS // max(total, 1), len(samples) * _STEPS)

        tell(0, 1)
        try:
            result = _apply(classifier, sample, tell)
        except (InputError, OSError) as error:
            result = SampleResult(sample, problem=str(error))
        results.append(result)
        report.part(result)
    return results


def _apply(classifier: Classifier, sample: NewSample, tell: Any) -> SampleResult:
    from sparseattn.drift import check_drift
    from sparseattn.predictions import Predictions

    cells, options = open_sample(sample, classifier)
    parts = []
    for part in classifier.answers(cells, batch_size=_BATCH):
        parts.append(part)
        if len(part):
            tell(int(part.indices[-1]) + 1, len(cells) * 5 // 4)
    predictions = Predictions.join(parts, cells)
    drift = check_drift(
        classifier,
        predictions,
        sample=sample.name,
        on_batch=lambda done, total: tell(4 * total + done, 5 * total),
    )
    return SampleResult(sample, cells, predictions, drift, options=options)


def open_sample(sample: NewSample, classifier: Classifier) -> tuple[CellSet, dict[str, Any]]:
    """Open a folder as one sample; its subfolders are classes only if the model knows them all.

    Raises
    ------
    InputError
        Where there are no cells, or the model was not made for such cells.
    """
    from sparseattn.cells import open_cells

    options: dict[str, Any] = {"subfolders": "classes", "columns": sample.columns}
    cells = open_cells(sample.path, **options)
    if not set(cells.classes) <= set(classifier.classes):
        options["subfolders"] = "samples"
        cells = open_cells(sample.path, **options)
    there = {name.casefold(): name for name in classifier.prepare.channels}
    names = [there.get(name.casefold(), name) for name in cells.channels]
    if names != list(cells.channels) and len(set(names)) == len(names):
        options["channel_names"] = names
        cells = cells.with_channels(names)
    classifier.check(cells)
    return cells, options


def joined(results: Sequence[SampleResult]) -> tuple[CellSet, Predictions]:
    """Return the cells of all samples that could be used as one set, and the answers for them.

    Raises
    ------
    InputError
        Where their channels differ.
    """
    from dataclasses import replace

    from sparseattn.cells import CellSet
    from sparseattn.predictions import Predictions

    usable = [(one.cells, one.predictions) for one in results if one.cells is not None and one.predictions]
    cells = CellSet.concatenate([cells for cells, _ in usable])
    _ = cells.ids, cells.shapes
    parts, first = [], 0
    for part_cells, predictions in usable:
        parts.append(replace(predictions, indices=predictions.indices + first))
        first += len(part_cells)
    return cells, Predictions.join(parts, cells)
