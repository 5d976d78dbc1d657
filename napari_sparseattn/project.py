"""The project file: one small JSON that brings the work back."""

from __future__ import annotations

import dataclasses
import json
import os
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.recording_work import OpenedRecording, read_recording
from napari_sparseattn.results_job import OpenedResults, open_folder
from napari_sparseattn.source_cells import RESULTS, cells_of
from napari_sparseattn.workspace import CellSource, ClassItem, Shown
from sparseattn.errors import InputError
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Report
    from napari_sparseattn.session import Session
    from napari_sparseattn.workspace import Workspace
    from sparseattn.cells import CellSet
    from sparseattn.classifier import Classifier

FORMAT, FORMAT_VERSION = "sparseattn project", 1
LARGEST = 16 << 20
_ONE_AT_A_TIME = threading.Lock()
"""Two projects saved one after the other are written in that order."""


def save_project(session: Session, path: Path) -> None:
    """Write the work that the workspace holds now, in a job; say where, or why not."""
    workspace, folder = session.workspace, path.absolute().parent
    labels = path.with_name(f"{path.name.removesuffix('.json')}.labels.tif")
    keep, sources = session.field.labels_keeper(), workspace.sources
    opened = session.results.opened
    said = to_json(workspace, folder, None if opened is None else opened.folder)

    def work(_: Report) -> tuple[CellSource | None, bool]:
        source, kept = None, False
        with _ONE_AT_A_TIME:
            if keep is not None:
                source, kept = keep(labels)
                said["sources"] = [_source_json(source, folder)]
            write_project(said, path)
        return source, kept

    def land(result: tuple[CellSource | None, bool]) -> None:
        source, kept = result
        if source is not None and workspace.sources == sources:
            workspace.tell_sources([source])
        workspace.set_project_path(path)
        note = f" The labels of the cells are in {labels.name} beside it." if kept else ""
        unsaved = [one.title for one in sources if one.path is None]
        if unsaved:
            note += f" The cells of the layer {unsaved[0]} are not in it: they have no file."
        workspace.say(f"Saved {path}.{note}")

    session.jobs.start(f"Saving {path.name}", work, land, bound_to=(), vital=True)


def write_project(said: dict[str, Any], path: Path) -> None:
    """Write the project file, whole or not at all.

    Raises
    ------
    InputError
        When it cannot be written.
    """
    text = json.dumps(said, indent=2, ensure_ascii=False)
    with replaced_file(path) as draft:
        draft.write_text(text + "\n", encoding="utf-8")


def to_json(workspace: Workspace, folder: Path, results: Path | None = None) -> dict[str, Any]:
    """Return the state as plain JSON; paths are relative to the folder where they lie in or beside it.

    ``results`` is the folder of large results that are open.
    """
    log = workspace.label_log
    return {
        "format": FORMAT,
        "format_version": FORMAT_VERSION,
        "sources": [_source_json(source, folder) for source in workspace.sources],
        "channel_names": workspace.channel_names,
        "forced": workspace.forced,
        "model": _relative(workspace.model_path, folder),
        "model_hash": None if workspace.classifier is None else workspace.classifier.model_hash,
        "k": workspace.k,
        "label_log": None if log is None else _relative(Path(log.path), folder),
        "classes": [dataclasses.asdict(item) for item in workspace.classes],
        "filters": workspace.filters,
        "current": _current_id(workspace),
        "shown": dataclasses.asdict(workspace.shown),
        "target_class": workspace.target_class,
        "against_class": workspace.against_class,
        "error_rate": workspace.error_rate,
        "head": workspace.head,
        "extras": workspace.extras,
        "results": _relative(results, folder),
    }


def read_project(path: Path) -> dict[str, Any]:
    """Return what a project file says; nothing in it is trusted.

    Raises
    ------
    InputError
        When it is no project file, or is damaged or of a newer format.
    """
    try:
        if path.stat().st_size > LARGEST:
            raise InputError(f"{path} is too large for a project; is it another file?")
        said = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        if isinstance(error, InputError):
            raise
        raise InputError(f"{path} cannot be read as a project ({error}); choose another file") from None
    if not isinstance(said, dict) or said.get("format") != FORMAT:
        raise InputError(f"{path} is no project of SparseAttnNet; choose another file")
    if said.get("format_version") != FORMAT_VERSION:
        raise InputError(
            f"{path} was written by another version of the plugin (format {said.get('format_version')!r}); "
            "use the version that wrote it"
        )
    wanted: Mapping[str, type | tuple[type, ...]] = {
        "sources": list, "channel_names": dict, "model": (str, type(None)), "k": int, "classes": list,
        "label_log": (str, type(None)), "filters": dict, "shown": dict, "extras": dict,
    }  # fmt: skip
    for name, kind in wanted.items():
        if not isinstance(said.get(name), kind):
            raise InputError(f"{path} is damaged: {name!r} is missing or not what it should be")
    return said


