"""``sparseattn info``."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import listed, note, percent, pixels_and_percent, print_facts, print_json
from sparseattn.cli.recordings import describe_recording
from sparseattn.cli.remembering import how_to_correct, remember_given, said
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_source, report_skipped
from sparseattn.errors import InputError, NoCellsError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.classifier import Classifier

MODEL_SUFFIX = ".safetensors"


@reads_cells
def info(
    path: Annotated[Path, typer.Argument(help="Cells, or a model file.", show_default=False)],
    options: SourceOptions = PLAIN_SOURCE,
    remember: Annotated[
        bool,
        typer.Option(
            "--remember",
            help="Remember what is given of modality, channels, layout, pixel size, phase and recordings.",
        ),
    ] = False,
    plot: Annotated[
        Path | None, typer.Option(help="Draw a model's training curves to a .png, .svg or .pdf file.")
    ] = None,
    as_json: shared.Json = False,
) -> None:
    """Say what a source of cells or a model file is."""
    if path.suffix == MODEL_SUFFIX:
        if remember:
            raise InputError(f"{path} is a model, which knows what it was made for; leave out --remember")
        classifier = load_model(path)
        facts = describe_model(path, classifier)
        lines = _model_lines(facts)
        if plot is not None:
            from sparseattn.export.training_curves import write_training_curves

            write_training_curves(classifier.history, plot)
    elif plot is not None:
        raise InputError(
            f"{path} is no model file, so there are no training curves to draw; leave out --plot"
        )
    else:
        recording = describe_recording(path) if options.layout is None else None
        cells = _cells(path, options, recording)
        report_skipped(cells.skipped)
        facts = describe_cells(path, cells) | ({} if recording is None else {"recording": recording})
        facts["remembered"] = remember_given(path, options) if remember else None
        lines = _cells_lines(facts)
    if as_json:
        print_json(facts)
    else:
        print_facts(lines)


def _cells(path: Path, options: SourceOptions, recording: dict[str, Any] | None) -> CellSet:
    """Open the cells; a recording in which none is found is still a recording."""
    try:
        return open_source(path, options)
    except NoCellsError as error:
        if recording is None or options.strict:
            raise
        from sparseattn.cells.cellset import CellSet

        note(str(error))
        return CellSet.from_files([], channels=("on", "off"), modality="events")


def describe_cells(path: Path, cells: CellSet) -> dict[str, Any]:
    """Return what is known of cells without reading their pixels."""
    from sparseattn.cells import describe

    names = {str(name): cells.column(str(name)) for name in cells.column_names}
    measured = [name for name, values in names.items() if _is_measured(values)]
    return {
        "kind": "cells",
        "path": path,
        "n": len(cells),
        "shapes": [
            {"height": shape[0], "width": shape[1], "n": number}
            for shape, number in Counter(cells.shapes).most_common()
        ],
        "facts": describe(cells).to_json(),
        "channels": cells.channels,
        "modality": cells.modality,
        "unit": cells.unit,
        "pixel_size_um": cells.pixel_size_um,
        "phase": None if cells.phase is None else cells.phase.to_json(),
        "classes": dict(sorted(Counter(label for label in cells.labels if label is not None).items())),
        "unlabelled": cells.labels.count(None),
        "samples": {name: _distinct(names[name]) for name in names if name not in measured},
        "measured": measured,
        "skipped": [{"origin": skip.origin, "reason": skip.reason} for skip in cells.skipped],
    }


def describe_model(path: Path, classifier: Classifier) -> dict[str, Any]:
    """Return what a model file says of itself."""
    history, prepare, config = classifier.history, classifier.prepare, classifier.net.config
    grid_pixels = prepare.size**2
    return {
        "kind": "model",
        "path": path,
        "classes": classifier.classes,
        "channels": prepare.channels,
        "modality": classifier.modality,
        "size": prepare.size,
        "policy": prepare.policy,
        "pixel_size_um": prepare.pixel_size_um,
        "field_um": prepare.field_um,
        "grid_pixel_um": prepare.grid_pixel_um,
        "events": None if prepare.events is None else prepare.events.to_json(),
        "k": classifier.k,
        "pixel_fraction": classifier.k / grid_pixels,
        "unit_pixels": config.cell_size,
        "window_pixels": config.window,
        "parameters": sum(parameter.numel() for parameter in classifier.net.parameters()),
        "epochs": len(history.epochs),
        "seed": history.seed,
        "options": history.options,
        "validation": history.validation,
        "fingerprint": history.fingerprint,
        "versions": history.versions,
        "split": dict(Counter(classifier.split.sides.values())),
        "split_note": classifier.split.note,
        "bytes": path.stat().st_size,
        "temperature": None if classifier.scale is None else classifier.scale.temperature,
        "model_hash": classifier.model_hash,
    }


def _cells_lines(facts: dict[str, Any]) -> list[tuple[str, object]]:
    shapes = [f"{shape['height']} x {shape['width']} ({shape['n']})" for shape in facts["shapes"]]
    recording = facts.get("recording") or {}
    known = facts["facts"]
    sizes = [size for size in known["pixel_sizes_um"] if size is not None]
    return [
        ("recording", recording.get("format")),
        ("sensor", f"{recording['width']} x {recording['height']} pixels" if recording else None),
        ("events", f"{recording['events']:,}" if recording else None),
        ("lasts", f"{(recording['stop_us'] - recording['start_us']) / 1e6:.6g} s" if recording else None),
        ("note", recording.get("note")),
        ("cells", facts["n"]),
        ("height x width", listed(shapes)),
        ("axes", said(_axes(known), known["layout"])),
        ("type of number", known["dtype"]),
        ("channels", said(", ".join(facts["channels"]), known["channels"])),
        ("in the files", None if _as_in_files(facts) else ", ".join(known["file_channels"])),
        ("modality", said(facts["modality"], known["modality"])),
        ("unit", facts["unit"]),
        ("pixel size", said(_micrometres(sizes), known["pixel_size_um"])),
        ("made from", None if facts["phase"] is None else _made_from(facts["phase"])),
        ("classes", ", ".join(f"{name} ({number})" for name, number in facts["classes"].items())),
        ("without a class", facts["unlabelled"] or None),
        ("samples", ", ".join(f"{number} {name}" for name, number in facts["samples"].items())),
        ("measured", ", ".join(facts["measured"])),
        ("skipped", len(facts["skipped"]) or None),
        ("remembered in", facts["remembered"]),
        ("to correct", None if facts["remembered"] else how_to_correct(facts["path"], known["guessed"])),
    ]


def _axes(known: dict[str, Any]) -> str | None:
    letters: str | None = known["layout"]["value"]
    lengths = known["array_shape"]
    if letters is None or lengths is None:
        return letters
    return f"{letters}, {' x '.join(map(str, lengths))}"


def _as_in_files(facts: dict[str, Any]) -> bool:
    return bool(list(facts["channels"]) == facts["facts"]["file_channels"])


def _micrometres(sizes: list[float]) -> str:
    if not sizes:
        return "not known"
    return f"{sizes[0]:.4g} µm" if len(sizes) == 1 else f"{sizes[0]:.4g} to {sizes[-1]:.4g} µm"


def _is_measured(values: Sequence[Any] | None) -> bool:
    """Whether a column holds what was measured of each cell, not the name of what it belongs to."""
    from sparseattn.cells.columns import LazyColumn

    lazy = isinstance(values, LazyColumn)  # a file's numbers: not read for this
    return lazy or (bool(values) and all(type(value) in (int, float) for value in values or ()))


def _distinct(values: Sequence[Any] | None) -> int:
    return len({value for value in values or () if value is not None and value == value})


def _made_from(phase: dict[str, Any]) -> str:
    """Return how an optical path difference was made of what the file holds."""
    unwrapped = {True: "unwrapped", False: "not unwrapped", None: None}[phase["unwrap"]]
    light = None if phase["wavelength_nm"] is None else f"wavelength {phase['wavelength_nm']:g} nm"
    reference = None if phase["reference"] is None else f"reference {phase['reference']}"
    ground = {"none": "ground left"}.get(phase["background"], f"{phase['background']} taken off")
    sign = "sign turned" if phase["invert"] else None
    return ", ".join(filter(None, [phase["values"], light, reference, unwrapped, sign, ground]))


def _of_events(events: dict[str, Any] | None) -> str | None:
    if events is None:
        return None
    window = "all events"
    if events["window_us"] is not None:
        window = f"{events['window_us'] / 1000:g} ms"
    elif events["window_events"] is not None:
        window = f"{events['window_events']} events"
    return f"{events['representation']} of {window}, {events['recordings']}"


def _length(micrometres: float | None) -> str | None:
    return None if micrometres is None else f"{micrometres:.4g} µm"


def _kept(share: float | None) -> str | None:
    return None if share is None else f"{percent(share)} of them, all but the selected pixels filled"


def _model_lines(facts: dict[str, Any]) -> list[tuple[str, object]]:
    validation, split = facts["validation"], facts["split"]
    accuracy = validation.get("balanced_accuracy")
    temperature = facts["temperature"]
    return [
        ("classes", ", ".join(facts["classes"])),
        ("channels", ", ".join(facts["channels"])),
        ("modality", facts["modality"]),
        ("grid", f"{facts['size']} x {facts['size']} pixels ({facts['policy']})"),
        ("pixel of the grid", _length(facts["grid_pixel_um"])),
        ("pixel of the cells", _length(facts["pixel_size_um"])),
        ("of events", _of_events(facts["events"])),
        ("selected pixels", pixels_and_percent(facts["k"], facts["size"] ** 2)),
        ("selected in units of", f"{facts['unit_pixels']} x {facts['unit_pixels']} pixels"),
        ("read around each", f"{facts['window_pixels']} x {facts['window_pixels']} pixels"),
        ("parameters", f"{facts['parameters']:,}"),
        ("trained on", f"{split.get('train', 0)} cells, {facts['epochs']} epochs, seed {facts['seed']}"),
        (
            "validation",
            None if accuracy is None else f"{validation['n']} cells, balanced accuracy {percent(accuracy)}",
        ),
        ("keep their class", _kept(validation.get("class_kept"))),
        (
            "temperature",
            f"{temperature:.3f}" if temperature else "none: sparseattn calibrate adds it",
        ),
        ("note", facts["split_note"]),
        ("made with", ", ".join(f"{name} {number}" for name, number in facts["versions"].items())),
        ("fingerprint", f"{facts['fingerprint']} of the cells that it was trained on"),
        ("train again", "sparseattn train CELLS -o NEW --like this file; its options are in info --json"),
        ("file", f"{facts['bytes'] / 1024:,.0f} KiB"),
        ("hash", facts["model_hash"]),
    ]
