"""The state of a run on disk, so that one killed at any moment ends as if it had not been."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from safetensors import SafetensorError, safe_open
from safetensors.torch import save
from torch import Tensor

from sparseattn.errors import InputError
from sparseattn.writing import replaced_file


@dataclass(frozen=True)
class Checkpoint:
    """The tensors of a run, and a JSON document of the rest."""

    tensors: dict[str, Tensor]
    document: dict[str, Any]

    def save(self, path: Path) -> None:
        """Write to a sibling file and move it into place, so that a kill leaves the last checkpoint whole.

        Raises
        ------
        InputError
            If the folder cannot be written.
        """
        with replaced_file(path) as draft:
            draft.write_bytes(save(self.tensors, metadata={"document": json.dumps(self.document)}))

    @classmethod
    def load(cls, path: Path) -> "Checkpoint":
        """Read a checkpoint.

        Raises
        ------
        InputError
            If the file is not a checkpoint.
        """
        try:
            with safe_open(path, framework="pt") as file:
                metadata = file.metadata() or {}
                tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118 (not a mapping)
            return cls(tensors, dict(json.loads(metadata["document"])))
        except (OSError, SafetensorError, KeyError, RecursionError, ValueError, TypeError):
            raise InputError(
                f"{path} is not a checkpoint of a training run; remove it, or train without --resume"
            ) from None
