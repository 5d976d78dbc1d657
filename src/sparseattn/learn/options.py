"""What a training run can be told."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal

from sparseattn.errors import InputError

Precision = Literal["float32", "mixed"]


@dataclass(frozen=True)
class TrainingOptions:
    """Options of a training run.

    Parameters
    ----------
    epochs : int or None
        Passes over the training cells. None: as many as `sparseattn.learn.effort` says.
    batch_size : int
        Cells a step.
    optimizer : "muon" or "adamw"
        ``muon`` takes the matrices inside the net and leaves the rest to AdamW.
    learning_rate, weight_decay : float
        Of AdamW, and in proportion of Muon; the rate rises over the first ``warm_up`` of the run and falls
        along a cosine to zero.
    label_smoothing : float
        Share of the target spread over all classes.
    class_balance : float
        0 weighs every cell the same, 1 every class the same; between them the power of the inverse frequency.
    distillation : float
        Weight of the loss that teaches the fine stage's attention to the coarse stage.
    noise : float
        Gumbel noise on the selection, in standard deviations of an image's coarse logits.
    average : float
        Decay a step of the running average of the weights, which is what is validated and kept.
    clip : float
        Largest norm of the gradient.
    patience : int
        Epochs without a better validation loss after which training stops; 0 never stops early.
    pixels : float, "auto" or "controller"
        ``auto``: the learned k, the fewest pixels that decide as well and suffice alone. A number: that share
        of the pixels. Either way k is drawn at random in training, so that the model serves every k.
        ``controller``: k follows the trend of the loss, as in the paper.
    budget : float
        Largest share of the pixels that ``auto`` may choose.
    least_pixels, few_pixels, most_pixels : float
        Shares of the pixels: each step draws few pixels between the first two, and many between the last two
        (log-uniform).
    consistency : float
        How much the answer from many pixels teaches that from few, beside the class.
    validation : float
        Share of the cells that are set aside to choose k and to report.
    prototypes : int
        Training cells a class kept in the model file, to be rehearsed when it is fine-tuned.
    precision : "float32" or "mixed"
        ``mixed``: convolutions and matrix products of the training in bfloat16; weights, sums and all that is
        asked of the net afterwards in float32.
    seed : int
        The same seed, cells and machine give the same weights.
    """

    epochs: int | None = None
    batch_size: int = 32
    optimizer: Literal["muon", "adamw"] = "muon"
    learning_rate: float = 5e-3
    weight_decay: float = 0.05
    warm_up: float = 0.15
    label_smoothing: float = 0.05
    class_balance: float = 0.5
    distillation: float = 0.1
    noise: float = 0.5
    average: float = 0.99
    clip: float = 1.0
    patience: int = 0
    pixels: float | Literal["auto", "controller"] = "auto"
    budget: float = 0.15
    least_pixels: float = 0.03
    few_pixels: float = 0.3
    most_pixels: float = 1.0
    consistency: float = 0.7
    validation: float = 0.2
    prototypes: int = 16
    precision: Precision = "float32"
    seed: int = 0

    def __post_init__(self) -> None:
        """Refuse what no run can do.

        Raises
        ------
        InputError
            If an option is out of range.
        """
        if isinstance(self.pixels, str):
            if self.pixels not in ("auto", "controller"):
                raise InputError(
                    f"--pixels is {self.pixels!r}; give a share such as 0.15, or auto, or controller"
                )
        elif not 0 < self.pixels <= 1:
            raise InputError(
                f"--pixels is {self.pixels}; a share of the pixels lies above 0 and at most at 1"
            )
        if self.optimizer not in ("muon", "adamw"):
            raise InputError(f"the optimizer is {self.optimizer!r}; give muon or adamw")
        if self.precision not in ("float32", "mixed"):
            raise InputError(f"the precision is {self.precision!r}; give float32 or mixed")
        for name, least in (
            ("epochs", 1),
            ("batch_size", 2),
            ("patience", 0),
            ("prototypes", 0),
            ("seed", 0),
        ):
            value = getattr(self, name)
            if value is not None and value < least:
                raise InputError(f"{name} is {getattr(self, name)}; it must be at least {least}")
        if not 0 < self.budget <= 1:
            raise InputError(f"the budget of pixels is {self.budget}; it must lie above 0 and at most at 1")
        if not 0 < self.least_pixels <= self.few_pixels <= self.most_pixels <= 1:
            raise InputError("the shares of pixels to draw k from must rise from above 0 to at most 1")

    def to_json(self) -> dict[str, Any]:
        """Return the options as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: Mapping[str, Any]) -> tuple[TrainingOptions, tuple[str, ...]]:
        """Return the options as `to_json` wrote them, and the names of those that this version does not know.

        Raises
        ------
        InputError
            If a value is of the wrong type, or out of range.
        """
        known = {one.name: one.default for one in fields(cls)}
        given = {name: value for name, value in document.items() if name in known}
        for name, value in given.items():
            if not _fits(value, known[name], optional=name == "epochs"):
                raise InputError(f"the option {name} of a training is {value!r}, which it cannot be")
        return cls(**given), tuple(sorted(set(document) - set(known)))


def _fits(value: object, usual: object, *, optional: bool) -> bool:
    """Whether a value is of the type of the usual one; booleans are no numbers."""
    if value is None or isinstance(value, bool):
        return optional and value is None
    if isinstance(usual, str):
        return isinstance(value, str | float)  # pixels are a word or a share
    whole = isinstance(usual, int) or usual is None
    return isinstance(value, int) if whole else isinstance(value, int | float)
