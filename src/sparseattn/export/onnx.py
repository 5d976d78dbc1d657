"""A model as ONNX, for programs that have no torch: written, and checked against torch on the spot."""

from __future__ import annotations

import json
import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from sparseattn.errors import InputError
from sparseattn.net.select import select_top, units_for
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.net import SparseAttnNet

OPSET = 20
INPUTS = ("image", "k")
OUTPUTS = ("probabilities", "coarse", "selected", "fine", "feature")
CARD = "sparseattn"
"""Key of the file's metadata under which the model's card lies, as JSON."""

TOLERANCE = 1e-4
"""Largest difference in a probability between torch and ONNX Runtime."""

_MOST_CELLS = 4096
"""Of a batch: a bound that the exporter wants, far above any sensible batch."""

_CHECKED_CELLS = (1, 5)
_CHECKED_SHARES = (0.05, 0.15, 1.0)


@dataclass(frozen=True)
class OnnxFile:
    """What was written.

    Attributes
    ----------
    path : Path
        The file.
    bytes : int
        Its size.
    largest_difference : float
        Between the probabilities of torch and of ONNX Runtime, over the images of the check of which both
        selected the same units (scores that are equal but for rounding may swap).
    """

    path: Path
    bytes: int
    largest_difference: float


class _Standardised(nn.Module):
    """The net behind its standardisation, k an input: what the file computes."""

    mean: Tensor
    std: Tensor

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.net: SparseAttnNet = classifier.net
        self.temperature = 1.0 if classifier.scale is None else classifier.scale.temperature
        for name in ("mean", "std"):
            values = torch.tensor(getattr(classifier.prepare, name), dtype=torch.float32)
            self.register_buffer(name, values[:, None, None])

    def forward(self, image: Tensor, k: Tensor) -> tuple[Tensor, ...]:
        config = self.net.config
        units: int = (k.double() / config.cell_size**2).round().clamp(1, config.units**2).long().item()  # type: ignore[assignment]
        torch._check(units >= 1)
        torch._check(units <= config.units**2)
        return self.answer(image, units)

    def answer(self, image: Tensor, units: int) -> tuple[Tensor, ...]:
        """Return what `OUTPUTS` names, with so many units selected."""
        config = self.net.config
        image = (image - self.mean) / self.std
        coarse, features = self.net.coarse(image)
        selected = select_top(coarse, units, spread=config.spread)
        context = self.net.coarse.context(features) if config.context else None
        output = self.net.decide(image, coarse, selected, context)
        return (
            (output.logits / self.temperature).softmax(dim=1),
            coarse.sigmoid(),
            selected,
            output.fine,
            output.feature,
        )


class _AtLearnedK(nn.Module):
    """The same with the learned k built in, for programs that give images and nothing else."""

    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.inner = _Standardised(classifier)
        config = classifier.net.config
        self.units = units_for(classifier.k, config.size, config.cell_size)

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        probabilities, coarse, *_ = self.inner.answer(image, self.units)
        return probabilities, coarse


@dataclass(frozen=True)
class Sample:
    """An image and what the model answers for it, by which others can see that they run it rightly.

    Attributes
    ----------
    image : ndarray
        (1, C, S, S) float32 in the units of the training images.
    outputs : dict of str to ndarray
        By name of the output, as torch computes them.
    """

    image: NDArray[np.float32]
    outputs: dict[str, NDArray[Any]]


def export_onnx(classifier: Classifier, path: str | Path) -> OnnxFile:
    """Write a model as one ONNX file, and check that ONNX Runtime answers as torch does.

    The file takes ``image``, (N, C, S, S) float32 in the units of the training images, resized to the net's
    grid, and ``k``, an int64 scalar: the pixels to select, 1 to S * S. It gives ``probabilities``
    (N, classes), ``coarse`` (N, G, G) the coarse attention in 0..1, ``selected`` (N, K) the flat indices of
    the selected units, ``fine`` (N, heads, K) their fine attention, and ``feature`` (N, width). Its metadata
    hold the model's card.

    Parameters
    ----------
    classifier : Classifier
        The model; it is not changed.
    path : str or Path
        File to write; what was there before is replaced when the check was passed.

    Raises
    ------
    InputError
        Where a library is missing or the file cannot be written.
    RuntimeError
        Where ONNX Runtime answers otherwise than torch.
    """
    path = Path(path)
    module = _Standardised(classifier).cpu().eval()
    content = _translated(module, classifier, INPUTS, OUTPUTS)
    difference = _largest_difference(module, _session(content), classifier)
    if not difference <= TOLERANCE:
        raise RuntimeError(f"ONNX Runtime's probabilities differ from torch's by up to {difference:.2g}")
    with replaced_file(path) as draft:
        draft.write_bytes(content)
    return OnnxFile(path, len(content), difference)


