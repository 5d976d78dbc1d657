"""The main job on simulated stained blood cells, by the public command line, and then in the app.

Train on freshly simulated cells, then evaluate, predict and explain the shipped sample cells, which the
net has never seen. Everything lands in demo_output/. Where there is a display, the app opens on the
sample cells with the model loaded.
"""

import csv
import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
OUTPUT = Path("demo_output")
SAMPLES = Path("sample_data", "stained")
TRAINING_CELLS = OUTPUT / "training_cells"
MODEL = OUTPUT / "model.safetensors"
TABLE = OUTPUT / "predictions.csv"
PICTURES = OUTPUT / "explained"


def sparseattn(*arguments: str | Path) -> None:
    """Run one command of the command line, printing it first."""
    words = [str(argument) for argument in arguments]
    print("\n$ sparseattn", *words, flush=True)
    subprocess.run([sys.executable, "-m", "sparseattn", *words], check=True)


def first_of_each_class(count: int) -> list[dict[str, str]]:
    """Return the first rows of the prediction table for each known class."""
    with TABLE.open(newline="", encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    known = sorted({row["human_label"] for row in rows})
    return [row for name in known for row in [row for row in rows if row["human_label"] == name][:count]]


def can_show_windows() -> bool:
    """Whether there is a display, and the app is installed."""
    display = (
        sys.platform in ("darwin", "win32") or os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY")
    )
    return bool(display) and not os.environ.get("CI") and importlib.util.find_spec("napari") is not None


def main() -> None:
    """Run the demo."""
    os.chdir(ROOT)
    shutil.rmtree(OUTPUT, ignore_errors=True)
    OUTPUT.mkdir()
    # Not seed 1: that made the sample cells, which are to be unknown to the net.
    sparseattn("simulate", "stained", "-o", TRAINING_CELLS, "-n", "400", "--seed", "2")
    sparseattn("train", TRAINING_CELLS, "-o", MODEL, "--epochs", "30")
    sparseattn("evaluate", MODEL, SAMPLES)
    sparseattn("predict", MODEL, SAMPLES, "-o", TABLE, "--subfolders", "classes")
    shown = first_of_each_class(count=2)
    cells = ",".join(row["id"] for row in shown)
    sparseattn("explain", MODEL, SAMPLES, "-o", PICTURES, "--subfolders", "classes", "--cells", cells)

    print(f"\n{'known':12}{'predicted':12}{'confidence':12}picture")
    for row in shown:
        (picture,) = PICTURES.glob(f"{row['id']}*/overlay.png")
        print(f"{row['human_label']:12}{row['predicted']:12}{float(row['confidence']):<12.2f}{picture}")
    print(
        f"\nThese cells are simulated. In {OUTPUT.absolute()}:\n"
        f"  {TABLE.name:19} the predictions, a row a cell\n"
        f"  {PICTURES.name + os.sep:19} for each cell above: the pixels that decided, their maps, a picture\n"
        f"  {MODEL.name:19} the trained model"
    )
    if can_show_windows():
        print("\nThe app opens on them. Close its window to end.", flush=True)
        command = [
            sys.executable,
            "-m",
            "napari_sparseattn",
            "--subfolders",
            "classes",
            str(MODEL),
            str(SAMPLES),
        ]
        subprocess.run(command, check=True)


if __name__ == "__main__":
    main()
