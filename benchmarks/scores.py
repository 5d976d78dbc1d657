"""How right predicted classes are."""

import numpy as np


def recalls(labels: np.ndarray, predicted: np.ndarray, classes: int) -> list[float | None]:
    """Return the share of each class's cells that were found; None for a class without cells."""
    return [
        float((predicted[labels == label] == label).mean()) if (labels == label).any() else None
        for label in range(classes)
    ]


def accuracy(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Return the share of cells that were right."""
    return float((labels == predicted).mean())


def balanced_accuracy(labels: np.ndarray, predicted: np.ndarray) -> float:
    """Return the mean recall over the classes that have cells."""
    found = recalls(labels, predicted, int(labels.max()) + 1)
    return float(np.mean([recall for recall in found if recall is not None]))
