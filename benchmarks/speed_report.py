"""The tables and plots of docs/performance.md, from what was measured; its prose is written by hand."""

import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.ticker import FuncFormatter, NullFormatter

DOCS = Path(__file__).parents[1] / "docs"
PAGE = DOCS / "performance.md"
OURS, OTHER = "tab:blue", "tab:orange"

Found = dict[str, dict[str, Any]]


def write(found: Found) -> list[Path]:
    """Put each table in its place in the page, draw the plots, and return what was written."""
    matplotlib.use("Agg")
    page = PAGE.read_text(encoding="utf-8")
    for name, lines in _tables(found).items():
        begin, end = f"<!-- {name} -->", f"<!-- end of {name} -->"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if not pattern.search(page):
            raise ValueError(f"{PAGE} has no place for the table {name!r}")
        block = "\n".join([begin, "", *lines, "", end])
        page = pattern.sub(lambda _, block=block: block, page)
    PAGE.write_text(page, encoding="utf-8")
    return [PAGE, *_plots(found)]


def _tables(found: Found) -> dict[str, list[str]]:
    makers = {
        "machine": ("table", _machine),
        "table": ("table", _side_by_side),
        "engines": ("engines", _engines),
        "stages": ("stages", _stages),
        "roofline": ("roofline", _roofline),
        "files": ("files", _files),
        "memory": ("memory", _memory),
        "training": ("training", _training),
    }
    return {name: maker(found[part]) for name, (part, maker) in makers.items() if part in found}


def _table(header: Sequence[str], rows: Iterable[Sequence[object]]) -> list[str]:
    lines = [f"| {' | '.join(header)} |", f"|{'---|' * len(header)}"]
    return lines + [f"| {' | '.join(map(str, row))} |" for row in rows]


def _machine(part: dict[str, Any]) -> list[str]:
    said = part["machine"]
    return ["; ".join(f"{name} {value}" for name, value in said.items() if value is not None) + "."]


def _side_by_side(part: dict[str, Any]) -> list[str]:
    rows = []
    for row in part["rows"]:
        channels, height, width = row["image"]
        ratios = row["ratios"]
        low, middle, high = np.percentile(ratios, [10, 50, 90]) if ratios else (np.nan,) * 3
        share = "" if row["k"] is None else f" {100 * row['k'] / (height * width):.0f} %"
        right = row["balanced_accuracy"]
        rows.append(
            (
                row["model"] + share,
                f"{height}x{width}x{channels}",
                f"{row['runtime']}, {row['chunk']}",
                f"{row['cells_per_s']:,.0f}",
                f"**{middle:.2f}** ({low:.2f} to {high:.2f})" if ratios else "",
                f"{row['p50_ms']:.2f}",
                f"{row['p99_ms']:.2f}",
                f"{row['params'] / 1000:,.0f}k",
                f"{row['mflop']:,.1f}",
                "" if row["peak_mib"] is None else f"{row['peak_mib']:.0f}",
                "" if row["start_s"] is None else f"{row['start_s']:.1f}",
                "" if right is None else f"{100 * right:.1f}",
            )
        )
    header = (
        "net",
        "image",
        "runtime, chunk",
        "cells/s",
        "times the small CNN",
        "p50 ms",
        "p99 ms",
        "params",
    )
    return _table((*header, "MFLOP", "MiB", "start s", "balanced accuracy %"), rows)


def _engines(part: dict[str, Any]) -> list[str]:
    nets = list(dict.fromkeys((row["net"], row["engine"]) for row in part["rows"]))
    chunks = list(dict.fromkeys(row["chunk"] for row in part["rows"]))
    us = {(row["net"], row["engine"], row["chunk"]): row["us_per_cell"] for row in part["rows"]}
    rows = [(net, engine, *(f"{us[net, engine, chunk]:.0f}" for chunk in chunks)) for net, engine in nets]
    return _table(("net", "engine", *(f"chunk {chunk}" for chunk in chunks)), rows)


def _stages(part: dict[str, Any]) -> list[str]:
    shares = list(dict.fromkeys(row["share"] for row in part["rows"]))
    stages = list(dict.fromkeys(row["stage"] for row in part["rows"]))
    us = {(row["stage"], row["share"]): row["us"] for row in part["rows"]}
    rows = [(stage, *(f"{us[stage, share]:.1f}" for share in shares)) for stage in stages]
    sums = ("together", *(f"{sum(us[stage, share] for stage in stages):.1f}" for share in shares))
    return _table(("stage", *(f"{100 * share:.0f} %" for share in shares)), [*rows, sums])


