"""The same model and cells give the same classes, whatever the number of threads and the engine."""

import csv
import subprocess
import sys
from pathlib import Path

import pytest

from napari_sparseattn._sample_data import sample_folder

MODEL = Path(__file__).resolve().parents[2] / "napari_sparseattn" / "models" / "simulated_stained.safetensors"


def answers(table: Path, threads: int, engine: str) -> list[dict[str, str]]:
    """Classify the sample cells in a process with so many threads."""
    code = f"import torch; torch.set_num_threads({threads}); from sparseattn.cli import main; main()"
    words = ["predict", str(MODEL), str(sample_folder("stained")), "-o", str(table), "--engine", engine]
    line = [sys.executable, "-c", code, *words, "--subfolders", "classes"]
    done = subprocess.run(line, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    with table.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_threads_and_engines_give_the_same_classes(tmp_path: Path) -> None:
    pytest.importorskip("numba")
    first, *others = (
        answers(tmp_path / f"{engine}{threads}.csv", threads, engine)
        for engine in ("torch", "compiled")
        for threads in (1, 4)
    )
    assert len(first) == 60
    for other in others:
        for name in ("id", "predicted", "k", "model_hash"):
            assert [row[name] for row in other] == [row[name] for row in first]
        differences = [
            abs(float(a["confidence"]) - float(b["confidence"])) for a, b in zip(first, other, strict=True)
        ]
        assert max(differences) < 1e-4


def test_the_card_says_how_to_train_again(process, trained) -> None:
    facts = process("info", trained.model, "--json").json
    assert facts["seed"] == 0 and facts["options"]["epochs"] == 3 and facts["size"] == 16
    assert facts["fingerprint"] and {"torch", "numpy", "napari-sparseattn"} == set(facts["versions"])
    said = process("info", trained.model).out
    assert "--like" in said and f"torch {facts['versions']['torch']}" in said and facts["fingerprint"] in said
