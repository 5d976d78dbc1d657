"""The report's figures as tables: what the screen and the HTML file show is what a CSV file gets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, overload

import pandas as pd

from sparseattn.export.tables import predictions_table

if TYPE_CHECKING:
    from sparseattn.report.report import Report

TITLES = {
    "classes": "Precision, recall and F1 of each class",
    "confusion": "Confusion matrix: known against predicted classes",
    "samples": "Class fractions of each sample",
    "conditions": "Class fractions over the samples",
    "drift": "Samples against the training cells",
    "cells": "Cells",
}
"""Heading of each table by its name."""

_DECIMALS = 4


def report_tables(report: Report, *, cells: bool = True) -> dict[str, pd.DataFrame]:
    """Return the tables of a report by their names, those of `TITLES` that there is something to say in.

    Parameters
    ----------
    report : Report
        What to list.
    cells : bool
        Whether there is to be a table with a row a cell.

    Returns
    -------
    dict of DataFrame
        Shares in 0..1 are rounded to four decimals; counts are beside them. ``..._low`` and ``..._high`` are
        limits of 95 % intervals. Values that cannot be had are missing.

        ``classes``
            A row a class; only where cells were judged.
        ``confusion``
            A row a known class, a column a predicted one; only where cells were judged.
        ``samples``
            A row a sample and class.
        ``conditions``
            A row a condition and class; only where there are several samples.
        ``drift``
            A row a sample and comparison.
        ``cells``
            `export.tables.predictions_table`, unrounded.
    """
    tables = {"samples": _samples(report)}
    if report.judgement is not None:
        tables = {"classes": _classes(report), "confusion": _confusion(report), **tables}
    if report.fractions.conditions:
        tables["conditions"] = _conditions(report)
    if any(drift.checks for drift in report.drift):
        tables["drift"] = _drift(report)
    return {**tables, "cells": predictions_table(report.predictions)} if cells else tables


class ShownRows(Sequence[tuple[str, ...]]):
    """The values of a table as the screen and a CSV file show them: nothing for a missing one.

    A row is made when it is asked for: with a thousand classes all of them would be millions of texts.
    """

    def __init__(self, table: pd.DataFrame) -> None:
        self._count = len(table)
        self._columns = [table[name].to_numpy() for name in table.columns]
        self._last: tuple[int, tuple[str, ...]] = (-1, ())  # a screen asks for the cells of a row in turn

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, at: int) -> tuple[str, ...]: ...
    @overload
    def __getitem__(self, at: slice) -> list[tuple[str, ...]]: ...
    def __getitem__(self, at: int | slice) -> tuple[str, ...] | list[tuple[str, ...]]:
        if isinstance(at, slice):
            return [self[row] for row in range(*at.indices(self._count))]
        if not 0 <= at < self._count:
            raise IndexError(at)
        if self._last[0] != at:
            self._last = (at, tuple(_shown(column[at]) for column in self._columns))
        return self._last[1]


def _shown(value: object) -> str:
    return "" if value is None or value is pd.NA or value != value else str(value)


def _classes(report: Report) -> pd.DataFrame:
    assert report.judgement is not None
    rows = []
    for one in report.judgement.scores.per_class:
        rows.append(
            {
                "class": one.name,
                "cells": one.support,
                "predicted": one.answered,
                "right": one.hits,
                **_figure("precision", one.precision, one.precision_interval),
                **_figure("recall", one.recall, one.recall_interval),
                **_figure("f1", one.f1, one.f1_interval),
            }
        )
    return pd.DataFrame(rows)


def _confusion(report: Report) -> pd.DataFrame:
    assert report.judgement is not None
    names = [*report.classes]
    columns = ["known"]
    for name in names:  # a class may be called "known"
        columns.append(name if name not in columns else f"{name} (predicted)")
    counts = report.judgement.confusion.tolist()
    return pd.DataFrame(
        [[name, *row] for name, row in zip(names, counts, strict=True)], columns=pd.Index(columns)
    )


def _samples(report: Report) -> pd.DataFrame:
    rows = []
    for one in report.fractions.samples:
        for place, name in enumerate(report.classes):
            rows.append(
                {
                    "sample": one.sample,
                    "condition": one.condition,
                    "class": name,
                    "cells": one.n,
                    "count": one.counts[place],
                    **_figure("fraction", one.fractions[place], one.intervals[place]),
                }
            )
    table = pd.DataFrame(rows)
    return table if report.fractions.condition_column is not None else table.drop(columns="condition")


def _conditions(report: Report) -> pd.DataFrame:
    rows = []
    for one in report.fractions.conditions:
        for place, name in enumerate(report.classes):
            interval = None if one.intervals is None else one.intervals[place]
            rows.append(
                {
                    "condition": one.condition,
                    "class": name,
                    "samples": one.samples,
                    **_figure("mean_fraction", one.means[place], interval),
                }
            )
    return pd.DataFrame(rows)


def _drift(report: Report) -> pd.DataFrame:
    rows = [
        {
            "sample": drift.sample,
            "cells": drift.n,
            "compared": check.name,
            "warns": "yes" if check.warns else "no",
            "effect": round(check.effect, _DECIMALS),
            "warns_from": check.threshold,
            "effect_is": check.effect_name,
            "test": check.test,
            "p": _significant(check.p),
            "p_adjusted": _significant(check.p_adjusted),
        }
        for drift in report.drift
        for check in drift.checks
    ]
    return pd.DataFrame(rows)


def _figure(name: str, value: float | None, interval: Sequence[float] | None) -> dict[str, Any]:
    low, high = (None, None) if interval is None else interval
    return {name: _rounded(value), f"{name}_low": _rounded(low), f"{name}_high": _rounded(high)}


def _rounded(value: float | None) -> float:
    return float("nan") if value is None else round(value, _DECIMALS)


def _significant(p: float) -> float:
    return float(f"{p:.3g}")
