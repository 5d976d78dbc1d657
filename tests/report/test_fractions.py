"""Class fractions of samples and conditions."""

import numpy as np
import pytest
from scipy import stats

from sparseattn.errors import InputError
from sparseattn.learn.metrics import wilson_interval
from sparseattn.report.fractions import class_fractions

LABELS = [None] * 40
SAMPLES = ["s1"] * 10 + ["s2"] * 10 + ["s3"] * 10 + ["s4"] * 10
CONDITIONS = ["healthy"] * 30 + ["ill"] * 10
PREDICTED = [0] * 4 + [1] * 6 + [0] * 6 + [2] * 4 + [0] * 8 + [1] * 2 + [2] * 10


def test_counts_of_each_sample(answers) -> None:
    found = class_fractions(answers(PREDICTED, LABELS, sample=SAMPLES))
    assert [one.sample for one in found.samples] == ["s1", "s2", "s3", "s4"]
    assert found.samples[0].counts == (4, 6, 0)
    assert found.samples[0].fractions == (0.4, 0.6, 0.0)
    assert found.samples[0].intervals[0] == tuple(wilson_interval(4, 10))


def test_conditions_are_averaged_over_samples(answers) -> None:
    found = class_fractions(answers(PREDICTED, LABELS, sample=SAMPLES, condition=CONDITIONS))
    healthy, ill = found.conditions
    assert (healthy.condition, healthy.samples, ill.samples) == ("healthy", 3, 1)
    values = np.array([0.4, 0.6, 0.8])
    low, high = stats.t.interval(0.95, 2, loc=values.mean(), scale=stats.sem(values))
    assert healthy.means[0] == pytest.approx(0.6)
    assert healthy.intervals[0] == pytest.approx((max(low, 0), min(high, 1)))
    assert ill.intervals is None


def test_without_columns_all_cells_are_one_sample(answers) -> None:
    found = class_fractions(answers(PREDICTED, LABELS))
    assert [(one.sample, one.n) for one in found.samples] == [("all cells", 40)]
    assert found.conditions == ()


def test_a_sample_of_two_conditions_counts_in_each(answers) -> None:
    found = class_fractions(
        answers(PREDICTED, LABELS, sample=["s"] * 40, condition=["before"] * 20 + ["after"] * 20)
    )
    assert [(one.sample, one.condition, one.n) for one in found.samples] == [
        ("s", "before", 20),
        ("s", "after", 20),
    ]


def test_other_columns_can_be_named(answers) -> None:
    predictions = answers(PREDICTED, LABELS, slide=SAMPLES, drug=CONDITIONS)
    found = class_fractions(predictions, sample_column="slide", condition_column="drug")
    assert len(found.samples) == 4 and len(found.conditions) == 2
    with pytest.raises(InputError, match="no sample column 'plate'; they have: slide, drug"):
        class_fractions(predictions, sample_column="plate")


def test_cells_of_no_known_sample_are_kept(answers) -> None:
    found = class_fractions(answers(PREDICTED, LABELS, sample=["s1"] * 30 + [None] * 10))
    assert [(one.sample, one.n) for one in found.samples] == [("s1", 30), ("unknown", 10)]
