"""One cell at many k: the same answers as one at a time, and what is searched and weighed among them."""

import numpy as np
import pytest
import torch

from sparseattn.errors import InputError
from sparseattn.explain import CellExplainer, class_evidence, explain_cell
from sparseattn.fills import fill_images


@pytest.fixture(scope="module")
def explainer(two_channels):
    return CellExplainer(two_channels.classifier, two_channels.cells, 5)


@pytest.mark.parametrize("k", [1, 7, 80, 300, 576])
def test_each_step_is_what_the_net_answers(two_channels, explainer, k):
    seen = two_channels.classifier.prepare.image(two_channels.cells.read(5), two_channels.cells.channels)
    output = two_channels.classifier.inspect(seen[None], k)
    explanation = explainer.at(k)
    probabilities = output.logits.softmax(dim=-1)[0].numpy()
    assert explanation.probabilities == pytest.approx(probabilities, abs=1e-6)
    flat = explanation.selected.positions // 2 @ (12, 1)
    assert set(flat.tolist()) == set(output.selected[0].tolist())
    assert explanation.selected.head_weights.sum(axis=1) == pytest.approx(1, abs=1e-5)


def test_ties_at_the_last_place_are_settled_by_the_net(model):
    """A flat image ties everywhere but at its border: which units come first is the net's own choice."""
    images = np.random.default_rng(1).integers(0, 200, (24, 1, 24, 24)).astype(np.uint8)
    images[5] = 7
    images[5, 0, 0, 0] = 90
    made = model(images, ("dapi",))
    for k in (40, 100, 320):
        seen = made.classifier.prepare.image(made.cells.read(5), made.cells.channels)
        output = made.classifier.inspect(seen[None], k)
        explanation = CellExplainer(made.classifier, made.cells, 5).at(k)
        flat = explanation.selected.positions // 2 @ (12, 1)
        assert set(flat.tolist()) == set(output.selected[0].tolist())


def test_boxes_are_those_of_the_preparation(two_channels, explainer):
    explanation = explainer.at(576)
    prepare, shape = two_channels.classifier.prepare, explanation.image.shape[1:]
    for (y, x), box in zip(explanation.selected.positions, explanation.selected.boxes, strict=True):
        assert tuple(box) == prepare.box(int(y), int(x), shape, explanation.unit_pixels)


def test_curve(explainer):
    steps = []
    curve = explainer.curve(on_step=lambda done, total: steps.append((done, total)))
    assert curve.k[0] == 4 and curve.k[-1] == 576 and (np.diff(curve.k) > 0).all()
    assert curve.probabilities.shape == (len(curve.k), 2)
    for k, probabilities in zip(curve.k, curve.probabilities, strict=True):
        assert probabilities == pytest.approx(explainer.at(int(k)).probabilities)
    assert steps[-1] == (len(curve.k), len(curve.k))
    assert explainer.curve([80, 8]).k.tolist() == [8, 80]


def test_fewest_pixels_keep_the_class_on_the_way_down(two_channels):
    changed = 0
    for index in range(8):
        explainer = CellExplainer(two_channels.classifier, two_channels.cells, index)
        wanted = explainer.at(200).predicted
        fewest, name = explainer.fewest_pixels(200)
        assert name == wanted and fewest <= 200
        assert all(explainer.at(k).predicted == wanted for k in range(fewest, 200, 4))
        if fewest > 4:
            changed += 1
            assert explainer.at(fewest - 4).predicted != wanted
    assert changed, "no cell of these changes its class: the test shows nothing"


def test_evidence_against_another_class_is_the_difference(explainer):
    first, second = explainer.classifier.classes[:2]
    apart = class_evidence(explainer, first, against=second)
    alone = [class_evidence(explainer, name) for name in (first, second)]
    assert apart.pixels == pytest.approx(alone[0].pixels - alone[1].pixels, abs=1e-5)
    assert apart.score == pytest.approx(alone[0].score - alone[1].score, abs=1e-4)
    assert apart.title == f"{first}, not {second}" and alone[0].title == first
    with pytest.raises(InputError, match="from itself"):
        class_evidence(explainer, first, against=first)


@pytest.mark.parametrize("k", [8, 80, 300])
def test_evidence_adds_up(explainer, k):
    explanation = explainer.at(k)
    for name in explainer.classifier.classes:
        evidence = class_evidence(explainer, name, k, steps=64)
        assert evidence.total == pytest.approx(evidence.score - evidence.baseline, abs=0.02)
        assert (evidence.pixels[~explanation.read_mask] == 0).all()
        assert evidence.pixels.any()
        for (y, x), unit in zip(explanation.selected.positions, evidence.units, strict=True):
            assert unit == pytest.approx(evidence.pixels[y : y + 2, x : x + 2].sum(), abs=1e-6)


def test_evidence_of_two_classes_is_opposite(explainer):
    """The score is relative to the mean of all classes: what is for one of two is against the other."""
    one, other = (class_evidence(explainer, name) for name in explainer.classifier.classes)
    assert one.pixels == pytest.approx(-other.pixels, abs=1e-6)


def test_evidence_is_of_the_class_s_own_score(two_channels, explainer):
    evidence = class_evidence(explainer, "long", 80)
    image, coarse, selected, context = explainer.selection(80)
    with torch.inference_mode():
        logits = two_channels.classifier.net.decide(image, coarse, selected, context).logits[0]
    assert evidence.score == pytest.approx(float(logits[1] - logits.mean()), abs=1e-5)


def test_what_cannot_be_asked(explainer):
    with pytest.raises(InputError, match="no class 'square'; it has round, long"):
        class_evidence(explainer, "square")
    for ask in (explainer.at, explainer.fewest_pixels, lambda k: explainer.curve([k])):
        with pytest.raises(InputError, match="577 pixels"):
            ask(577)


def test_explain_cell_is_one_step(two_channels, explainer):
    once = explain_cell(two_channels.classifier, two_channels.cells, 5, k=120)
    assert once.probabilities == pytest.approx(explainer.at(120).probabilities)


@pytest.mark.parametrize("fill", ["mean", "blur", "background"])
def test_without_some_pixels_the_net_is_asked_about_what_is_left(two_channels, explainer, fill):
    classifier, cells = two_channels.classifier, two_channels.cells
    seen = classifier.prepare.image(cells.read(5), cells.channels)
    gone = np.zeros(seen.shape[1:], dtype=bool)
    gone[4:12, 6:14] = True
    left = np.where(gone, fill_images(seen[None], fill)[0], seen)
    output = classifier.inspect(left[None], 80)
    before, after = explainer.at(80), explainer.without(gone, fill).at(80)
    assert after.probabilities == pytest.approx(output.logits.softmax(dim=1)[0].numpy(), abs=1e-5)
    assert after.probabilities != pytest.approx(before.probabilities, abs=1e-5)
    assert np.array_equal(after.image, before.image)
    assert explainer.at(80).probabilities == pytest.approx(before.probabilities, abs=0)  # it stays as it was
    with pytest.raises(InputError, match="the net's grid is"):
        explainer.without(gone[1:], fill)