def open_project(session: Session, path: Path) -> None:
    """Bring the work back, in a job: what is open stays until all of it has been read."""
    workspace = session.workspace

    def land(read: _Read) -> None:
        said, sources, cells, classifier = read.said, read.sources, read.cells, read.classifier
        session.results.close()
        workspace.extras.clear()
        workspace.extras.update(said["extras"])  # tabs look into it when there are other cells
        workspace.set_label_log(None)
        workspace.set_classes(())
        workspace.set_classifier(classifier, read.model_path)
        if read.recording is not None:
            session.recording.show(read.recording, sources[0])
        else:
            workspace.set_cells(cells, sources)
        try:
            workspace.set_classes([ClassItem(**item) for item in said["classes"]])
            workspace.set_channel_names(said["channel_names"])
            if said.get("forced") is True:
                workspace.use_anyway()
            shown = Shown(**said["shown"])
            workspace.show(**dataclasses.asdict(shown))
            workspace.k = int(said["k"])
            workspace.error_rate = float(said.get("error_rate", workspace.error_rate))
        except (TypeError, ValueError) as error:
            workspace.fail(f"parts of {path.name} are damaged and were left out ({error})")
        _open_labels(session, said["label_log"], path.absolute().parent)
        workspace.extras.update(said["extras"])  # tabs may have written what they showed before
        workspace.set_filters(said["filters"])
        workspace.target_class = said.get("target_class")
        workspace.against_class = said.get("against_class")
        workspace.head = said.get("head")
        if cells is not None and said.get("current") in cells.ids:
            workspace.current = cells.ids.index(said["current"])
        workspace.set_project_path(path)
        if read.results is not None:
            session.results.take(read.results, behind=cells is not None)
            session.results.find_pictures()
        for source in sources:
            if "field" in source.options:
                session.field.reopen(source)
        changed = classifier is not None and said.get("model_hash") not in (None, classifier.model_hash)
        note = " The model's file has changed since it was saved." if changed else ""
        workspace.say(f"Opened {path.name}.{note}")
        if read.without_model is not None:
            workspace.fail(f"{read.without_model} All else of {path.name} is open; load the model.")
        elif read.without_results is not None:
            workspace.fail(f"{read.without_results}. All else of {path.name} is open.")

    session.jobs.start(
        f"Opening {path.name}", lambda report: _read(path, report), land, bound_to=(), key="open"
    )


@dataclass(frozen=True, eq=False)
class _Read:
    """A project and what it speaks of, read; without a model, the sentence that says why."""

    said: dict[str, Any]
    sources: list[CellSource]
    cells: CellSet | None
    recording: OpenedRecording | None
    classifier: Classifier | None
    model_path: Path | None
    without_model: str | None
    results: OpenedResults | None
    without_results: str | None


def _read(path: Path, report: Report) -> _Read:
    """Read a project and all that it speaks of, in a thread."""
    from sparseattn.cells import CellSet

    said = read_project(path)
    folder = path.absolute().parent
    sources = sources_of(said, path)
    of_cells = [one for one in sources if one.path is not None and "field" not in one.options]
    recording, cells = None, None
    if len(sources) == len(of_cells) == 1:
        recording = read_recording(sources[0], report)
    if recording is not None:
        cells = recording.cells
    elif of_cells:
        sets = [cells_of(one) for one in of_cells]
        cells = sets[0] if len(sets) == 1 else CellSet.concatenate(sets)
        _ = cells.ids, cells.shapes
    classifier, model_path, without_model = None, None, None
    if said["model"] is not None:
        from sparseattn.classifier import Classifier

        model_path = _absolute(said["model"], folder)
        try:
            classifier = Classifier.load(model_path)
        except InputError as error:
            model_path, without_model = None, f"{error}."
    results, without_results = None, None
    if said.get("results") is not None:
        try:
            results = open_folder(_absolute(str(said["results"]), folder), report)
        except InputError as error:
            without_results = str(error)
    return _Read(
        said, sources, cells, recording, classifier, model_path, without_model, results, without_results
    )


def _open_labels(session: Session, name: str | None, folder: Path) -> None:
    if name is None:
        return
    workspace = session.workspace
    path = _absolute(name, folder)
    if not path.is_file():  # opening it would make an empty one, and the loss would not be seen
        workspace.fail(f"the labels {path} are not there; put the file back and open the project again")
        return
    try:
        session.labelling.open(path)
    except InputError as error:
        workspace.fail(error)


def sources_of(said: dict[str, Any], path: Path) -> list[CellSource]:
    """Return the sources that a project file at `path` names, with whole paths.

    Raises
    ------
    InputError
        When one of them is not what it should be.
    """
    folder, sources = path.absolute().parent, []
    for entry in said["sources"]:
        if not isinstance(entry, dict) or not isinstance(entry.get("options", {}), dict):
            raise InputError(f"{path} is damaged: a source of cells is not what it should be")
        name = entry.get("path")
        sources.append(
            CellSource(
                None if name is None else _absolute(str(name), folder),
                _moved(entry.get("options", {}), lambda name: str(_absolute(name, folder))),
                str(entry.get("name", "")),
            )
        )
    return sources


def _source_json(source: CellSource, folder: Path) -> dict[str, Any]:
    return {
        "path": _relative(source.path, folder),
        "options": _moved(source.options, lambda name: _relative(Path(name), folder)),
        "name": source.name,
    }


def _moved(options: Mapping[str, Any], move: Callable[[str], str | None]) -> dict[str, Any]:
    """Return a source's options with the path of a field's labels, or of large results, moved."""
    if isinstance(options.get(RESULTS), str):
        return {**options, RESULTS: move(options[RESULTS])}
    about = options.get("field")
    if not isinstance(about, Mapping) or not isinstance(about.get("labels"), str):
        return dict(options)
    return {**options, "field": {**about, "labels": move(about["labels"])}}


def _current_id(workspace: Workspace) -> str | None:
    if workspace.cells is None or workspace.current < 0:
        return None
    return workspace.cells.ids[workspace.current]


def _relative(path: Path | None, folder: Path) -> str | None:
    """Return a path that still holds when the project is moved with its data; absolute on another drive."""
    if path is None:
        return None
    try:
        return Path(os.path.relpath(path.absolute(), folder)).as_posix()
    except ValueError:
        return path.absolute().as_posix()


def _absolute(name: str, folder: Path) -> Path:
    return Path(os.path.normpath(folder / name))
