"""What is installed beside us: its licences, the lock of CI, and minimum versions without known holes."""

import re
import sys
import tomllib
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
_spec = spec_from_file_location("licences", ROOT / "scripts" / "licences.py")
assert _spec is not None and _spec.loader is not None
licences = module_from_spec(_spec)
_spec.loader.exec_module(licences)

PACKAGES = licences.packages()


def test_every_licence_can_be_combined_with_ours() -> None:
    # Elsewhere there may be more: torch from PyPI brings NVIDIA's packages on Linux.
    locked = {line.partition("==")[0] for line in (ROOT / "constraints.txt").read_text().splitlines()}
    other = {name for name in locked & set(PACKAGES) if not licences.is_allowed(licences.licence(name))}
    assert other <= set(licences.COPYLEFT), "see docs/licences.md before a package of such a licence comes in"
    assert not [name for name in other if PACKAGES[name] == ""]  # what everybody gets is free of them
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    assert all(name.lower() in text.lower() for name in other)


@pytest.mark.parametrize(
    "said", ["GPL-3.0-only", "GNU General Public License v3 (GPLv3)", "not said", "MIT AND GPL-2.0"]
)
def test_other_licences_are_told_apart(said: str) -> None:
    assert not licences.is_allowed(said)


def test_the_environment_of_ci_is_what_its_lock_says() -> None:
    if not (Path(sys.prefix) / "test.installed").exists():
        pytest.skip("not the environment that `make test` made")
    locked = set((ROOT / "constraints.txt").read_text().split("\n"))
    assert [licences.pinned(name) for name in PACKAGES if licences.pinned(name) not in locked] == []
    text = (ROOT / "docs" / "licences.md").read_text(encoding="utf-8")
    rows = [f"| {name} | {licences.pinned(name).partition('==')[2]} |" for name in PACKAGES]
    assert [row for row in rows if row not in text] == [], "run scripts/licences.py"


def test_minimum_versions_are_those_that_are_explained() -> None:
    with (ROOT / "pyproject.toml").open("rb") as stream:
        project = tomllib.load(stream)["project"]
    wanted: dict[str, set[str]] = {}
    for text in [
        *project["dependencies"],
        *(one for all in project["optional-dependencies"].values() for one in all),
    ]:
        requirement = Requirement(text)
        wanted.setdefault(requirement.name, set()).add(str(requirement.specifier))
    assert [name for name, said in wanted.items() if len(said) > 1] == []
    document = (ROOT / "docs" / "reliability.md").read_text(encoding="utf-8")
    about = document.partition("\n## Dependencies\n")[2].partition("\n## ")[0]
    rows = re.findall(r"^\| ([\w-]+) \| (\d[\d.]*) \|", about, re.MULTILINE)
    assert len(rows) >= 5
    assert [(name, least) for name, least in rows if wanted.get(name) != {f">={least}"}] == []
