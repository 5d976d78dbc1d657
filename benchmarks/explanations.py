"""How faithful the explanations of our net are beside Captum's on the same net, and other nets' beside them.

python -m benchmarks.explanations run --minutes 20     # goes on where it was left
python -m benchmarks.explanations report               # the tables in docs/explanations.md

Ours are the models that come with the plugin, asked about cells that were set aside when they were trained;
of stained_zheng it is that of benchmarks.label_efficiency. The other nets are taught with the same training
cells by the benchmark's own loop.
"""

import json
import sys
import time
from dataclasses import dataclass, replace
from functools import cached_property, partial
from itertools import product
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import torch
import typer

from benchmarks.accuracy import deadline, names, say, start
from benchmarks.datasets import Dataset, load, real_data
from benchmarks.folds import Fold
from benchmarks.label_efficiency import start_model
from benchmarks.models import logits
from benchmarks.other_maps import other_rankings
from benchmarks.pieces import write_json
from benchmarks.recipes import recipe_for
from benchmarks.training import train
from sparseattn.classifier import Classifier
from sparseattn.errors import InputError
from sparseattn.explain.assessment import Assessment, assess_explanations, trial_of
from sparseattn.explain.compartments import read_compartments
from sparseattn.explain.faithfulness import arrivals
from sparseattn.explain.peers import peer_rankings
from sparseattn.explain.rankings import baseline_rankings, net_rankings
from sparseattn.explain.sanity import similarity
from sparseattn.explain.stability import jaccard
from sparseattn.learn.fit import fit
from sparseattn.learn.options import TrainingOptions
from sparseattn.net.select import units_for

ROOT = Path(__file__).parents[1]
RESULTS = Path(__file__).parent / "results" / "explanations"
REPORT = ROOT / "docs" / "explanations.md"
BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"
MODELS = ROOT / "napari_sparseattn" / "models"
SHIPPED = {
    "stained_pbc": ("stained_blood", None),
    "flow_jurkat": ("flow_cell_cycle", ("brightfield", "DNA stain", "darkfield")),
}
MASKED = "stained_zheng"
COMPARTMENTS = {128: "cytoplasm", 255: "nucleus"}
DATASETS = ("stained_pbc", "flow_jurkat", MASKED)
NETS = ("sparseattn", "small-cnn", "resnet18", "vit", "other-seed", "shuffled-classes")
OTHER_NETS = ("small-cnn", "resnet18", "vit")
FILL_INS = ("mean", "blur", "background")

app = typer.Typer(add_completion=False, no_args_is_help=True, help=__doc__)


@dataclass(frozen=True)
class Subject:
    """A set, our model of it, and the cells that are asked about."""

    name: str
    most_cells: int

    @cached_property
    def dataset(self) -> Dataset:
        """The set."""
        dataset = load(self.name)
        channels = SHIPPED.get(self.name, ("", None))[1]
        return replace(dataset, cells=dataset.cells.with_channels(channels)) if channels else dataset

    @cached_property
    def classifier(self) -> Classifier:
        """Ours: shipped, or trained once."""
        if self.name in SHIPPED:
            return Classifier.load(MODELS / f"{SHIPPED[self.name][0]}.safetensors")
        return start_model()

    @cached_property
    def fold(self) -> Fold:
        """Rows of the set on each side of the model's split; of many test cells some are drawn.

        A model without test cells is asked about its validation cells, which chose nothing but its k.
        """
        sides = [self.classifier.split.sides.get(name) for name in self.dataset.cells.ids]
        rows = {
            side: np.array([row for row, one in enumerate(sides) if one == side], dtype=np.int64)
            for side in ("train", "validation", "test")
        }
        if not len(rows["test"]):
            rows["test"] = rows["validation"]
        drawn = np.random.default_rng(0).permutation(rows["test"])[: self.most_cells]
        return Fold(rows["train"], rows["validation"], np.sort(drawn))

    @property
    def units(self) -> int:
        """Units that our net selects."""
        config = self.classifier.net.config
        return units_for(self.classifier.k, config.size, config.cell_size)


def ours(subject: Subject) -> dict[str, Any]:
    """Test our net's explanations, Captum's on our net, and the baselines."""
    classifier = subject.classifier
    net, k = classifier.net, classifier.k
    compartments = None
    if subject.name == MASKED:
        folder = real_data() / MASKED / "masks"
        compartments = partial(read_compartments, classifier, folder=folder, names=COMPARTMENTS)
    assessment = assess_explanations(
        classifier,
        subject.dataset.cells.subset(subject.fold.test),
        compartments=compartments,
        others=peer_rankings(lambda images: net(images, k).logits, net.config.cell_size),
        most_cells=subject.most_cells,
        on_step=lambda done, of: say(f"  {done} of {of} ways"),
    )
    images = _images(subject)
    ask = classifier.asker()
    ask(images)
    before = time.perf_counter()
    ask(images)
    seconds = (time.perf_counter() - before) / len(images)
    return {**assessment.document(), "classifying_milliseconds": 1000 * seconds}


