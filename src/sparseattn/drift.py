"""Whether a sample looks like what a model was trained on: its images, and the fractions of its classes.

Each check compares the sample with what the model file keeps of its own cells, and warns only where the
difference is both large (an effect size beyond a threshold) and beyond chance (p below 0.01 after Holm's
correction for all checks of the sample). A warning is no verdict: the biology may be what differs.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

Kind = Literal["scores", "unlike", "feature", "brightness", "fraction"]

LEAST_CELLS = 20
"""In the sample, and on the model's side of a comparison: of fewer cells nothing is said."""

MOST_CELLS = 300
"""Cells whose images are looked at again, spread evenly over the sample."""

LEVEL = 0.01
UNLIKE = 0.05
"""In-distribution scores below this are held by one in twenty of the cells that the model was judged by."""

_LEAST_AUC = 0.64  # half a standard deviation between two normal distributions (Cohen's d = 0.5)
_LEAST_UNLIKE_SHARE = 0.15  # three times what is expected
_LEAST_DISTANCE = 0.5  # standard deviations: Cohen's medium effect
_LEAST_INTENSITY_SHIFT = 0.5  # standard deviations of the channel
_LEAST_COHEN_H = 0.5  # Cohen's medium effect


@dataclass(frozen=True)
class DriftCheck:
    """One comparison of a sample with the model's own cells.

    Attributes
    ----------
    kind : str
        "scores", "unlike", "feature", "brightness" or "fraction".
    name : str
        What is compared, such as "brightness of green".
    effect_name : str
        What ``effect`` is.
    effect, threshold : float
        How large the difference is, and from where on it warns; both positive.
    test : str
        The test that gave ``p``.
    p, p_adjusted : float
        As it is, and after Holm's correction for all checks of the sample.
    sentence : str
        The difference in plain words.
    """

    kind: Kind
    name: str
    effect_name: str
    effect: float
    threshold: float
    test: str
    p: float
    p_adjusted: float
    sentence: str

    @property
    def warns(self) -> bool:
        """Whether the difference is both large and beyond chance."""
        return self.effect >= self.threshold and self.p_adjusted < LEVEL


@dataclass(frozen=True)
class Drift:
    """How a sample differs from what a model was trained on.

    Attributes
    ----------
    sample : str
        Its name; may be empty.
    n : int
        Its cells.
    unlike : float
        Share of them whose in-distribution score is below 0.05: about 0.05 where nothing drifts.
    checks : tuple of DriftCheck
        All comparisons that could be made; none where the sample has fewer than 20 cells.
    notes : tuple of str
        What could not be compared, and why.
    """

    sample: str
    n: int
    unlike: float
    checks: tuple[DriftCheck, ...]
    notes: tuple[str, ...]

    @property
    def warnings(self) -> tuple[str, ...]:
        """One plain sentence for each check that warns, the largest difference first.

        Of classes whose fractions differ the most different one is named, and how many others there are.
        """
        warning = sorted(
            (check for check in self.checks if check.warns),
            key=lambda check: check.effect / check.threshold,
            reverse=True,
        )
        fractions = [check for check in warning if check.kind == "fraction"]
        sentences = []
        for check in warning:
            if check.kind != "fraction":
                sentences.append(check.sentence)
            elif check is fractions[0]:
                others = len(fractions) - 1
                more = f"; {others} other {'class differs' if others == 1 else 'classes differ'} too."
                sentences.append(check.sentence if not others else check.sentence.rstrip(".") + more)
        return tuple(sentences)


