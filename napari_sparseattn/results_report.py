"""The report on large results: what the answers say at once, what the pictures say after it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from napari_sparseattn import report_job
from napari_sparseattn.jobs import seldom
from napari_sparseattn.memory import give_back_memory
from napari_sparseattn.report_job import MadeReport, Question

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Report as Progress
    from napari_sparseattn.results_job import OpenedResults
    from napari_sparseattn.results_work import ResultsWork
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

_NO_MODEL = (
    "The model that made these results is not loaded: what it looks at, and whether samples are like its "
    "training cells, is not said. Load it to see that."
)
_NO_PICTURES = (
    "The pictures of these cells are not at hand: what the model looks at, and whether samples are like its "
    "training cells, is not said."
)


@dataclass(frozen=True, eq=False)
class ResultsQuestion:
    """What a report on results is made of; bound in the user interface's thread."""

    opened: OpenedResults
    cells: CellSet | None
    classifier: Classifier | None
    judge_by: str
    colours: Mapping[str, str]
    ground: str
    ink: str

    def has_answers_of(self, other: ResultsQuestion) -> bool:
        """Whether both are of the same answers, cells and model."""
        return (self.opened, self.cells, self.classifier) == (other.opened, other.cells, other.classifier)


Earlier = tuple[ResultsQuestion, MadeReport]


def ask(
    work: ResultsWork, judge_by: str, colours: Mapping[str, str], ground: str, ink: str
) -> ResultsQuestion:
    """Bind what a report on the open results needs."""
    assert work.opened is not None
    return ResultsQuestion(work.opened, work.cells, work.classifier, judge_by, dict(colours), ground, ink)


def make(asked: ResultsQuestion, earlier: Earlier | None, progress: Progress) -> MadeReport:
    """Make the report; what the answers say is given on as a part before pictures are looked at.

    Numbers of all cells are in memory meanwhile, and no pixels but those of some hundred cells.
    """
    if earlier is not None and not asked.has_answers_of(earlier[0]):
        earlier = None
    answers = _answers(asked, progress) if earlier is None else earlier[1].question.answered
    with_images = asked.cells is not None and asked.classifier is not None
    note = _NO_MODEL if asked.classifier is None else _NO_PICTURES
    question = Question(
        classifier=asked.classifier,
        predictions=answers,
        answered=answers,
        judge_by=asked.judge_by,
        notes=(*_left_out(asked.opened), *(() if with_images else (note,))),
        colours=asked.colours,
        ground=asked.ground,
        ink=asked.ink,
    )
    before = None if earlier is None else earlier[1]
    made = report_job.make(question, before, progress, with_images=False, cells_listed=False)
    if with_images and made.report.general is None:
        progress.part(made)
        made = report_job.make(question, None, progress, cells_listed=False)
    give_back_memory()
    return made


def _answers(asked: ResultsQuestion, progress: Progress) -> Predictions:
    from sparseattn.scale.stand_in import stand_in

    results, cells = asked.opened.results, asked.cells
    if cells is None:
        cells = stand_in(results, asked.opened.answers)
    elif asked.classifier is not None:
        cells = asked.classifier.admit(cells, force=bool(results.plan.notes)).cells
    return results.predictions(cells, checked=True, on_rows=seldom(progress))


def _left_out(opened: OpenedResults) -> tuple[str, ...]:
    if not opened.left_out:
        return ()
    first = opened.results.left_out()[0]
    count = "One file" if opened.left_out == 1 else f"{opened.left_out:,} files"
    said = f"{count} could not be opened when the cells were classified; the first: "
    return (f"{said}{first.origin}: {first.reason.rstrip('.')}.",)
