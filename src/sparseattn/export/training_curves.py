"""How a training run went, as one picture: loss, balanced accuracy and k along the epochs."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from sparseattn.errors import InputError
from sparseattn.learn.history import History
from sparseattn.writing import replaced_file

_BLUE, _ORANGE = "#0072B2", "#D55E00"  # Okabe and Ito's colours, told apart by all
FORMATS = (".png", ".svg", ".pdf")


def draw_training_curves(history: History, *, stacked: bool = False) -> Figure:
    """Draw the loss, the balanced accuracy on the validation cells, and the course of k.

    Side by side, or ``stacked`` one above the other for a narrow place.

    Raises
    ------
    InputError
        Where the history holds no epoch.
    """
    if not history.epochs:
        raise InputError("the model keeps no history of its training; there is nothing to draw")
    figure = Figure(figsize=(4.4, 6.6) if stacked else (10, 3.2), layout="constrained")
    FigureCanvasAgg(figure)
    loss, accuracy, pixels = figure.subplots(3, 1) if stacked else figure.subplots(1, 3)
    epochs = [record.epoch for record in history.epochs]

    loss.plot(epochs, [record.loss for record in history.epochs], color=_BLUE, label="training")
    validation = [record.validation_loss for record in history.epochs]
    loss.plot(
        epochs, [float("nan") if v is None else v for v in validation], color=_ORANGE, label="validation"
    )
    loss.legend(frameon=False)
    _label(loss, "Loss (nats)")

    recalls = [record.validation_balanced_accuracy for record in history.epochs]
    accuracy.plot(epochs, [float("nan") if r is None else 100 * r for r in recalls], color=_ORANGE)
    lowest = min((100 * r for r in recalls if r is not None), default=0.0)
    accuracy.set_ylim(max(0.0, min(lowest - 3, 90)), 101)  # no ticks above 100 %
    _label(accuracy, "Balanced accuracy, validation (%)")

    shares = [100 * record.pixel_fraction for record in history.epochs]
    pixels.step(epochs, shares, where="post", color=_BLUE)
    pixels.set_ylim(0, 1.25 * max(shares))
    _label(pixels, f"Selected pixels (%), in the end k = {history.epochs[-1].k:,}")
    return figure


def write_training_curves(history: History, path: Path) -> None:
    """Write the curves as a PNG, SVG or PDF file, by the file's suffix.

    Raises
    ------
    InputError
        Where the suffix is another, the history is empty, or the file cannot be written.
    """
    suffix = path.suffix.lower()
    if suffix not in FORMATS:
        raise InputError(f"cannot draw to {path}; give a file that ends in {', '.join(FORMATS)}")
    figure = draw_training_curves(history)
    with replaced_file(path) as draft:
        figure.savefig(draft, format=suffix[1:], dpi=150)


def _label(axes: Axes, title: str) -> None:
    axes.set_title(title, loc="left", fontsize=10)
    axes.set_xlabel("epoch")
    axes.spines[["top", "right"]].set_visible(False)
