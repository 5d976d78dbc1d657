"""Text in CSV files: a spreadsheet shows it and never runs it, and what is read back is what was written.

A spreadsheet takes text that begins with ``=``, ``+``, ``-``, ``@``, a tabulator or a carriage return for a
formula, and a formula can start programs or send the table away (OWASP, "CSV injection"). Such text gets a
leading ``'``, and so does text that begins with ``'`` before one of these, so that one ``'`` less is the text
again. Text that is a number stays as it is.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import pandas as pd

FLOATS = "%.6g"
"""How numbers are written where six digits say all."""

_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_NUMBER = re.compile(r"[+-]?\d+(\.\d*)?([eE][+-]?\d+)?")


def guarded(text: str) -> str:
    """Return text as it is written to a CSV file."""
    return f"'{text}" if _FORMULA.match(text) and not _NUMBER.fullmatch(text) else text


def unguarded(text: str) -> str:
    """Return the text that `guarded` made this of."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text


def write_csv(
    table: pd.DataFrame, path: Path, float_format: str | None = None, *, append: bool = False
) -> None:
    """Write a table as CSV in UTF-8, with `guarded` text and names of columns; numbers stay numbers.

    With ``append`` its rows are added to a file that has the names already.
    """
    from pandas.api.types import is_numeric_dtype

    safe = table.copy()
    for name in safe.columns:
        if not is_numeric_dtype(safe[name]):
            safe[name] = safe[name].map(lambda value: guarded(value) if isinstance(value, str) else value)
    safe.columns = [guarded(str(name)) for name in safe.columns]
    safe.to_csv(
        path,
        mode="a" if append else "w",
        header=not append,
        index=False,
        float_format=float_format,
        encoding="utf-8",
        lineterminator="\n",
    )
