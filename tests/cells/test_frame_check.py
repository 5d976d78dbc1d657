"""What lies around the cells gives a class away, or it does not."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from sparseattn.cells import CellSet
from sparseattn.cells.frame_check import frame_cues, measure_frame

COUNT = 40
CLASSES = ("a", "b", "c")


def pictures(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Cells that differ in size, on grounds that do not; those of c reach the bottom edge."""
    random = np.random.default_rng(seed)
    images = random.normal(200, 6, (3 * COUNT, 2, 48, 48))
    images += random.normal(0, 5, (3 * COUNT, 2, 1, 1))
    labels = np.repeat(CLASSES, COUNT)
    images[labels == "a", :, 18:30, 18:30] -= 90
    images[labels == "b", :, 12:36, 12:36] -= 90
    images[labels == "c", :, 16:48, 20:28] -= 90
    return images, labels


def cues(images: np.ndarray, labels: np.ndarray):
    cells = CellSet.from_array(
        images.clip(0, 255).astype(np.uint8), channels=("red", "ir"), labels=labels.tolist()
    )
    return frame_cues(cells)


def test_cells_give_no_alarm_even_where_they_reach_the_edge():
    assert cues(*pictures()) == ()


def marked(image):
    image[1, 2:5, 43:46] = 20
    return image


@pytest.mark.parametrize(
    ("change", "kind", "words"),
    [
        (marked, "place", "the top right corner (ir)"),
        (
            lambda image: image + np.array([20, 0])[:, None, None],
            "brightness",
            "brightness of the ground (red)",
        ),
        (lambda image: gaussian_filter(image, (0, 1.2, 1.2)), "focus", "sharpness or graininess"),
    ],
)
def test_a_shortcut_is_named_with_its_class_and_place(change, kind, words):
    images, labels = pictures()
    random = np.random.default_rng(1)
    for row in np.flatnonzero(random.random(len(labels)) < np.where(labels == "b", 0.9, 0.05)):
        images[row] = change(images[row])
    (cue,) = cues(images, labels)
    assert (cue.class_name, cue.kind) == ("b", kind)
    assert words in cue.cue and "gives b away" in cue.warning and 0.85 <= cue.accuracy <= 1


def test_few_cells_and_small_pictures_say_nothing():
    images, labels = pictures()
    images[labels == "b", 1, :6, :6] = 0
    few = np.concatenate([np.flatnonzero(labels == name)[:8] for name in CLASSES])
    assert cues(images[few], labels[few]) == ()
    assert cues(images[:, :, :7, :7], labels) == ()
    assert measure_frame(images[0]).shape == (2, 144)
