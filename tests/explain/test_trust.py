"""Where explanations point, whether they stay, and whether they depend on the net."""

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from sparseattn.cells import open_cells
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.explain.assessment import assess_explanations
from sparseattn.explain.compartments import read_compartments
from sparseattn.explain.localisation import localise, random_inside
from sparseattn.explain.rankings import attention, evidence, ranks, selection
from sparseattn.explain.sanity import randomised, similarity
from sparseattn.explain.stability import jaccard, stability

REPOSITORY_MODELS = "napari_sparseattn/models"


def test_localisation_of_known_scores():
    shares = np.zeros((3, 4, 4), np.float32)
    shares[:2, 1, 1:3] = 1
    scores = np.zeros((3, 4, 4), np.float32)
    scores[0, 1, 1:3] = (3, 1)
    scores[1, 1, 1], scores[1, 3, 3] = 1, 3
    found = localise(scores, shares, first=2)
    assert found.pointing[:2].tolist() == [1, 0] and np.isnan(found.pointing[2])
    assert found.mass[:2].tolist() == [1, 0.25]
    assert found.overlap[:2].tolist() == found.inside[:2].tolist() == [1, 0.5]
    assert found.area[0] == pytest.approx(2 / 16)
    inside = localise(random_inside(shares), shares, first=2)
    assert (inside.overlap[:2] == 1).all()


def test_stability_of_what_follows_the_cell_and_of_what_does_not():
    images = np.random.default_rng(0).normal(size=(5, 1, 32, 32)).astype(np.float32)
    follows = stability(lambda some: some[:, 0] > 0.5, images)
    assert (follows.shift == 1).all() and (follows.noise < 1).all() and (follows.noise > 0.7).all()
    fixed = np.zeros((5, 32, 32), bool)
    fixed[:, 10:14, 10:14] = True
    stays = stability(lambda some: fixed, images)
    assert (stays.noise == 1).all() and stays.shift == pytest.approx(np.mean([12 / 20, 8 / 24]))


def test_jaccard():
    one, other = np.zeros((2, 1, 4, 4), bool)
    assert jaccard(one, other) == 1
    one[0, 0, :2], other[0, 0, 1:4] = True, True
    assert jaccard(one, other) == pytest.approx(1 / 4)


def test_rankings_agree_with_the_net(two_channels):
    classifier = two_channels.classifier
    images = next(iter(classifier.prepare.batches(two_channels.cells.subset(range(5))))).images
    output = classifier.inspect(images)
    count = output.selected.shape[1]
    fine = attention(classifier.net, classifier.k, images).reshape(5, -1)
    assert np.take_along_axis(fine, output.selected.numpy(), 1) == pytest.approx(
        output.fine.mean(dim=1).numpy(), abs=1e-6
    )
    for scores in (fine, selection(classifier.net, images).reshape(5, -1)):
        first = np.argsort(-scores, axis=1)[:, :count]
        assert (np.sort(first) == np.sort(output.selected.numpy())).all()
    unread = np.ones(fine.shape, bool)
    reach = 3  # units: windows of six pixels reach two pixels beyond a unit of two
    for row, chosen in enumerate(output.selected.numpy()):
        for y, x in zip(*np.divmod(chosen, 12), strict=True):
            near = unread[row].reshape(12, 12)[max(y - 1, 0) : y + reach - 1, max(x - 1, 0) : x + reach - 1]
            near[...] = False
    evident = evidence(classifier.net, classifier.k, images).reshape(5, -1)
    assert (evident[unread] == 0).all() and np.abs(evident[~unread]).max() > 0


def test_ranks_draw_ties_at_random():
    scores = np.zeros((1, 8, 8), np.float32)
    scores[0, 4, 4] = 1
    places = ranks(scores)
    assert places[0, 4, 4] == 0 and sorted(places.ravel()) == list(range(64))
    assert (places != ranks(scores, seed=1)).any()


def test_a_net_drawn_anew_gives_other_maps(two_channels):
    classifier = two_channels.classifier
    net = classifier.net
    images = next(iter(classifier.prepare.batches(two_channels.cells))).images
    fine_anew, all_anew = randomised(net, "fine stage", seed=5), randomised(net, "all", seed=5)
    assert (selection(fine_anew, images) == selection(net, images)).all()
    assert (selection(all_anew, images) != selection(net, images)).any()
    last = randomised(net, "classifier", seed=5)
    changed = [n for n, one in net.state_dict().items() if not torch.equal(one, last.state_dict()[n])]
    assert changed == ["classify.weight", "classify.bias"]
    mine = evidence(net, 80, images)
    assert similarity(mine, mine, 20) == pytest.approx(1)
    assert np.abs(similarity(mine, evidence(all_anew, 80, images), 20)).mean() < 0.5


def test_masks_on_the_units(model, tmp_path):
    made = model(np.random.default_rng(0).integers(0, 255, (12, 1, 48, 48)).astype(np.uint8), ("a",))
    for kind in ("long", "round"):
        (tmp_path / "cells" / kind).mkdir(parents=True)
        (tmp_path / "masks" / kind).mkdir(parents=True)
        iio.imwrite(
            tmp_path / "cells" / kind / "1.png",
            np.random.default_rng(1).integers(0, 255, (48, 48), dtype=np.uint8),
        )
    mask = np.zeros((48, 48), np.uint8)
    mask[:12, :8] = 7
    mask[24:, 24:] = 9
    iio.imwrite(tmp_path / "masks" / "long" / "1.png", mask)
    cells = open_cells(tmp_path / "cells", subfolders="classes", channel_names=["a"])
    names = {7: "nucleus", 9: "granule"}
    found = read_compartments(made.classifier, cells, tmp_path / "masks", names)
    assert found.names == ("nucleus", "granule", "cell") and found.known == 1
    assert found.shares[0].sum(axis=(1, 2)).tolist() == [6, 36, 42]  # a unit is 4 x 4 pixels of the original
    assert found.shares[0, 0, :3, :2].min() == 1 and np.isnan(found.shares[1]).all()
    with pytest.raises(InputError, match="value 9, which has no name"):
        read_compartments(made.classifier, cells, tmp_path / "masks", {7: "nucleus"})
    iio.imwrite(tmp_path / "masks" / "long" / "1.png", mask[:40])
    with pytest.raises(InputError, match="same size"):
        read_compartments(made.classifier, cells, tmp_path / "masks", names)


def test_the_explanations_of_real_cells_are_faithful(real_data, request):
    classifier = Classifier.load(request.config.rootpath / REPOSITORY_MODELS / "stained_blood.safetensors")
    cells = open_cells(real_data / "stained_pbc", subfolders="classes")
    sides = classifier.split.sides
    held_out = cells.subset([row for row, name in enumerate(cells.ids) if sides.get(name) == "test"])
    found = assess_explanations(classifier, held_out, most_cells=24, fills=("mean", "background"))
    methods = found.document()["methods"]
    ours = methods["attention"]
    assert methods["random"]["attention_ahead"]["interval"][0] > 0.3
    assert methods["edges"]["attention_ahead"]["interval"][0] > 0.1
    for fill in ("mean", "background"):
        same = {name: one["kept"][0]["fills"][fill]["same_class"]["mean"] for name, one in methods.items()}
        assert same["attention"] >= 0.85 and same["random"] < 0.5
    assert ours["stability"]["noise"] > 0.8
    assert found.document()["accuracy"] > 0.9