def check_drift(
    classifier: Classifier,
    predictions: Predictions,
    *,
    sample: str = "",
    on_batch: Callable[[int, int], None] | None = None,
) -> Drift:
    """Compare a sample with what a model was trained on.

    Parameters
    ----------
    classifier : Classifier
        The model.
    predictions : Predictions
        What it answers for the sample's cells.
    sample : str
        Its name; empty where the cells are no named sample.
    on_batch : callable, optional
        Called after each batch of images with the number of cells that are done, and of all; what it raises
        ends the check.

    Returns
    -------
    Drift
        The checks:

        - in-distribution scores against those of the held-out cells: Mann-Whitney test, one-sided; the effect
          is the chance that a cell of the sample lies farther from the training cells than a held-out one;
        - share of cells that are unlike any: Fisher's exact test, one-sided; the effect is the share;
        - mean feature, within the nearest classes: chi-square test of the squared Mahalanobis distance, with
          the spread that the held-out cells show; the effect is the distance in standard deviations, less
          what chance alone gives;
        - mean brightness of each channel, weighted to the sample's classes: Welch's t test against the
          training cells that the model keeps, one-sample t test against the mean of the preparation where it
          keeps none; the effect is the shift in standard deviations of the channel;
        - fraction of each class: Fisher's exact test against the model's answers for its validation cells;
          the effect is Cohen's h.

    Notes
    -----
    Scores are comparable only at the model's own k; at another k the first three checks are left out.
    Correction: Holm 1979, "A simple sequentially rejective multiple test procedure". Effect sizes: Cohen
    1988, "Statistical power analysis for the behavioral sciences".
    """
    n = len(predictions)
    called = f"the cells of “{sample}”" if sample else "these cells"
    scores = predictions.in_distribution.astype(np.float64)
    unlike = float((scores < UNLIKE).mean())
    if n < LEAST_CELLS:
        note = f"{LEAST_CELLS} cells are needed to say whether {called} differ; there are {n}."
        return Drift(sample, n, unlike, (), (note,))
    notes: list[str] = []
    checks: list[DriftCheck] = []
    own_k = predictions.k == classifier.k
    held_out = len(classifier.in_distribution.reference)
    comparable = own_k and held_out >= LEAST_CELLS
    if not own_k:
        notes.append(
            f"The answers are for {predictions.k} selected pixels and the model learned {classifier.k}: how "
            "unlike its own cells the images are is not compared."
        )
    elif not comparable:
        notes.append(f"The model was judged by {held_out} cells only: too few to compare the images with.")
    if comparable:
        checks += [_scores_check(scores, held_out, called), _unlike_check(scores, held_out, called)]
    features, brightness, rows = _look(classifier, predictions, on_batch)
    if comparable and len(rows) >= LEAST_CELLS:
        checks.append(_feature_check(classifier, features, called))
    if len(rows) >= LEAST_CELLS:
        answered = predictions.probabilities.argmax(axis=1)[rows]
        checks += _brightness_checks(classifier, brightness, answered, called)
    checks += _fraction_checks(classifier, predictions, called, notes)
    return Drift(sample, n, unlike, _corrected(checks), tuple(notes))


def _look(
    classifier: Classifier, predictions: Predictions, on_batch: Callable[[int, int], None] | None
) -> tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.int64]]:
    """Return features (m, D), mean standardised brightness (m, C) and the rows of some cells."""
    n = len(predictions)
    count = min(MOST_CELLS, n)
    wanted = np.arange(count) * n // count
    features, brightness, rows = [], [], []
    for batch in classifier.prepare.batches(predictions.cells.subset(wanted), 64):
        output = classifier.inspect(batch.images, predictions.k)
        features.append(output.feature.numpy().astype(np.float64))
        brightness.append(_brightness(batch.images, np.zeros(batch.images.shape[1])))
        rows.append(wanted[batch.indices])
        if on_batch is not None:
            on_batch(int(batch.indices[-1]) + 1, count)
    if not rows:  # the files have gone since they were classified
        return np.zeros((0, 0)), np.zeros((0, 0)), np.zeros(0, dtype=np.int64)
    return np.concatenate(features), np.concatenate(brightness), np.concatenate(rows)


def _scores_check(scores: NDArray[np.float64], held_out: int, called: str) -> DriftCheck:
    """Rank the sample's distances among the held-out ones: a score says how many of these lie farther."""
    n = len(scores)
    nearer = held_out + 1 - scores * (held_out + 1)
    auc = float(nearer.mean() / held_out)
    # The normal approximation of U; both sides have at least 20 cells.
    spread = np.sqrt((n + held_out + 1) / (12 * n * held_out))
    return DriftCheck(
        kind="scores",
        name="likeness of the images",
        effect_name="chance that a cell lies farther from the training cells than a held-out one",
        effect=auc,
        threshold=_LEAST_AUC,
        test="Mann-Whitney, one-sided",
        p=_upper_tail((auc - 0.5) / spread),
        p_adjusted=1.0,
        sentence=(
            f"{_capital(called)} look less like the training cells than usual: compared with a cell that was "
            f"held out in training, a cell is the stranger one in {_percent(auc)} of all pairs, not in 50 %."
        ),
    )