def others(subject: Subject, model: str, device: str) -> dict[str, Any]:
    """Teach another net with the same cells, and test its own maps and integrated gradients."""
    dataset, fold = subject.dataset, subject.fold
    recipe, _ = recipe_for(subject.name, model, len(fold.train))
    trained = train(dataset, fold, model, recipe, 0, device)
    net = trained.net.cpu()
    images = trained.images[fold.test].numpy()

    def ask(some: np.ndarray) -> np.ndarray:
        answers: np.ndarray = logits(net, torch.from_numpy(some)).softmax(dim=1).numpy()
        return answers

    unit = subject.classifier.net.config.cell_size
    trial = trial_of(subject.classifier.net, ask, images, subject.classifier.k)
    ways = {**other_rankings(net, model, unit), **baseline_rankings(unit)}
    return Assessment(
        labels=dataset.labels[fold.test],
        answered=ask(images).argmax(axis=1),
        ks=tuple(count * unit**2 for count in trial.counts),
        grid_pixels=images.shape[-1] ** 2,
        methods={name: trial.score(rank) for name, rank in ways.items()},
        sanity={},
    ).document()


def another(subject: Subject, shuffled: bool) -> dict[str, Any]:
    """Teach our net once more, from another seed or with shuffled classes, and compare its maps."""
    mine = subject.classifier
    cells, split = subject.dataset.cells, mine.split
    if shuffled:
        labels = np.array(cells.labels, dtype=object)
        cells = cells.with_labels(np.random.default_rng(1).permutation(labels).tolist())
    model = fit(
        cells,
        options=TrainingOptions(seed=1),
        channels=mine.prepare.channels,
        size=mine.prepare.size,
        split=split,
    )
    images, count = _images(subject), subject.units
    config = mine.net.config
    margin = (config.window - config.cell_size) // 2
    found: dict[str, Any] = {"cells": len(images), "learned_k": model.k, "ways": {}}
    theirs = net_rankings(model.net, mine.k)
    for name, rank in net_rankings(mine.net, mine.k).items():
        one, other = rank(images), theirs[name](images)
        read = [arrivals(scores, config.size, margin) < count for scores in (one, other)]
        found["ways"][name] = {
            "similarity": float(similarity(one, other, count).mean()),
            "selected_jaccard": float(
                jaccard(*(arrivals(s, config.size, 0) < count for s in (one, other))).mean()
            ),
            "read_jaccard": float(jaccard(*read).mean()),
        }
    return found


def _images(subject: Subject) -> np.ndarray:
    cells = subject.dataset.cells.subset(subject.fold.test)
    return np.concatenate([batch.images for batch in subject.classifier.prepare.batches(cells, strict=True)])


@app.command()
def run(
    datasets: Annotated[str, typer.Option(help="Names with commas between; all by default.")] = "",
    nets: Annotated[str, typer.Option(help="Names with commas between; all by default.")] = "",
    cells: Annotated[int, typer.Option(help="At most so many test cells.")] = 110,
    minutes: Annotated[float, typer.Option(help="Start nothing new after so many; 0 for no end.")] = 0,
    threads: Annotated[int, typer.Option(help="Threads of torch on the CPU.")] = 1,
    device: Annotated[str, typer.Option(help="cpu, cuda, or auto: for teaching.")] = "auto",
) -> None:
    """Run the pieces that are missing."""
    device, ended = start(threads, device), deadline(minutes)
    for net, name in product(names(nets, NETS, "net"), names(datasets, DATASETS, "set")):
        path = RESULTS / name / f"{net}.json"
        if path.exists():
            continue
        if ended():
            say("time is up; run again to go on")
            return
        began = time.monotonic()
        subject = Subject(name, cells)
        if net == "sparseattn":
            document = ours(subject)
        elif net in OTHER_NETS:
            document = others(subject, net, device)
        else:
            document = another(subject, shuffled=net == "shuffled-classes")
        write_json(document, path)
        say(f"{name} {net}: {time.monotonic() - began:.0f} s")


@app.command()
def report() -> None:
    """Write the tables between the two marks of docs/explanations.md."""
    from benchmarks.explanations_report import tables

    found = {(path.parent.name, path.stem): json.loads(path.read_text()) for path in RESULTS.glob("*/*.json")}
    text = REPORT.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    _, after = rest.split(END)
    REPORT.write_text(f"{before}{BEGIN}\n\n{tables(found, DATASETS)}\n{END}{after}", encoding="utf-8")
    print(REPORT)


def main() -> None:
    """Run the command line; what a user can mend is one line and exit status 2."""
    try:
        app()
    except InputError as error:
        say(str(error))
        sys.exit(2)


if __name__ == "__main__":
    main()
