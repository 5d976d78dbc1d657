"""A model as a package of the bioimage.io model zoo: rdf.yaml, ONNX weights, test tensors, words, a cover.

https://github.com/bioimage-io/spec-bioimage-io, model description 0.5. The number of selected pixels is the
learned one, since the tensors of a package have axes and a number has none.
"""

from __future__ import annotations

import hashlib
import io
import keyword
import re
import zipfile
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.export.model_text import PAPER, PAPER_URL, model_text, model_title, preparation_text
from sparseattn.export.onnx import CARD, OPSET, Sample, onnx_at_learned_k, onnx_card
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.model_card import ModelCard

ENDING = ".bioimageio.zip"
FORMAT_VERSION = "0.5.4"

_DESCRIPTION_LENGTH = 1024
_NAME_LENGTH = (5, 128)
_FIRST_MOMENT = (1980, 1, 1, 0, 0, 0)
"""A zip file holds no earlier time. It is always this one, so that the same model gives the same file."""


@dataclass(frozen=True)
class Publication:
    """What the zoo wants to know of who made a model, and what others may do with it.

    Attributes
    ----------
    authors : tuple of str
        Their names.
    licence : str or None
        SPDX identifier, such as ``CC-BY-4.0``.
    """

    authors: tuple[str, ...] = ()
    licence: str | None = None


@dataclass(frozen=True)
class PackageFile:
    """What was written: the file, its size in bytes, and the names in it."""

    path: Path
    bytes: int
    names: tuple[str, ...]


def export_bioimageio(
    classifier: Classifier,
    path: str | Path,
    *,
    image: NDArray[np.float32],
    cover: bytes,
    card: ModelCard | None = None,
    publication: Publication | None = None,
) -> PackageFile:
    """Write a model as a bioimage.io package.

    Parameters
    ----------
    classifier : Classifier
        The model; it is not changed.
    path : str or Path
        File to write; what was there before is replaced when all is written.
    image : ndarray
        (C, S, S) float32 in the units of the training images: the test tensor; see `export.example`.
    cover : bytes
        A PNG picture that shows the model at work, twice as wide as high.
    card : ModelCard, optional
        What its maker says of it.
    publication : Publication, optional
        Who made it, and its licence.

    Raises
    ------
    InputError
        Where a library is missing or the file cannot be written.
    RuntimeError
        Where ONNX Runtime answers otherwise than torch.
    """
    yaml = _yaml()
    path = Path(path)
    weights, sample = onnx_at_learned_k(classifier, image)
    files = {
        "README.md": _documentation(classifier, card).encode(),
        "cover.png": cover,
        "model.onnx": weights,
        "test_image.npy": _npy(sample.image),
        **{f"test_{name}.npy": _npy(array) for name, array in sample.outputs.items()},
    }
    description = _description(classifier, sample, files, card, publication or Publication())
    text = yaml.safe_dump(description, sort_keys=False, allow_unicode=True, width=100)
    files = {"rdf.yaml": text.encode(), **files}
    with replaced_file(path) as draft, zipfile.ZipFile(draft, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in files.items():
            archive.writestr(zipfile.ZipInfo(name, _FIRST_MOMENT), content, zipfile.ZIP_DEFLATED)
    return PackageFile(path, path.stat().st_size, tuple(files))


def check_bioimageio_libraries() -> None:
    """Raise InputError where a library is missing that a package needs besides those of ONNX."""
    _yaml()


def _description(
    classifier: Classifier,
    sample: Sample,
    files: dict[str, bytes],
    card: ModelCard | None,
    publication: Publication,
) -> dict[str, Any]:
    prepare = classifier.prepare
    side, units = prepare.size, sample.outputs["coarse"].shape[-1]
    unit = classifier.net.config.cell_size
    summary = f"{model_title(classifier, card)}: {', '.join(classifier.classes)}; the pixels that decided"

    def file(name: str) -> dict[str, str]:
        return {"source": name, "sha256": hashlib.sha256(files[name]).hexdigest()}

    known = {
        "authors": [{"name": name} for name in publication.authors],
        "license": publication.licence,
    }
    return {
        "type": "model",
        "format_version": FORMAT_VERSION,
        "name": _zoo_name(model_title(classifier, card)),
        "description": summary[:_DESCRIPTION_LENGTH],
        **{key: value for key, value in known.items() if value},
        "cite": [{"text": PAPER, "url": PAPER_URL}],
        "tags": ["classification", "2d", "single-cell", "explainability", "attention", classifier.modality],
        "git_repo": "https://github.com/napari-sparseattn/napari-sparseattn",
        "documentation": "README.md",
        "covers": ["cover.png"],
        "inputs": [
            {
                "id": "image",
                "description": "One cell, fitted to the grid as README.md says, in the units of the files",
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": identifiers(prepare.channels)},
                    *({"type": "space", "id": axis, "size": side} for axis in "yx"),
                ],
                "data": {"type": "float32"},
                "test_tensor": file("test_image.npy"),
            }
        ],
        "outputs": [
            {
                "id": "probabilities",
                "description": "Probability of each class",
                "axes": [
                    {"type": "batch"},
                    {"type": "channel", "channel_names": identifiers(classifier.classes)},
                ],
                "data": {"type": "float32", "range": [0.0, 1.0]},
                "test_tensor": file("test_probabilities.npy"),
            },
            {
                "id": "coarse",
                "description": f"Coarse attention, 0 to 1, of each {unit} x {unit} pixels of the image",
                "axes": [
                    {"type": "batch"},
                    *({"type": "space", "id": axis, "size": units, "scale": float(unit)} for axis in "yx"),
                ],
                "data": {"type": "float32", "range": [0.0, 1.0]},
                "test_tensor": file("test_coarse.npy"),
            },
        ],
        "weights": {"onnx": {**file("model.onnx"), "opset_version": OPSET}},
        "config": {CARD: onnx_card(classifier)},
    }


def _documentation(classifier: Classifier, card: ModelCard | None) -> str:
    return f"""# {model_title(classifier, card)}

{model_text(classifier, card)}
## Input

`image`, float32 (batch, channel, y, x), in the units of the files.
Before the net {preparation_text(classifier.prepare)}.
The standardisation is part of the weights: give the values as they are.

## Output

`probabilities` of the classes, in the order of `channel_names`, calibrated where the model is; and `coarse`,
the coarse attention by which the {classifier.k} pixels that decided were chosen.

## Validation

The test tensors show that the model is run rightly, not how right it is. Measure that on labelled cells of
your own: `sparseattn evaluate MODEL CELLS`.

## Made with

napari-sparseattn. The method is that of {PAPER}, {PAPER_URL};
this implementation is independent of its authors.
"""


def identifiers(names: Sequence[str]) -> list[str]:
    """Return names that bioimage.io takes: Python identifiers, each once."""
    found: list[str] = []
    for name in names:
        plain = re.sub(r"\W", "_", name)
        if not plain.isidentifier() or keyword.iskeyword(plain):
            plain = f"c_{plain}"
        while plain in found:
            plain += "_"
        found.append(plain)
    return found


def _zoo_name(title: str) -> str:
    shortest, longest = _NAME_LENGTH
    plain = " ".join(re.sub(r"[^a-zA-Z0-9_\- ()]", " ", title).split())[:longest]
    return plain if len(plain) >= shortest else f"Cells {plain}".ljust(shortest, "_")


def _npy(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=False)
    return stream.getvalue()


def _yaml() -> Any:
    try:
        return import_module("yaml")
    except ImportError:
        raise InputError(
            "bioimage.io packages need PyYAML; install it with: pip install 'napari-sparseattn[onnx]'"
        ) from None
