"""The report as one HTML file: no script, nothing from outside, all text of the user's escaped."""

from __future__ import annotations

import base64
import io
from collections.abc import Iterable, Mapping
from datetime import date
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import matplotlib
import pandas as pd
from matplotlib.figure import Figure

from sparseattn.html_page import html_page
from sparseattn.report.figures import CAPTIONS, draw_figures
from sparseattn.report.headline import headline
from sparseattn.report.on_ground import put_on_ground
from sparseattn.report.tables import TITLES, ShownRows, report_tables
from sparseattn.report.trust import trust_statement
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.report.report import Report

MOST_ROWS = 400
"""Rows of a table that are shown; a file of the whole table can be written beside the report."""

_DARK_GROUND, _DARK_INK = "#16191c", "#e8eaec"
_STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --quiet: #5f6b73; --ground: #ffffff; --card: #f4f6f8;
  --line: #d9dfe3; --accent: #0072b2; --warn: #fff3e0; --warn-line: #e69f00; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaec; --quiet: #a3adb5; --ground: #16191c;
  --card: #20252a; --line: #3a424a; --accent: #56b4e9; --warn: #33291a; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 2rem 1.25rem 4rem; max-width: 68rem; color: var(--ink);
  background: var(--ground); font: 16px/1.55 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif; }
h1 { font-size: 1.7rem; margin: 0 0 .25rem; line-height: 1.2; }
h2 { font-size: 1.2rem; margin: 2.6rem 0 .6rem; padding-top: .4rem; border-top: 1px solid var(--line); }
p { margin: .5rem 0; }
.quiet, figcaption, caption { color: var(--quiet); font-size: .9rem; }
.say { border-left: 4px solid var(--accent); background: var(--card); padding: .7rem 1rem; margin: 1rem 0; }
.warn { border-left-color: var(--warn-line); background: var(--warn); }
.say p { margin: .15rem 0; }
.tiles { display: flex; flex-wrap: wrap; gap: .75rem; margin: 1.2rem 0; padding: 0; list-style: none; }
.tiles li { background: var(--card); border-radius: 8px; padding: .7rem 1rem; min-width: 9.5rem; flex: 1; }
.tiles b { display: block; font-size: 1.35rem; font-weight: 600; }
.tiles span { color: var(--quiet); font-size: .85rem; display: block; }
figure { margin: 1rem 0; }
figure img { max-width: 100%; height: auto; background: var(--ground); border-radius: 8px; padding: .5rem;
  border: 1px solid var(--line); }
.pair { display: flex; flex-wrap: wrap; gap: 1.25rem; align-items: flex-start; }
.pair figure { flex: 1 1 22rem; min-width: 0; }
.scroll { overflow-x: auto; max-height: 34rem; overflow-y: auto; border: 1px solid var(--line);
  border-radius: 8px; margin: .8rem 0; }
