"""The page of a cell: it needs nothing, runs nothing, and says what was found."""

from dataclasses import replace
from html.parser import HTMLParser

import pytest

from sparseattn.errors import InputError
from sparseattn.explain import explain_cell
from sparseattn.explain.familiarity import familiarity
from sparseattn.explain.page import cell_page
from sparseattn.explain.questions import AskedCells, KnownCells, Questions

HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(1)>&amp; $x$ \udcff'


class Reader(HTMLParser):
    """The elements, addresses, attributes that could run something, and the text of a page."""

    def __init__(self, text):
        super().__init__()
        self.tags, self.addresses, self.handlers, self.text = [], [], [], ""
        self.feed(text)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.addresses += [value for name, value in attrs if name in ("src", "href", "srcset", "action")]
        self.handlers += [name for name, _ in attrs if name.startswith("on")]

    def handle_startendtag(self, tag, attrs):
        self.handle_starttag(tag, attrs)

    def handle_data(self, data):
        self.text += data


@pytest.fixture
def asked(two_channels):
    """Questions about the cells of a model, the classes of which have names that want to be HTML."""
    classifier = replace(two_channels.classifier, classes=(HOSTILE, "long"))
    cells = two_channels.cells.with_labels([HOSTILE, "long"] * 12)
    explanation = replace(explain_cell(classifier, cells, 2), source=f"/data/{HOSTILE}.tif")
    other = next(name for name in classifier.classes if name != explanation.predicted)
    questions = Questions(other, True, KnownCells.of(classifier, cells))
    return AskedCells(classifier, cells, questions), explanation


def test_the_page_needs_nothing_and_runs_nothing(asked):
    everything, explanation = asked
    page = Reader(cell_page(explanation, everything))
    assert not {"script", "img", "link", "iframe", "object", "form", "base"} & set(page.tags)
    assert not page.handlers and page.addresses
    assert all(address.startswith("data:image/png;base64,") for address in page.addresses)
    assert HOSTILE in page.text  # as words
    # six pictures, each named, and the neighbours
    assert page.tags.count("svg") == 6 + 5


def test_the_page_says_what_was_found(asked):
    everything, explanation = asked
    said = " ".join(Reader(cell_page(explanation, everything)).text.split())
    answers = everything.answers(explanation)
    for words in (
        f"{100 * explanation.confidence:.0f}\N{NO-BREAK SPACE}% sure",
        familiarity(explanation.in_distribution),
        f"{explanation.selected_pixels:,} pixels",
        f"{explanation.predicted} rather than {answers.against.against}",
        f"{answers.neighbours[0].label}, {answers.neighbours[0].likeness:.2f}",
    ):
        assert " ".join(words.split()) in said


def test_neighbours_leave_the_cell_itself_out(asked):
    everything, explanation = asked
    near = everything.answers(explanation).neighbours
    assert len(near) == 5 and explanation.cell_id not in {one.cell_id for one in near}
    assert [one.likeness for one in near] == sorted((one.likeness for one in near), reverse=True)


def test_questions_without_an_answer_are_refused(two_channels):
    classifier, cells = two_channels.classifier, two_channels.cells
    with pytest.raises(InputError, match="no class 'blast'"):
        AskedCells(classifier, cells, Questions(against="blast"))
    with pytest.raises(InputError, match="has a class"):
        KnownCells.of(classifier, cells.with_labels([None] * len(cells)))
