"""Thumbnails are made in a thread, which a closing window must not wait for with the interpreter locked."""

import subprocess
import sys

CLOSED_EARLY = """
import threading, time
import numpy as np
from qtpy.QtWidgets import QApplication, QWidget
from napari_sparseattn.widgets.thumbnails import Thumbnails

application = QApplication([])
window, begun = QWidget(), threading.Event()

def make(index):
    begun.set()
    end = time.monotonic() + 0.5
    while time.monotonic() < end:
        time.sleep(0.001)
    print("made", flush=True)
    return np.zeros((4, 4, 3), np.uint8)

thumbnails = Thumbnails(window)
thumbnails.begin(make)
thumbnails.pixmap(0, 10)
begun.wait()
del window  # with all that is in it, while the thread works
print("gone", flush=True)
"""


def test_a_window_closes_while_a_thumbnail_is_made() -> None:
    command = [sys.executable, "-c", CLOSED_EARLY]
    done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert {"gone", "made"} == set(done.stdout.split())