table { border-collapse: collapse; font-size: .8rem; width: 100%; font-variant-numeric: tabular-nums; }
caption { text-align: left; padding: .6rem .8rem; }
th, td { padding: .3rem .4rem; text-align: left; border-top: 1px solid var(--line); }
th, .number { white-space: nowrap; }
thead th { position: sticky; top: 0; background: var(--card); }
.number { text-align: right; }
.methods { background: var(--card); border-radius: 8px; padding: 1rem 1.2rem; overflow-wrap: anywhere; }
@media print { :root { color-scheme: light; --ink: #1d2327; --quiet: #5f6b73; --ground: #ffffff;
    --card: #f4f6f8; --line: #d9dfe3; --accent: #0072b2; --warn: #fff3e0; }
  body { font-size: 11pt; max-width: none; padding: 0; } h2 { break-after: avoid; margin-top: 1.4rem; }
  figure, tr, .say, .tiles li { break-inside: avoid; } thead th { position: static; }
  figure img { max-height: 9.5cm; } .tiles li { min-width: 6rem; padding: .4rem .5rem; }
  .pair { display: block; }
  caption { break-after: avoid; }
  .scroll { max-height: none; overflow: visible; } table { font-size: 6.5pt; } }
"""


def write_html(
    report: Report, path: str | Path, *, title: str = "Cell report", colours: Mapping[str, str] | None = None
) -> None:
    """Write a report as one HTML file that needs nothing else.

    Parameters
    ----------
    report : Report
        What to write.
    path : str or Path
        File to write; what was there before is replaced when all is written.
    title : str
        Heading.
    colours : mapping, optional
        "#rrggbb" of each class.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    text = html_document(report, title=title, colours=colours)
    with replaced_file(Path(path)) as draft:
        # Names of files may hold bytes that are no text.
        draft.write_text(text, encoding="utf-8", errors="backslashreplace")


def html_document(
    report: Report, *, title: str = "Cell report", colours: Mapping[str, str] | None = None
) -> str:
    """Return the document of `write_html`."""
    figures, tables = draw_figures(report, colours), report_tables(report, cells=False)
    figures_of = {name: _picture(name, figure) for name, figure in figures.items()}
    body = [
        f"<h1>{escape(title)}</h1>",
        f'<p class="quiet">{len(report.predictions):,} cells, {len(report.classes)} classes, model '
        f"{escape(report.predictions.model_hash[:12])}, {date.today().isoformat()}</p>",
        _statement(report),
        _tiles(report),
    ]
    if report.judgement is not None:
        body += [
            "<h2>How often it is right</h2>",
            _figures(figures_of, "confusion"),
            _figures(figures_of, "classes"),
            _table(tables, "classes"),
            "<h2>How sure it is</h2>",
            _figures(figures_of, "reliability", "confidence"),
        ]
    else:
        body += ["<h2>How sure it is</h2>", _figures(figures_of, "confidence")]
    body += [
        "<h2>What it found</h2>",
        _figures(figures_of, "fractions"),
        _figures(figures_of, "conditions"),
        _table(tables, "conditions"),
        _table(tables, "samples"),
    ]
    if report.drift:
        body += ["<h2>Whether the samples are like the training cells</h2>", _drift(report)]
        body.append(_table(tables, "drift"))
    if "attention" in figures:
        body += [
            "<h2>What it looks at</h2>",
            _figures(figures_of, "attention"),
            _figures(figures_of, "looks"),
        ]
    if report.trust is not None:
        body += [
            "<h2>Whether these pixels count</h2>",
            f"<p>{_text(trust_statement(report.trust))}</p>",
            _figures(figures_of, "trust"),
        ]
    if "history" in figures:
        body += ["<h2>How it was trained</h2>", _figures(figures_of, "history")]
    versions = ", ".join(f"{name} {number}" for name, number in report.versions.items())
    if report.methods:
        body += ["<h2>Methods</h2>", f'<p class="methods">{_text(report.methods)}</p>']
    body.append(f'<p class="quiet">Made by sparseattn; {escape(versions)}.</p>')
    return html_page(title, _STYLE, body)


def _statement(report: Report) -> str:
    judgement = report.judgement
    parts = [] if judgement is None else [_say([judgement.cells.statement], judgement.cells.optimistic)]
    if report.shortcuts or report.notes:
        parts.append(_say((*report.shortcuts, *report.notes), warn=True))
    return "\n".join(parts)


def _say(sentences: Iterable[str], warn: bool) -> str:
    inside = "".join(f"<p>{_text(sentence)}</p>" for sentence in sentences)
    return f'<div class="say{" warn" if warn else ""}">{inside}</div>'


def _tiles(report: Report) -> str:
    inside = "".join(
        f"<li>{_text(name)}<b>{_text(value)}</b><span>{_text(more)}</span></li>"
        for name, value, more in headline(report)
    )
    return f'<ul class="tiles">{inside}</ul>'


def _figures(pictures: Mapping[str, str], *names: str) -> str:
    there = [name for name in names if name in pictures]
    shown_figures = "".join(
        f"<figure>{pictures[name]}<figcaption>{_text(CAPTIONS[name])}</figcaption></figure>" for name in there
    )
    return f'<div class="pair">{shown_figures}</div>' if len(there) > 1 else shown_figures


def _picture(name: str, figure: Figure) -> str:
    """Return a plot for paper and light windows, and one for dark windows. The figure is changed."""
    light = _data_address(name, figure)
    put_on_ground(figure, _DARK_GROUND, _DARK_INK)
    dark = _data_address(name, figure)
    return (
        f'<picture><source media="screen and (prefers-color-scheme: dark)" srcset="{dark}">'
        f'<img alt="{escape(CAPTIONS[name])}" src="{light}"></picture>'
    )


def _text(sentence: str) -> str:
    """Return text for the page: escaped, and no number parted from its per cent."""
    return escape(sentence).replace(" %", "&nbsp;%")


def _data_address(name: str, figure: Figure) -> str:
    stream = io.BytesIO()
    # Outlines instead of text: the file looks the same where the font is not there.
    with matplotlib.rc_context({"svg.fonttype": "path", "svg.hashsalt": name}):
        figure.savefig(stream, format="svg", metadata={"Date": None})
    return "data:image/svg+xml;base64," + base64.b64encode(stream.getvalue()).decode("ascii")


def _table(tables: Mapping[str, pd.DataFrame], name: str) -> str:
    if name not in tables:
        return ""
    table = tables[name]
    numbers = [pd.api.types.is_numeric_dtype(table[column]) for column in table.columns]
    kinds = [' class="number"' if number else "" for number in numbers]
    head = "".join(
        f'<th scope="col"{kind}>{escape(str(column))}</th>'
        for column, kind in zip(table.columns, kinds, strict=True)
    )
    rows = "".join(
        "<tr>"
        + "".join(f"<td{kind}>{escape(text)}</td>" for text, kind in zip(row, kinds, strict=True))
        + "</tr>"
        for row in ShownRows(table.head(MOST_ROWS))
    )
    caption = TITLES[name]
    if len(table) > MOST_ROWS:
        caption += f" (the first {MOST_ROWS} of {len(table):,} rows)"
    return (
        f'<div class="scroll"><table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>'
        f"<tbody>{rows}</tbody></table></div>"
    )


def _drift(report: Report) -> str:
    parts = []
    for drift in report.drift:
        if drift.warnings:
            parts.append(_say(drift.warnings, warn=True))
        elif drift.checks:
            which = f"“{drift.sample}”" if drift.sample else "These cells"
            said = f"{which}: nothing unusual in {len(drift.checks)} comparisons."
            parts.append(_say([said], warn=False))
        if drift.notes:
            parts.append(_say(drift.notes, warn=False))
    return "\n".join(parts)
