"""Where the cells of a field come from, for a project to bring back: image, labels, how they were cut."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.field_choice import FieldChoice, crop_from, segment_from
from napari_sparseattn.layers.field_marks import read_marks
from napari_sparseattn.workspace import CellSource
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.field_painting import ShownField
    from napari_sparseattn.layers.field import FieldLayers

Keeper = Callable[[Path], tuple[CellSource, bool]]
"""Called in a thread with a TIFF to write labels to; returns the source, and whether it was written."""


def source_of(field: ShownField, choice: FieldChoice, layers: FieldLayers) -> CellSource:
    """Return the source of a field's cells: its labels have a file, or can be found again, or neither."""
    labels = layers.labels_path(field.labels)
    about: dict[str, Any] = {"crop": field.found.settings.to_json(), "all_planes": choice.all_planes}
    if field.image.options:
        about["opened"] = dict(field.image.options)
    if len(choice.images) > 1:
        about["channels"] = list(field.image.field.channels)
    if labels is not None:
        about["labels"] = str(labels)
    elif choice.labels is None and not layers.is_edited(field.labels):
        about["segment"] = choice.segment.to_json()
    return CellSource(field.image.path, {"field": about}, field.image.field.name)


def labels_keeper(field: ShownField, choice: FieldChoice, layers: FieldLayers) -> Keeper:
    """Return what writes the labels where they are in no file, or not as they are now.

    It returns the source of the cells, which then names that file. It raises `InputError` when it cannot be
    written.
    """
    source = source_of(field, choice, layers)
    about = dict(source.options["field"])
    labels, classes = layers.label_pixels(field.labels), layers.classes_of(field.labels)

    def keep(path: Path) -> tuple[CellSource, bool]:
        if "segment" in about or labels.is_in_its_file():
            return source, False
        labels.write(path)
        if classes:
            about["classes"] = list(classes)
        return replace(source, options={"field": {**about, "labels": str(path)}}), True

    return keep


def choice_of(source: CellSource, layers: FieldLayers) -> FieldChoice:
    """Open the layers of a field again, and return what was chosen.

    Raises
    ------
    InputError
        When it was not saved as files, or these are gone.
    """
    about = source.options["field"]
    labels = about.get("labels")
    if source.path is None or (labels is None and "segment" not in about):
        raise InputError(
            f"{source.title} or its labels were not saved as files; open them and classify again"
        )
    images = layers.open_image(source.path, about.get("opened", {}), about.get("channels", ()))
    name = None if labels is None else _open_labels(Path(labels), about.get("classes", ()), images, layers)
    crop, segment = crop_from(about.get("crop")), segment_from(about.get("segment", {}))
    return FieldChoice(images, name, bool(about.get("all_planes")), crop, segment)


def _open_labels(
    path: Path, classes: Sequence[str | None], images: tuple[str, ...], layers: FieldLayers
) -> str:
    """Open the labels of a field: a label image, or what others have marked."""
    from sparseattn.cells.readers.outlines import SUFFIXES

    if not classes and path.suffix.lower() not in SUFFIXES:
        return layers.open_labels(path)
    return layers.show_marks(images[0], read_marks(layers.image(images), path, classes))
