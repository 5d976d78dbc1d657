"""Write docs/models.md, the cards of the models that come with the plugin; a test says when it is old."""

from __future__ import annotations

from pathlib import Path

from napari_sparseattn.models import bundled_models
from sparseattn.classifier import Classifier
from sparseattn.export.model_text import model_text

PAGE = Path(__file__).resolve().parent.parent / "docs" / "models.md"
HEAD = """# Models

These come with the plugin, in `napari_sparseattn/models`. The app offers one where it fits the cells that are
open; the command line takes the file. They hold no pictures of training cells. A model for other stains,
instruments or laboratories has to be [taught](tutorials/teach.md) with cells of theirs.

Written by `python scripts/model_cards.py`; the models are made by `make models`.
"""
SIMULATED = "**Simulated cells.** For the sample cells that come along, and nothing else."


def page() -> str:
    """Return the page: models of real cells first."""
    cards = sorted(bundled_models(), key=lambda card: (card.simulated, card.path.stem))
    parts = [HEAD]
    for card in cards:
        text = model_text(Classifier.load(card.path), card)
        if card.simulated:
            head, _, rest = text.partition("\n\n")
            text = f"{head}\n\n{SIMULATED}\n\n{rest}"
        parts.append(f"{text}\nFile: `{card.path.name}`, {card.path.stat().st_size / 1000:.0f} kB.\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
