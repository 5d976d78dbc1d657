"""Two models saved in turn as one file, to be killed: benchmarks.reliability.saving ONE OTHER FILE."""

from __future__ import annotations

import sys
from itertools import cycle
from pathlib import Path

from sparseattn.classifier import Classifier


def main() -> None:
    """Save for ever; a line says when it begins."""
    one, other, target = (Path(name) for name in sys.argv[1:])
    models = [Classifier.load(path) for path in (other, one)]
    print("ready", flush=True)
    for model in cycle(models):
        model.save(target)


if __name__ == "__main__":
    main()
