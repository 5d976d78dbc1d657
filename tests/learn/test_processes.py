"""Several processes train one net: the same step as one process takes, and one model in the end."""

import json
import os
import subprocess
import sys
from pathlib import Path

from sparseattn.classifier import Classifier

ROOT = Path(__file__).resolve().parents[2]
CELLS = ROOT / "sample_data" / "opd"


def together(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Run two processes as torchrun does, and wait for both."""
    command = ["-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    return subprocess.run(
        [sys.executable, "-W", "ignore", *command],
        capture_output=True,
        text=True,
        env=environment,
        timeout=300,
    )


def test_two_processes_take_the_step_that_one_takes(tmp_path: Path) -> None:
    ended = together(str(Path(__file__).with_name("training_processes.py")), "compare", str(tmp_path))
    assert ended.returncode == 0, ended.stderr
    for rank in range(2):
        found = json.loads((tmp_path / f"{rank}.json").read_text())
        assert found["processes"] == 2
        assert found["from_one"] < 1e-6
        assert found["from_the_first"] == 0


def test_a_training_of_two_that_fell_over_goes_on_and_gives_the_same_model(tmp_path: Path) -> None:
    script = str(Path(__file__).with_name("training_processes.py"))
    whole, broken = tmp_path / "whole.safetensors", tmp_path / "broken.safetensors"
    assert together(script, "train", str(CELLS), str(whole), "0").returncode == 0
    assert together(script, "train", str(CELLS), str(broken), "2").returncode != 0
    assert not broken.exists()
    assert broken.with_suffix(".checkpoint").exists()
    assert together(script, "train", str(CELLS), str(broken), "0").returncode == 0
    assert whole.read_bytes() == broken.read_bytes()


def test_the_command_speaks_once_and_says_how_many_trained(tmp_path: Path) -> None:
    output = tmp_path / "model.safetensors"
    command = ("-m", "sparseattn", "train", str(CELLS), "-o", str(output), "--size", "16", "--epochs", "2")
    ended = together(*command, "--json", "--progress", "none")
    assert ended.returncode == 0, ended.stderr
    assert json.loads(ended.stdout)["epochs"] == 2
    assert Classifier.load(output).history.options["processes"] == 2
    assert [path.name for path in tmp_path.iterdir()] == [output.name]


def test_mixed_precision_is_kept_in_the_model(tmp_path: Path) -> None:
    output = tmp_path / "model.safetensors"
    command = ["-m", "sparseattn", "train", str(CELLS), "-o", str(output), "--size", "16", "--epochs", "2"]
    subprocess.run([sys.executable, *command, "--precision", "mixed"], check=True, capture_output=True)
    assert Classifier.load(output).history.options["precision"] == "mixed"
