"""Puts a report together in a thread: figures, tables and pictures of the present answers."""

from __future__ import annotations

import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from napari_sparseattn.jobs import seldom

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.figure import Figure

    from napari_sparseattn.jobs import Report as Progress
    from napari_sparseattn.workspace import Workspace
    from sparseattn.classifier import Classifier
    from sparseattn.explain.assessment import Assessment
    from sparseattn.predictions import Predictions
    from sparseattn.report import Report

_DPI = 200
_MOST_CLASSES = 15
"""In a confusion matrix that is as wide as the dock."""
_PICKED_UNCERTAIN = (
    "Some of the judged cells were labelled because the model was unsure of them: they are harder than most, "
    "so the figures may be too low."
)


@dataclass(frozen=True, eq=False)
class Question:
    """What a report is to be made of; bound in the user interface's thread.

    ``predictions`` carry the classes that may judge, and the sides that cells are on; ``answered`` are the
    predictions of the workspace that they were made of. Without a ``classifier`` the report says what the
    answers say by themselves. ``ground`` and ``ink`` are the window's colours.
    """

    classifier: Classifier | None
    predictions: Predictions
    answered: Predictions
    judge_by: str
    notes: tuple[str, ...]
    colours: Mapping[str, str]
    ground: str = "#ffffff"
    ink: str = "#000000"


@dataclass(frozen=True, eq=False)
class MadeReport:
    """A report to be shown: ``pictures`` are PNG, ``texts`` the rows of each table as they are shown.

    ``drawn`` are the places of the classes in the confusion matrix.
    """

    question: Question
    report: Report
    tables: Mapping[str, pd.DataFrame]
    texts: Mapping[str, Sequence[tuple[str, ...]]]
    drawn: list[int]
    pictures: Mapping[str, bytes]


def ask(
    workspace: Workspace, judge_by: str, ground: str = "#ffffff", ink: str = "#000000"
) -> Question | None:
    """Bind what a report of the present cells needs; None without answers of the present model.

    A class that was accepted in bulk is the model's own answer and judges nothing; a cell that was set aside
    in the label log tests the model unless it taught it.
    """
    classifier, answered, cells = workspace.classifier, workspace.predictions, workspace.cells
    if classifier is None or answered is None or cells is None or not len(answered):
        return None
    given = workspace.labels()
    log = getattr(workspace.label_log, "labels", {})
    known: list[str | None] = []
    sides = list(answered.sides)
    uncertain = False
    for row, index in enumerate(answered.indices):
        label = log.get(cells.ids[index]) if log else None
        if label is None:
            known.append(given[index])
            continue
        known.append(label.name if label.is_class and label.origin != "bulk" else None)
        if sides[row] is None and known[-1] is not None:
            if label.tests:
                sides[row] = "test"
            uncertain |= label.picked == "uncertain" and not label.set_aside
    return Question(
        classifier=classifier,
        predictions=replace(answered, cells=answered.cells.with_labels(known), sides=tuple(sides)),
        answered=answered,
        judge_by=judge_by,
        notes=(_PICKED_UNCERTAIN,) if uncertain and "test" not in sides else (),
        colours=dict(workspace.colours),
        ground=ground,
        ink=ink,
    )


def make(
    question: Question,
    earlier: MadeReport | None,
    progress: Progress,
    *,
    with_images: bool = True,
    cells_listed: bool = True,
) -> MadeReport:
    """Make the report of a question; what labels do not change is taken from an earlier report.

    ``with_images`` has pictures of some cells looked at; ``cells_listed`` makes a table with a row a cell.
    """
    import torch

    from sparseattn.report import make_report
    from sparseattn.report.report import report_without_model

    torch.set_num_threads(1)  # of this thread alone: the user interface is not to wait for its turn
    known = earlier is not None and earlier.question.answered is question.answered
    new = with_images and not known
    judge_by: Any = question.judge_by
    tell = seldom(progress)
    if question.classifier is None:
        report = report_without_model(question.predictions, judge_by=judge_by, notes=question.notes)
    else:
        report = make_report(
            question.classifier,
            question.predictions,
            judge_by=judge_by,
            notes=question.notes,
            with_attention=new,
            with_drift=new,
            with_shortcuts=new,
            on_progress=lambda what, done, total: tell(done, total),
        )
    if known and earlier is not None:
        before = earlier.report
        report = replace(
            report,
            attention=before.attention,
            general=before.general,
            drift=before.drift,
            shortcuts=before.shortcuts,
            trust=before.trust,
        )
    return _drawn(question, report, progress, cells_listed=cells_listed)


def _drawn(question: Question, report: Report, progress: Progress, *, cells_listed: bool) -> MadeReport:
    from sparseattn.report import draw_figures, report_tables
    from sparseattn.report.few_classes import largest_classes
    from sparseattn.report.tables import ShownRows

    tables = report_tables(report, cells=cells_listed)
    pictures = {}
    figures = draw_figures(report, question.colours, narrow=True)
    figures.pop("confusion", None)  # the tab draws its own, which can be clicked
    for number, (name, figure) in enumerate(figures.items()):
        progress(number, len(figures))
        pictures[name] = _png(figure, question)
    texts = {name: ShownRows(table) for name, table in tables.items()}
    return MadeReport(question, report, tables, texts, largest_classes(report, _MOST_CLASSES), pictures)


def assess(made: MadeReport, progress: Progress) -> Assessment:
    """Test the selected pixels of the cells that judge the model; of all where none does."""
    import torch

    from sparseattn.report.trust import assess_pixels

    torch.set_num_threads(1)
    classifier = made.question.classifier
    assert classifier is not None  # the button is there with a model alone
    answers, judgement = made.report.predictions, made.report.judgement
    some = answers if judgement is None else answers.subset(judgement.cells.rows)
    return assess_pixels(classifier, some, on_step=progress)


def with_trust(made: MadeReport, trust: Assessment) -> MadeReport:
    """Return a report with what the tests of its selected pixels say."""
    from sparseattn.report.trust import trust_figure

    picture = _png(trust_figure(trust, narrow=True), made.question)
    return replace(
        made, report=replace(made.report, trust=trust), pictures={**made.pictures, "trust": picture}
    )


def _png(figure: Figure, question: Question) -> bytes:
    from sparseattn.report.on_ground import put_on_ground

    put_on_ground(figure, question.ground, question.ink)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI)
    return stream.getvalue()