def _roofline(part: dict[str, Any]) -> list[str]:
    peaks = {one["threads"]: one for one in part["peaks"]}
    rows: list[Sequence[object]] = [
        ("large matrix products", n, "", f"{one['gflops']:.0f}", "100 %") for n, one in peaks.items()
    ]
    rows += [
        (
            one["net"],
            one["threads"],
            f"{one['us_per_cell']:.0f}",
            f"{one['gflops']:.0f}",
            f"{100 * one['gflops'] / peaks[one['threads']]['gflops']:.0f} %",
        )
        for one in part["nets"]
    ]
    return _table(("what", "threads", "µs a cell", "GFLOP/s", "of the peak"), rows)


def _files(part: dict[str, Any]) -> list[str]:
    rows = [
        (
            row["files"],
            row["engine"],
            f"{row['decoding_per_s']:,.0f}",
            f"{row['classified_per_s']:,.0f}",
            f"{100 * row['share']:.0f} %",
        )
        for row in part["rows"]
    ]
    return _table(("files", "engine", "decoded alone", "classified", "share"), rows)


def _memory(part: dict[str, Any]) -> list[str]:
    rows = [
        (f"{row['cells']:,}", row["engine"], f"{row['peak_mib']:.0f}", f"{row['seconds']:.0f}")
        for row in part["rows"]
    ]
    return _table(("cells", "engine", "peak MiB", "seconds"), rows)


def _training(part: dict[str, Any]) -> list[str]:
    rows = [(row["net"], f"{row['seconds']:.2f}") for row in part["rows"]]
    ratio = part["rows"][0]["ratio"]
    cells = part["rows"][0]["cells"]
    header = ("net", f"seconds an epoch of {cells} cells")
    return [*_table(header, rows), "", f"Ours over the small CNN, turn by turn: {ratio:.2f}."]


def _plots(found: Found) -> list[Path]:
    written = []
    if "growth" in found:
        written.append(_plot_growth(found["growth"]))
    if "roofline" in found:
        written.append(_plot_roofline(found["roofline"]))
    if "table" in found:
        written.append(_plot_table(found["table"]))
    return written


def _save(figure: Any, name: str) -> Path:
    path = DOCS / name
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _plot_growth(part: dict[str, Any]) -> Path:
    panels = {
        "size": "side of the image in pixels (15 %)",
        "share": "share of the pixels",
        "batch": "cells a call",
        "cells": "cells in all",
    }
    figure, axes = plt.subplots(1, 4, figsize=(13, 3.4), layout="constrained")
    for axis, (name, label) in zip(axes, panels.items(), strict=True):
        points = part[name]
        at = [point["at"] for point in points]
        axis.loglog(at, [point["sparseattn_us"] for point in points], "o-", color=OURS, label="SparseAttnNet")
        axis.loglog(at, [point["small_cnn_us"] for point in points], "s--", color=OTHER, label="small CNN")
        axis.set_xlabel(label)
        for ticks in (axis.xaxis, axis.yaxis):
            ticks.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
            ticks.set_minor_formatter(NullFormatter())
        axis.set_yticks([50, 100, 200, 400] if name != "size" else [100, 1000, 10_000])
        axis.grid(True, which="both", alpha=0.2)
    axes[0].set_xticks([32, 64, 128, 256, 512])
    axes[0].set_ylabel("µs a cell, one thread")
    axes[0].legend(frameon=False)
    return _save(figure, "speed_growth.png")


def _plot_roofline(part: dict[str, Any]) -> Path:
    figure, axis = plt.subplots(figsize=(6.5, 4), layout="constrained")
    intensity = np.logspace(-1, 4, 200)
    for peak, style in zip(part["peaks"], ("-", "--"), strict=True):
        roof = np.minimum(peak["gflops"], intensity * peak["gb_per_s"])
        axis.loglog(intensity, roof, style, color="grey", label=f"machine, {peak['threads']} threads")
    for one in part["nets"]:
        mark = "o" if one["threads"] == 1 else "^"
        axis.loglog(one["flop_per_byte"], one["gflops"], mark, label=f"{one['net']}, {one['threads']}")
    axis.set_xlabel("FLOP a byte of the image")
    axis.set_ylabel("GFLOP/s")
    axis.legend(frameon=False, fontsize=7)
    axis.grid(True, which="both", alpha=0.2)
    return _save(figure, "speed_roofline.png")


def _plot_table(part: dict[str, Any]) -> Path:
    rows = [row for row in part["rows"] if row["image"] == [3, 64, 64]]
    names = [
        row["model"] if row["k"] is None else f"{row['model']} {100 * row['k'] / 4096:.0f} %" for row in rows
    ]
    figure, axis = plt.subplots(figsize=(7, 3.4), layout="constrained")
    colours = [OURS if row["k"] is not None else OTHER for row in rows]
    bars = axis.barh(names[::-1], [row["cells_per_s"] for row in rows][::-1], color=colours[::-1])
    axis.bar_label(bars, fmt="{:,.0f}", padding=3)
    axis.set_xscale("log")
    axis.set_xlabel(f"cells of 64x64x3 a second, {part['machine']['threads']} threads")
    axis.margins(x=0.15)
    return _save(figure, "speed_table.png")
