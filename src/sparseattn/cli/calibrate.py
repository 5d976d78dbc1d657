"""``sparseattn calibrate``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import note, print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_labelled, report_notes, report_skipped
from sparseattn.cli.targets import check_output_file
from sparseattn.errors import InputError


@reads_cells
def calibrate(
    model: shared.ModelPath,
    data: shared.DataPath,
    output: shared.NewModelPath,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    device: shared.Device = "auto",
    as_json: shared.Json = False,
) -> None:
    """Make the confidence of a model mean something, by labelled cells that did not teach it.

    A new training does this by itself. The net is not changed.
    """
    check_output_file(output)
    options = options.for_model(model)
    cells = open_labelled(data, options)

    import dataclasses

    from sparseattn.learn.calibration import fit_scale
    from sparseattn.learn.metrics import classification_report

    classifier = load_model(model)
    sides, known = classifier.split.sides, classifier.classes
    usable = [
        row
        for row, (name, label) in enumerate(zip(cells.ids, cells.labels, strict=True))
        if label in known and sides.get(name) not in ("train", "test")
    ]
    if not usable:
        raise InputError(
            f"no cell of {data} is of a class of the model and has neither taught it nor been set aside to "
            "test it; give other labelled cells"
        )
    if left_out := len(cells) - len(usable):
        note(f"{left_out} cells are left out: they taught the model, test it, or are of no class of it.")
    plain = dataclasses.replace(classifier, scale=None)
    answers = plain.predict(cells.subset(usable), strict=options.strict, device=device, force=force)
    report_skipped([*cells.skipped, *answers.skipped])
    report_notes(answers.notes)
    labels = [known.index(str(label)) for label in answers.cells.labels]
    scale = fit_scale(answers.probabilities, labels)
    assert scale is not None
    calibrated = dataclasses.replace(classifier, scale=scale)
    calibrated.save(output)
    facts: dict[str, Any] = {
        "model": Path(output),
        "n": len(labels),
        "temperature": scale.temperature,
        "ece_before": classification_report(labels, answers.probabilities, known)["ece"],
        "model_hash": calibrated.model_hash,
    }
    if as_json:
        print_json(facts)
        return
    print_facts(
        [
            ("model", output),
            ("cells", facts["n"]),
            ("temperature", f"{scale.temperature:.3f}"),
            ("calibration error before", f"{facts['ece_before']:.3f}"),
        ]
    )
