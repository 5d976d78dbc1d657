"""Confidence that means something: on numbers of which it is known how sure one may be, and on real cells."""

import numpy as np
import pytest

from sparseattn.errors import InputError
from sparseattn.learn.calibration import ConfidenceScale, fit_scale, tempered
from sparseattn.learn.metrics import calibration_interval, classification_report


def answers(count, temperature=1.0, classes=4, seed=0):
    """Draw probabilities and classes that agree, then make the probabilities too sure or too unsure."""
    random = np.random.default_rng(seed)
    honest = random.dirichlet(np.full(classes, 0.5), size=count)
    labels = np.array([random.choice(classes, p=row) for row in honest])
    return tempered(honest, 1 / temperature), labels


@pytest.mark.parametrize("temperature", [0.3, 3.0])
def test_the_scale_mends_the_calibration_error(temperature):
    shares, labels = answers(2000, temperature)
    scale = fit_scale(shares, labels)
    assert scale.temperature == pytest.approx(temperature, rel=0.1)
    others, known = answers(2000, temperature, seed=1)
    names = list("abcd")
    before = classification_report(known, others, names)["ece"]
    mended = tempered(others, scale.temperature)
    after = classification_report(known, mended, names)["ece"]
    low, high = calibration_interval(known, mended)
    assert after < 0.03 < 0.08 < before and low <= after * 1.5 and after <= high


@pytest.mark.parametrize("error_rate", [0.3, 0.1, 0.05])
def test_sets_miss_the_class_as_rarely_as_was_asked(error_rate):
    covered = []
    for seed in range(30):
        shares, labels = answers(150, 2.0, seed=seed)
        scale = fit_scale(shares, labels)
        others, known = answers(200, 2.0, seed=seed + 1000)
        sets = scale.sets(tempered(others, scale.temperature), error_rate)
        assert sets[np.arange(200), others.argmax(axis=1)].all()
        covered.append(sets[np.arange(200), known].mean())
    mean, error = np.mean(covered), np.std(covered) / np.sqrt(30)
    assert mean > 1 - error_rate - 3 * error
    assert mean < 1 - error_rate + 0.06  # and are not simply all classes


def test_too_few_cells_give_all_classes():
    scale = fit_scale(*answers(15))
    assert scale.sets(answers(5, seed=2)[0], 0.05).all()
    assert not scale.sets(answers(50, seed=2)[0], 0.2).all()


def test_nothing_is_promised_without_cells_or_for_no_error_rate():
    assert fit_scale(np.zeros((0, 3)), []) is None
    with pytest.raises(InputError, match="between 0 and 1"):
        fit_scale(*answers(15)).sets(answers(5)[0], 1.0)


@pytest.mark.parametrize(
    ("temperature", "surprise"),
    [(0.0, [0.1]), (float("nan"), [0.1]), (1, [0.1]), (1.0, [0.2, 0.1]), (1.0, []), (1.0, [0.5, 1.5])],
)
def test_a_damaged_scale_is_refused(temperature, surprise):
    with pytest.raises(InputError):
        ConfidenceScale(temperature, np.array(surprise, dtype=np.float32))
