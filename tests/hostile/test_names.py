"""Names that others chose: of classes, channels, files. None is run, none breaks out of where it is shown."""

import csv
import dataclasses
import json
from html.parser import HTMLParser
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from benchmarks.fuzz.makers import models
from sparseattn.cells.labels.log import LabelLog
from sparseattn.classifier import Classifier
from sparseattn.cli.app import run
from sparseattn.errors import InputError

NAMES = ("=cmd|' /C calc'!A0", "../../<img src=x onerror=alert(1)>", r"$\frac{[/red]$ שלום 'a\"b")
"""A formula, a path of HTML, and what Matplotlib and Rich would take for their own."""


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A model whose classes have these names."""
    path = tmp_path / "<marquee>model & co.safetensors"
    models.model(path)
    classifier = Classifier.load(path)
    dataclasses.replace(classifier, classes=NAMES).save(path)
    return path


@pytest.fixture
def cells(tmp_path: Path) -> Path:
    """Cells in files with such names."""
    random = np.random.default_rng(0)
    folder = tmp_path / "cells <marquee>"
    folder.mkdir()
    for name in ("=1+1.tif", "<script>alert(1).tif", "a\nb.tif", "\u202eabc.tif"):
        image = random.integers(0, 4000, (2, 12, 12)).astype(np.uint16)
        iio.imwrite(folder / name, image, plugin="tifffile", metadata={"axes": "CYX"})
    (folder / "cells.json").write_text(
        json.dumps({"channels": ["dapi", "actin"], "modality": "fluorescence"})
    )
    return folder


class _Tags(HTMLParser):
    """Collects what a page does besides showing text."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.found |= {tag} | {name for name, _ in attributes if name.startswith("on")}
        self.found |= {"outside" for name, value in attributes if name in ("src", "href") and value == "x"}


def check_page(path: Path) -> None:
    tags = _Tags()
    tags.feed(path.read_text(encoding="utf-8"))
    assert not tags.found & {"script", "onerror", "outside", "marquee", "iframe", "object"}, path


def outside(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir()}


def test_every_command_shows_them_as_text(model: Path, cells: Path, tmp_path: Path, capfd) -> None:
    before = outside(tmp_path)
    work = tmp_path / "work" / "inner"
    work.mkdir(parents=True)
    _ok(capfd, "predict", model, cells, "-o", work / "p.csv")
    with (work / "p.csv").open(encoding="utf-8", newline="") as stream:
        ids = list(csv.DictReader(stream))
    assert [row["source"].startswith("=") for row in ids] == [False] * 4
    assert {row["predicted"] for row in ids} <= {f"'{NAMES[0]}", *NAMES[1:]}
    _ok(capfd, "info", model)
    _ok(capfd, "info", cells)
    _ok(capfd, "info", model, "--json")
    _ok(capfd, "explain", model, cells, "-o", work / "e", "--page", "--against", NAMES[1])
    for page in (work / "e").rglob("*.html"):
        check_page(page)
    assert len(list((work / "e").rglob("*.html"))) == 4
    labels = work / "labels.csv"
    with labels.open("w", encoding="utf-8", newline="") as stream:
        table = csv.writer(stream)
        table.writerow(("id", "class"))
        table.writerows((row["id"], NAMES[i % 3]) for i, row in enumerate(ids))
    report = work / "r.html"
    _ok(capfd, "report", model, cells, "--labels-csv", labels, "-o", report)
    check_page(report)
    assert outside(tmp_path) == before | {"work"}
    assert outside(tmp_path / "work") == {"inner"}


def _ok(capfd, *arguments: object) -> str:
    status = run([str(argument) for argument in arguments])
    printed = capfd.readouterr()
    assert status == 0, printed.err
    assert "Traceback" not in printed.err and "\u202e" not in printed.out + printed.err
    return printed.out


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "\ud800", "\u202eabc", "x" * 10_000_000, "\0"])
def test_names_that_are_no_line_of_text_are_refused(tmp_path: Path, name: str) -> None:
    path = tmp_path / "model.safetensors"
    said, _ = models.parts()
    card = {key: value for key, value in said.items() if key != "model_hash"}
    models.with_card(json.dumps({**card, "classes": [name, "b", "c"]}), path)
    with pytest.raises(InputError) as error:
        Classifier.load(path)
    assert str(error.value).isprintable() and len(str(error.value)) < 1100
    with LabelLog.open(tmp_path / "labels.sqlite") as log, pytest.raises(InputError):
        log.add_class(name if "\n" not in name else "a\x07")


def test_letters_of_every_script_are_names(tmp_path: Path) -> None:
    with LabelLog.open(tmp_path / "labels.sqlite") as log:
        for name in ("שלום", "می‌خواهم", "क्‍ष", "μ-größe", "👩‍🔬", "= 1", "'=x", "-3"):
            log.add_class(name)
            log.label([f"{len(log.labels):016x}"], name)
        given = log.current()
        log.export_csv(tmp_path / "labels.csv")
    text = (tmp_path / "labels.csv").read_text(encoding="utf-8")
    assert ",=" not in text and ",''=x," in text and ",-3," in text
    with LabelLog.open(tmp_path / "again.sqlite") as again:
        again.import_csv(tmp_path / "labels.csv")
        assert again.current() == given
