"""qpformat, which reads the files of quantitative phase programs; loaded when the first of them is met."""

from __future__ import annotations

import warnings
from typing import Any


def qpformat_kind(name: str) -> Any:
    """Return one of qpformat's kinds of files.

    Raises
    ------
    ValueError
        Where qpformat is not installed.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # about graphics cards that are not there
        try:
            from qpformat.file_formats import formats_dict
        except ImportError:
            raise ValueError("it needs a further package: pip install 'napari-sparseattn[phase]'") from None
    return formats_dict[name]
