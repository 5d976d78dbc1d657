"""What a file is that was dropped or opened, as far as its name and first line tell."""

from __future__ import annotations

from pathlib import Path

from sparseattn.scale.run_plan import FILE as RUN

PROJECT = ".sparseattn.json"
"""How the names of projects end."""


def is_marks(path: Path) -> bool:
    """Whether a file marks cells by boxes or outlines: GeoJSON, COCO, or a table as YOLO writes it."""
    suffix = path.suffix.lower()
    if suffix == ".geojson":
        return path.is_file()
    if suffix == ".json":
        return path.is_file() and not path.name.endswith(PROJECT) and _begins_as_marks(path)
    return suffix == ".txt" and path.is_file() and _is_yolo(path)


def is_results(path: Path) -> bool:
    """Whether a folder is one of large results, as ``sparseattn predict -o FOLDER/`` writes it."""
    return path.is_dir() and (path / RUN).is_file() and (path / "done.jsonl").is_file()


def is_of_a_microscope(path: Path) -> bool:
    """Whether a file is one that microscopes write: of fields, not of single cells."""
    return path.suffix.lower() in (".nd2", ".czi", ".lif") or path.name.lower().endswith(".ome.zarr")


def can_be_an_image(path: Path) -> bool:
    """Whether a file may be one image, be it of cells or of their labels."""
    from sparseattn.events import is_recording

    return path.is_file() and not is_recording(path)


def _begins_as_marks(path: Path) -> bool:
    """Whether JSON begins with words of COCO or GeoJSON; other programs have JSON too."""
    try:
        with path.open(encoding="utf-8-sig", errors="replace") as text:
            begin = text.read(1 << 16)
    except OSError:
        return False
    return any(f'"{word}"' in begin for word in ("annotations", "images", "features", "geometry"))


def _is_yolo(path: Path) -> bool:
    """Whether the first line is a class number and shares of an image."""
    try:
        with path.open(encoding="utf-8-sig") as lines:
            words = lines.readline(10_000).split()
        return len(words) >= 5 and int(words[0]) >= 0 and all(-1 <= float(word) <= 2 for word in words[1:])
    except (OSError, ValueError):
        return False
