"""Drive the app on simulated cells as the tutorial tells, and save what is seen into docs/images.

Run by `make screenshots`, on a virtual display. Nothing in the checkout but the pictures is written: cells
are copied to a temporary folder, where the labels are kept too. A model is trained first, some minutes;
`--model` takes one that is there, such as that of `make demo`.
"""

from __future__ import annotations

import argparse
import io
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
SAMPLES = ROOT / "sample_data" / "stained"
IMAGES = ROOT / "docs" / "images"
SIZE = (1280, 800)
DOCK_WIDTH = 510


def sparseattn(*words: str | Path) -> None:
    """Run one command of the command line."""
    subprocess.run([sys.executable, "-m", "sparseattn", *map(str, words)], check=True)


class Tour:
    """A window that is driven and photographed."""

    def __init__(self, home: Path, pictures: Path = IMAGES) -> None:
        import napari
        from qtpy.QtCore import QSettings, Qt
        from qtpy.QtWidgets import QApplication

        from napari_sparseattn import settings

        # The user's own settings neither show in the pictures nor are changed by them.
        QSettings.setDefaultFormat(QSettings.Format.IniFormat)
        QSettings.setPath(QSettings.Format.IniFormat, QSettings.Scope.UserScope, str(home))
        settings.settings = lambda: QSettings(str(home / "settings.ini"), QSettings.Format.IniFormat)
        self.pictures = pictures
        pictures.mkdir(exist_ok=True)
        self.viewer = napari.Viewer(title="SparseAttnNet", show=True)
        self.viewer.window.resize(*SIZE)
        dock, self.dock = self.viewer.window.add_plugin_dock_widget("napari-sparseattn", "SparseAttnNet")
        window = dock.window()
        window.resizeDocks([dock], [DOCK_WIDTH], Qt.Orientation.Horizontal)
        self.session = self.dock.session
        self.workspace = self.session.workspace
        self._application = QApplication.instance()
        self.workspace.failed.connect(self._fail)

    def wait(self, seconds: float) -> None:
        """Let the window work for a while."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self._application.processEvents()
            time.sleep(0.01)

    def wait_for(self, what: Callable[[], object], seconds: float = 300) -> None:
        """Let the window work until something is so."""
        end = time.monotonic() + seconds
        while not what():
            if time.monotonic() > end:
                raise SystemExit("the window did not get there in time")
            self.wait(0.05)

    def wait_for_jobs(self) -> None:
        """Let the window work until nothing is going on."""
        self.wait(0.3)
        self.wait_for(lambda: not self.session.jobs.running)
        self.wait(0.5)

    def tab(self, name: str):
        """Bring a tab to the front and return it."""
        self.dock.show_tab(name)
        self.wait(0.3)
        return self.dock.tabs.currentWidget().widget()

    def picture(self, name: str) -> None:
        """Save the window."""
        from PIL import Image

        self.wait(0.6)
        pixels = self.viewer.screenshot(canvas_only=False, flash=False)
        image = Image.fromarray(pixels).convert("RGB")
        # 256 colours take a third of the bytes. Broad swatches of the classes' colours beside the picture
        # keep these in the palette: in small marks alone two of them would become one.
        colours = sorted(set(self.workspace.colours.values())) or ["#000000"]
        chosen_from = Image.new("RGB", (image.width, image.height + 40 * len(colours)))
        for place, colour in enumerate(colours):
            chosen_from.paste(colour, (0, 40 * place, image.width, 40 * place + 40))
        chosen_from.paste(image, (0, 40 * len(colours)))
        palette = chosen_from.quantize(256, kmeans=4)
        image = image.quantize(palette=palette, dither=Image.Dither.NONE)
        stream = io.BytesIO()
        image.save(stream, "PNG", optimize=True)
        path = self.pictures / f"{name}.png"
        path.write_bytes(stream.getvalue())
        print(f"{path.relative_to(ROOT)}  {len(stream.getvalue()) / 1000:.0f} kB", flush=True)

    def _fail(self, sentence: str) -> None:
        print(f"The window says: {sentence}", file=sys.stderr)


def make_model(folder: Path) -> Path:
    """Train a model on simulated cells that are none of the sample cells."""
    sparseattn("simulate", "stained", "-o", folder / "training", "-n", "400", "--seed", "2")
    model = folder / "model.safetensors"
    sparseattn("train", folder / "training", "-o", model, "--epochs", "30")
    return model


def make_samples(folder: Path) -> list[Path]:
    """Make folders of cells that came later: one like the training cells, one from a dimmer lamp."""
    import imageio.v3 as iio
    import numpy as np

    folders = []
    for name, seed, light in (("monday", "11", 1.0), ("tuesday", "12", 1.0), ("dim lamp", "13", 0.72)):
        made = folder / "made" / name
        sparseattn("simulate", "stained", "-o", made, "-n", "60", "--seed", seed)
        target = folder / name
        target.mkdir()
        for path in sorted(made.glob("[a-z]*/*.png")):
            dimmed = (iio.imread(path) * light).clip(0, 255).astype(np.uint8)
            iio.imwrite(target / f"{path.parent.name}_{path.name}", dimmed)
        folders.append(target)
    return folders


def make_field(folder: Path):
    """Return an image (Y, X, 3) of many cells: some of the sample cells beside each other on one ground."""
    import imageio.v3 as iio
    import numpy as np

    random = np.random.default_rng(0)
    paths = sorted(folder.glob("[a-z]*/*.png"))[::2][:24]
    side = 64
    field = random.normal((232, 222, 210), 3, (4 * side, 6 * side, 3))
    for place, path in enumerate(paths):
        cell = iio.imread(path).astype(float)
        mask = iio.imread(folder / "_masks" / path.parent.name / path.name) > 0
        ground = np.median(cell[~mask], axis=0)
        top, left = (side * step for step in divmod(place, 6))
        square = field[top : top + side, left : left + side]
        square[mask] = cell[mask] * (232, 222, 210) / ground
    return field.clip(0, 255).astype(np.uint8)


def take_pictures(model: Path, folder: Path) -> None:
    """Go through the tutorial."""
    import shutil

    cells = folder / "stained"
    shutil.copytree(SAMPLES, cells)
    new_samples = make_samples(folder)
    tour = Tour(folder)
    workspace, session = tour.workspace, tour.session
    tour.picture("app_start")

    session.opening.load_model(model)
    tour.wait_for(lambda: workspace.classifier is not None)
    session.opening.open_cells(cells, subfolders="classes")
    tour.wait_for(lambda: workspace.cells is not None)
    session.classification.ask()
    tour.wait_for(lambda: workspace.predictions is not None)
    take_pictures_of_one_cell(tour)

    tour.tab("gallery")
    tour.wait_for_jobs()
    tour.picture("app_gallery")

    # Before the sample cells are labelled: all of them are new to the model, and judge it.
    report = tour.tab("report")
    tour.wait_for(lambda: report.made is not None)
    tour.wait_for_jobs()
    tour.picture("app_report")
    report.pages.setCurrentIndex(2)
    tour.picture("app_report_attention")
    report.pages.setCurrentWidget(report.apply_page)
    report.apply.add_folders(new_samples)
    report.apply.start()
    tour.wait_for(lambda: len(report.apply.samples.done()) == len(new_samples))
    tour.wait_for_jobs()
    tour.picture("app_new_samples")
    watch(tour, report.apply_page, new_samples[0], folder / "instrument")
    tour.picture("app_watch")
    session.watching.stop()
    tour.wait_for(lambda: not session.watching.is_running)

    session.labelling.annotator = "Ada"
    label = tour.tab("label")
    tour.wait_for_jobs()
    known = list(workspace.labels())
    for index in range(0, len(known), 2):  # what the tutorial does by key, of cells whose class is known
        session.labelling.label([index], known[index])
    tour.wait_for_jobs()
    tour.picture("app_label")
    session.retraining.start(from_loaded=True, epochs=6)
    tour.wait_for(lambda: session.retraining.state in ("done", "idle"), 600)
    tour.wait_for_jobs()
    show_end(label)
    tour.picture("app_retrain")
    session.retraining.discard()

    workspace.set_cells(None)
    tour.viewer.add_image(make_field(cells), name="field of cells")
    field = tour.tab("field")
    tour.wait(1)
    field.find.looks.setCurrentIndex(field.find.looks.findData("stain"))
    field.find.smallest.setValue(80)
    field.by.setCurrentIndex(field.by.findData("side"))  # as the pictures that the model was trained with
    field.side.setValue(64)
    tour.wait(1)
    field.run.click()
    tour.wait_for_jobs()
    tour.viewer.reset_view()
    tour.picture("app_field")
    session.close()
    tour.viewer.close()


def watch(tour: Tour, page, cells: Path, folder: Path) -> None:
    """Watch a folder while cells come into it."""
    import shutil

    folder.mkdir()
    page.show_watch.click()
    page.watch.folder.setText(str(folder))
    page.watch.folder.editingFinished.emit()
    page.watch.start.click()
    work = tour.session.watching
    tour.wait_for(lambda: work.is_here)
    for path in sorted(cells.iterdir()):
        shutil.copy(path, folder)
        tour.wait(0.05)
    tour.wait_for(lambda: work.cells == len(list(cells.iterdir())))
    tour.wait(5)  # so that pictures of the newest are there
    show_end(page.watch)


def take_pictures_of_one_cell(tour: Tour) -> None:
    """Explain a cell, and ask what if its middle were gone."""
    workspace = tour.workspace
    tab = tour.tab("explain")
    workspace.current = surely_right(workspace.predictions)
    tour.wait_for(lambda: workspace.explanation is not None and workspace.curve is not None)
    tour.wait_for_jobs()
    tour.viewer.reset_view()
    tour.picture("app_explain")
    section = tab.ask.sections[tab.ask.what_if]
    section.set_open(True)
    tour.wait_for_jobs()
    layer = tour.viewer.layers["Pixels taken out"]
    middle = layer.data.shape[0] // 2
    layer.brush_size = middle // 2
    for step in range(-3, 4):
        layer.paint((middle - step, middle + step), 1)
    tour.wait_for_jobs()
    tour.picture("app_ask")
    section.set_open(False)


def surely_right(predictions) -> int:
    """Return the cell of which the model is surest among those that it gets right."""
    right = [
        row
        for row, (one, known) in enumerate(zip(predictions.predicted, predictions.human_label, strict=True))
        if one == known
    ]
    return int(predictions.indices[max(right, key=lambda row: predictions.confidence[row])])


def show_end(widget) -> None:
    """Scroll to the end of a tab."""
    from qtpy.QtWidgets import QScrollArea

    area = widget.parent()
    while area is not None and not isinstance(area, QScrollArea):
        area = area.parent()
    if area is not None:
        area.verticalScrollBar().setValue(area.verticalScrollBar().maximum())


def main() -> None:
    """Make the pictures."""
    parser = argparse.ArgumentParser(description="Make the pictures of the tutorial.")
    parser.add_argument("--model", type=Path, help="a model of the simulated stained cells")
    given = parser.parse_args()
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = given.model or make_model(folder)
        take_pictures(model.absolute(), folder)


if __name__ == "__main__":
    main()
