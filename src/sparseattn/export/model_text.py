"""A model in words, for those who get it without this program: Markdown."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparseattn.cells import Prepare
    from sparseattn.classifier import Classifier
    from sparseattn.model_card import ModelCard

PAPER = (
    "Yoshai, Yagoda-Aharoni, Dotan, Shaked: Hierarchical Sparse Attention Framework for Computationally "
    "Efficient Classification of Biological Cells, 2025"
)
PAPER_URL = "https://arxiv.org/abs/2505.07661"


def model_title(classifier: Classifier, card: ModelCard | None) -> str:
    """Return what a model is, in a few words."""
    if card is not None:
        return card.title
    kind = "" if classifier.modality == "unknown" else f"{classifier.modality} "
    return f"Cells of {len(classifier.classes)} classes in {kind}images"


def model_text(classifier: Classifier, card: ModelCard | None = None) -> str:
    """Return a section of Markdown: what a model tells apart, what it was taught with, how right it is.

    Parameters
    ----------
    classifier : Classifier
        The model.
    card : ModelCard, optional
        What its maker says of it; without one it is said that nothing is known.
    """
    prepare, config, history = classifier.prepare, classifier.net.config, classifier.history
    pixels, unit, window = prepare.size**2, config.cell_size, config.window
    parameters = sum(one.numel() for one in classifier.net.parameters())
    sides = Counter(classifier.split.sides.values())
    seed = "" if history.seed is None else f", seed {history.seed}"
    facts = {
        "classes": ", ".join(classifier.classes),
        "images": f"{classifier.modality}; channels {', '.join(prepare.channels)}",
        "taught with": card.training_data if card else "its maker does not say",
        "training": f"{sides['train']} cells, {sides['validation']} for validation; "
        f"{len(history.epochs)} epochs{seed}",
        "how right": card.accuracy if card else _validation(classifier),
        "not for": card.not_for if card else "diagnosis, or any decision about a patient",
        "licence": card.licence if card else "its maker does not say",
        "net": f"SparseAttnNet, {parameters:,} parameters; a grid of {prepare.size} x {prepare.size} pixels, "
        f"of which {classifier.k} ({100 * classifier.k / pixels:.2g} %) are selected, in squares "
        f"of {unit} x {unit} that are read with {window} x {window} around",
        "before the net": preparation_text(prepare),
        "hash": f"`{classifier.model_hash}`",
    }
    rows = "\n".join(f"| {name} | {_cell(text)} |" for name, text in facts.items())
    return f"## {model_title(classifier, card)}\n\n| | |\n|---|---|\n{rows}\n"


def preparation_text(prepare: Prepare) -> str:
    """Return how the image of a cell becomes what the net sees."""
    side = f"{prepare.size} x {prepare.size}"
    if prepare.policy == "resize":
        placed = (
            f"resized so that its longer side fills {side} pixels (anti-aliased, aspect kept), then padded"
        )
    else:
        pixel = prepare.grid_pixel_um or prepare.pixel_size_um
        scaled = "" if pixel is None else f"rescaled to {pixel:.4g} µm a pixel, then "
        placed = f"{scaled}cropped or padded about its centre to {side} pixels"
    channels = "; ".join(
        f"{name} {mean:.5g}, {std:.5g}"
        for name, mean, std in zip(prepare.channels, prepare.mean, prepare.std, strict=True)
    )
    return (
        f"the image is {placed} with the mean; then standardised by the mean and standard deviation of each "
        f"channel, in the units of the file ({channels})"
    )


def _validation(classifier: Classifier) -> str:
    found = classifier.history.validation
    if not found or found.get("balanced_accuracy") is None:
        return "not recorded"
    return (
        f"balanced accuracy {100 * found['balanced_accuracy']:.1f} % on {found['n']} validation cells; "
        "slightly optimistic, since the number of selected pixels was chosen by them"
    )


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")
