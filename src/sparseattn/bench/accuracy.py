"""How right each net was on stained_pbc: figures of docs/accuracy.md, kept beside the speed."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Any

from sparseattn.bench.contenders import Contender

_FILE = "balanced_accuracy.json"


def balanced_accuracy(contender: Contender) -> float | None:
    """Return the mean balanced accuracy over folds (0 to 1); None where it was not measured."""
    known: list[dict[str, Any]] = json.loads((files("sparseattn.bench") / _FILE).read_text(encoding="utf-8"))
    _, height, width = contender.shape
    for one in known:
        share = None if contender.k is None else round(contender.k / (height * width), 2)
        if list(contender.shape) == one["image"] and (contender.name, share) == (one["model"], one["share"]):
            return float(one["balanced_accuracy"])
    return None
