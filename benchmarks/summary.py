"""From pieces to figures: what each method reached on each set, and how far ours is from each peer."""

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from benchmarks.models import MODELS, OURS, SHARES
from benchmarks.statistics import Difference, corrected_t, paired_bootstrap
from sparseattn.errors import InputError
from sparseattn.learn.options import TrainingOptions

Document = dict[str, Any]  # a piece as written
Answer = dict[str, Any]  # of a piece, at one k


@dataclass(frozen=True)
class Method:
    """A trained net, and how many of the pixels it is asked to select.

    Attributes
    ----------
    share
        Of the pixels; None for the learned k of our nets, and for peers.
    """

    model: str
    share: float | None = None

    @property
    def title(self) -> str:
        """Name for people."""
        if self.model not in OURS:
            return MODELS[self.model].title
        return (
            f"{MODELS[self.model].title}, {'learned k' if self.share is None else f'{100 * self.share:g} %'}"
        )

    def answer(self, piece: Document) -> Answer:
        """Return what the piece's net said under this method."""
        if self.model not in OURS:
            found: Answer = piece["answers"][0]
            return found
        answers = piece["answers"]
        if self.share is None:
            return next(answer for answer in answers if answer["k"] == piece["learned_k"])
        share = self.share
        return min(answers, key=lambda answer: abs(answer["pixel_fraction"] - share))


METHODS = (
    Method("sparseattn"),
    Method("sparseattn", 0.15),
    Method("sparseattn", 0.05),
    Method("sparseattn-paper", 0.15),
    Method("sparseattn-context", 0.15),
    *(Method(model) for model in MODELS if model not in OURS),
)
STRICT = METHODS[:3]  # those that are compared with every peer
PEER_METHODS = tuple(method for method in METHODS if method.model not in OURS)


@dataclass(frozen=True)
class Row:
    """A method on a set; means over its pieces, accuracies in 0..1.

    Attributes
    ----------
    pieces
        How many.
    spread
        Standard deviation of the balanced accuracy over pieces; None for one piece.
    pixel_fraction
        Selected pixels; None for peers.
    recall
        By class; of all test cells of the pieces together.
    seconds
        Median training time of the pieces that ran on a CPU: of the processor where all have kept it, else
        by the wall. None where all ran on a GPU, which trainings share.
    is_processor_time
        Which of the two.
    machines
        Where its pieces ran.
    """

    dataset: str
    method: Method
    pieces: int
    accuracy: float
    balanced_accuracy: float
    spread: float | None
    recall: dict[str, float]
    pixel_fraction: float | None
    parameters: int
    mflop: float
    mflop_coarse: float | None
    seconds: float | None
    is_processor_time: bool
    epochs: float
    loss_slope: float
    machines: tuple[str, ...]


@dataclass(frozen=True)
class Comparison:
    """Ours minus a peer in balanced accuracy, over the pieces that both have.

    Attributes
    ----------
    over_folds
        Corrected resampled t; None where the test cells never change (folds differ in the training only).
    over_cells
        Paired bootstrap.
    """

    dataset: str
    ours: Method
    peer: Method
    pieces: int
    over_folds: Difference | None
    over_cells: Difference

    @property
    def quoted(self) -> Difference:
        """The one to quote: over folds, where it can be had, since it holds the chance in training too."""
        if self.over_folds is None or self.over_folds.interval is None:
            return self.over_cells
        return self.over_folds


@dataclass(frozen=True)
class Curve:
    """Balanced accuracy of one of our nets against the share of pixels, over its pieces.

    Attributes
    ----------
    shares, mean, low, high, mflop
        (number of k,) the share, then mean, least and largest balanced accuracy, and MFLOP.
    learned
        (pieces,) learned share of each piece.
    """

    dataset: str
    model: str
    shares: np.ndarray
    mean: np.ndarray
    low: np.ndarray
    high: np.ndarray
    mflop: np.ndarray
    learned: np.ndarray


