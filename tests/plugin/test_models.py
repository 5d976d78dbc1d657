"""The models that come with the plugin: small, described, and as right as their cards say."""

import os
from pathlib import Path

import pytest

from napari_sparseattn._sample_data import sample_folder
from napari_sparseattn.models import bundled_models, model_for
from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier

CARDS = bundled_models()


def test_there_are_models_of_real_and_of_simulated_cells() -> None:
    assert {card.path.stem for card in CARDS if not card.simulated} == {"stained_blood", "flow_cell_cycle"}
    assert {card.path.stem for card in CARDS if card.simulated} == {
        "simulated_events",
        "simulated_opd",
        "simulated_stained",
    }


@pytest.mark.parametrize("card", CARDS, ids=lambda card: card.path.stem)
def test_a_model_is_small_fits_its_card_and_holds_no_pictures(card) -> None:
    assert card.path.stat().st_size < 350_000
    classifier = Classifier.load(card.path)
    assert classifier.classes == card.classes
    assert classifier.prepare.channels == card.channels
    assert classifier.modality == card.modality
    assert classifier.k <= 0.15 * classifier.prepare.size**2
    assert len(classifier.prototypes) == 0
    for said in (card.title, card.training_data, card.licence, card.accuracy, card.not_for):
        assert said in card.text
    assert "diagnosis" in card.not_for or card.simulated


@pytest.mark.parametrize("instrument", ["opd", "events", "stained"])
def test_sample_cells_are_offered_the_model_of_their_instrument(instrument: str) -> None:
    cells = open_cells(sample_folder(instrument), subfolders="classes")
    card = model_for(cells, simulated=True)
    assert card is not None and card.path.stem == f"simulated_{instrument}"
    predictions = Classifier.load(card.path).predict(cells)
    right = sum(a == b for a, b in zip(predictions.predicted, predictions.human_label, strict=True))
    assert right > 0.6 * len(cells)  # five types: chance is a fifth


@pytest.mark.skipif("SPARSEATTN_REAL_DATA" not in os.environ, reason="SPARSEATTN_REAL_DATA is not set")
def test_the_model_of_stained_blood_knows_the_cells_that_were_set_aside() -> None:
    source = Path(os.environ["SPARSEATTN_REAL_DATA"]) / "stained_pbc"
    cells = open_cells(source, subfolders="classes", modality="brightfield")
    card = model_for(cells)
    assert card is not None and card.path.stem == "stained_blood"
    classifier = Classifier.load(card.path)
    aside = [row for row, name in enumerate(cells.ids) if classifier.split.sides.get(name) == "test"]
    predictions = classifier.predict(cells.subset(aside))
    right = sum(a == b for a, b in zip(predictions.predicted, predictions.human_label, strict=True))
    assert f"{100 * right / len(aside):.1f} % right of {len(aside)} cells" in card.accuracy
