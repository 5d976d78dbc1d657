"""SparseAttnNet: look at the whole image cheaply, choose k pixels, decide from those alone."""

from dataclasses import asdict, dataclass, fields
from typing import Any, Self

import torch
from torch import Generator, Tensor, nn

from sparseattn.errors import InputError
from sparseattn.net.coarse import CoarseAttention
from sparseattn.net.fine import ClassAttention, Neighbourhood, PixelEmbedding
from sparseattn.net.select import gather_units, gather_windows, select_top, units_for

LARGEST_IMAGE_BYTES = 2 << 30
"""Of memory for one image: a file of a few kilobytes may ask for a net of any size."""


@dataclass(frozen=True)
class SparseAttnNetConfig:
    """The shape of a net.

    Parameters
    ----------
    channels, classes : int
        Channels of the images, classes of the answer.
    size : int
        Side of the square image in pixels, a multiple of ``cell_size``.
    cell_size : int
        Side of a selectable unit in pixels; k is counted in pixels whatever it is.
    window : int
        Side of the square of raw values that a selected unit brings along; ``cell_size`` for none beyond
        itself.
    width, heads, layers : int
        Of the fine stage: length of a word, attention heads, class-attention layers.
    blocks, hidden : int
        Of the mixing of each word with the selected pixels around it: blocks (0 for none; the first at half
        the units' resolution, the others at a quarter), and the hidden units of their perceptrons.
    frequencies : int
        Octaves of the Fourier code of a unit's place.
    coarse_width : int
        Feature maps of the coarse stage's first convolution.
    score_bias : bool
        Whether coarse scores enter the fine attention as a bias: the gradient's direct path to the coarse
        stage.
    spread : float
        How far the selection spreads out instead of picking units side by side, see
        :func:`sparseattn.net.select.select_top`; 0 takes the highest scores alone.
    context : bool
        Whether words also carry the coarse stage's feature maps. The chosen pixels then no longer decide
        alone (not strict); for comparison only.
    """

    channels: int
    classes: int
    size: int = 64
    cell_size: int = 2
    window: int = 6
    width: int = 64
    heads: int = 4
    layers: int = 1
    blocks: int = 3
    hidden: int = 64
    frequencies: int = 2
    coarse_width: int = 16
    score_bias: bool = True
    spread: float = 1.0
    context: bool = False

    def __post_init__(self) -> None:
        """Refuse shapes that no net can have, since a configuration may come from a file.

        Raises
        ------
        InputError
            If a number is out of its range.
        """
        for name, low, high in (
            ("channels", 1, 256),
            ("classes", 2, 10_000),
            ("cell_size", 1, 8),
            ("size", 8, 1024),
            ("window", self.cell_size, 32),
            ("width", 4, 1024),
            ("heads", 1, 64),
            ("layers", 1, 8),
            ("blocks", 0, 16),
            ("hidden", 1, 4096),
            ("frequencies", 0, 16),
            ("coarse_width", 1, 256),
        ):
            value = getattr(self, name)
            if type(value) is not int or not low <= value <= high:
                raise InputError(
                    f"the net's {name} is {value!r}; it must be a whole number from {low} to {high}"
                )
        if type(self.spread) not in (int, float) or not 0 <= self.spread <= 10:
            raise InputError(f"the net's spread is {self.spread!r}; it must be a number from 0 to 10")
        if self.size % self.cell_size:
            raise InputError(
                f"the net's size {self.size} must be a multiple of {self.cell_size}, the side of a unit"
            )
        if (self.window - self.cell_size) % 2:
            raise InputError(
                f"a window of {self.window} pixels cannot be centred on units of {self.cell_size}"
            )
        if self.bytes_an_image > LARGEST_IMAGE_BYTES:
            raise InputError(
                f"the net would need {self.bytes_an_image >> 20:,} MiB for a single image, and at most "
                f"{LARGEST_IMAGE_BYTES >> 20:,} are possible; make its size, window or width smaller"
            )
        if self.width % self.heads:
            raise InputError(f"the net's width {self.width} must be a multiple of its {self.heads} heads")

    @classmethod
    def paper(cls, channels: int, classes: int, size: int = 64) -> Self:
        """Return the paper's form: single pixels (y, x, value), a full-resolution coarse stage.

        See Yoshai et al., arXiv 2505.07661 (2025); docs/method.md says what the paper leaves open.
        """
        return cls(channels, classes, size, cell_size=1, window=1, blocks=0, frequencies=6, spread=0.0)

    @property
    def units(self) -> int:
        """Units along a side of the image."""
        return self.size // self.cell_size

    @property
    def bytes_an_image(self) -> int:
        """About the memory that one image takes on its way through the net, with all pixels selected."""
        pixel = self.channels + 4 * self.coarse_width
        unit = self.channels * self.window**2 + 6 * self.frequencies + 4 * self.width + self.hidden
        return 4 * (self.size**2 * pixel + self.units**2 * unit)

    def to_json(self) -> dict[str, Any]:
        """Return the fields as plain JSON."""
        return asdict(self)

    @classmethod
    def from_json(cls, document: dict[str, Any]) -> Self:
        """Return the configuration that :meth:`to_json` wrote.

        Raises
        ------
        InputError
            If a field is unknown, missing or out of range.
        """
        known = {field.name for field in fields(cls)}
        if unknown := sorted(set(document) - known):
            raise InputError(f"the net's configuration has unknown fields: {', '.join(map(repr, unknown))}")
        if missing := sorted({"channels", "classes", "size"} - set(document)):
            raise InputError(f"the net's configuration lacks {', '.join(missing)}")
        for switch in ("score_bias", "context"):
            if type(document.get(switch, False)) is not bool:
                raise InputError(f"the net's {switch} must be true or false")
        return cls(**document)


