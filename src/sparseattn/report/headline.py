"""The figures that a report begins with, in the window and on its page."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.report.report import Report


def headline(report: Report) -> list[tuple[str, str, str]]:
    """Return the title, the figure and what stands below it of each."""
    k, pixels = report.predictions.k, report.grid_pixels
    shown = [("cells", f"{len(report.predictions):,}", "classified")]
    if report.judgement is not None:
        metrics, scores = report.judgement.metrics, report.judgement.scores
        shown = [
            ("accuracy", _percent(metrics["accuracy"]), _interval(scores.accuracy_interval)),
            (
                "balanced accuracy",
                _percent(metrics["balanced_accuracy"]),
                _interval(scores.balanced_accuracy_interval),
            ),
            ("mean F1", _percent(metrics["macro_f1"]), _interval(scores.macro_f1_interval)),
            ("calibration error", f"{metrics['ece']:.3f}", "0 is perfect"),
            ("cells judged", f"{metrics['n']:,}", f"of {len(report.predictions):,} classified"),
        ]
    share = f"{100 * k / pixels:.1f} % of {pixels:,}" if pixels else ""
    return [*shown, ("selected pixels", f"{k:,}", share)]


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _interval(limits: tuple[float, float]) -> str:
    low, high = (100 * limit for limit in limits)
    digits = 0 if high - low >= 1 else 2  # of a million cells whole percents would be alike
    return f"95 %: {low:.{digits}f} to {high:.{digits}f} %"
