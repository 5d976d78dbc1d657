"""Who imports whom: the library knows no screen, rooms import only rooms below, heavy things come late."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).resolve().parents[2]
LIBRARY = ROOT / "src" / "sparseattn"
MODULES = sorted(LIBRARY.rglob("*.py"))

# docs/architecture.md: data flows down one street. A room imports itself and what stands before it here;
# rooms on one line do not know each other. `learn.fit` makes a classifier and so stands behind it.
STREET = (
    ("errors",),
    ("csv_text", "names", "writing", "html_page", "npy_header", "plain_json", "phase"),
    ("events", "model_card"),
    ("cells", "simulate", "model_file"),
    ("net", "made_for", "fills"),
    ("learn", "fast"),
    ("predictions", "trained_model"),
    ("classifier", "refusal"),
    ("learn.fit",),
    ("explain", "export", "drift", "compare", "suggest", "bench"),
    ("report", "scale"),
    ("table",),
    ("cli",),
)
PLACES = {room: place for place, rooms in enumerate(STREET) for room in rooms}


def run(*arguments: str) -> str:
    """Run Python in a process of its own and return what it printed."""
    command = [sys.executable, "-W", "ignore", *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


def imported_modules(path: Path) -> Iterator[str]:
    """Yield the modules that a file imports when it runs, at the top or in a function, not for types only."""

    def visit(node: ast.AST) -> Iterator[str]:
        if isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test):
            return
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            assert node.module is not None
            yield from (f"{node.module}.{alias.name}" for alias in node.names)
        for child in ast.iter_child_nodes(node):
            yield from visit(child)

    return visit(ast.parse(path.read_text(encoding="utf-8")))


def room_of(module: str) -> str | None:
    """Return the room that a module of the library lies in, or None for the doors of the house."""
    parts = module.removeprefix("sparseattn.").split(".")
    return next((room for room in (".".join(parts[:2]), parts[0]) if room in PLACES), None)


def module_of(path: Path) -> str:
    return ".".join(path.relative_to(LIBRARY.parent).with_suffix("").parts).removesuffix(".__init__")


@pytest.mark.parametrize("package", ["sparseattn", "napari_sparseattn"])
def test_importing_a_package_imports_nothing_heavy(package: str) -> None:
    """What napari's start-up and every command pay for."""
    loaded = run("-c", f"import sys, {package}; print(*sys.modules)").split()
    assert package in loaded
    assert not {"torch", "qtpy", "napari", "pandas", "matplotlib", "skimage"} & set(loaded)


def test_help_imports_nothing_heavy() -> None:
    """`sparseattn --help` must answer at once."""
    code = (
        "import sys\n"
        "sys.argv = ['sparseattn', '--help']\n"
        "from sparseattn.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    pass\n"
        "print('LOADED', *sys.modules)"
    )
    shown, loaded = run("-c", code).split("LOADED")
    assert "train" in shown and "explain" in shown
    assert not {"torch", "pandas", "matplotlib", "scipy", "skimage", "qtpy", "napari"} & set(loaded.split())


def test_the_library_knows_no_screen() -> None:
    screens = {"qtpy", "napari", "magicgui", "superqt", "napari_sparseattn", "PyQt5", "PyQt6", "PySide6"}
    for path in MODULES:
        assert not screens & {name.split(".")[0] for name in imported_modules(path)}, path


def test_a_room_imports_only_what_stands_before_it() -> None:
    for path in MODULES:
        room = room_of(module_of(path))
        if room is None:  # the doors of the house open onto every room
            continue
        for name in imported_modules(path):
            if name.startswith("sparseattn.") and (target := room_of(name)) not in (room, None):
                assert PLACES[target] < PLACES[room], f"{path} imports {name}"


def test_every_room_has_a_place() -> None:
    homeless = {module_of(path) for path in MODULES if room_of(module_of(path)) is None}
    assert homeless == {"sparseattn", "sparseattn.__main__"}


def test_imports_are_declared() -> None:
    """The library imports only what its wheel asks for, in the base or in an extra."""
    distribution = {"PIL": "pillow", "distributed": "dask", "skimage": "scikit-image", "yaml": "pyyaml"}
    declared = {Requirement(line).name.lower() for line in requires("napari-sparseattn") or ()}
    for path in MODULES:
        for module in imported_modules(path):
            package = module.split(".")[0]
            if package not in sys.stdlib_module_names and package != "sparseattn":
                name = distribution.get(package, package).lower()
                assert name in declared, f"{path.name} imports {package}"
