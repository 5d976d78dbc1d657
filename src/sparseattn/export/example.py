"""An image that shows how an exported model is used: of a cell that was given, or of none."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.cells import CellSet

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier

_SEED = 0


def stand_in(classifier: Classifier) -> CellSet:
    """Return one cell that is none: a soft disc with noise, as bright as the training cells.

    A model that is given away takes no picture of anybody's cells with it unless its maker gives one.
    """
    prepare = classifier.prepare
    random = np.random.default_rng(_SEED)
    y, x = (np.mgrid[: prepare.size, : prepare.size] + 0.5) / prepare.size - 0.5
    disc = 1 / (1 + np.exp(40 * (np.hypot(y, x) - 0.3)))
    shape = (len(prepare.channels), prepare.size, prepare.size)
    relative = 2 * disc - 0.5 + random.normal(0, 0.3, shape)
    mean, std = _columns(classifier)
    image: NDArray[Any] = (relative * std + mean).astype(np.float32)
    return CellSet.from_array(
        image[None], channels=prepare.channels, modality=classifier.modality, name="stand-in"
    )


def exported_image(classifier: Classifier, cells: CellSet, index: int = 0) -> NDArray[np.float32]:
    """Return what an exported model is given of a cell: (C, S, S) float32 in the units of the files.

    Raises
    ------
    CellError
        Where the cell cannot be read.
    """
    prepared = classifier.prepare.image(cells.read(index), cells.channels, cells.pixel_sizes_um[index])
    mean, std = _columns(classifier)
    return (prepared * std + mean).astype(np.float32)


def _columns(classifier: Classifier) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    prepare = classifier.prepare
    mean, std = (np.array(values)[:, None, None] for values in (prepare.mean, prepare.std))
    return mean, std
