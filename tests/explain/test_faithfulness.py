"""Removal tests, asked of a rule of which it is known what it reads."""

import numpy as np
import pytest

from sparseattn.errors import InputError
from sparseattn.explain.faithfulness import arrivals, fewest_sufficient, keep_only, removal_curves
from sparseattn.fills import FILLS, fill_images, frame_pixels

SIZE, UNITS = 16, 8
SPOT = (slice(None), slice(4, 8), slice(6, 10))  # four units: rows 2 to 3, columns 3 to 4


def bright_spot(images):
    """Say class 1 as surely as the spot is bright; nothing else is read."""
    bright = np.clip(images[:, 0][SPOT].mean(axis=(1, 2)), 0, 1)
    return np.stack([1 - bright, bright], axis=1)


@pytest.fixture
def cells():
    images = np.random.default_rng(0).normal(0, 0.1, (6, 2, SIZE, SIZE)).astype(np.float32)
    images[:, 0][SPOT] = 1
    return images


@pytest.fixture
def spot():
    scores = np.random.default_rng(1).random((6, UNITS, UNITS)).astype(np.float32)
    scores[:, 2:4, 3:5] += 2
    return scores


def test_the_pixels_that_decide_are_told_from_others(cells, spot):
    fill = fill_images(cells, "mean")
    right = removal_curves(bright_spot, cells, arrivals(spot, SIZE, 0), fill)
    wrong = removal_curves(bright_spot, cells, arrivals(-spot, SIZE, 0), fill)
    assert (right.deletion_area < 0.06).all() and (right.insertion_area > 0.94).all()
    assert (wrong.deletion_area > 0.85).all() and (wrong.insertion_area < 0.15).all()
    assert (right.flipped_at == 0.05).all()  # 13 of the spot's 16 pixels; 5 are too few
    assert (wrong.flipped_at == 1).all()
    assert right.deletion[:, 0] == pytest.approx(1) and right.deletion[:, -1] == pytest.approx(0)


def test_pixels_that_suffice(cells, spot):
    kept = keep_only(
        bright_spot, cells, arrivals(spot, SIZE, 0), np.full(6, 16), fill_images(cells, "background")
    )
    assert kept.same.all() and kept.sufficiency == pytest.approx(0)
    assert (kept.comprehensiveness > 0.8).all()
    others = keep_only(bright_spot, cells, arrivals(-spot, SIZE, 0), np.full(6, 16), np.zeros_like(cells))
    assert not others.same.any() and others.sufficiency == pytest.approx(1)
    assert others.comprehensiveness == pytest.approx(0)


def test_the_fewest_pixels_that_suffice_by_every_fill_in(cells, spot):
    fills = [fill_images(cells, fill) for fill in ("mean", "background")]
    arrival = arrivals(spot, SIZE, 0)
    # Three of the four units are bright enough for more than one half, two are not.
    assert (fewest_sufficient(bright_spot, cells, arrival, [1, 2, 3, 4, 20], fills) == 3).all()
    assert (fewest_sufficient(bright_spot, cells, arrivals(-spot, SIZE, 0), [1, 20], fills) == 0).all()


def test_a_unit_brings_its_window():
    scores = np.zeros((1, UNITS, UNITS), np.float32)
    scores[0, 3, 0] = 1
    read = arrivals(scores, SIZE, margin=2)[0] == 0
    expected = np.zeros((SIZE, SIZE), bool)
    expected[4:10, :4] = True  # 6 x 6 around rows 6 to 7, cut off at the border
    assert (read == expected).all()


def test_fill_ins(cells):
    assert (fill_images(cells, "mean") == 0).all()
    background = fill_images(cells, "background", seed=3)
    frame = frame_pixels(cells)
    for cell, border in zip(background, frame, strict=True):
        pixels = {tuple(pixel) for pixel in cell.reshape(2, -1).T}
        assert pixels <= {tuple(pixel) for pixel in border.T}  # whole pixels, channels together
    blurred = fill_images(cells, "blur")
    assert blurred.std() < 0.5 * cells.std() and blurred[0, 0, 6, 8] > blurred[0, 0, 0, 0]
    with pytest.raises(InputError, match=", ".join(FILLS)):
        fill_images(cells, "black")
