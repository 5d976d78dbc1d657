"""What a job freed is given back to the system, and cells that were looked at are not kept."""

import sys
import threading

import numpy as np
import psutil
import pytest
from napari.utils import resize_dask_cache

from napari_sparseattn.layers.stack import load_what_layers_need


@pytest.mark.skipif(sys.platform != "linux", reason="other systems give it back of their own accord")
def test_memory_of_a_job_is_given_back(window, qtbot):
    _, dock = window
    process, ends = psutil.Process(), []

    def work(_):
        # Below the size that is asked of the system alone; the last one keeps the others' place.
        parts = [np.ones(60_000, np.uint8) for _ in range(3000)]
        last = parts.pop()
        parts.clear()
        return last

    dock.session.jobs.start("Working", work, ends.append)
    qtbot.waitUntil(lambda: bool(ends))
    held = process.memory_info().rss
    qtbot.waitUntil(lambda: process.memory_info().rss < held - 100 * 2**20, timeout=10_000)


def test_cells_that_were_looked_at_are_not_kept(window, qtbot, cells_of):
    _, dock = window
    kept = resize_dask_cache().cache
    dock.workspace.set_cells(cells_of())
    qtbot.wait(200)
    before = kept.total_bytes
    for index in range(20):
        dock.workspace.current = index
        qtbot.wait(20)
    assert kept.total_bytes == before


def test_getting_ready_leaves_no_threads_behind() -> None:
    """A pool for each thread that opened cells would be kept with the program."""
    before = set(threading.enumerate())
    for _ in range(3):
        thread = threading.Thread(target=load_what_layers_need)
        thread.start()
        thread.join()
    assert set(threading.enumerate()) <= before
