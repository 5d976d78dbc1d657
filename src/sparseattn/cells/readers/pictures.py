"""PNG, JPEG, BMP, GIF and WebP: each file is one cell.

Pixels are given as they are stored: EXIF orientation is not applied, so that boxes speak of the file's own
rows and columns. Palettes become RGB, alpha is dropped, 1-bit images become uint8, 16-bit grey and float are
kept.
"""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from sparseattn.cells.cell_file import CellFile
from sparseattn.cells.readers.layouts import Axes

# PIL looks at the content; other formats that it knows start other programs.
_FORMATS = ("PNG", "JPEG", "BMP", "GIF", "WEBP")

SUFFIXES = frozenset({".png", ".jpg", ".jpeg", ".bmp", ".gif", ".webp"})

RGB_NAMES = ("red", "green", "blue")

# PIL mode -> mode that keeps what the picture says without palette and alpha; others become RGB.
_GREY = {"1": "L", "L": "L", "LA": "L", "I;16": "I;16", "I;16B": "I;16", "I": "I", "F": "F"}
_DTYPES = {"L": np.uint8, "RGB": np.uint8, "I;16": np.uint16, "I": np.int32, "F": np.float32}


@dataclass(frozen=True)
class _Picture:
    path: Path

    def read(self, row: int) -> npt.NDArray[Any]:
        with Image.open(self.path, formats=_FORMATS) as image:
            return picture_pixels(image)


def open_picture(path: Path) -> CellFile:
    """Describe a picture from its header.

    Raises
    ------
    ValueError, OSError
        With the reason why it cannot be one cell.
    """
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image = Image.open(path, formats=_FORMATS)
    except (Image.DecompressionBombWarning, Image.DecompressionBombError):
        raise ValueError("it has more pixels than one cell can have") from None
    except UnidentifiedImageError:
        raise ValueError("it is not an image, or its header is damaged") from None
    with image:
        if getattr(image, "is_animated", False):
            raise ValueError("it is an animation; save its frames as single images or as a TIFF stack")
        if image.mode in {"RGB", "RGBA"} and any("16" in str(tile[3]) for tile in image.tile):
            raise ValueError("16-bit colour would be read as 8-bit; save it as TIFF")
        mode = _plain_mode(image.mode)
        width, height = image.size
        rgb = mode == "RGB"
        return CellFile(
            source=_Picture(path),
            cells=None,
            channels=3 if rgb else 1,
            shape=(height, width),
            dtype=np.dtype(_DTYPES[mode]),
            channel_names=RGB_NAMES if rgb else None,
            axes=Axes("YXC", (height, width, 3)) if rgb else Axes("YX", (height, width)),
        )


def picture_pixels(image: Image.Image) -> npt.NDArray[Any]:
    """Return the pixels of an open picture as (C, H, W)."""
    image.load()  # raises on a truncated file, which np.asarray may pass over
    mode = _plain_mode(image.mode)
    if image.mode != mode:
        # A palette with transparency has to pass through RGBA, or PIL warns.
        image = image.convert("RGBA").convert(mode) if image.mode in {"P", "PA"} else image.convert(mode)
    pixels = np.array(image)
    return pixels[None] if pixels.ndim == 2 else pixels.transpose(2, 0, 1)


def _plain_mode(mode: str) -> str:
    return _GREY.get(mode, "RGB")
