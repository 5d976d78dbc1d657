"""Options that several commands share, and how a number of pixels is written."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Literal

import typer

from sparseattn.errors import InputError

Subfolders = Literal["classes", "samples"]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:1 or mps.")]
Engine = Annotated[
    str, typer.Option(help="auto, compiled (CPU, needs numba) or torch: the same answers, sooner or later.")
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout.")]
DataPath = Annotated[Path, typer.Argument(metavar="DATA", help="Class folders, or any source of cells.")]
ModelPath = Annotated[Path, typer.Argument(metavar="MODEL", help="A trained model (.safetensors).")]
NewModelPath = Annotated[
    Path, typer.Option("-o", "--output", help="Model file to write (.safetensors).", show_default=False)
]
PixelsOption = Annotated[
    str | None,
    typer.Option(
        "-k", "--pixels", help="Selected pixels: a number (600), a fraction (0.15) or 15%. [learned]"
    ),
]
TrainingPixels = Annotated[
    str, typer.Option("-k", "--pixels", help="auto (learned), controller, or as 0.15, 15% or 600.")
]
Epochs = Annotated[
    int | None, typer.Option(min=1, help="Passes over the training cells. [100, more for few cells]")
]
Seed = Annotated[int, typer.Option(min=0, help="Same seed, data and machine: same result.")]
TrainingPrecision = Annotated[
    Literal["float32", "mixed"],
    typer.Option("--precision", help="mixed: products in bfloat16 while training, for large grids on a GPU."),
]
Validation = Annotated[Path | None, typer.Option("--val", help="Cells for validation, read like DATA.")]
LabelsCsv = Annotated[Path | None, typer.Option(help="CSV with the columns id and class.")]
LabelsLog = Annotated[
    Path | None,
    typer.Option(help="Label log of the app: its labels win over the source's, its test cells never teach."),
]
SamplesCsv = Annotated[Path | None, typer.Option(help="CSV with the column id, and sample, donor, day ...")]
SubfoldersOption = Annotated[Subfolders | None, typer.Option(help="What the subfolders of the source are.")]
Layout = Annotated[str | None, typer.Option(help="Axes of stacks, such as NYX, NCYX or NYXC.")]
ModalityOption = Annotated[
    str | None, typer.Option(help="brightfield, flow, fluorescence, phase, events or unknown.")
]
ChannelNames = Annotated[
    str | None,
    typer.Option(help="Names of the channels: all in order (a,b,c), or new ones (Ch4=a,Ch6=b)."),
]
Force = Annotated[
    bool,
    typer.Option(
        "--force", help="Take cells of another modality or scale, or other channels in their order."
    ),
]
BatchSize = Annotated[int, typer.Option(min=1, help="Cells computed at once.")]
Progress = Annotated[
    Literal["bar", "json", "none", "stdout"],
    typer.Option(help="Progress on stderr; json: one line an epoch; stdout: the same, on stdout."),
]
ObeyStdin = Annotated[
    bool,
    typer.Option(
        "--obey-stdin",
        help="Obey words on stdin: stop keeps the best so far; cancel, or its end, leaves nothing.",
    ),
]
EndsByStdin = Annotated[
    bool,
    typer.Option("--obey-stdin", help="End when stdin says stop, or ends: for other programs."),
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on from the checkpoint of an interrupted run.")]
Strict = Annotated[bool, typer.Option("--strict", help="Stop at the first cell that cannot be read.")]


def parse_pixels(text: str, grid_pixels: int) -> int:
    """Return the selected pixels that ``600``, ``0.15`` or ``15%`` stand for on a grid of so many pixels.

    Raises
    ------
    InputError
        If the text is no such number, or is not in 1..grid_pixels.
    """
    written = text.strip()
    match = re.fullmatch(r"(\d+)|(\d*\.\d+|\d+\.)|(\d+(?:\.\d+)?)\s*%", written, re.ASCII)
    if match is None:
        raise InputError(f"--pixels {written!r} is not a number of pixels; give one such as 600, 0.15 or 15%")
    whole, fraction, percent = match.groups()
    if whole is not None:
        k = int(whole)
    else:
        share = float(fraction) if fraction is not None else float(percent) / 100
        if not 0 < share <= 1:
            raise InputError(
                f"--pixels {written} is not a share of the pixels; give more than 0 and at most 1 (100%)"
            )
        k = max(1, round(share * grid_pixels))
    if not 1 <= k <= grid_pixels:
        raise InputError(
            f"--pixels {written} is out of range; give 1 to {grid_pixels}, the pixels of the net's grid"
        )
    return k


def parse_channel_names(text: str | None) -> list[str] | dict[str, str] | None:
    """Return ``a,b`` as a list of names, ``Ch4=a,Ch6=b`` as new names by old ones; None stays None.

    Raises
    ------
    InputError
        If it is a mixture of both, or a name is empty or there twice.
    """
    names = split_list(text)
    if names is None or not any("=" in name for name in names):
        return names
    pairs = [tuple(part.strip() for part in name.split("=")) for name in names]
    if not all(len(pair) == 2 and all(pair) for pair in pairs) or len({old for old, _ in pairs}) < len(pairs):
        raise InputError(
            f"--channel-names {text!r} is neither a list of names (a,b) nor new names by old ones "
            "(Ch4=a,Ch6=b)"
        )
    return {old: new for old, new in pairs}


def split_list(text: str | None) -> list[str] | None:
    """Return ``a, b`` as a list of names; None stays None."""
    return None if text is None else [name.strip() for name in text.split(",")]
