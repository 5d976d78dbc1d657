"""The main job on simulated stained blood cells, by the public command line alone.

Train on freshly simulated cells, then evaluate, predict and explain the shipped sample cells, which the
net has never seen. Everything lands in demo_output/.
"""

import csv
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = ROOT / "demo_output"
SAMPLES = ROOT / "sample_data" / "stained"
MODEL = OUTPUT / "model.safetensors"
TABLE = OUTPUT / "predictions.csv"
PICTURES = OUTPUT / "explained"


def sparseattn(*arguments: str | Path) -> None:
    """Run one command of the command line, printing it first."""
    words = [str(argument) for argument in arguments]
    print("\n$ sparseattn", *(word.replace(f"{ROOT}/", "") for word in words), flush=True)
    subprocess.run([sys.executable, "-m", "sparseattn", *words], check=True)


def print_some_rows(rows_per_class: int = 1) -> None:
    """Print a few rows of the prediction table: the first of each true class, by folder."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    seen: dict[str, int] = {}
    print(f"\n{'cell':44}{'predicted':16}confidence")
    for row in rows:
        folder = Path(row["source"]).parent.name
        seen[folder] = seen.get(folder, 0) + 1
        if seen[folder] <= rows_per_class:
            source = row["source"].removeprefix(f"{ROOT}{os.sep}")
            print(f"{source:44}{row['predicted']:16}{float(row['confidence']):.2f}")
    print(f"... {len(rows)} cells in all")


def main() -> None:
    """Run the demo."""
    if OUTPUT.exists():
        shutil.rmtree(OUTPUT)
    OUTPUT.mkdir()
    training_cells = OUTPUT / "training_cells"
    sparseattn("simulate", "stained", "-o", training_cells, "-n", "400", "--seed", "1")
    sparseattn("train", training_cells, "-o", MODEL, "--epochs", "30", "--seed", "0")
    sparseattn("evaluate", MODEL, SAMPLES)
    sparseattn("predict", MODEL, SAMPLES, "-o", TABLE, "--subfolders", "classes")
    sparseattn("explain", MODEL, SAMPLES, "-o", PICTURES, "--subfolders", "classes")
    print_some_rows()
    print(
        f"\nThese cells are simulated. What came out is in {OUTPUT}:\n"
        f"  {TABLE.name:18} predictions, a row a cell\n"
        f"  {PICTURES.name + '/':18} a picture a cell: the pixels that decided\n"
        f"  {MODEL.name:18} the trained model\n"
        "Look at a picture with any image viewer."
    )


if __name__ == "__main__":
    main()
