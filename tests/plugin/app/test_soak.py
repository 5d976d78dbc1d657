"""The app driven at random for half a minute, in a process of its own: nothing goes wrong or is left."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.skipif(
    sys.platform == "linux" and not os.environ.get("DISPLAY"), reason="no display: run under xvfb-run"
)

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.timeout(900)
def test_half_a_minute_of_everything(tmp_path: Path) -> None:
    words = ["--hours", str(30 / 3600), "--every", "10", "--seed", "4", "--out", str(tmp_path / "soak.json")]
    line = [sys.executable, "-m", "benchmarks.reliability.soak", *words]
    done = subprocess.run(line, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr[-4000:]
    result = json.loads((tmp_path / "soak.json").read_text())
    assert result["faults"] == [] and sum(result["actions"].values()) > 0
    first, last, closed = result["rows"][0], result["rows"][-1], result["closed"]
    assert last["children"] == closed["children"] == 0
    assert closed["temporary"] == 0
    assert last["files"] < first["files"] + 20 and last["threads"] < first["threads"] + 20
    assert closed["widgets"] < first["widgets"] / 4