class Summary:
    """All figures of a benchmark.

    Parameters
    ----------
    pieces
        As written by ``benchmarks.pieces``.

    Raises
    ------
    InputError
        If pieces to be compared are not of the same cells, or pieces of one net not taught alike.
    """

    def __init__(self, pieces: Iterable[Document]) -> None:
        self.by_net: dict[tuple[str, str], list[Document]] = defaultdict(list)
        for piece in pieces:
            self.by_net[piece["dataset"], piece["model"]].append(piece)
        for dataset in self.datasets:
            _same(dataset, "cells", (p["fingerprint"] for p in self._pieces(dataset)))
        for (dataset, model), some in self.by_net.items():
            _same(f"{dataset}, {model}", "nets or ways of training", map(_form, some))
            if not _as_long(some):
                raise _different(f"{dataset}, {model}", "lengths of training")

    @property
    def datasets(self) -> tuple[str, ...]:
        """Names of the sets that have pieces, in the order of their first piece."""
        return tuple(dict.fromkeys(dataset for dataset, _ in self.by_net))

    def _pieces(self, dataset: str) -> list[Document]:
        return [piece for (name, _), some in self.by_net.items() if name == dataset for piece in some]

    def row(self, dataset: str, method: Method) -> Row | None:
        """Return a method's figures on a set; None where it has no piece."""
        pieces = self.by_net.get((dataset, method.model))
        if not pieces:
            return None
        answers = [method.answer(piece) for piece in pieces]
        balanced = np.array([answer["balanced_accuracy"] for answer in answers])
        shares = [answer["pixel_fraction"] for answer in answers]
        alone = [piece for piece in pieces if piece["machine"]["device"] == "cpu"]
        kept = all("processor_seconds" in piece["training"] for piece in alone)
        time = "processor_seconds" if kept else "seconds"
        return Row(
            dataset=dataset,
            method=method,
            pieces=len(pieces),
            accuracy=float(np.mean([answer["accuracy"] for answer in answers])),
            balanced_accuracy=float(balanced.mean()),
            spread=float(balanced.std(ddof=1)) if len(balanced) > 1 else None,
            recall=_pooled_recall(pieces, answers),
            pixel_fraction=None if shares[0] is None else float(np.mean(shares)),
            parameters=pieces[0]["parameters"],
            mflop=float(np.mean([answer["mflop"] for answer in answers])),
            mflop_coarse=answers[0]["mflop_coarse"],
            seconds=float(np.median([piece["training"][time] for piece in alone])) if alone else None,
            is_processor_time=time == "processor_seconds",
            epochs=float(np.mean([piece["options"]["epochs"] for piece in pieces])),
            loss_slope=float(np.mean([piece["training"]["loss_slope"] for piece in pieces])),
            machines=tuple(sorted({_machine(piece) for piece in pieces})),
        )

    def rows(self, dataset: str) -> list[Row]:
        """Return every method's figures on a set."""
        return [row for method in METHODS if (row := self.row(dataset, method)) is not None]

    def best_peer(self, dataset: str) -> Row | None:
        """Return the peer that ours at 15 % is furthest behind, or least ahead of, on shared pieces.

        Means alone would mislead: large peers are asked about fewer folds. Without a piece of ours it is the
        peer of the highest mean.
        """
        rows = [row for row in self.rows(dataset) if row.method in PEER_METHODS]

        def lead(row: Row) -> tuple[bool, float]:
            found = self.compare(dataset, STRICT[1], row.method)
            return found is None, -row.balanced_accuracy if found is None else found.over_cells.mean

        return min(rows, key=lead, default=None)

    def compare(self, dataset: str, ours: Method, peer: Method) -> Comparison | None:
        """Return the paired difference over the pieces that both have; None where they share none."""
        first = {_place(piece): piece for piece in self.by_net.get((dataset, ours.model), [])}
        second = {_place(piece): piece for piece in self.by_net.get((dataset, peer.model), [])}
        shared = sorted(first.keys() & second.keys())
        if not shared:
            return None
        differences, gains = [], defaultdict(list)
        labels: dict[int, int] = {}
        for place in shared:
            one, other = ours.answer(first[place]), peer.answer(second[place])
            differences.append(one["balanced_accuracy"] - other["balanced_accuracy"])
            test = first[place]["test"]
            for index, label, a, b in zip(
                test["indices"], test["labels"], one["predicted"], other["predicted"], strict=True
            ):
                labels[index] = label
                gains[index].append(int(a == label) - int(b == label))
        cells = first[shared[0]]["cells"]
        tests = {tuple(first[place]["test"]["indices"]) for place in shared}
        ratio = cells["test"] / (cells["train"] + cells["validation"])
        moving = len(tests) == len(shared)
        return Comparison(
            dataset=dataset,
            ours=ours,
            peer=peer,
            pieces=len(shared),
            over_folds=corrected_t(np.array(differences), ratio) if moving else None,
            over_cells=paired_bootstrap(
                np.array([labels[index] for index in gains]),
                np.array([np.mean(gains[index]) for index in gains]),
            ),
        )

    def comparisons(self, dataset: str) -> list[Comparison]:
        """Return the strict net at each k against every peer on a set."""
        pairs = ((ours, peer) for ours in STRICT for peer in PEER_METHODS)
        return [found for pair in pairs if (found := self.compare(dataset, *pair)) is not None]

    def curve(self, dataset: str, model: str) -> Curve | None:
        """Return one of our nets' balanced accuracy against k; None where it has no piece."""
        pieces = self.by_net.get((dataset, model))
        if not pieces:
            return None
        methods = [Method(model, share) for share in SHARES]
        answers = [[method.answer(piece) for piece in pieces] for method in methods]
        balanced = np.array([[answer["balanced_accuracy"] for answer in at_k] for at_k in answers])
        pixels = pieces[0]["config"]["size"] ** 2
        return Curve(
            dataset=dataset,
            model=model,
            shares=np.array([at_k[0]["pixel_fraction"] for at_k in answers]),
            mean=balanced.mean(axis=1),
            low=balanced.min(axis=1),
            high=balanced.max(axis=1),
            mflop=np.array([at_k[0]["mflop"] for at_k in answers]),
            learned=np.array([piece["learned_k"] / pixels for piece in pieces]),
        )


