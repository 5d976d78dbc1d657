"""``fit``: labelled cells in, a trained classifier out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import torch

from sparseattn.learn.augment import Augmentation
from sparseattn.learn.calibration import fit_scale
from sparseattn.learn.data import gather, gather_for
from sparseattn.learn.effort import planned
from sparseattn.learn.history import EpochRecord
from sparseattn.learn.options import TrainingOptions
from sparseattn.learn.processes import started_processes
from sparseattn.learn.run import Run, features_of
from sparseattn.net import SparseAttnNet, SparseAttnNetConfig

if TYPE_CHECKING:
    from sparseattn.cells import CellSet, Skipped
    from sparseattn.classifier import Classifier
    from sparseattn.learn.split import Split

_CELLS_THAT_TELL_K = 100
"""Of fewer validation cells, after fine-tuning, too small a k looks as good as a larger one."""


def fit(
    cells: CellSet,
    *,
    options: TrainingOptions | None = None,
    channels: Sequence[str | int] | None = None,
    size: int = 64,
    policy: Literal["resize", "crop"] | None = None,
    grid_pixel_um: float | None = None,
    split: Split | None = None,
    start: Classifier | None = None,
    net: dict[str, Any] | None = None,
    augmentation: Augmentation | None = None,
    on_epoch: Callable[[EpochRecord], None] | None = None,
    should_stop: Callable[[], bool] | None = None,
    on_skip: Callable[[Skipped], None] | None = None,
    checkpoint: Path | None = None,
    resume: bool = False,
    device: str = "auto",
    strict: bool = False,
    force: bool = False,
) -> Classifier:
    """Train a SparseAttnNet on the labelled cells.

    Started by `torchrun`, each process calls it with the same arguments and takes its share of every step;
    all return a classifier, of which that of the first is to be kept.

    Parameters
    ----------
    cells : CellSet
        Cells without a label are passed over.
    options : TrainingOptions
        How to train.
    channels, size, policy, grid_pixel_um
        Of the preparation, see :class:`sparseattn.cells.Prepare`; taken from ``start`` where one is given.
    split : Split or None
        Sides that are decided already; the other cells are split by their ids.
    start : Classifier or None
        A model to go on from (fine-tuning). Its classes stay, new ones are added, and its prototypes are
        rehearsed so that it does not forget.
    net : dict or None
        Fields of :class:`sparseattn.net.SparseAttnNetConfig` other than the defaults.
    augmentation : Augmentation or None
        The default is that of the cells' modality.
    on_epoch : callable or None
        Called with the record of each epoch; what it raises ends the run.
    should_stop : callable or None
        Asked after each epoch; where it says True training ends there, and the weights of the lowest
        validation loss so far are kept.
    on_skip : callable or None
        Called with each cell that could not be read.
    checkpoint : Path or None
        Where the state is written after every epoch; to be removed once the model is saved.
    resume : bool
        Go on from ``checkpoint`` where it exists: the result is that of a run that was never stopped.
    device : str
        ``auto`` takes a CUDA GPU where there is one.
    strict : bool
        An unreadable cell is an error instead of being skipped.
    force : bool
        Of cells that ``start`` was not made for: see `sparseattn.classifier.Classifier.admit`.

    Returns
    -------
    Classifier

    Raises
    ------
    InputError
        If the cells cannot teach: fewer than two classes, a class of one image, nothing readable.
    """
    from sparseattn.classifier import Classifier, choose_device
    from sparseattn.learn.in_distribution import fit_in_distribution
    from sparseattn.learn.last_layer import fit_last_layer
    from sparseattn.learn.prototypes import choose_prototypes

    options = options or TrainingOptions()
    device = choose_device(device)
    if start is None:
        data = gather(
            cells,
            channels=channels,
            size=size,
            policy=policy,
            grid_pixel_um=grid_pixel_um,
            split=split,
            validation=options.validation,
            strict=strict,
        )
        config = SparseAttnNetConfig.from_json(
            {
                **(net or {}),
                "channels": len(data.prepare.channels),
                "classes": len(data.classes),
                "size": size,
            }
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            module = SparseAttnNet(config)
    else:
        data = gather_for(
            start, cells, split=split, validation=options.validation, strict=strict, force=force
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(options.seed)
            module = start.extended(data.classes).net.eval()
        taught = torch.from_numpy(data.train)
        fit_last_layer(module, features_of(module, data.images[data.train], start.k), data.labels[taught])
    if on_skip is not None:
        for skipped in data.skipped:
            on_skip(skipped)
    options = planned(options, len(data.train), goes_on=start is not None)
    with started_processes(device) as (processes, own_device):
        run = Run(
            module,
            data,
            options,
            augmentation or Augmentation.for_modality(cells.modality),
            own_device,
            learns_k=start is None or len(data.validation) >= _CELLS_THAT_TELL_K,
            processes=processes,
        )
        before = None if start is None else run.report(start.net, start.k, len(start.classes), start.prepare)
        run.train(checkpoint, resume, on_epoch, should_stop)
    history = run.history()
    if start is not None:
        history.validation["before_finetuning"] = before
        history.validation["after_finetuning"] = run.report(run.best, run.k, len(start.classes))

    labels = data.labels.numpy()
    trained = run.best.to("cpu")
    features = features_of(trained, data.images, run.k)
    with torch.inference_mode():
        held_out = trained.classify(torch.from_numpy(features[data.validation])).softmax(dim=1).numpy()
    return Classifier(
        net=trained,
        classes=data.classes,
        prepare=data.prepare,
        modality=cells.modality if start is None else start.modality,
        k=run.k,
        history=history,
        split=data.split if start is None else _joined(start.split, data.split),
        in_distribution=fit_in_distribution(
            features[data.train], labels[data.train], features[data.validation]
        ),
        prototypes=choose_prototypes(data.images, labels, features, data.train, options.prototypes),
        scale=fit_scale(held_out, labels[data.validation]),
    )


def _joined(earlier: Split, later: Split) -> Split:
    sides = {**earlier.sides, **later.sides}
    grouped = earlier.grouped and later.grouped
    return replace(later, sides=sides, grouped=grouped, note=later.note or earlier.note)
