"""A folder that fills with 200 files a second, watched in the window: delays, and how long it is deaf.

    scripts/with_display.sh python -m benchmarks.app_watching

Another process writes the files. The window's watching is a third one, so that two cores have three to feed
and the program that draws the screen.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import torch  # noqa: F401  # before Qt

from benchmarks.heartbeat import Heartbeat, wait

ROOT = Path(__file__).resolve().parents[1]
MODEL = ROOT / "napari_sparseattn" / "models" / "simulated_opd.safetensors"
WRITER = """
import sys, time
from pathlib import Path
folder, count, rate = Path(sys.argv[1]), int(sys.argv[2]), float(sys.argv[3])
pixels = [path.read_bytes() for path in sorted(Path(sys.argv[4]).glob("[!_]*/cell_*.tif"))]
began = time.time()
for number in range(count):
    (folder / f"{number:06}.tif").write_bytes(pixels[number % len(pixels)])
    time.sleep(max(0, began + (number + 1) / rate - time.time()))
print(count / (time.time() - began))
"""


def measure(files: int, rate: float, photograph: Path | None, theme: str) -> dict[str, object]:
    import napari

    folder = Path(tempfile.mkdtemp()) / "instrument"
    folder.mkdir()
    sample = ROOT / "sample_data" / "opd"
    (folder / "cells.json").write_bytes((sample / "cells.json").read_bytes())
    viewer = napari.Viewer()
    viewer.theme = theme
    viewer.window.resize(1280, 800)
    _, dock = viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
    dock.open_path(MODEL)
    wait(lambda: dock.workspace.classifier is not None, 60)
    dock.show_tab("report")
    report = dock.tabs.widget(4).widget()
    report.pages.setCurrentWidget(report.apply_page)
    report.apply_page.show_watch.click()
    panel, work = report.apply_page.watch, dock.session.watching
    panel.folder.setText(str(folder))
    panel.folder.editingFinished.emit()
    panel.start.click()
    (folder / "first.tif").write_bytes(next(sample.glob("[!_]*/cell_*.tif")).read_bytes())
    wait(lambda: work.cells == 1, 120)
    words = [sys.executable, "-c", WRITER, str(folder), str(files), str(rate), str(sample)]
    writer = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
    delays: list[float] = []
    work.updated.connect(lambda: delays.append(work.delay) if work.delay is not None else None)
    heart = Heartbeat()
    heart.start()
    wait(lambda: work.cells >= files // 2, 300)
    said = panel.said.text()
    if photograph is not None:
        viewer.screenshot(str(photograph), canvas_only=False, flash=False)
    seconds = wait(lambda: work.cells >= files + 1, 300)
    result = {
        "files": files,
        "written_a_second": float(writer.communicate()[0]),
        "seen": work.cells,
        "seconds_of_the_second_half": round(seconds, 1),
        "said": said,
        "updates": len(delays),
        "delay_s": {str(p): round(float(np.percentile(delays, p)), 2) for p in (50, 99, 100)},
        "window": heart.stop(),
        "load": os.getloadavg()[0] if hasattr(os, "getloadavg") else None,
    }
    panel.stop.click()
    wait(lambda: not work.is_running, 30)
    dock.session.close()
    viewer.close()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=4000)
    parser.add_argument("--rate", type=float, default=200)
    parser.add_argument("--photograph", type=Path, help="write a picture of the window here")
    parser.add_argument("--theme", default="dark")
    parser.add_argument("--out", type=Path, help="write the result here as JSON")
    options = parser.parse_args()
    os.environ["XDG_CONFIG_HOME"] = tempfile.mkdtemp()
    text = json.dumps(measure(options.files, options.rate, options.photograph, options.theme), indent=1)
    print(text)
    if options.out is not None:
        options.out.write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
