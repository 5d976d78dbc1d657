"""What the pages say is so: commands and options are there, errors are said so, cards are the models'."""

import ast
import importlib.util
import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml
from packaging.requirements import Requirement
from typer.main import get_command

from sparseattn.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").rglob("*.md"), ROOT / "README.md", ROOT / "benchmarks" / "README.md"])
EVERYWHERE = {"--help", "--debug", "--version"}


def commands_of(page: Path) -> Iterator[str]:
    """Yield each command line of `sparseattn` in the code of a page."""
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    blocks = [
        *re.findall(r"^ *```.*?^ *```", text, re.MULTILINE | re.DOTALL),
        *re.findall(r"^    .*$", text, re.M),
    ]
    for line in re.findall(r"^ *(?:\$ )?(sparseattn [a-z].*)$", "\n".join(blocks), re.MULTILINE):
        yield line.split("#")[0]
    yield from re.findall(r"`(sparseattn [a-z][^`]*)`", text.replace("\n", " "))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_commands_and_their_options_are_there(page: Path) -> None:
    known = get_command(app).commands
    for line in commands_of(page):
        words = shlex.split(line.replace("'", '"'), posix=False)[1:]
        names = words[0].strip("{}").split(",")
        assert set(names) <= set(known), line
        options = {word.split("=")[0].rstrip(",.;)") for word in words if re.match(r"--[a-z]|-[a-z]$", word)}
        for name in names:
            there = {option for one in known[name].params for option in (*one.opts, *one.secondary_opts)}
            assert options <= there | EVERYWHERE, line


def test_errors_that_the_faq_quotes_are_said_in_these_words() -> None:
    said = " ".join(
        str(node.value)
        for folder in ("src/sparseattn", "napari_sparseattn")
        for path in sorted((ROOT / folder).rglob("*.py"))
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Constant)
    )
    quoted = re.findall(r"^### `(.+)`$", (ROOT / "docs" / "faq.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert len(quoted) > 8
    for sentence in quoted:
        for part in sentence.split("…"):
            assert part.strip() in said, part


def test_the_cards_are_those_of_the_models() -> None:
    spec = importlib.util.spec_from_file_location("model_cards", ROOT / "scripts" / "model_cards.py")
    assert spec is not None and spec.loader is not None
    cards = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(cards)
    assert cards.PAGE.read_text(encoding="utf-8") == cards.page(), "run python scripts/model_cards.py"


def test_the_conda_recipe_asks_for_what_the_package_asks_for() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    recipe = yaml.safe_load((ROOT / "conda" / "recipe.yaml").read_text(encoding="utf-8"))
    names = {"matplotlib": "matplotlib-base", "torch": "pytorch"}
    wanted = []
    for requirement in map(Requirement, project["dependencies"]):
        wanted.append(f"{names.get(requirement.name, requirement.name)} {requirement.specifier}")
    assert sorted(recipe["requirements"]["run"][1:]) == sorted(wanted)
    assert recipe["context"]["python_min"] == project["requires-python"].removeprefix(">=")
    scripts = [f"{name} = {door}" for name, door in project["scripts"].items()]
    assert recipe["build"]["python"]["entry_points"] == scripts


def test_workflows_are_well_formed() -> None:
    """What GitHub would refuse only after a push: jobs that are not there, steps without work."""
    for path in sorted((ROOT / ".github" / "workflows").glob("*.yml")):
        workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
        assert workflow[True] and workflow["permissions"] == {"contents": "read"}, path  # `on` is YAML's true
        for job in workflow["jobs"].values():
            needs = job.get("needs", [])
            assert set([needs] if isinstance(needs, str) else needs) <= set(workflow["jobs"]), path
            for step in job["steps"]:
                assert ("uses" in step) != ("run" in step), f"{path}: {step}"
                assert "@" in step.get("uses", "@") and set(step) <= {
                    "id",
                    "name",
                    "if",
                    "uses",
                    "run",
                    "with",
                    "env",
                }
                for script in re.findall(r"scripts/\S+", step.get("run", "")):
                    assert (ROOT / script).is_file(), script
                for target in re.findall(r"make (\w+)", step.get("run", "")):
                    assert re.search(rf"^{target}:", (ROOT / "Makefile").read_text(), re.MULTILINE), target
