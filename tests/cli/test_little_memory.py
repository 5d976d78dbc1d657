"""Where the system gives no memory, one sentence says so, and no file is begun."""

import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="other systems bound no address space")


@pytest.mark.parametrize("mebibytes", [400, 850, 1000, 1150])
@pytest.mark.parametrize("command", ["train", "predict"])
def test_one_sentence_and_no_file(tmp_path: Path, trained, command: str, mebibytes: int) -> None:
    output = tmp_path / ("model.safetensors" if command == "train" else "table.csv")
    words = (
        ["train", trained.cells, "--epochs", 1]
        if command == "train"
        else ["predict", trained.model, trained.cells]
    )
    begin = f"import resource; resource.setrlimit(resource.RLIMIT_AS, ({mebibytes << 20},) * 2)\n"
    begin += "import os, sys; os.environ['OMP_NUM_THREADS'] = os.environ['OPENBLAS_NUM_THREADS'] = '1'\n"
    begin += "from sparseattn.cli import main; main(sys.argv[1:])"
    line = [sys.executable, "-c", begin, *map(str, words), "-o", str(output)]
    done = subprocess.run(line, capture_output=True, text=True, timeout=300, check=False)
    if mebibytes == 400:
        assert done.returncode == 2 and "not enough memory" in done.stderr
    if done.returncode:
        last = done.stderr.splitlines()[-1]
        assert done.returncode == 2 and last.startswith("sparseattn: "), done.stderr
        assert "Traceback" not in done.stderr and "internal error" not in last
        assert not output.exists()
