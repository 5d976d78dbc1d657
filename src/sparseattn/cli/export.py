"""``sparseattn export``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.output import print_facts, print_json
from sparseattn.cli.targets import check_output_file


def export(
    model: shared.ModelPath,
    output: Annotated[
        Path, typer.Option("-o", "--output", help="ONNX file to write (.onnx).", show_default=False)
    ],
    as_json: shared.Json = False,
) -> None:
    """Write a model as ONNX, for programs without torch, and check that it answers the same."""
    check_output_file(output)
    classifier = load_model(model)

    from sparseattn.export.onnx import INPUTS, OUTPUTS, check_onnx_path, export_onnx

    check_onnx_path(output)
    written = export_onnx(classifier, output)
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
        ]
    )
