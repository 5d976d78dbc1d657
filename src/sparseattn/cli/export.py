"""``sparseattn export``."""

from __future__ import annotations

import io
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import note, print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE
from sparseattn.cli.sources import open_any
from sparseattn.cli.targets import check_output_file
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier

PACKAGE_ENDING = ".bioimageio.zip"


def export(
    model: shared.ModelPath,
    output: Annotated[
        Path,
        typer.Option(
            "-o",
            "--output",
            help="File to write: .onnx, or .bioimageio.zip, a package for the bioimage.io zoo.",
            show_default=False,
        ),
    ],
    card: Annotated[
        bool,
        typer.Option(
            "--card",
            help="Beside an .onnx, write what it is (.md) and an image with its answers (.test.npz).",
        ),
    ] = False,
    example: Annotated[
        Path | None,
        typer.Option(help="A cell to show and test with, of which nothing is secret. [none of yours]"),
    ] = None,
    author: Annotated[
        list[str] | None, typer.Option(help="Who made the model, for the zoo; can be given several times.")
    ] = None,
    licence: Annotated[
        str | None,
        typer.Option(help="What others may do with it, for the zoo: CC-BY-4.0 or another of SPDX."),
    ] = None,
    as_json: shared.Json = False,
) -> None:
    """Write a model for programs without torch, and check that it answers the same.

    What is said of the model is taken from the JSON file of its name beside it, where there is one.
    """
    package = output.name.lower().endswith(PACKAGE_ENDING)
    if not package and output.suffix.lower() != ".onnx":
        raise InputError(
            f"{output} does not end in .onnx or {PACKAGE_ENDING}; give -o a name such as {model.stem}.onnx"
        )
    check_output_file(output)
    if not package and (author or licence):
        raise InputError("--author and --licence are for the model zoo; give -o a name in .bioimageio.zip")
    if example is not None and not (package or card):
        raise InputError("--example goes with --card or a package; give --card as well")
    classifier = load_model(model)

    from sparseattn.export.onnx import check_onnx_libraries

    check_onnx_libraries()
    cells = _example(classifier, model, example)
    if package:
        _write_package(classifier, model, output, cells, tuple(author or ()), licence, as_json)
    else:
        _write_onnx(classifier, model, output, cells if card else None, as_json)


def _example(classifier: Classifier, model: Path, source: Path | None) -> CellSet:
    if source is None:
        from sparseattn.export.example import stand_in

        return stand_in(classifier)
    cells = open_any([source], PLAIN_SOURCE.for_model(model), classifier.classes)
    return classifier.admit(cells.subset([0])).cells


def _write_onnx(
    classifier: Classifier, model: Path, output: Path, cells: CellSet | None, as_json: bool
) -> None:
    from sparseattn.export.onnx import INPUTS, OUTPUTS, export_onnx

    beside: list[Path] = []
    written = export_onnx(classifier, output)
    if cells is not None:
        beside = _write_beside(classifier, model, output, cells)
    if as_json:
        print_json(
            {
                "output": written.path,
                "bytes": written.bytes,
                "inputs": INPUTS,
                "outputs": OUTPUTS,
                "k": classifier.k,
                "classes": classifier.classes,
                "largest_difference": written.largest_difference,
                "beside": beside,
            }
        )
        return
    size, channels = classifier.prepare.size, classifier.prepare.channels
    print_facts(
        [
            ("Model", f"{written.path} ({written.bytes / 1000:.0f} kB)"),
            (
                "image",
                f"(N, {len(channels)}, {size}, {size}) float32: {', '.join(channels)}, as in the files",
            ),
            ("k", f"int64, the pixels to select; the learned k is {classifier.k}"),
            ("Gives", ", ".join(OUTPUTS)),
            ("Check", f"probabilities differ from torch's by {written.largest_difference:.1g} at most"),
            ("Beside it", ", ".join(map(str, beside))),
        ]
    )


def _write_beside(classifier: Classifier, model: Path, output: Path, cells: CellSet) -> list[Path]:
    """Write the model's card and a sample of its answers beside an ONNX file."""
    import numpy as np

    from sparseattn.export.example import exported_image
    from sparseattn.export.model_text import model_text
    from sparseattn.export.onnx import sample_of
    from sparseattn.model_card import read_card
    from sparseattn.writing import replaced_file

    text, tensors = output.with_suffix(".md"), output.with_suffix(".test.npz")
    sample = sample_of(classifier, exported_image(classifier, cells))
    with replaced_file(text) as draft:
        draft.write_text(model_text(classifier, read_card(model)), encoding="utf-8")
    arrays: dict[str, Any] = {"image": sample.image, "k": np.array(classifier.k, np.int64), **sample.outputs}
    with replaced_file(tensors) as draft, draft.open("wb") as stream:
        np.savez_compressed(stream, **arrays)
    return [text, tensors]


def _write_package(
    classifier: Classifier,
    model: Path,
    output: Path,
    cells: CellSet,
    authors: tuple[str, ...],
    licence: str | None,
    as_json: bool,
) -> None:
    from sparseattn.export.bioimageio import Publication, check_bioimageio_libraries, export_bioimageio
    from sparseattn.export.example import exported_image
    from sparseattn.model_card import read_card

    check_bioimageio_libraries()
    for option, given in (("--author", authors), ("--licence", licence)):
        if not given:
            note(f"Note: without {option} the zoo will not take the package; this program does not need it.")
    written = export_bioimageio(
        classifier,
        output,
        image=exported_image(classifier, cells),
        cover=_cover(classifier, cells),
        card=read_card(model),
        publication=Publication(authors, licence),
    )
    if as_json:
        print_json({"output": written.path, "bytes": written.bytes, "files": written.names})
        return
    print_facts(
        [
            ("Package", f"{written.path} ({written.bytes / 1000:.0f} kB)"),
            ("Holds", ", ".join(written.names)),
            ("Shows", cells.origins[0]),
        ]
    )


def _cover(classifier: Classifier, cells: CellSet) -> bytes:
    """Return a picture of the model at work, twice as wide as high, as the zoo wants it."""
    from sparseattn.explain import explain_cell, overlay_figure

    figure = overlay_figure(explain_cell(classifier, cells, 0))
    figure.set_size_inches(13, 6.5)
    stream = io.BytesIO()
    figure.savefig(stream, dpi=100, format="png")
    return stream.getvalue()
