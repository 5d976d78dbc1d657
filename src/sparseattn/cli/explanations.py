"""What ``sparseattn evaluate --explanations`` adds: tests of the explanations, as JSON or as tables."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparseattn.cli.masks import find_masks, read_masks
from sparseattn.cli.output import percent, print_table

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.predictions import Predictions

Explanations = Annotated[
    bool, typer.Option("--explanations", help="Test the explanations too, beside simple baselines.")
]
Peers = Annotated[bool, typer.Option("--peers", help="With --explanations: test Captum's methods as well.")]
MostCells = Annotated[
    int, typer.Option("--most-cells", min=2, help="With --explanations: draw so many of more cells.")
]


def assess(
    classifier: Classifier,
    predictions: Predictions,
    data: Path,
    *,
    k: int,
    peers: bool,
    masks: Path | None,
    mask_names: str | None,
    most_cells: int,
    device: str,
) -> dict[str, Any]:
    """Test the explanations and return the JSON of it; see `sparseattn.explain.assessment`."""
    from functools import partial

    from sparseattn.cells.frame_check import frame_cues
    from sparseattn.explain.assessment import assess_explanations
    from sparseattn.explain.frame import follows_the_frame
    from sparseattn.explain.general import look_in_general
    from sparseattn.explain.peers import peer_rankings

    cells = predictions.cells
    masks = find_masks(data, masks)
    compartments = None
    if masks is not None:
        compartments = partial(read_masks, classifier, masks=masks, names=mask_names)
    net = classifier.net
    others = peer_rankings(lambda x: net(x, k).logits, net.config.cell_size) if peers else None

    def say(done: int, of: int) -> None:
        print(f"explanations: {done} of {of} methods", file=sys.stderr, flush=True)

    assessment = assess_explanations(
        classifier,
        cells,
        k=k,
        compartments=compartments,
        others=others,
        most_cells=most_cells,
        device=device,
        on_step=say,
    )
    cues = frame_cues(cells)
    following = follows_the_frame(classifier, cells, k=k)
    general = look_in_general(
        classifier, predictions, compartments=None if compartments is None else compartments(cells)
    )
    return {
        **assessment.document(),
        "general": general.document(),
        "shortcuts": {
            "warnings": [*(cue.warning for cue in cues), *following.warnings],
            "frame_gives_away": {cue.class_name: {"by": cue.cue, "accuracy": cue.accuracy} for cue in cues},
            "follows_the_frame": {
                name: {"asked": asked, "followed": followed, "control": control}
                for name, asked, followed, control in zip(
                    following.classes,
                    following.asked.tolist(),
                    following.followed.tolist(),
                    following.control.tolist(),
                    strict=True,
                )
            },
        },
    }


def print_assessment(report: dict[str, Any]) -> None:
    """Print what `assess` returned as tables, and what speaks for a shortcut."""
    for warning in report["shortcuts"]["warnings"]:
        print(f"Warning: {warning}")
    if report["shortcuts"]["warnings"]:
        print()
    methods: dict[str, Any] = report["methods"]
    print(f"explanations of {report['cells']} cells at {report['k']} pixels, best first; means over fill-ins")
    print()
    best = sorted(methods, key=lambda name: -methods[name]["faithfulness"]["mean"])
    header = ("method", "faithful", "deletion", "insertion", "enough", "fewest", "noise", "shift", "ms")
    print_table(header, [_row(name, methods[name]) for name in best])
    places = {place: None for one in methods.values() for place in one["localisation"]}
    if places:
        print()
        print("share of the selected pixels, or as many of other methods, that lie inside (chance: the area)")
        print()
        print_table(
            ("method", *places),
            [(name, *(_share(methods[name]["localisation"][p]["inside"]) for p in places)) for name in best]
            + [("area", *(_share(methods[best[0]]["localisation"][p]["area"]) for p in places))],
        )
    print()
    print("likeness to the map of a net whose weights are drawn anew (1: the map knows nothing of the net)")
    print()
    stages: dict[str, Any] = report["sanity"]
    print_table(
        ("method", *stages),
        [(name, *(f"{one[name]:.2f}" for one in stages.values())) for name in next(iter(stages.values()))],
    )


def _row(name: str, method: dict[str, Any]) -> tuple[str, ...]:
    fills = list(method["fills"].values())
    enough = [one["same_class"]["mean"] for one in method["kept"][0]["fills"].values()]
    fewest = method["fewest_pixels"]["median"]
    return (
        name,
        f"{method['faithfulness']['mean']:.3f}",
        f"{sum(one['deletion'] for one in fills) / len(fills):.3f}",
        f"{sum(one['insertion'] for one in fills) / len(fills):.3f}",
        percent(sum(enough) / len(enough)),
        "-" if fewest is None else f"{fewest:.0f}",
        f"{method['stability']['noise']:.2f}",
        f"{method['stability']['shift']:.2f}",
        f"{method['milliseconds']:.1f}",
    )


def _share(value: float | None) -> str:
    return "-" if value is None else percent(value)
