import numpy as np
import pytest
import torch

from sparseattn.cells import CellSet
from sparseattn.errors import CellError, InputError
from sparseattn.explain import explain_cell


@pytest.fixture(params=[1, 3, 80, 200, 576], ids="k={}".format)
def explained(two_channels, request):
    return explain_cell(two_channels.classifier, two_channels.cells, 5, k=request.param)


def test_selected_units(explained):
    selected, unit = explained.selected, explained.unit_pixels
    assert len(selected) == max(1, round(explained.k / unit**2))
    assert len(np.unique(selected.positions, axis=0)) == len(selected)
    assert (selected.positions % unit == 0).all()
    assert ((selected.scores > 0) & (selected.scores < 1)).all()
    assert selected.head_weights.sum(axis=1) == pytest.approx(1, abs=1e-5)
    assert selected.weights.sum() == pytest.approx(1, abs=1e-5)
    assert explained.selected_pixels == explained.selected_mask.sum() == len(selected) * unit**2
    assert explained.selected_mask.sum() <= explained.read_pixels <= explained.grid_pixels


def test_answer_is_that_of_predict(two_channels, explained):
    cells = two_channels.cells.subset([5])
    predictions = two_channels.classifier.predict(cells, k=explained.k)
    assert explained.predicted == predictions.predicted[0]
    assert explained.probabilities == pytest.approx(predictions.probabilities[0], abs=1e-5)
    assert explained.in_distribution == pytest.approx(predictions.in_distribution[0])
    assert explained.cell_id == predictions.ids[0]


def test_read_pixels_are_those_that_decide(two_channels, explained):
    """Filling all other pixels after the selection changes nothing; filling the read ones does."""
    net, cells = two_channels.classifier.net, two_channels.cells
    seen = torch.from_numpy(two_channels.classifier.prepare.image(cells.read(5), cells.channels))[None]
    read = torch.from_numpy(explained.read_mask)
    with torch.inference_mode():
        output = net(seen, explained.k)
        others_filled = net.decide(torch.where(read, seen, 9.0), output.coarse, output.selected).logits
        read_filled = net.decide(torch.where(read, 9.0, seen), output.coarse, output.selected).logits
    assert torch.equal(others_filled, output.logits)
    assert not torch.allclose(read_filled, output.logits, atol=1e-3)


def test_values_are_those_of_the_file(two_channels, explained):
    prepare, selected = explained.prepare, explained.selected
    in_file_units = selected.values * np.array(prepare.std) + np.array(prepare.mean)
    for (y0, x0, y1, x1), values in zip(selected.boxes, in_file_units, strict=True):
        assert explained.image[:, y0:y1, x0:x1].mean(axis=(1, 2)) == pytest.approx(values, rel=1e-3)


def test_maps_on_the_original(explained):
    coarse = explained.on_original(explained.coarse_grid)
    fine = explained.on_original(explained.fine_grid)
    assert coarse.shape == fine.shape == explained.image.shape[1:]
    assert coarse.dtype == fine.dtype == np.float32
    for box, score, weight in zip(
        explained.selected.boxes, explained.selected.scores, explained.selected.weights, strict=True
    ):
        y0, x0, y1, x1 = box
        assert coarse[y0:y1, x0:x1] == pytest.approx(score)
        assert fine[y0:y1, x0:x1] == pytest.approx(weight)
    assert np.isnan(coarse[0]).all()  # cut off before the net saw it


def test_head_maps_hold_the_weights(explained):
    assert explained.head_grids.sum(axis=(1, 2)) == pytest.approx(1, abs=1e-5)
    assert explained.fine_grid.sum() == pytest.approx(1, abs=1e-5)
    assert np.count_nonzero(explained.fine_grid) <= len(explained.selected)


def test_grid_lines_are_the_borders_of_boxes(explained):
    y, x = explained.grid_lines
    unit = explained.unit_pixels
    for position, box in zip(explained.selected.positions, explained.selected.boxes, strict=True):
        corners = [y[position[0]], x[position[1]], y[position[0] + unit], x[position[1] + unit]]
        assert np.array(corners) + 0.5 == pytest.approx(box)


@pytest.mark.parametrize("k", [0, 577])
def test_k_out_of_range(two_channels, k):
    with pytest.raises(InputError, match="576"):
        explain_cell(two_channels.classifier, two_channels.cells, 0, k=k)


def test_cells_of_another_kind(two_channels):
    others = CellSet.from_array(np.zeros((1, 1, 8, 8), np.uint8), channels=("dapi",), modality="fluorescence")
    with pytest.raises(InputError, match="actin"):
        explain_cell(two_channels.classifier, others, 0)


def test_constant_cell(two_channels):
    flat = CellSet.from_array(
        np.ones((1, 2, 8, 8), np.uint16), channels=("dapi", "actin"), modality="fluorescence"
    )
    with pytest.raises(CellError):
        explain_cell(two_channels.classifier, flat, 0)
