"""The tables of docs/explanations.md, from the pieces that are there."""

from collections.abc import Iterable, Sequence
from statistics import mean
from typing import Any

Found = dict[tuple[str, str], dict[str, Any]]

_OTHER_COLUMNS = (
    "way",
    "faithfulness",
    "deletion",
    "insertion",
    "class kept, %",
    "noise",
    "shift",
    "ms a cell",
)
TITLES = {"other-seed": "another seed", "shuffled-classes": "shuffled classes", "vit": "ViT"}


def tables(found: Found, datasets: Sequence[str]) -> str:
    """Return every table as Markdown; a set or net without a piece is left out."""
    parts = []
    for name in datasets:
        if (name, "sparseattn") in found:
            parts += [_ours(name, found[name, "sparseattn"])]
        for net in ("small-cnn", "resnet18", "vit"):
            if (name, net) in found:
                parts += [_other(name, net, found[name, net])]
        for net in ("other-seed", "shuffled-classes"):
            if (name, net) in found:
                parts += [_again(name, net, found[name, net])]
    return "\n\n".join(parts) + "\n"


def _ours(name: str, document: dict[str, Any]) -> str:
    methods = document["methods"]
    ordered = sorted(methods, key=lambda one: -methods[one]["faithfulness"]["mean"])
    lines = [
        f"### {name}: this net, {document['cells']} cells, {document['k']} selected pixels "
        f"({100 * document['pixel_fraction']:.0f} %), accuracy {100 * document['accuracy']:.1f} %",
        _table(
            (
                "way", "faithfulness", "attention ahead by (95 %)", "deletion", "insertion", "class kept, %",
                "accuracy kept, %", "fewest", "noise", "shift", "ms a cell",
            ),
            (_row(one, methods[one]) for one in ordered),
        ),
        f"Classifying takes {document['classifying_milliseconds']:.1f} ms a cell here (PyTorch, one thread).",
        "By fill-in: faithfulness, and the share of cells that keep their class, at k and at fewer:",
        _table(
            ("way", *_fills(methods), *(f"class kept at {one['k']}" for one in _steps(methods))),
            (_by_fill(one, methods[one]) for one in ordered),
        ),
    ]  # fmt: skip
    places = next(iter(methods.values()))["localisation"]
    if places:
        lines += [
            "Where the first k pixels lie, %, and how often the very first lies inside (pointing game), %:",
            _table(
                (
                    "way",
                    *(f"{place}, inside" for place in places),
                    *(f"{place}, pointing" for place in places),
                ),
                [
                    *(_places(one, methods[one]["localisation"], "inside", "pointing") for one in ordered),
                    (
                        "area (chance)",
                        *(_percent(places[one]["area"]) for one in places),
                        *("" for _ in places),
                    ),
                ],
            ),
        ]
    stages = document["sanity"]
    lines += [
        "Weights drawn anew: mean rank correlation with the map of the trained net, over its first k pixels:",
        _table(
            ("way", *stages),
            ((way, *(f"{one[way]:.2f}" for one in stages.values())) for way in next(iter(stages.values()))),
        ),
    ]
    return "\n\n".join(lines)


def _other(name: str, net: str, document: dict[str, Any]) -> str:
    methods = document["methods"]
    ordered = sorted(methods, key=lambda one: -methods[one]["faithfulness"]["mean"])
    return "\n\n".join(
        (
            f"### {name}: {TITLES.get(net, net)}, {document['cells']} cells, accuracy "
            f"{100 * document['accuracy']:.1f} %",
            _table(
                (
                    "way",
                    "faithfulness",
                    "deletion",
                    "insertion",
                    "class kept, %",
                    "noise",
                    "shift",
                    "ms a cell",
                ),
                (
                    tuple(
                        cell for place, cell in enumerate(_row(one, methods[one])) if place not in (2, 6, 7)
                    )
                    for one in ordered
                ),
            ),
        )
    )


def _again(name: str, net: str, document: dict[str, Any]) -> str:
    return "\n\n".join(
        (
            f"### {name}: this net against one trained with {TITLES[net]}, {document['cells']} cells",
            _table(
                ("way", "Jaccard of selected pixels", "Jaccard of read pixels", "rank correlation"),
                (
                    (way, *(f"{one[key]:.2f}" for key in ("selected_jaccard", "read_jaccard", "similarity")))
                    for way, one in document["ways"].items()
                ),
            ),
        )
    )


def _row(way: str, one: dict[str, Any]) -> tuple[str, ...]:
    fills = one["fills"].values()
    kept = one["kept"][0]["fills"].values()
    ahead, fewest = one["attention_ahead"], one["fewest_pixels"]["median"]
    return (
        way,
        f"{one['faithfulness']['mean']:.3f}",
        "" if ahead is None or way == "attention" else _ahead(ahead),
        f"{mean(fill['deletion'] for fill in fills):.3f}",
        f"{mean(fill['insertion'] for fill in fills):.3f}",
        _percent(mean(fill["same_class"]["mean"] for fill in kept)),
        _percent(mean(fill["accuracy"] for fill in kept)),
        "" if fewest is None else f"{fewest:.0f}",
        f"{one['stability']['noise']:.2f}",
        f"{one['stability']['shift']:.2f}",
        f"{one['milliseconds']:.1f}",
    )


def _without(row: tuple[str, ...], *places: int) -> tuple[str, ...]:
    return tuple(cell for place, cell in enumerate(row) if place not in places)


def _ahead(ahead: dict[str, Any]) -> str:
    low, high = ahead["interval"]
    return f"{ahead['mean']:+.3f} ({low:+.3f} to {high:+.3f})"


def _by_fill(way: str, one: dict[str, Any]) -> tuple[str, ...]:
    faithful = (f"{fill['insertion'] - fill['deletion']:.3f}" for fill in one["fills"].values())
    kept = (
        " / ".join(_percent(fill["same_class"]["mean"]) for fill in step["fills"].values())
        for step in one["kept"]
    )
    return (way, *faithful, *kept)


def _fills(methods: dict[str, Any]) -> list[str]:
    return [f"faithfulness, {fill}" for fill in next(iter(methods.values()))["fills"]]


def _steps(methods: dict[str, Any]) -> list[dict[str, Any]]:
    steps: list[dict[str, Any]] = next(iter(methods.values()))["kept"]
    return steps


def _places(way: str, places: dict[str, Any], *keys: str) -> tuple[str, ...]:
    return (way, *(_percent(one[key]) for key in keys for one in places.values()))


def _percent(share: float | None) -> str:
    return "" if share is None else f"{100 * share:.0f}"


def _table(header: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [header, ["---"] * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
