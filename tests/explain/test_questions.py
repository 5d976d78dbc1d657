"""Which pixels would change it, have I seen such a cell, is it looking at the background."""

import numpy as np
import pytest
import torch

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.explain.counterfactual import counterfactual
from sparseattn.explain.explainer import CellExplainer
from sparseattn.explain.neighbours import feature_table
from sparseattn.explain.shortcuts import attention_outside, outside_cell, own_mask
from sparseattn.explain.sufficient import fewest_sufficient_pixels


@pytest.fixture(scope="module")
def blood(real_data, request):
    path = request.config.rootpath / "napari_sparseattn" / "models" / "stained_blood.safetensors"
    classifier = Classifier.load(path)
    cells = open_cells(real_data / "stained_pbc", subfolders="classes")
    sides = classifier.split.sides
    return classifier, {
        side: cells.subset([row for row, name in enumerate(cells.ids) if sides.get(name) == side])
        for side in ("train", "test")
    }


def test_a_counterfactual_changes_the_class_and_is_minimal(blood):
    classifier, cells = blood
    for index in (0, 30, 60):
        explainer = CellExplainer(classifier, cells["test"], index)
        found = counterfactual(explainer)
        assert found is not None and found.smallest and found.class_name != found.other_class
        assert found.class_name == explainer.at().predicted
        # Decide anew without these units, by the net's own door.
        image, coarse, selected, _ = explainer.selection(classifier.k)
        places = {tuple(place) for place in found.positions // explainer.unit_pixels}
        assert len(places) * explainer.unit_pixels**2 == found.pixels < classifier.k
        units = classifier.net.config.units
        kept = [unit for unit in selected[0].tolist() if divmod(unit, units) not in places]
        assert len(kept) == selected.shape[1] - len(places)
        with torch.inference_mode():
            logits = classifier.net.decide(image, coarse, torch.tensor([kept])).logits
        assert classifier.classes[int(logits.argmax())] == found.other_class


def test_no_counterfactual_where_one_unit_is_all(two_channels):
    assert counterfactual(CellExplainer(two_channels.classifier, two_channels.cells, 0), k=4) is None


def test_the_most_alike_cells_are_of_the_same_class(blood):
    classifier, cells = blood
    some = cells["test"].subset(range(0, 100, 5))
    known = feature_table(classifier, cells["train"])
    mine = feature_table(classifier, some)
    rows, likeness = known.nearest(mine.features, 5)
    labels = np.array(cells["train"].labels)[rows]
    assert (labels == np.array(some.labels)[:, None]).mean() > 0.85
    assert (np.diff(likeness, axis=1) <= 0).all() and likeness.max() <= 1 + 1e-5
    again, one = known.nearest(known.features[:3], 1)
    assert again[:, 0].tolist() == known.rows[:3].tolist() and one == pytest.approx(1, abs=1e-5)


def test_attention_outside_the_cell_is_named(two_channels):
    classifier, cells = two_channels.classifier, two_channels.cells
    every, none = np.ones((30, 40), bool), np.zeros((30, 40), bool)
    inside = outside_cell(classifier, cells, [every] * len(cells))
    assert inside.attention == pytest.approx(0, abs=1e-6) and inside.warning() is None
    beyond = outside_cell(classifier, cells, [none] * 10 + [every] * 5 + [None] * 9)
    assert beyond.suspicious().tolist() == list(range(10)) and np.isnan(beyond.attention[15:]).all()
    assert beyond.attention[:10] == pytest.approx(1) and (beyond.chance[:10] == 1).all()
    assert beyond.warning().startswith("in 10 of 15 cells")


def test_the_attention_outside_one_cell_is_that_of_all(two_channels):
    classifier, cells = two_channels.classifier, two_channels.cells
    left = np.zeros((30, 40), bool)
    left[:, :20] = True
    outside = outside_cell(classifier, cells, [left] * len(cells))
    assert outside.known == len(cells)
    for row in (0, 7):
        share = attention_outside(CellExplainer(classifier, cells, row).at(), left)
        assert share == pytest.approx(outside.attention[row], abs=1e-5) and 0 < share < 1
    steps = []
    found = outside_cell(classifier, cells, find=True, on_cells=lambda *step: steps.append(step))
    assert steps[-1] == (len(cells), len(cells)) and found.known == len(cells)
    mask = own_mask(cells, 3)
    assert found.attention[3] == pytest.approx(
        attention_outside(CellExplainer(classifier, cells, 3).at(), mask), abs=1e-5
    )


def test_the_fewest_pixels_suffice_by_themselves(blood):
    classifier, cells = blood
    config = classifier.net.config
    found = 0
    for index in (0, 30, 60):
        explainer = CellExplainer(classifier, cells["test"], index)
        fewest = fewest_sufficient_pixels(explainer)
        if fewest is None:
            continue
        found += 1
        assert explainer.unit_pixels**2 <= fewest <= classifier.k + 4
        # Keep what these pixels read, fill the rest, and ask anew.
        images = explainer.selection(fewest)[0].numpy()
        left = np.zeros_like(images)
        kept = explainer.at(fewest).read_mask
        left[:, :, kept] = images[:, :, kept]
        answer = classifier.inspect(left).logits.argmax()
        assert classifier.classes[int(answer)] == explainer.at().predicted
        assert config.size**2 > kept.sum()
    assert found
