"""How a model came to be: one record an epoch, and what the run was started with. Saved in the model file."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, get_type_hints

from sparseattn.errors import InputError


@dataclass(frozen=True)
class EpochRecord:
    """One epoch of training.

    Attributes
    ----------
    epoch : int
        Number of this epoch, from 1.
    epochs : int
        How many are planned.
    loss : float
        Mean training loss (nats).
    validation_loss : float or None
        Mean cross-entropy on the validation cells (nats); None where it was not measured.
    validation_balanced_accuracy : float or None
        Mean recall over the classes, in 0..1; None where it was not measured.
    k : int
        Selected pixels at the end of the epoch.
    pixel_fraction : float
        k divided by the pixels of the net's grid.
    seconds, eta_seconds : float
        Wall time of the run so far, and the estimate until its end; NaN in the history of a model.
    """

    epoch: int
    epochs: int
    loss: float
    validation_loss: float | None
    validation_balanced_accuracy: float | None
    k: int
    pixel_fraction: float
    seconds: float
    eta_seconds: float

    def to_json(self) -> dict[str, Any]:
        """Return the record as a plain dictionary; figures that are not finite become None."""
        return {key: _finite(value) for key, value in asdict(self).items()}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> EpochRecord:
        """Rebuild a record.

        Raises
        ------
        InputError
            Where a field is missing, unknown or not a number.
        """
        names = {item.name for item in fields(cls)}
        if set(record) != names:
            raise InputError(f"an epoch record must hold {', '.join(sorted(names))}")
        kinds = get_type_hints(cls)
        values: dict[str, Any] = {}
        for name, value in record.items():
            if value is None:
                values[name] = None if kinds[name] == float | None else math.nan
            elif isinstance(value, bool) or not isinstance(value, int | float):
                raise InputError(f"an epoch record's {name} is not a number: {value!r}")
            else:
                values[name] = int(value) if kinds[name] is int else float(value)
        return cls(**values)


@dataclass(frozen=True)
class History:
    """What a training run was started with, and how it went.

    Attributes
    ----------
    epochs : tuple of EpochRecord
        One record an epoch.
    options : dict
        The training options, JSON values only.
    seed : int or None
        Seed of the run; None where there was none.
    fingerprint : str
        Hash of the cells that were trained on.
    versions : dict
        Version of each library that matters, by name.
    k_trajectory : list of int
        The learned k (pixels) as it was tracked while the loss converged, one an evaluation.
    validation : dict
        The final report on the validation cells, as `learn.metrics.classification_report` gives it, and
        ``class_kept``: the share that keeps its class by the selected pixels alone.
    """

    epochs: tuple[EpochRecord, ...] = ()
    options: dict[str, Any] = field(default_factory=dict)
    seed: int | None = None
    fingerprint: str = ""
    versions: dict[str, str] = field(default_factory=dict)
    k_trajectory: list[int] = field(default_factory=list)
    validation: dict[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the history as JSON values."""
        return {
            "epochs": [record.to_json() for record in self.epochs],
            "options": dict(self.options),
            "seed": self.seed,
            "fingerprint": self.fingerprint,
            "versions": dict(self.versions),
            "k_trajectory": list(self.k_trajectory),
            "validation": dict(self.validation),
        }

    @classmethod
    def from_json(cls, history: Mapping[str, Any]) -> History:
        """Rebuild a history.

        Raises
        ------
        InputError
            Where a field is unknown or of the wrong kind.
        """
        kinds = {
            "epochs": list, "options": dict, "seed": int | None, "fingerprint": str,
            "versions": dict, "k_trajectory": list, "validation": dict,
        }  # fmt: skip
        for name, value in history.items():
            if name not in kinds:
                raise InputError(f"a training history has no field {name!r}")
            if not isinstance(value, kinds[name]):
                raise InputError(f"a training history's {name!r} is of the wrong kind")
        values = dict(history)
        records = values.get("epochs", [])
        if not all(isinstance(record, Mapping) for record in records):
            raise InputError("a training history's 'epochs' must hold one record an epoch")
        return cls(**{**values, "epochs": tuple(EpochRecord.from_json(record) for record in records)})


def _finite(value: float | None) -> float | None:
    return value if value is None or math.isfinite(value) else None