def _unlike_check(scores: NDArray[np.float64], held_out: int, called: str) -> DriftCheck:
    from scipy.stats import fisher_exact  # half a second

    unlike, n = int((scores < UNLIKE).sum()), len(scores)
    expected = int(np.ceil(UNLIKE * (held_out + 1))) - 1
    p = fisher_exact([[unlike, n - unlike], [expected, held_out - expected]], alternative="greater").pvalue
    return DriftCheck(
        kind="unlike",
        name="cells unlike any that the model was taught with",
        effect_name="share of the cells",
        effect=unlike / n,
        threshold=_LEAST_UNLIKE_SHARE,
        test="Fisher's exact, one-sided",
        p=float(p),
        p_adjusted=1.0,
        sentence=(
            f"{_percent(unlike / n)} of {called} look unlike all that the model was trained on, where "
            f"{_percent(UNLIKE)} is usual."
        ),
    )


def _feature_check(classifier: Classifier, features: NDArray[np.float64], called: str) -> DriftCheck:
    from scipy.stats import chi2

    known = classifier.in_distribution
    means, precision = known.means.astype(np.float64), known.precision.astype(np.float64)
    away = features[:, None] - means[None]  # (m, classes, D)
    distances = np.einsum("mcd,de,mce->mc", away, precision, away)
    residuals = away[np.arange(len(features)), distances.argmin(axis=1)]
    shift = residuals.mean(axis=0)
    squared = float(shift @ precision @ shift)
    width, count = features.shape[1], len(features)
    # Held-out cells spread wider than those that the covariance was fitted to.
    inflation = max(1.0, float((known.reference.astype(np.float64) ** 2).mean()) / width)
    distance = float(np.sqrt(max(0.0, squared - inflation * width / count)))
    return DriftCheck(
        kind="feature",
        name="mean of what the model reads from the images",
        effect_name="distance in standard deviations",
        effect=distance,
        threshold=_LEAST_DISTANCE,
        test="chi-square of the squared Mahalanobis distance",
        p=float(chi2.sf(count * squared / inflation, width)),
        p_adjusted=1.0,
        sentence=(
            f"What the model reads from the images of {called} is shifted by {distance:.1f} standard "
            "deviations against its training cells, as after a change of stain, focus or instrument."
        ),
    )


def _brightness_checks(
    classifier: Classifier, brightness: NDArray[np.float64], answered: NDArray[np.int64], called: str
) -> list[DriftCheck]:
    from scipy.stats import t

    expected, variance, freedom = _expected_brightness(classifier, answered)
    checks = []
    for place, channel in enumerate(classifier.prepare.channels):
        values = brightness[:, place]
        shift = float(values.mean() - expected[place])
        own = float(values.var(ddof=1)) / len(values)
        error = np.sqrt(own + variance[place])
        degrees = len(values) - 1.0
        if variance[place] > 0:  # Welch and Satterthwaite
            degrees = (own + variance[place]) ** 2 / (own**2 / degrees + variance[place] ** 2 / freedom)
        p = float(2 * t.sf(abs(shift) / error, degrees)) if error > 0 else float(shift == 0)
        mean, std = classifier.prepare.mean[place], classifier.prepare.std[place]
        now, usual = mean + std * float(values.mean()), mean + std * float(expected[place])
        checks.append(
            DriftCheck(
                kind="brightness",
                name=f"brightness of {channel}",
                effect_name="shift in standard deviations of the channel",
                effect=abs(shift),
                threshold=_LEAST_INTENSITY_SHIFT,
                test="Welch's t" if variance[place] > 0 else "one-sample t",
                p=p,
                p_adjusted=1.0,
                sentence=(
                    f"The images of {called} are {'brighter' if shift > 0 else 'darker'} in {channel} than "
                    f"the training cells: {now:.4g} on average, against {usual:.4g}."
                ),
            )
        )
    return checks


