"""Full collections of garbage, put off while jobs run.

One looks at every object of torch and napari, which takes a quarter of a second in which no thread goes on
and the window hangs. Young objects, among which is nearly all garbage, are collected as ever. Several viewers
share the collector, so jobs are counted. What is there when the first dock is made, the programs themselves,
is set aside: no collection looks at it again until a viewer is closed.
"""

import gc

from napari_sparseattn.memory import give_back_soon

_SELDOM = 1000
"""Collections of young objects between two full ones; Python's usual number is 10."""

_jobs = 0
_set_aside = False
_usual = gc.get_threshold()


def put_off_full_collections() -> None:
    """Call when a job begins."""
    global _jobs, _usual
    if _jobs == 0:
        _usual = gc.get_threshold()
        gc.set_threshold(*_usual[:2], _SELDOM)
    _jobs += 1


def allow_full_collections() -> None:
    """Call when that job has ended."""
    global _jobs
    _jobs -= 1
    if _jobs == 0:
        gc.set_threshold(*_usual)
        give_back_soon(lambda: _jobs == 0)


def set_aside_what_is_there() -> None:
    """Call when a dock was made and the viewer holds nothing of the user, which would never be freed."""
    global _set_aside
    if not _set_aside:
        _set_aside = True
        gc.collect()
        gc.freeze()


def take_back() -> None:
    """Call when a viewer is closed: it may be garbage now."""
    global _set_aside
    _set_aside = False
    gc.unfreeze()
