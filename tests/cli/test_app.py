import subprocess
import sys

import pytest

from sparseattn.cli import output
from sparseattn.cli.app import run

COMMANDS = ("simulate", "info", "train", "finetune", "evaluate", "predict", "explain", "report")


def test_help_imports_nothing_heavy():
    heavy = ("torch", "pandas", "matplotlib", "numpy", "scipy", "skimage", "rich.console")
    script = (
        "import sys; from sparseattn.cli.app import run; status = run(['--help']); "
        f"print(status, [name for name in {heavy} if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 []"
    for command in COMMANDS:
        assert f"\n  {command} " in done.stdout


def test_errors_in_the_source_are_found_before_torch_is_imported(tmp_path):
    arguments = ["train", str(tmp_path), "-o", str(tmp_path / "m")]
    script = (
        "import sys; from sparseattn.cli.app import run; "
        f"status = run({arguments}); print(status, 'torch' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout == "2 False\n"


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_help_and_json(sparseattn, command):
    finished = sparseattn(command, "--help")
    assert finished.status == 0
    assert "--json" in finished.out


def test_no_arguments_show_the_help(sparseattn):
    finished = sparseattn()
    assert finished.status == 0
    assert "Usage: sparseattn" in finished.out


@pytest.fixture
def broken(monkeypatch, tmp_path):
    """A command that meets an error of ours; none is known, so one is made."""

    def fail(*arguments, **options):
        raise RuntimeError("two\nlines")

    monkeypatch.setattr("sparseattn.cells.open.open_cells", fail)
    return ["info", str(tmp_path)]


def test_internal_error_is_one_line(broken, capfd):
    assert run(broken) == 1
    printed = capfd.readouterr()
    assert printed.out == ""
    assert printed.err.splitlines() == [
        "sparseattn: internal error: RuntimeError: two lines; run again with --debug for the traceback"
    ]


def test_internal_error_with_debug(broken, capfd):
    assert run(broken, debug=True) == 1
    assert "Traceback" in capfd.readouterr().err


def test_interrupt(monkeypatch, tmp_path, capfd):
    def interrupt(*arguments, **options):
        raise KeyboardInterrupt

    monkeypatch.setattr("sparseattn.cells.open.open_cells", interrupt)
    assert run(["info", str(tmp_path)]) == 130
    assert capfd.readouterr().err == "sparseattn: interrupted\n"


def test_a_reader_that_stops_early(trained):
    command = [sys.executable, "-m", "sparseattn", "info", str(trained.cells), "--json"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        process.stdout.close()
        err = process.stderr.read()
    assert "Traceback" not in err and "BrokenPipe" not in err


def test_json_has_no_figures_that_json_lacks(capsys):
    output.print_json({"a": float("nan"), "b": [float("inf"), 1], "c": ("x",)})
    assert capsys.readouterr().out == '{"a": null, "b": [null, 1], "c": ["x"]}\n'
