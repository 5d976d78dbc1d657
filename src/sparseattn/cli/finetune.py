"""``sparseattn finetune``."""

from __future__ import annotations

from typing import Any

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import note, percent
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_labels
from sparseattn.cli.sources import report_notes
from sparseattn.cli.targets import check_output_file
from sparseattn.cli.training import (
    open_sides,
    print_summary,
    summary,
    train_and_save,
    training_options,
    training_pixels,
)
from sparseattn.learn.effort import going_on


@reads_labels
def finetune(
    model: shared.ModelPath,
    data: shared.DataPath,
    output: shared.NewModelPath,
    epochs: shared.Epochs = None,
    seed: shared.Seed = 0,
    pixels: shared.TrainingPixels = "auto",
    precision: shared.TrainingPrecision = "float32",
    val: shared.Validation = None,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    progress: shared.Progress = "bar",
    resume: shared.Resume = False,
    obey_stdin: shared.ObeyStdin = False,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Teach a trained model more cells.

    New classes are added; those without new cells are rehearsed, and what they lose is reported.
    """
    check_output_file(output)

    start = load_model(model)
    training = going_on(
        training_options(
            pixels=training_pixels(pixels, start.prepare.size), epochs=epochs, seed=seed, precision=precision
        )
    )
    options = options.for_model(model)
    cells, split = open_sides(data, val, options, training.validation, start=start)
    admitted = start.admit(cells, force=force)
    report_notes(admitted.notes)
    trained = train_and_save(
        admitted.cells,
        output,
        options=training,
        progress=progress,
        resume=resume,
        obey_stdin=obey_stdin,
        start=start,
        split=split,
        device=device,
        strict=options.strict,
        force=force,
    )
    report = summary(trained)
    drop = recall_before_and_after(report["validation"])
    report["old_classes"] = drop
    report["notes"] = admitted.notes
    for name, recall in drop.items():
        before, after = recall["before"], recall["after"]
        if after < before:
            note(f"Old class {name}: recall fell from {percent(before)} to {percent(after)}.")
    print_summary(report, trained.classifier, as_json=as_json)


def recall_before_and_after(validation: dict[str, Any]) -> dict[str, dict[str, float]]:
    """Return the recall of each old class that has validation cells, before and after fine-tuning."""
    before = validation.get("before_finetuning", {}).get("per_class", {})
    after = validation.get("per_class", {})
    return {
        name: {"before": figures["recall"], "after": after[name]["recall"]}
        for name, figures in before.items()
        if figures["recall"] is not None and after[name]["recall"] is not None
    }