def _brightness(images: NDArray[np.float32], tolerance: NDArray[np.floating]) -> NDArray[np.float64]:
    """Return the mean (n, C) of prepared images (n, C, S, S) without their padding, which is 0 all along."""
    bare: NDArray[np.bool_] = np.all(np.abs(images) <= tolerance[:, None, None], axis=1)
    rows: NDArray[np.bool_] = np.all(bare, axis=2, keepdims=True)
    columns: NDArray[np.bool_] = np.all(bare, axis=1, keepdims=True)
    inside = ~(rows | columns)
    count = np.maximum(inside.sum(axis=(1, 2)), 1)
    means: NDArray[np.float64] = np.sum(images * inside[:, None], axis=(2, 3), dtype=np.float64)
    means /= count[:, None]
    return means


def _expected_brightness(
    classifier: Classifier, answered: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64], float]:
    """Return the mean brightness (C,) of training cells of these classes, its variance, and their freedom.

    Without kept training cells of all these classes: the mean of the preparation, 0, of no variance.
    """
    channels = len(classifier.prepare.channels)
    images, labels = classifier.prototypes.decode()
    expected, variance = np.zeros(channels), np.zeros(channels)
    freedom = 0
    for label, count in zip(*np.unique(answered, return_counts=True), strict=True):
        kept = _brightness(images[labels == label], classifier.prototypes.step / 2)
        if len(kept) < 3:
            return np.zeros(channels), np.zeros(channels), 1.0
        share = count / len(answered)
        expected += share * kept.mean(axis=0)
        variance += share**2 * kept.var(axis=0, ddof=1) / len(kept)
        freedom += len(kept) - 1
    return expected, variance, float(freedom)


def _fraction_checks(
    classifier: Classifier, predictions: Predictions, called: str, notes: list[str]
) -> list[DriftCheck]:
    from scipy.stats import fisher_exact

    usual = _usual_answers(classifier.history.validation, classifier.classes)
    if usual is None or usual.sum() < LEAST_CELLS:
        notes.append("The model keeps too few validation answers to compare the class fractions with.")
        return []
    n, held_out = len(predictions), int(usual.sum())
    counts = np.bincount(predictions.probabilities.argmax(axis=1), minlength=len(predictions.classes))
    checks = []
    for place, name in enumerate(predictions.classes):
        here, there = int(counts[place]), int(usual[place])
        cohen_h = abs(2 * np.arcsin(np.sqrt(here / n)) - 2 * np.arcsin(np.sqrt(there / held_out)))
        checks.append(
            DriftCheck(
                kind="fraction",
                name=f"fraction of {name}",
                effect_name="Cohen's h",
                effect=float(cohen_h),
                threshold=_LEAST_COHEN_H,
                test="Fisher's exact",
                p=float(fisher_exact([[here, n - here], [there, held_out - there]]).pvalue),
                p_adjusted=1.0,
                sentence=(
                    f"{_capital(name)} makes up {_percent(here / n)} of {called}, against "
                    f"{_percent(there / held_out)} of the cells that it was validated with."
                ),
            )
        )
    return checks


def _usual_answers(validation: dict[str, Any], classes: tuple[str, ...]) -> NDArray[np.int64] | None:
    """Return how often the model gave each class to its validation cells, or None where it is not kept."""
    confusion = validation.get("confusion")
    if validation.get("classes") != list(classes) or not isinstance(confusion, list):
        return None
    try:
        counts = np.asarray(confusion, dtype=np.int64)
    except (ValueError, TypeError, OverflowError):
        return None
    return counts.sum(axis=0) if counts.shape == (len(classes),) * 2 and (counts >= 0).all() else None


def _corrected(checks: list[DriftCheck]) -> tuple[DriftCheck, ...]:
    """Correct the p values by Holm's method."""
    order = sorted(range(len(checks)), key=lambda place: checks[place].p)
    largest, adjusted = 0.0, list(checks)
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(checks) - rank) * checks[place].p))
        adjusted[place] = replace(checks[place], p_adjusted=largest)
    return tuple(adjusted)


def _upper_tail(z: float) -> float:
    from scipy.stats import norm

    return float(norm.sf(z))


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %"


def _capital(text: str) -> str:
    return text[:1].upper() + text[1:]
