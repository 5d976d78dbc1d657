"""A page a cell: one HTML file that needs nothing else, runs nothing, and prints on one sheet."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparseattn.explain.evidence import class_evidence
from sparseattn.explain.familiarity import familiarity, is_unlike
from sparseattn.explain.figure import AGAINST_AND_FOR
from sparseattn.explain.overlay import HEAT
from sparseattn.explain.page_pictures import image_svg, map_svg, scale_css, selected_svg, signed_svg
from sparseattn.html_page import html_page
from sparseattn.writing import replaced_file

if TYPE_CHECKING:
    from sparseattn.classifier import Classifier
    from sparseattn.explain.explanation import Explanation
    from sparseattn.explain.questions import Answers, AskedCells

PAGE_FILE = "page.html"
ERROR_RATE = 0.1
MOST_CLASSES = 8

_STYLE = """
:root { color-scheme: light dark; --ink: #1d2327; --quiet: #5f6b73; --ground: #ffffff; --card: #f4f6f8;
  --line: #d9dfe3; --accent: #0072b2; --warn: #b35900; --veil: #ffffff; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8eaec; --quiet: #a3adb5; --ground: #16191c;
  --card: #20252a; --line: #3a424a; --accent: #56b4e9; --warn: #f0a350; --veil: #16191c; } }
* { box-sizing: border-box; }
body { margin: 0 auto; padding: 1.6rem 1.25rem 2rem; max-width: 60rem; color: var(--ink);
  background: var(--ground); font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, sans-serif;
  overflow-wrap: anywhere; }
h1 { font-size: 1.7rem; margin: 0; line-height: 1.2; }
h2 { font-size: 1rem; margin: 0 0 .4rem; }
p { margin: .2rem 0; }
.quiet, figcaption { color: var(--quiet); font-size: .86rem; }
.warn { color: var(--warn); }
.pictures { display: grid; grid-template-columns: repeat(3, 1fr); gap: .9rem 1rem; margin: 1rem 0; }
figure { margin: 0; break-inside: avoid; }
figure b { display: block; font-size: .92rem; margin-bottom: .25rem; }
svg { display: block; width: 100%; max-height: 19rem; border-radius: 6px; background: var(--card); }
svg image { image-rendering: pixelated; }
.line { fill: none; stroke-width: 1.4; vector-effect: non-scaling-stroke; }
.veil { fill: var(--veil); fill-opacity: .62; }
.scale { height: .5rem; border-radius: 3px; margin: .35rem 0 .1rem; border: 1px solid var(--line);
  background-color: #d0d0d0; }
.ends { display: flex; justify-content: space-between; }
.two { display: grid; grid-template-columns: 1fr 1fr; gap: 1rem 1.5rem; }
.card { background: var(--card); border-radius: 8px; padding: .7rem .9rem; break-inside: avoid; }
.bars { display: grid; grid-template-columns: minmax(4rem, auto) 1fr 3.6rem; gap: .25rem .6rem;
  align-items: center; }
.bars span:nth-child(3n) { text-align: right; font-variant-numeric: tabular-nums; }
.track { background: var(--line); border-radius: 3px; height: .6rem; }
.bar { background: var(--accent); border-radius: 3px; height: .6rem; min-width: 1px; }
dl { display: grid; grid-template-columns: auto 1fr; gap: .2rem .8rem; margin: 0; font-size: .9rem; }
dt { color: var(--quiet); } dd { margin: 0; }
.near { display: grid; grid-template-columns: repeat(5, 1fr); gap: .7rem; }
.near svg { max-height: 8rem; }
section { margin-top: 1rem; }
.key { display: inline-block; width: .7rem; height: .7rem; border: 2px solid; margin-right: .3rem;
  vertical-align: -.05rem; }
@page { size: A4; margin: 10mm; }
@media print { :root { font-size: 8pt; color-scheme: light; --ink: #1d2327; --quiet: #5f6b73;
    --ground: #ffffff; --card: #f4f6f8; --line: #d9dfe3; --accent: #0072b2; --warn: #b35900;
    --veil: #ffffff; }
  * { print-color-adjust: exact; -webkit-print-color-adjust: exact; }
  body { padding: 0; max-width: none; font-size: 8pt; line-height: 1.25; } h1 { font-size: 15pt; }
  .pictures { gap: 2mm 4mm; margin: 2.5mm 0; } .pictures svg { max-height: 42mm; }
  .near svg { max-height: 16mm; } section { margin-top: 2.5mm; } .card { padding: 1.5mm 3mm; }
  section dl { grid-template-columns: auto 1fr auto 1fr; } h2 { margin-bottom: 1mm; } }
"""


class PageFiles:
    """Writes the page of each cell into its folder.

    Parameters
    ----------
    asked : AskedCells
        Who looks at the cells; what it is asked stands on the page as well.
    """

    def __init__(self, asked: AskedCells) -> None:
        self._asked = asked

    def write(self, explanation: Explanation, folder: Path) -> Mapping[str, object]:
        """Write the page of one cell."""
        with replaced_file(folder / PAGE_FILE) as draft:
            text = cell_page(explanation, self._asked)
            draft.write_text(text, encoding="utf-8", errors="backslashreplace")
        return {}

    def finish(self, folder: Path) -> None:
        """Nothing is of all cells together."""


def cell_page(explanation: Explanation, asked: AskedCells) -> str:
    """Return the page of a cell as one HTML document.

    Parameters
    ----------
    explanation : Explanation
        Of the cell.
    asked : AskedCells
        Of the same model and cells.
    """
    answers = asked.answers(explanation)
    body = [
        _head(explanation),
        _pictures(explanation, asked, answers),
        '<div class="two">',
        _card("How sure", _probabilities(explanation), _set(explanation, asked.classifier)),
        _card("How it was decided", _facts(_deciding(explanation))),
        "</div>",
        _flip(explanation, asked, answers),
        _neighbours(explanation, answers),
        f"<section>{_card('The model', _facts(_model(asked.classifier)))}</section>",
    ]
    title = f"{explanation.predicted}: {explanation.cell_id}"
    return html_page(title, _STYLE, body)


def _head(explanation: Explanation) -> str:
    label, predicted = explanation.label, explanation.predicted
    known = ""
    if label is not None:
        known = ", as labelled" if label == predicted else f', <b class="warn">labelled {_text(label)}</b>'
    kind = ' class="warn"' if is_unlike(explanation.in_distribution) else ""
    return (
        f"<header><h1>{_text(predicted)}</h1>"
        f"<p>{_percent(explanation.confidence)} sure{known}. <span{kind}>"
        f"{_text(familiarity(explanation.in_distribution))}</span></p>"
        f'<p class="quiet">Cell {_text(explanation.cell_id)}, from {_text(explanation.source)}</p></header>'
    )


def _pictures(explanation: Explanation, asked: AskedCells, answers: Answers) -> str:
    explainer, k = asked.explainer(explanation), explanation.k
    runner_up = explanation.classes[int(np.argsort(-explanation.probabilities, kind="stable")[1])]
    evidence = class_evidence(explainer, explanation.predicted, k)
    rather = answers.against or class_evidence(explainer, explanation.predicted, k, against=runner_up)
    times = explanation.fine_grid * len(explanation.selected)
    high = float(np.percentile(times[times > 0], 98))
    flip = answers.counterfactual
    window = explanation.window_pixels
    selected = (
        '<span class="key" style="border-color:#d55e00"></span>selected '
        f'<span class="key" style="border-color:#0072b2"></span>read with them ({window} x {window})'
    )
    signed = _scale(scale_css(AGAINST_AND_FOR), "against", "for")
    figures = [
        _figure(
            "The cell",
            image_svg(explanation.image, explanation.channels, explanation.modality, "the cell"),
            _text(f"{_channels(explanation)}; {_size(explanation)}"),
        ),
        _figure(
            "Selected pixels: what decided",
            selected_svg(explanation, None if flip is None else flip.positions),
            selected,
        ),
        _figure(
            "Coarse attention: where to look",
            map_svg(explanation, explanation.coarse_grid, says="coarse attention"),
            _scale(
                scale_css(HEAT),
                f"{explanation.coarse_grid.min():.2f}",
                f"score {explanation.coarse_grid.max():.2f}",
            ),
        ),
        _figure(
            "Fine attention: what counted",
            map_svg(explanation, times, says="fine attention", high=high),
            _scale(scale_css(HEAT), "0", f"{high:.1f} times the mean and more"),
        ),
        _figure(
            f"For and against {evidence.class_name}",
            signed_svg(explanation, evidence.pixels, says="evidence for the answer"),
            signed,
        ),
    ]
    if rather is not None:
        figures.append(
            _figure(
                f"{rather.class_name} rather than {rather.against}",
                signed_svg(explanation, rather.pixels, says="evidence against another class"),
                _scale(scale_css(AGAINST_AND_FOR), str(rather.against), rather.class_name),
            )
        )
    return f'<div class="pictures">{"".join(figures)}</div>'


def _figure(title: str, svg: str, caption: str) -> str:
    return f"<figure><b>{_text(title)}</b>{svg}<figcaption>{caption}</figcaption></figure>"


def _scale(gradient: str, low: str, high: str) -> str:
    return (
        f'<div class="scale" style="background-image:{gradient}"></div>'
        f'<div class="ends"><span>{_text(low)}</span><span>{_text(high)}</span></div>'
    )


def _probabilities(explanation: Explanation) -> str:
    order = np.argsort(-explanation.probabilities, kind="stable")[:MOST_CLASSES]
    rows = []
    for which in order.tolist():
        name, share = explanation.classes[which], float(explanation.probabilities[which])
        mark = " (label)" if name == explanation.label else ""
        rows.append(
            f'<span>{_text(name)}{mark}</span><div class="track"><div class="bar" '
            f'style="width:{100 * share:.1f}%"></div></div><span>{_percent(share)}</span>'
        )
    rest = len(explanation.classes) - len(order)
    more = f'<p class="quiet">and {rest} classes that are less probable</p>' if rest else ""
    return f'<div class="bars">{"".join(rows)}</div>{more}'


def _set(explanation: Explanation, classifier: Classifier) -> str:
    if classifier.scale is None or explanation.k != classifier.k:
        return ""
    inside = classifier.scale.sets(explanation.probabilities[None], ERROR_RATE)[0]
    order = np.argsort(-explanation.probabilities, kind="stable")
    names = [explanation.classes[which] for which in order.tolist() if inside[which]]
    said = _text(" or ".join(names))
    return (
        f'<p class="quiet">Of cells like those that it was validated with, nine in ten sets hold the right '
        f"class; the set of this cell: <b>{said}</b>.</p>"
    )


def _deciding(explanation: Explanation) -> Iterable[tuple[str, str]]:
    pixels, size = explanation.grid_pixels, explanation.prepare.size
    selected, read = explanation.selected_pixels, explanation.read_pixels
    how = "the selected and their windows" if explanation.strict else "and the rest, coarsely"
    yield "selected", f"{selected:,} pixels, {_percent(selected / pixels)}"
    yield "read", f"{read:,} pixels, {_percent(read / pixels)}: {how}"
    yield "looked at", f"all {pixels:,} of the net's {size} x {size} grid, by the coarse stage"


def _model(classifier: Classifier) -> Iterable[tuple[str, str]]:
    sides = list(classifier.split.sides.values())
    yield "model", classifier.model_hash[:12]
    yield "classes", ", ".join(classifier.classes)
    yield "sees", f"{', '.join(classifier.prepare.channels)} ({classifier.modality})"
    yield "trained on", f"{sides.count('train'):,} cells"
    accuracy = classifier.history.validation.get("accuracy")
    if accuracy is not None:
        judged = sides.count("validation")
        yield "right", f"{_percent(float(accuracy))} of {judged:,} validation cells, which chose k as well"


def _flip(explanation: Explanation, asked: AskedCells, answers: Answers) -> str:
    if not asked.questions.counterfactual:
        return ""
    found = answers.counterfactual
    if found is None:
        said = f"It stays {_text(explanation.predicted)} whichever of the selected pixels are taken away."
    else:
        share = _percent(found.pixels / explanation.selected_pixels)
        fewest = "; of these none can be put back" if found.smallest else ""
        said = (
            f"Without {found.pixels:,} of the selected pixels ({share} of them; filled in the second picture"
            f"{fewest}) the answer would be <b>{_text(found.other_class)}</b>."
        )
    return f"<section>{_card('What would flip it', f'<p>{said}</p>')}</section>"


def _neighbours(explanation: Explanation, answers: Answers) -> str:
    if not answers.neighbours:
        return ""
    figures = []
    for one in answers.neighbours:
        kind = "" if one.label == explanation.predicted else ' class="warn"'
        svg = image_svg(one.image, explanation.channels[: len(one.image)], explanation.modality, one.label)
        figures.append(
            f"<figure>{svg}<figcaption><span{kind}>{_text(one.label)}</span>, {one.likeness:.2f}"
            "</figcaption></figure>"
        )
    near = f'<div class="near">{"".join(figures)}</div>'
    return f"<section>{_card('Labelled cells that the model finds most alike (1: the same)', near)}</section>"


def _card(title: str, *content: str) -> str:
    return f'<div class="card"><h2>{_text(title)}</h2>{"".join(content)}</div>'


def _facts(facts: Iterable[tuple[str, str]]) -> str:
    return (
        "<dl>" + "".join(f"<dt>{_text(name)}</dt><dd>{_text(value)}</dd>" for name, value in facts) + "</dl>"
    )


def _channels(explanation: Explanation) -> str:
    return ", ".join(explanation.channels)


def _size(explanation: Explanation) -> str:
    height, width = explanation.image.shape[-2:]
    pixel = explanation.pixel_size_um
    return f"{height} x {width} pixels" + ("" if pixel is None else f" of {pixel:g} µm")


def _percent(share: float) -> str:
    return f"{100 * share:.{0 if share >= 0.1 or share == 0 else 1}f}\N{NO-BREAK SPACE}%"


def _text(words: str) -> str:
    """Return text for the page, escaped."""
    return escape(words)