def _place(piece: Document) -> tuple[int, int]:
    return piece["repeat"], piece["fold"]


def _form(piece: Document) -> str:
    taught, _ = TrainingOptions.from_json(piece["options"])  # an older piece has fewer options
    options = replace(taught, seed=0, epochs=None)
    return str([piece["parameters"], piece["config"], options])


def _as_long(pieces: list[Document]) -> bool:
    """A fold of one cell more makes its epoch longer, and may have one epoch less."""
    epochs = [piece["options"]["epochs"] for piece in pieces]
    return max(epochs) - min(epochs) <= 1


def _machine(piece: Document) -> str:
    machine = piece["machine"]
    threads = "" if machine["device"] == "gpu" else f", {machine['threads']} threads"
    return f"{machine['device']}: {machine['name']}{threads}"


def _pooled_recall(pieces: list[Document], answers: list[Answer]) -> dict[str, float]:
    labels = np.concatenate([piece["test"]["labels"] for piece in pieces])
    right = labels == np.concatenate([answer["predicted"] for answer in answers])
    return {
        name: float(right[labels == i].mean())
        for i, name in enumerate(pieces[0]["classes"])
        if (labels == i).any()
    }


def _same(where: str, what: str, values: Iterable[str]) -> None:
    if len(set(values)) > 1:
        raise _different(where, what)


def _different(where: str, what: str) -> InputError:
    return InputError(
        f"The pieces of {where} are of different {what}: delete the old ones and run them again."
    )
