"""Inputs that `python -m benchmarks.fuzz.guided` kept: that reached most code, or broke it once."""

import zipfile
from pathlib import Path

import pytest

from benchmarks.fuzz.parsers import PARSERS, ask

CORPUS = Path(__file__).with_name("corpus.zip")


@pytest.mark.filterwarnings("ignore")  # what libraries say of damaged files is theirs
@pytest.mark.parametrize("name", PARSERS)
def test_each_is_read_or_refused_in_one_line(tmp_path: Path, name: str) -> None:
    parser = PARSERS[name]
    with zipfile.ZipFile(CORPUS) as corpus:
        inputs = [entry for entry in corpus.namelist() if entry.startswith(f"{name}/")]
        for number, entry in enumerate(inputs):
            ask(parser, parser.write(corpus.read(entry), tmp_path, f"{number}"))
    assert inputs
    for seed in parser.seeds(tmp_path):
        assert ask(parser, parser.write(seed, tmp_path, "sound")) or name == "table"
