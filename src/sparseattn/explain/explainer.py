"""One cell looked at once: its explanation at any k costs the fine stage alone."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from numpy.typing import NDArray

from sparseattn.errors import InputError
from sparseattn.explain.explanation import Explanation, SelectedUnits
from sparseattn.explain.units import unit_boxes
from sparseattn.fills import Fill, fill_images

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier
    from sparseattn.net import SparseAttnOutput

Floats = NDArray[np.float32]

CURVE_POINTS = 25
SEARCH_STEPS = 200


@dataclass(frozen=True)
class ProbabilityCurve:
    """What the net answers as k grows.

    Attributes
    ----------
    k
        (n,) int64, ascending: selected pixels of the net's grid.
    probabilities
        (n, classes) float32.
    """

    k: NDArray[np.int64]
    probabilities: Floats


class CellExplainer:
    """Explains one cell at any k; `explain_cell` is this, asked once.

    The coarse stage does not depend on k, so it looks at the cell when this is made.

    Parameters
    ----------
    classifier : Classifier
        The trained net with its classes and preparation. It must not be trained meanwhile.
    cells : CellSet
        Where the cell is.
    index : int
        Of the cell in ``cells``.
    force : bool
        See `Classifier.admit`.

    Raises
    ------
    InputError
        If the model was not made for these channels or this modality.
    CellError
        If the cell cannot be read or used.
    """

    def __init__(self, classifier: Classifier, cells: CellSet, index: int, *, force: bool = False) -> None:
        cells = classifier.admit(cells, force=force).cells
        self.classifier = classifier
        self._cell_id, self._source = cells.ids[index], str(cells.origin(index))
        self._label, self._modality, self._channels = cells.labels[index], cells.modality, cells.channels
        self._image, self._pixel_size_um = cells.read(index), cells.pixel_sizes_um[index]
        height, width = self._image.shape[-2:]
        self._boxes = unit_boxes(classifier.prepare, (height, width), self._pixel_size_um, self.unit_pixels)
        self._stand_ins: dict[str, Floats] = {}
        self._look(classifier.prepare.image(self._image, cells.channels, self._pixel_size_um))

    def _look(self, seen: Floats) -> None:
        """Let the coarse stage look at (C, S, S) prepared pixels."""
        net = self.classifier.net.eval()
        self._seen = seen
        self._tensor = torch.from_numpy(seen[None]).to(next(net.parameters()).device)
        with torch.inference_mode():
            self._coarse, self._order, self._context = net.choose(self._tensor, self.grid_pixels)
        self._coarse_grid: Floats = self._coarse.sigmoid()[0].cpu().numpy()
        self._scores: Floats = self._coarse[0].flatten().cpu().numpy()
        self._means = self._unit_means()

    def without(self, taken_out: NDArray[np.bool_], fill: Fill = "mean") -> CellExplainer:
        """Return what explains the same cell where some pixels are taken out before the net looks.

        Parameters
        ----------
        taken_out : ndarray
            (size, size) bool in the net's grid.
        fill : str
            What stands in for them; see `sparseattn.fills.fill_images`.

        Returns
        -------
        CellExplainer
            The image in its explanations is still the untouched one.

        Raises
        ------
        InputError
            If the pixels are not of the net's grid, or there is no such fill-in.
        """
        if taken_out.shape != self._seen.shape[1:]:
            raise InputError(
                f"the pixels taken out are {taken_out.shape}, but the net's grid is {self._seen.shape[1:]}"
            )
        if fill not in self._stand_ins:
            self._stand_ins[fill] = fill_images(self._seen[None], fill)[0]
        other = copy.copy(self)
        other._stand_ins = {}
        other._look(np.where(taken_out, self._stand_ins[fill], self._seen))
        return other

    @property
    def grid_pixels(self) -> int:
        """Pixels of the net's grid: the largest k."""
        return self.classifier.prepare.size**2

    @property
    def unit_pixels(self) -> int:
        """Side of a selectable unit in pixels of the net's grid; k counts in steps of its square."""
        return self.classifier.net.config.cell_size

    def at(self, k: int | None = None) -> Explanation:
        """Return the explanation with k selected pixels.

        Parameters
        ----------
        k : int, optional
            Pixels of the net's grid to select, 1..size*size; the learned k where it is not given.

        Raises
        ------
        InputError
            If k is out of range.
        """
        k = self._checked(k)
        output = self._decide(k)
        chosen = output.selected[0].cpu().numpy()
        unit, config = self.unit_pixels, self.classifier.net.config
        in_distribution = self.classifier.in_distribution.score(output.feature.float().cpu().numpy())
        return Explanation(
            cell_id=self._cell_id,
            source=self._source,
            label=self._label,
            modality=self._modality,
            image=self._image,
            channels=self._channels,
            prepare=self.classifier.prepare,
            classes=self.classifier.classes,
            probabilities=self.classifier.probabilities(output.logits)[0].cpu().numpy(),
            in_distribution=float(in_distribution[0]),
            k=k,
            unit_pixels=unit,
            window_pixels=config.window,
            strict=not config.context,
            selected=SelectedUnits(
                positions=np.stack(np.divmod(chosen, config.units), axis=1) * unit,
                boxes=self._boxes[chosen],
                values=self._means[chosen],
                scores=self._coarse_grid.reshape(-1)[chosen],
                head_weights=output.fine[0].cpu().numpy(),
            ),
            coarse_grid=self._coarse_grid,
            pixel_size_um=self._pixel_size_um,
        )

    def curve(
        self, ks: Sequence[int] | None = None, on_step: Callable[[int, int], None] | None = None
    ) -> ProbabilityCurve:
        """Return the class probabilities at several k.

        Parameters
        ----------
        ks : sequence of int, optional
            By default 25 from one unit to the whole grid, about evenly spaced on a logarithmic scale.
        on_step : callable, optional
            Called after each with the number that are done, and of all.

        Raises
        ------
        InputError
            If a k is out of range.
        """
        unit = self.unit_pixels**2
        if ks is None:
            ks = [int(count) * unit for count in _ladder(self.grid_pixels // unit, CURVE_POINTS)]
        ks = sorted({self._checked(k) for k in ks})
        rows = []
        for step, k in enumerate(ks, start=1):
            rows.append(self.classifier.probabilities(self._decide(k).logits)[0].cpu().numpy())
            if on_step is not None:
                on_step(step, len(ks))
        return ProbabilityCurve(np.array(ks, dtype=np.int64), np.stack(rows))

    def fewest_pixels(
        self, k: int | None = None, on_step: Callable[[int, int], None] | None = None
    ) -> tuple[int, str]:
        """Return the smallest number of selected pixels that keeps the class, and that class.

        From k downwards, the class must be the same at every step: a k further down at which it happens to
        come back does not count. Every whole number of units is tried up to 100 units, and above that about
        a hundred, evenly spaced by ratio.

        Parameters
        ----------
        k : int, optional
            Where the class is looked up; the learned k where it is not given.
        on_step : callable, optional
            Called after each step with the number that are done, and the most that there can be.

        Raises
        ------
        InputError
            If k is out of range.
        """
        unit = self.unit_pixels**2
        fewest = self._checked(k)
        logits = self._decide(fewest).logits[0]
        wanted = int(logits.argmax())
        counts = [int(n) for n in _ladder(self.grid_pixels // unit, SEARCH_STEPS) if n * unit < fewest]
        for step, count in enumerate(reversed(counts), start=1):
            if int(self._decide(count * unit).logits[0].argmax()) != wanted:
                break
            fewest = count * unit
            if on_step is not None:
                on_step(step, len(counts))
        return fewest, self.classifier.classes[wanted]

    def selection(self, k: int) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor | None]:
        """Return what ``net.decide`` is given with k: image (1, C, S, S), coarse logits, units, context.

        Plain tensors, which gradients may flow through.

        Raises
        ------
        InputError
            If k is out of range.
        """
        context = None if self._context is None else self._context.clone()
        return self._tensor, self._coarse.clone(), self._select(self._checked(k)).clone(), context

    def _checked(self, k: int | None) -> int:
        k = self.classifier.k if k is None else int(k)
        if not 1 <= k <= self.grid_pixels:
            raise InputError(
                f"k is {k} pixels, but the model's grid has {self.grid_pixels}; give 1 to {self.grid_pixels}"
            )
        return k

    def _decide(self, k: int) -> SparseAttnOutput:
        with torch.inference_mode():
            return self.classifier.net.decide(self._tensor, self._coarse, self._select(k), self._context)

    def _select(self, k: int) -> torch.Tensor:
        """Return the (1, K) units that the net chooses with k: the first of its order of all of them.

        Where the last unit in ties with the first one out, which it takes is for the net to say: only then is
        the whole coarse stage asked again.
        """
        count = max(1, round(k / self.unit_pixels**2))
        if count < self._order.shape[1]:
            last, following = self._order[0, count - 1 : count + 1].tolist()
            if self._scores[last] == self._scores[following]:
                with torch.inference_mode():
                    return self.classifier.net.choose(self._tensor, k)[1]
        return self._order[:, :count]

    def _unit_means(self) -> Floats:
        """Return (G * G, C): mean over each unit of what the net saw."""
        channels, size, _ = self._seen.shape
        unit = self.unit_pixels
        means = self._seen.reshape(channels, size // unit, unit, size // unit, unit).mean(axis=(2, 4))
        return np.asarray(means.reshape(channels, -1).T, dtype=np.float32)


def _ladder(units: int, steps: int) -> NDArray[np.int64]:
    """Return about `steps` ascending whole numbers from 1 to `units`, evenly spaced by ratio."""
    if steps >= SEARCH_STEPS:  # every one where they are few, then by ratio
        few = min(100, units)
        rest = np.geomspace(few, units, steps - 100) if units > few else np.array([few])
        return np.unique(np.concatenate([np.arange(1, few + 1), np.round(rest)])).astype(np.int64)
    return np.unique(np.round(np.geomspace(1, units, steps))).astype(np.int64)
