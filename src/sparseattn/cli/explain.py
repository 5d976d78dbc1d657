"""``sparseattn explain``."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from sparseattn.cli import field as fields
from sparseattn.cli import options as shared
from sparseattn.cli.models import load_model
from sparseattn.cli.options import split_list
from sparseattn.cli.output import listed, percent, print_facts, print_json
from sparseattn.cli.source_options import PLAIN_SOURCE, SourceOptions, reads_cells
from sparseattn.cli.sources import open_any, open_labelled, report_notes, report_skipped
from sparseattn.errors import CellError, InputError

if TYPE_CHECKING:
    from sparseattn.cells.cellset import CellSet
    from sparseattn.cells.origin import Skipped
    from sparseattn.classifier import Classifier
    from sparseattn.explain.explanation import Explanation
    from sparseattn.explain.files import Extra
    from sparseattn.explain.region_files import Kind


@reads_cells
def explain(
    model: shared.ModelPath,
    source: Annotated[Path, typer.Argument(help="Cells.", show_default=False)],
    output: Annotated[Path, typer.Option("-o", "--output", help="Folder to write.", show_default=False)],
    pixels: shared.PixelsOption = None,
    cells: Annotated[
        str | None, typer.Option(help="Ids of the cells to explain: id,id. [spread over SOURCE]")
    ] = None,
    limit: Annotated[int, typer.Option(min=1, help="How many cells at most.")] = 20,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace earlier explanations.")] = False,
    regions: Annotated[
        str | None,
        typer.Option(help="Write regions too: geojson (QuPath), imagej (ROI set), or geojson,imagej."),
    ] = None,
    page: Annotated[bool, typer.Option("--page", help="Write a page (HTML) for each cell too.")] = False,
    against: Annotated[
        str | None, typer.Option(help="Why not this class? A map of what speaks for the answer and for it.")
    ] = None,
    counterfactual: Annotated[
        bool, typer.Option("--counterfactual", help="Look for the pixels without which the class changes.")
    ] = False,
    neighbours: Annotated[
        Path | None, typer.Option(help="Labelled cells, among which the most alike are looked for.")
    ] = None,
    labels: fields.LabelImage = None,
    find: fields.FindCells = False,
    other_cells: Annotated[
        Literal["mask", "keep"], typer.Option(help="With --labels: fill other cells with background, or not.")
    ] = "mask",
    margin: fields.Margin = 0.8,
    crop_side: fields.CropSide = None,
    options: SourceOptions = PLAIN_SOURCE,
    force: shared.Force = False,
    as_json: shared.Json = False,
) -> None:
    """Show which pixels decided.

    For each cell: the selected pixels (CSV), the coarse and the fine map (TIFF), one picture (PNG); on demand
    regions for QuPath and ImageJ, of cells of a field (--labels, --find) in the field's pixels as well; a
    page to read and print; and the answers to further questions (--against, --counterfactual, --neighbours).
    """
    from sparseattn.explain.files import INDEX_FILE, check_output_folder, write_explanations

    check_output_folder(output, overwrite=overwrite)
    if labels is not None and find:
        raise InputError("--labels says where the cells are, --find looks for them; give one of both")
    kinds = _region_kinds(regions)

    from sparseattn.explain.page import PageFiles
    from sparseattn.explain.question_files import QuestionFiles
    from sparseattn.explain.questions import AskedCells, KnownCells, Questions
    from sparseattn.explain.region_files import RegionFiles

    classifier = load_model(model)
    grid_pixels = classifier.prepare.size**2
    k = classifier.k if pixels is None else shared.parse_pixels(pixels, grid_pixels)
    found = None
    if labels is None and not find:
        options = options.for_model(model)
        opened = open_any([source], options, classifier.classes)
    else:
        found = fields.open_field_cells([source], labels, options, other_cells, margin, crop_side)
        opened = found.cells
    admitted = classifier.admit(opened, force=force)
    opened = admitted.cells
    report_notes(admitted.notes)
    skipped = list(opened.skipped)
    known = None
    if neighbours is not None:
        known = KnownCells.of(classifier, open_labelled(neighbours, replace(options, labels_csv=None)))
    questions = Questions(against, counterfactual, known)
    asked = AskedCells(classifier, opened, questions, force=force)
    extras: list[Extra] = []
    if kinds:
        extras.append(RegionFiles(kinds, found))
    if questions != Questions():
        extras.append(QuestionFiles(asked))
    if page:
        extras.append(PageFiles(asked))
    wanted = _wanted(opened, split_list(cells), limit)
    index = write_explanations(
        _explanations(classifier, opened, wanted, k, skipped, strict=options.strict, force=force),
        output,
        overwrite=overwrite,
        extras=extras,
    )
    report_skipped(skipped)
    rows = index.to_dict("records")
    if as_json:
        print_json(
            {
                "folder": output,
                "k": k,
                "pixel_fraction": k / grid_pixels,
                "cells": rows,
                "skipped": len(skipped),
                "notes": admitted.notes,
            }
        )
        return
    read = index["read_pixels"].mean()
    print_facts(
        [
            ("explained", f"{len(rows)} of {len(opened)} cells"),
            ("selected pixels", f"{index['selected_pixels'].iloc[0]} ({percent(k / grid_pixels)})"),
            ("read pixels", f"{read:.0f} ({percent(read / grid_pixels)}), with the windows around them"),
            ("skipped", len(skipped) or None),
            ("pictures", output / "*" / "overlay.png"),
            ("pages", output / "*" / "page.html" if page else None),
            ("regions", output / "*" / "regions.*" if regions else None),
            ("of the field", output / "field.*" if regions and found is not None else None),
            ("index", output / INDEX_FILE),
        ]
    )


def _region_kinds(text: str | None) -> list[Kind]:
    kinds = split_list(text) or []
    for kind in kinds:
        if kind not in ("geojson", "imagej"):
            raise InputError(
                f"--regions {kind!r} is no kind of regions; give geojson, imagej or geojson,imagej"
            )
    return cast("list[Kind]", kinds)


def _wanted(cells: CellSet, ids: list[str] | None, limit: int) -> list[int]:
    if ids is None:
        count = min(limit, len(cells))  # spread over the source, whose first cells may all be of one class
        return [row * len(cells) // count for row in range(count)]
    rows = {name: row for row, name in enumerate(cells.ids)}
    unknown = [name for name in ids if name not in rows]
    if unknown:
        raise InputError(f"there is no cell {listed(unknown)}; the first of this source is {cells.ids[0]}")
    return [rows[name] for name in ids][:limit]


def _explanations(
    classifier: Classifier,
    cells: CellSet,
    rows: list[int],
    k: int,
    skipped: list[Skipped],
    *,
    strict: bool,
    force: bool,
) -> Iterator[Explanation]:
    from sparseattn.cells.origin import Skipped
    from sparseattn.explain.explanation import explain_cell

    explained = 0
    for row in rows:
        try:
            explanation = explain_cell(classifier, cells, row, k=k, force=force)
        except CellError as error:
            if strict:
                raise
            skipped.append(Skipped(str(cells.origins[row]), str(error)))
            continue
        explained += 1
        yield explanation
    if not explained:
        raise InputError(f"none of the cells could be explained; the first: {skipped[-1].reason}")
