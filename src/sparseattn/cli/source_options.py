"""What every command with a source of cells asks of it: its options, in one place."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from sparseattn.cli import options as shared
from sparseattn.cli.reading import PLAIN_READING, Reading

Command = Callable[..., None]


@dataclass(frozen=True)
class SourceOptions:
    """How a source is to be read; its fields, and those of `Reading`, are the options, in this order."""

    labels_csv: shared.LabelsCsv = None
    labels_log: shared.LabelsLog = None
    samples_csv: shared.SamplesCsv = None
    subfolders: shared.SubfoldersOption = None
    layout: shared.Layout = None
    modality: shared.ModalityOption = None
    channel_names: shared.ChannelNames = None
    strict: shared.Strict = False
    reading: Reading = PLAIN_READING

    def for_model(self, model: Path) -> SourceOptions:
        """Return how to read cells for a model: see `Reading.for_model`."""
        return replace(self, reading=self.reading.for_model(model))


PLAIN_SOURCE = SourceOptions()


def reads_cells(command: Command) -> Command:
    """Give a command the options of a source of cells, which it takes as one argument ``options``."""
    return _with_options(command, without={"labels_log"})


def reads_labels(command: Command) -> Command:
    """Give a command the options of `reads_cells`, and the log that the app keeps labels in."""
    return _with_options(command)


def reads_a_field(command: Command) -> Command:
    """Give a command the options of an image of many cells."""
    return _with_options(command, without={"labels_csv", "labels_log", "samples_csv", "subfolders", "strict"})


def reads_new_files(command: Command) -> Command:
    """Give a command the options of files that are not there yet."""
    return _with_options(command, without={"labels_csv", "labels_log", "samples_csv", "subfolders", "strict"})


def _with_options(command: Command, without: Collection[str] = ()) -> Command:
    signature = inspect.signature(command, eval_str=True)
    own = {name: value for name, value in signature.parameters.items() if name != "options"}
    of_source = {
        name: value
        for name, value in inspect.signature(SourceOptions, eval_str=True).parameters.items()
        if name != "reading" and name not in without
    }
    of_reading = inspect.signature(Reading, eval_str=True).parameters

    @functools.wraps(command)
    def with_options(**arguments: Any) -> None:
        reading = Reading(**{name: arguments.pop(name) for name in of_reading})
        said = {name: arguments.pop(name) for name in of_source}
        command(options=SourceOptions(**said, reading=reading), **arguments)

    parameters = {**own, **of_source, **of_reading}
    with_options.__dict__["__signature__"] = signature.replace(
        parameters=[one.replace(kind=inspect.Parameter.KEYWORD_ONLY) for one in parameters.values()]
    )
    with_options.__annotations__ = {name: one.annotation for name, one in parameters.items()}
    return with_options