@dataclass(frozen=True)
class SparseAttnOutput:
    """What the net answers, and all that its explanation needs.

    Attributes
    ----------
    logits : Tensor
        (B, classes).
    coarse : Tensor
        (B, G, G) logits of the coarse attention, one a unit of ``cell_size`` x ``cell_size`` pixels.
    selected : Tensor
        (B, K) int64 flat indices into the G x G units, in the order of selection.
    fine : Tensor
        (B, heads, K) attention of the CLS token in the last layer, over the same units in the same order;
        sums to 1.
    relevance : Tensor
        (B, heads, K) the same without the coarse scores' bias: what the fine stage alone thinks of each
        unit, and what the coarse stage is taught.
    feature : Tensor
        (B, width) what the linear classifier reads.
    """

    logits: Tensor
    coarse: Tensor
    selected: Tensor
    fine: Tensor
    relevance: Tensor
    feature: Tensor


class SparseAttnNet(nn.Module):
    """Coarse attention chooses k pixels; fine attention among them decides.

    Strict unless ``config.context``: the class is computed from the chosen units, their windows, places and
    scores, and from nothing else of the image.
    """

    def __init__(self, config: SparseAttnNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        self.coarse = CoarseAttention(config.channels, config.coarse_width, config.cell_size)
        values = config.channels * config.window**2
        self.embedding = PixelEmbedding(values, config.units, width, config.frequencies)
        self.neighbourhood = (
            Neighbourhood(config.units, width, config.hidden, config.blocks) if config.blocks else None
        )
        self.context = nn.Linear(3 * config.coarse_width, width) if config.context else None
        self.cls = nn.Parameter(torch.empty(width))
        nn.init.trunc_normal_(self.cls, std=0.02)
        self.attention = nn.ModuleList(ClassAttention(width, config.heads) for _ in range(config.layers))
        self.norm = nn.LayerNorm(width)
        self.classify = nn.Linear(width, config.classes)

    def forward(
        self, image: Tensor, k: int, *, noise: float = 0.0, generator: Generator | None = None
    ) -> SparseAttnOutput:
        """Classify images by k of their pixels.

        Parameters
        ----------
        image : Tensor
            (B, C, S, S) float32, standardised.
        k : int
            Pixels of the net's grid to select, 1 to S * S; rounded to whole units. Any k may be asked of a
            trained net, at any call.
        noise : float
            Gumbel noise on the selection, in standard deviations of an image's coarse logits (training only).
        generator : Generator or None
            Of the noise.

        Raises
        ------
        ValueError
            If ``k`` is out of range.
        """
        coarse, selected, context = self.choose(image, k, noise=noise, generator=generator)
        return self.decide(image, coarse, selected, context)

    def choose(
        self, image: Tensor, k: int, *, noise: float = 0.0, generator: Generator | None = None
    ) -> tuple[Tensor, Tensor, Tensor | None]:
        """Look and select: the coarse stage alone. Parameters as in :meth:`forward`.

        Returns
        -------
        coarse : Tensor
            (B, G, G) coarse logits.
        selected : Tensor
            (B, K) int64 flat indices of units, in the order of selection: those of a smaller k come first.
        context : Tensor or None
            (B, 3 * coarse_width, G, G) feature maps, for a net with ``config.context``.
        """
        coarse, features = self.coarse(image)
        count = units_for(k, self.config.size, self.config.cell_size)
        selected = select_top(coarse, count, spread=self.config.spread, noise=noise, generator=generator)
        return coarse, selected, self.coarse.context(features) if self.config.context else None

    def decide(
        self, image: Tensor, coarse: Tensor, selected: Tensor, context: Tensor | None = None
    ) -> SparseAttnOutput:
        """Classify from given units: the fine stage alone.

        Parameters
        ----------
        image : Tensor
            (B, C, S, S) float32, standardised.
        coarse : Tensor
            (B, G, G) coarse logits; only those of the selected units are used.
        selected : Tensor
            (B, K) int64 flat indices of units.
        context : Tensor or None
            What :meth:`choose` gives, for a net with ``config.context``.
        """
        return self.judge(coarse, selected, self.words(image, selected, context))

    def words(self, image: Tensor, selected: Tensor, context: Tensor | None = None) -> Tensor:
        """Return (B, K, width) what each selected unit says by itself; parameters as of :meth:`decide`."""
        windows = gather_windows(image, selected, self.config.cell_size, self.config.window)
        words: Tensor = self.embedding(windows, selected)
        if self.context is not None and context is not None:
            words = words + self.context(gather_units(context, selected))
        return words

    def judge(self, coarse: Tensor, selected: Tensor, words: Tensor) -> SparseAttnOutput:
        """Classify from the words of given units, or of the first of them, see :meth:`words`."""
        if self.neighbourhood is not None:
            words = self.neighbourhood(words, selected)
        bias = coarse.flatten(1).gather(1, selected) if self.config.score_bias else None
        cls = self.cls.expand(words.shape[0], -1)
        for layer in self.attention:
            cls, fine, relevance = layer(cls, words, bias)
        feature = self.norm(cls)
        return SparseAttnOutput(self.classify(feature), coarse, selected, fine, relevance, feature)