def onnx_at_learned_k(classifier: Classifier, image: NDArray[np.float32]) -> tuple[bytes, Sample]:
    """Return a model with its learned k built in as the content of an ONNX file, and a sample of its answers.

    The file takes ``image`` as that of `export_onnx` does, and gives ``probabilities`` and ``coarse`` alone.

    Parameters
    ----------
    classifier : Classifier
        The model; it is not changed.
    image : ndarray
        (C, S, S) float32 in the units of the training images, that the sample is of.

    Raises
    ------
    InputError
        Where a library is missing.
    RuntimeError
        Where ONNX Runtime answers otherwise than torch.
    """
    module = _AtLearnedK(classifier).cpu().eval()
    outputs = OUTPUTS[:2]
    content = _translated(module, classifier, INPUTS[:1], outputs)
    with torch.inference_mode():
        answers = [one.numpy() for one in module(torch.from_numpy(image[None]))]
    theirs = _session(content).run(list(outputs), {"image": image[None]})
    difference = float(np.abs(theirs[0] - answers[0]).max())
    if not difference <= TOLERANCE:
        raise RuntimeError(f"ONNX Runtime's probabilities differ from torch's by up to {difference:.2g}")
    return content, Sample(image[None], dict(zip(outputs, answers, strict=True)))


def sample_of(classifier: Classifier, image: NDArray[np.float32]) -> Sample:
    """Return what the file that `export_onnx` writes must answer for an image (C, S, S) at the learned k."""
    module = _Standardised(classifier).cpu().eval()
    with torch.inference_mode():
        answers = module(torch.from_numpy(image[None]), torch.tensor(classifier.k))
    return Sample(image[None], {name: one.numpy() for name, one in zip(OUTPUTS, answers, strict=True)})


def check_onnx_libraries() -> None:
    """Raise InputError unless the libraries are there: before any work.

    Raises
    ------
    InputError
        As said.
    """
    for name in ("onnx", "onnxruntime", "onnxscript"):
        _library(name)


def _session(content: bytes) -> Any:
    return _library("onnxruntime").InferenceSession(content, providers=["CPUExecutionProvider"])


def _translated(
    module: _Standardised | _AtLearnedK,
    classifier: Classifier,
    inputs: Sequence[str],
    outputs: Sequence[str],
) -> bytes:
    """Return the content of the file, the model's card in its metadata."""
    onnx = _library("onnx")
    _library("onnxscript")
    size, channels = classifier.prepare.size, len(classifier.prepare.channels)
    example = (torch.zeros(2, channels, size, size), torch.tensor(classifier.k))[: len(inputs)]
    batch = torch.export.Dim("N", min=1, max=_MOST_CELLS)
    with _quiet(), torch.no_grad():
        program = torch.onnx.export(
            module,
            example,
            dynamo=True,
            dynamic_shapes=({0: batch}, None)[: len(inputs)],
            input_names=inputs,
            output_names=outputs,
            opset_version=OPSET,
            verbose=False,
        )
    assert program is not None
    proto = program.model_proto
    onnx.helper.set_model_props(proto, {CARD: json.dumps(onnx_card(classifier), allow_nan=False)})
    onnx.checker.check_model(proto)
    content: bytes = proto.SerializeToString()
    return content


def onnx_card(classifier: Classifier) -> dict[str, Any]:
    """Return what a program must know to use the file, as JSON values."""
    return {
        "format": "sparseattn-onnx",
        "format_version": 1,
        "classes": list(classifier.classes),
        "channels": list(classifier.prepare.channels),
        "modality": classifier.modality,
        "preparation": classifier.prepare.to_json(),
        "k": classifier.k,
        "image_size": classifier.prepare.size,
        "unit": classifier.net.config.cell_size,
        "model_hash": classifier.model_hash,
    }


def _largest_difference(module: _Standardised, session: Any, classifier: Classifier) -> float:
    """Return the largest difference between the probabilities of both, over images of noise at several k."""
    prepare = classifier.prepare
    mean, std = (np.array(values)[:, None, None] for values in (prepare.mean, prepare.std))
    random = np.random.default_rng(0)
    differences = []
    for cells in _CHECKED_CELLS:
        noise = random.normal(size=(cells, len(prepare.channels), prepare.size, prepare.size))
        image: NDArray[np.float32] = (noise * std + mean).astype(np.float32)
        for k in {classifier.k, *(round(share * prepare.size**2) for share in _CHECKED_SHARES)}:
            with torch.inference_mode():
                ours, _, chosen, *_ = (
                    one.numpy() for one in module(torch.from_numpy(image), torch.tensor(k))
                )
            wanted = ["probabilities", "selected"]
            theirs, selected = session.run(wanted, {"image": image, "k": np.array(k, np.int64)})
            same = (np.sort(chosen) == np.sort(selected)).all(axis=1)
            differences.append(np.abs(theirs - ours).max(axis=1)[same])
    found = np.concatenate(differences)
    return float(found.max()) if 2 * len(found) > sum(_CHECKED_CELLS) * len(_CHECKED_SHARES) else np.inf


def _library(name: str) -> Any:
    try:
        return import_module(name)
    except ImportError:
        raise InputError(
            f"ONNX files need {name}; install it with: pip install 'napari-sparseattn[onnx]'"
        ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """Keep the exporter from talking of its own affairs, such as a torchvision that is not needed."""
    logger = logging.getLogger("torch.onnx")
    level = logger.level
    logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings(action="ignore"):
            yield
    finally:
        logger.setLevel(level)
