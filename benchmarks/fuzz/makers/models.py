"""A model file, not trained: what is read of it does not depend on what it learned."""

import json
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np


def model(path: Path) -> None:
    """Write a model of three classes and two channels."""
    import torch

    from sparseattn.cells import CellSet, fit_prepare
    from sparseattn.classifier import Classifier
    from sparseattn.learn.history import EpochRecord, History
    from sparseattn.learn.in_distribution import fit_in_distribution
    from sparseattn.learn.prototypes import choose_prototypes
    from sparseattn.learn.split import make_split
    from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

    images = np.random.default_rng(0).integers(0, 4000, (12, 2, 8, 8)).astype(np.uint16)
    labels = np.arange(12) % 3
    classes = ("round", "long", "μ-größe")
    cells = CellSet.from_array(
        images, channels=("dapi", "actin"), labels=[classes[i] for i in labels], modality="fluorescence"
    )
    split = make_split(cells)
    train = split.indices(cells.ids, "train")
    prepare, prepared = fit_prepare(cells, train, size=8)
    torch.manual_seed(0)
    net = SparseAttnNet(SparseAttnNetConfig(channels=2, classes=3, size=8, width=16)).eval()
    with torch.inference_mode():
        features = net(torch.from_numpy(prepared.images), 16).feature.numpy()
    record = EpochRecord(1, 1, 0.7, 0.8, 0.5, 16, 16 / 64, 1.5, 0.0)
    Classifier(
        net=net,
        classes=classes,
        prepare=prepare,
        modality="fluorescence",
        k=16,
        history=History((record,), {"epochs": 1}, 0, "ab", {"torch": "2"}, [80, 60], {"n": 6}),
        split=split,
        in_distribution=fit_in_distribution(features[train], labels[train], features[:2]),
        prototypes=choose_prototypes(prepared.images, labels, features, train, count=1),
    ).save(path)


@cache
def parts() -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return the card and the arrays of that model."""
    from safetensors import safe_open

    with TemporaryDirectory() as folder:
        model(Path(folder) / "model.safetensors")
        with safe_open(Path(folder) / "model.safetensors", framework="numpy") as file:
            card = json.loads(file.metadata()["card"])
            return card, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 - not a dict


def card(path: Path) -> None:
    """Write the card alone, without its hash."""
    said, _ = parts()
    path.write_text(json.dumps({name: value for name, value in said.items() if name != "model_hash"}))


def with_card(text: str, path: Path) -> None:
    """Write a model file with another card, and the hash that fits it: all checks behind the hash are met."""
    from safetensors.numpy import save_file

    from sparseattn.model_file import canonical, content_hash

    _, arrays = parts()
    try:
        said = json.loads(text)
        text = canonical({**said, "model_hash": content_hash(said, arrays)})
    except (TypeError, ValueError, RecursionError):  # no JSON object: as it is
        pass
    save_file(arrays, path, metadata={"card": text})
