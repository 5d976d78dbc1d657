"""The model file: one .safetensors of arrays, with a JSON card in its metadata. Never pickle.

The hash guards against files that were damaged or edited by mistake. It is not a signature: who can write the
file can write its hash.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from sparseattn.errors import InputError
from sparseattn.plain_json import parse_json
from sparseattn.writing import replaced_file

FORMAT = "sparseattn"
FORMAT_VERSION = 2
"""The newest that can be read."""
SCALE_VERSION = 2
"""From here on a model may hold what makes its confidence mean something."""
LARGEST_HEADER = 64 << 20
"""Bytes of names, shapes and card: far beyond any model's, and too few to fill the memory."""

_CHANGED = "it was changed after it was written, for its hash does not fit; get the model again"

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True)
class ArraySpec:
    """What an array of a model must be: a safetensors dtype, and a shape in which None is any length."""

    dtype: str
    shape: tuple[int | None, ...]

    def fits(self, dtype: str, shape: tuple[int, ...]) -> bool:
        """Whether an array of this dtype and shape is such an array."""
        same = len(shape) == len(self.shape) and all(
            wanted is None or wanted == length for wanted, length in zip(self.shape, shape, strict=True)
        )
        return same and dtype == self.dtype


def canonical(card: Mapping[str, Any]) -> str:
    """Return the card as JSON text that depends on its content alone."""
    return json.dumps(card, sort_keys=True, separators=(",", ":"), allow_nan=False)


def content_hash(card: Mapping[str, Any], arrays: Mapping[str, NDArray[Any]]) -> str:
    """Return 32 hex digits of BLAKE2b over the card and every array's name, dtype, shape and bytes."""
    digest = hashlib.blake2b(canonical(card).encode(), digest_size=16)
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name]).reshape(arrays[name].shape)
        digest.update(f"\n{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def write_model(path: Path, card: Mapping[str, Any], arrays: Arrays) -> None:
    """Write a model file in one piece; equal models give equal bytes.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    text = canonical({**card, "model_hash": content_hash(card, arrays)})
    if len(text) > LARGEST_HEADER // 2:
        raise InputError(f"cannot write {path}: the model's card is too large; train on fewer cells")
    contiguous = {name: np.ascontiguousarray(array).reshape(array.shape) for name, array in arrays.items()}
    with replaced_file(path) as draft:
        # Not by the library's own writer, which leaves a file of its own behind where it is killed.
        draft.write_bytes(save(contiguous, metadata={"card": text}))


class ModelFile:
    """A model file that is read with no trust in it.

    Attributes
    ----------
    path : Path
        The file.
    card : dict
        What the file says about itself; its entries are not checked beyond format and version.
    """

    def __init__(self, path: Path) -> None:
        """Read the card.

        Raises
        ------
        InputError
            Where there is no model file of this format, or it is truncated or of a newer version.
        """
        self.path = path
        _check_header(path)
        try:
            with safe_open(path, framework="numpy") as file:
                metadata = file.metadata() or {}
                slices = {name: file.get_slice(name) for name in file.keys()}  # noqa: SIM118 - not a dict
                self._found = {
                    name: (one.get_dtype(), tuple(one.get_shape())) for name, one in slices.items()
                }
        except (SafetensorError, OSError) as error:
            raise InputError(f"{path} is truncated or damaged: {error}; get the model again") from None
        if "card" not in metadata:
            raise InputError(f"{path} holds arrays but no model of {FORMAT}; give a model that it trained")
        self.card = self._parse(metadata["card"])
        self._hash = self.card.pop("model_hash", None)

    def refuse(self, reason: str) -> NoReturn:
        """Raise InputError with the path and a reason."""
        raise InputError(f"{self.path} is not a sound model: {reason}")

    def arrays(self, wanted: Mapping[str, ArraySpec]) -> Arrays:
        """Return exactly the wanted arrays.

        Raises
        ------
        InputError
            Where an array is missing, unknown, of another dtype or shape, or not finite, or where the file is
            not as it was written.
        """
        if missing := sorted(set(wanted) - set(self._found)):
            self.refuse(f"it lacks the array {missing[0]!r}")
        if unknown := sorted(set(self._found) - set(wanted)):
            self.refuse(f"it holds an unknown array {unknown[0]!r}")
        for name, spec in wanted.items():
            if not spec.fits(*self._found[name]):
                dtype, shape = self._found[name]
                self.refuse(f"its array {name!r} is {dtype} {shape} where {spec.dtype} {spec.shape} belongs")
        try:
            with safe_open(self.path, framework="numpy") as file:
                arrays = {name: file.get_tensor(name) for name in wanted}
        except (SafetensorError, OSError) as error:
            raise InputError(f"{self.path} is truncated or damaged: {error}; get the model again") from None
        for name, array in arrays.items():
            if array.dtype.kind == "f" and not np.isfinite(array).all():
                self.refuse(f"its array {name!r} holds values that are not finite")
        if content_hash(self.card, arrays) != self._hash:
            self.refuse(_CHANGED)
        return arrays

    def _parse(self, text: str) -> dict[str, Any]:
        try:
            card = parse_json(text)
        except ValueError as error:
            self.refuse(f"its card cannot be read ({error})")
        if not isinstance(card, dict) or card.get("format") != FORMAT:
            self.refuse(f"its card is not one of {FORMAT}")
        version = card.get("format_version")
        if type(version) is not int or version < 1:
            self.refuse(f"its format version is {version!r}")
        if version > FORMAT_VERSION:
            raise InputError(
                f"{self.path} was written by a newer version (format {version}; this one reads up to "
                f"{FORMAT_VERSION}); upgrade napari-sparseattn"
            )
        if canonical(card) != text:
            self.refuse(_CHANGED)
        return card


def _check_header(path: Path) -> None:
    """Raise InputError unless the file begins as a safetensors file of a sensible size does."""
    if not path.exists():
        raise InputError(f"there is no model file {path}")
    if not path.is_file():
        raise InputError(f"{path} is not a file; give a trained model (.safetensors)")
    try:
        with path.open("rb") as stream:
            start = stream.read(9)
            size = path.stat().st_size
    except OSError as error:
        raise InputError(f"{path} cannot be read: {error.strerror}") from None
    length = int.from_bytes(start[:8], "little")
    if len(start) < 9 or start[8:] != b"{":
        raise InputError(f"{path} is not a model file; give a trained model (.safetensors)")
    if length > LARGEST_HEADER:
        raise InputError(f"{path} is not a model file: its header would have {length} bytes")
    if length + 8 > size:
        raise InputError(f"{path} is truncated: its header has {length} bytes, the file {size}; get it again")
