"""The wheel that is published: built, read, and installed in an environment of its own."""

import os
import shutil
import subprocess
import sys
import sysconfig
import venv
import zipfile
from email.message import Message
from email.parser import Parser
from pathlib import Path, PurePosixPath

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the wheel with the hatchling that is installed here: no network."""
    folder = tmp_path_factory.mktemp("dist")
    command = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder), str(ROOT)]
    subprocess.run(command, check=True, capture_output=True, text=True)
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


@pytest.fixture(scope="module")
def metadata(wheel: Path, names: set[str]) -> Message:
    (name,) = (name for name in names if name.endswith(".dist-info/METADATA"))
    with zipfile.ZipFile(wheel) as archive:
        return Parser().parsestr(archive.read(name).decode())


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The programs of a fresh environment with the wheel, which borrows the dependencies installed here."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False)
    programs = folder / ("Scripts" if os.name == "nt" else "bin")
    python = programs / ("python.exe" if os.name == "nt" else "python")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "install"]
    subprocess.run([*pip, "--quiet", "--no-deps", "--no-index", str(wheel)], check=True, capture_output=True)
    (package,) = folder.glob("**/site-packages/napari_sparseattn")
    # A path line, not site.addsitedir: the .pth of an editable install found there must not be followed.
    (package.parent / "borrowed.pth").write_text(f"{sysconfig.get_path('purelib')}\n", encoding="utf-8")
    return programs


def run(*command: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a program away from the checkout, with nothing of it on the path."""
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    return subprocess.run(command, cwd=cwd, env=clean, capture_output=True, text=True, check=False)


def test_contents(names: set[str]) -> None:
    for name in (
        "sparseattn/__init__.py",
        "sparseattn/py.typed",
        "sparseattn/cli/__init__.py",
        "napari_sparseattn/__init__.py",
        "napari_sparseattn/napari.yaml",
    ):
        assert name in names
    assert any(name.endswith(".dist-info/licenses/LICENSE") for name in names)
    assert any(name.startswith("napari_sparseattn/sample_data/") for name in names)


def test_nothing_else_travels(names: set[str]) -> None:
    """No tests, benchmarks or real images: pictures only of simulated cells and of the tutorial."""
    tops = {PurePosixPath(name).parts[0] for name in names}
    assert {top for top in tops if not top.endswith(".dist-info")} == {"sparseattn", "napari_sparseattn"}
    endings = (".png", ".jpg", ".jpeg", ".tif", ".tiff", ".npy", ".npz")
    pictures = {name for name in names if name.lower().endswith(endings)}
    homes = ("napari_sparseattn/sample_data/", "napari_sparseattn/docs/images/")
    assert all(name.startswith(homes) for name in pictures)


def test_models_and_the_tutorial_travel(names: set[str]) -> None:
    assert "napari_sparseattn/models/stained_blood.safetensors" in names
    assert "napari_sparseattn/models/stained_blood.json" in names
    assert "napari_sparseattn/docs/tutorial.md" in names
    assert not any("test" in PurePosixPath(name).stem.split("_") for name in names)


def test_sample_data_is_small(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        sizes = [info.file_size for info in archive.infolist() if "/sample_data/" in info.filename]
    assert 0 < sum(sizes) < 3_000_000


def test_base_install_brings_no_qt_binding(metadata: Message) -> None:
    base = [Requirement(line) for line in metadata.get_all("Requires-Dist", [])]
    names = {requirement.name.lower() for requirement in base if requirement.marker is None}
    assert {"numpy", "torch", "typer"} <= names
    assert not {"pyqt5", "pyqt6", "pyside2", "pyside6", "napari"} & names


def test_metadata(metadata: Message) -> None:
    assert metadata["Name"] == "napari-sparseattn"
    assert metadata["License-Expression"] == "BSD-3-Clause"
    assert "Framework :: napari" in metadata.get_all("Classifier", [])


def test_installed_command_answers(environment: Path, tmp_path: Path) -> None:
    result = run(environment / "sparseattn", "--help", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert "train" in result.stdout


def test_installed_command_says_the_version_of_the_wheel(
    environment: Path, metadata: Message, tmp_path: Path
) -> None:
    result = run(environment / "sparseattn", "--version", cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"sparseattn {metadata['Version']}\n"


def test_installed_package_is_the_wheel(environment: Path, tmp_path: Path) -> None:
    code = "import sparseattn as a, napari_sparseattn as b; print(a.__file__); print(b.__file__)"
    result = run(environment / "python", "-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert all(Path(line).is_relative_to(environment.parent) for line in result.stdout.splitlines())


def test_installed_manifest_is_valid(environment: Path, tmp_path: Path) -> None:
    result = run(environment / "python", "-m", "npe2", "validate", "napari-sparseattn", cwd=tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    assert "valid" in result.stdout


def test_installed_sample_data_is_found(environment: Path, tmp_path: Path) -> None:
    """Through the manifest, as napari finds it."""
    code = (
        "from npe2 import PluginManager\n"
        "manager = PluginManager.instance()\n"
        "manager.discover()\n"
        "samples = dict(manager.iter_sample_data())['napari-sparseattn']\n"
        "assert samples\n"
        "for sample in samples:\n"
        "    layers = sample.open()\n"
        "    assert layers and layers[0][0].size, sample.key\n"
        "print(len(samples))"
    )
    result = run(environment / "python", "-c", code, cwd=tmp_path)
    assert result.returncode == 0, result.stderr
    assert int(result.stdout.split()[-1]) >= 3


@pytest.mark.parametrize(
    ("commands", "version"),
    [
        ([], "0.1.0.dev0"),
        (["init", "commit"], "0.1.0.dev1"),
        (["init", "commit", "tag v0.3.0"], "0.3.0"),
        (["init", "commit", "tag v0.3.0", "commit"], "0.3.1.dev1"),
    ],
    ids=["no git", "no tag", "at the tag", "after the tag"],
)
def test_the_version_comes_from_the_tag(commands: list[str], version: str, tmp_path: Path) -> None:
    """Of a copy with its own history: what `pip install .` would call it."""
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, tmp_path)
    identity = ["-c", "user.name=A", "-c", "user.email=a@b", "-c", "commit.gpgsign=false"]
    clean = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    clean["GIT_CEILING_DIRECTORIES"] = str(tmp_path.parent)
    for command in commands:
        words = ["commit", "--allow-empty", "-m", "A"] if command == "commit" else command.split()
        subprocess.run(["git", *identity, *words], cwd=tmp_path, env=clean, check=True, capture_output=True)
        if command == "init":
            subprocess.run(["git", "add", "."], cwd=tmp_path, env=clean, check=True)
    result = subprocess.run(
        [sys.executable, "-m", "hatchling", "version"],
        cwd=tmp_path,
        env=clean,
        capture_output=True,
        text=True,
    )
    assert result.stdout.strip() == version, result.stderr
