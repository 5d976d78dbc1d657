"""Plots of a report with more classes than can be drawn."""

from dataclasses import replace

import numpy as np

from sparseattn.report import draw_figures, make_report
from sparseattn.report.few_classes import MOST_CLASSES, largest_classes, of_largest_classes


def test_the_largest_classes_are_drawn_and_it_is_said(model, answers) -> None:
    predictions = answers([0, 1, 2] * 10, ["round", "long", "round"] * 10)
    names = (*predictions.classes, *(f"rare {number}" for number in range(97)))
    shares = np.zeros((30, 100), np.float32)
    shares[:, -3:] = predictions.probabilities  # the classes at the end are the large ones
    names = (*names[3:], *names[:3])
    classifier = replace(model.classifier, classes=names)
    many = replace(predictions, classes=names, probabilities=shares, model_hash=classifier.model_hash)
    report = make_report(
        replace(model.classifier, classes=names),
        many,
        with_attention=False,
        with_drift=False,
        with_shortcuts=False,
    )
    assert {97, 98, 99} <= set(largest_classes(report)) and len(largest_classes(report)) == MOST_CLASSES
    small = of_largest_classes(report)
    assert small.judgement.confusion.shape == (40, 40)
    assert small.judgement.confusion.sum() == report.judgement.confusion.sum() == 30
    assert small.fractions.classes[-3:] == names[-3:] and len(small.fractions.samples[0].counts) == 40
    figures = draw_figures(report)
    for name in ("confusion", "classes", "fractions"):
        assert max(figures[name].get_size_inches()) < 32
        assert figures[name].get_supxlabel() == "40 of 100 classes: those of the most cells"
