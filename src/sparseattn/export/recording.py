"""Predictions beside the images that they are of: a copy of an .rtdc recording with scores as features.

dclab and its programs (Shape-Out) know the features ``ml_score_xxx``, numbers from 0 to 1 in which xxx are
three small letters or digits that stand for a class, and take the class of the highest for ``ml_class``.
"""

from __future__ import annotations

import json
import re
import shutil
import unicodedata
from collections.abc import Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparseattn.errors import InputError

if TYPE_CHECKING:
    from sparseattn.predictions import Predictions

SUFFIX = ".rtdc"

_LOG = "sparseattn"
_SCORE = re.compile(r"ml_score_[a-z0-9]{3}")


def check_recording(sources: Sequence[Path], path: Path) -> None:
    """Raise InputError unless predictions of the sources can be written to a copy of an .rtdc recording.

    Raises
    ------
    InputError
        Where there is not one source, it is no .rtdc, or it is the file to be written.
    """
    if len(sources) != 1 or sources[0].suffix.lower() != SUFFIX:
        raise InputError(
            f"{path} is to be a copy of a recording with scores; give one .rtdc file as the source"
        )
    if path.exists() and path.samefile(sources[0]):
        raise InputError(f"{path} is the recording itself, which is not changed; give the copy another name")


def score_codes(classes: Sequence[str]) -> dict[str, str]:
    """Return for each class the three small letters or digits that stand for it: the first three of its name.

    Where two classes begin alike, the later takes further letters of its name, then numbers.
    """
    codes: dict[str, str] = {}
    for name in classes:
        plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
        letters = re.sub(r"[^a-z0-9]", "", plain)
        start = letters[:3].ljust(3, "x")
        others = [start[:2] + letter for letter in letters[3:]]
        numbered = [f"{start[:1]}{number:02}" for number in range(100)]
        more = (f"{number:03}" for number in range(1000))
        codes[name] = next(code for code in (start, *others, *numbered, *more) if code not in codes.values())
    return codes


def write_recording(predictions: Predictions, path: Path) -> None:
    """Write a copy of the recording that the cells came from, with a score for each class.

    Scores that were in the recording, and a class made of them, are left out of the copy; a cell that was
    not classified has NaN, which dclab takes for no class. What code stands for which class is in the log
    ``sparseattn`` of the copy.

    Parameters
    ----------
    predictions
        Of cells of one .rtdc file.
    path
        File to write.

    Raises
    ------
    InputError
        Where the cells are of other files, or h5py is not installed.
    """
    origins = predictions.cells.origins
    sources = sorted({origin.path for origin in origins})
    check_recording(sources, path)
    try:
        import h5py
    except ImportError:
        raise InputError(
            ".rtdc recordings need h5py; install it with: pip install 'napari-sparseattn[cytometry]'"
        ) from None
    shutil.copyfile(sources[0], path)
    rows = np.array([origin.index for origin in origins], dtype=np.int64)
    codes = score_codes(predictions.classes)
    with h5py.File(path, "r+") as file:
        events = file["events"]
        for name in [name for name in events if _SCORE.fullmatch(name) or name == "ml_class"]:
            del events[name]
        for code, share in zip(codes.values(), predictions.probabilities.T, strict=True):
            scores = np.full(len(events["image"]), np.nan)
            scores[rows] = np.clip(share, 0, 1)
            events.create_dataset(f"ml_score_{code}", data=scores, compression="gzip", fletcher32=True)
        _write_log(file, codes, predictions.model_hash)
        software = file.attrs.get("setup:software version", "")
        known = software.decode(errors="replace") if isinstance(software, bytes) else str(software)
        file.attrs["setup:software version"] = " | ".join(filter(None, [known, f"sparseattn {_release()}"]))


def _write_log(file: Any, codes: dict[str, str], model_hash: str) -> None:
    lines = [
        f"sparseattn {_release()}",
        f"model {model_hash}",
        *(json.dumps({"feature": f"ml_score_{code}", "class": name}) for name, code in codes.items()),
    ]
    logs = file.require_group("logs")
    if _LOG in logs:
        del logs[_LOG]
    encoded = [line.encode() for line in lines]
    logs.create_dataset(_LOG, data=np.array(encoded, dtype=f"S{max(map(len, encoded))}"))


def _release() -> str:
    try:
        return version("napari-sparseattn")
    except PackageNotFoundError:  # the sources, not installed
        return "unknown"
