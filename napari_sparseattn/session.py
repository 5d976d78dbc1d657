"""One session a viewer: its workspace, its jobs, its layers, and the live explanation that joins them."""

from __future__ import annotations

import atexit
import weakref
from typing import TYPE_CHECKING

from psygnal import Signal

from napari_sparseattn.alike_cells import AlikeCells
from napari_sparseattn.background_check import BackgroundCheck
from napari_sparseattn.changing_pixels import ChangingPixels
from napari_sparseattn.classify_job import Classification
from napari_sparseattn.correcting import Correcting
from napari_sparseattn.dead_slots import disconnect_dead
from napari_sparseattn.field_work import FieldWork
from napari_sparseattn.garbage import take_back
from napari_sparseattn.jobs import Jobs
from napari_sparseattn.labelling import Labelling
from napari_sparseattn.layers import Layers
from napari_sparseattn.live import LiveExplanation
from napari_sparseattn.opening import Opening
from napari_sparseattn.recording_work import RecordingWork
from napari_sparseattn.results_work import ResultsWork
from napari_sparseattn.retraining import Retraining
from napari_sparseattn.shown_cells import ShownCells
from napari_sparseattn.taking_out import TakingOut
from napari_sparseattn.watch_work import WatchWork
from napari_sparseattn.workspace import Workspace

if TYPE_CHECKING:
    from napari.components import ViewerModel
    from qtpy.QtCore import QObject

_SESSIONS: dict[int, Session] = {}


class Session:
    """All that the plugin holds for one viewer. Widgets are made from it."""

    tab_asked = Signal(str)
    """A tab wants the user to see another one: the name of its package, such as "gallery"."""

    def __init__(self, viewer: ViewerModel) -> None:
        self.window: QObject | None = None
        """The viewer's window, from when the dock is in it until Qt destroys it: were it left to Python's
        collector, nobody would be told."""
        self.workspace = Workspace()
        self.field_in_front = False
        """Whether the Field tab is looked at."""
        self.jobs = Jobs(self.workspace)
        self.labelling = Labelling(self.workspace)
        self.retraining = Retraining(self.workspace, self.jobs, self.labelling)
        self.layers = Layers(viewer, self.workspace)
        self.live = LiveExplanation(self.workspace, self.jobs)
        self.taking_out = TakingOut(self.workspace, self.layers, self.live)
        self.changing_pixels = ChangingPixels(self.workspace, self.jobs, self.live)
        self.alike_cells = AlikeCells(self.workspace, self.jobs)
        self.classification = Classification(self.workspace, self.jobs)
        self.field = FieldWork(self.workspace, self.jobs, self.layers, self.labelling)
        self.recording = RecordingWork(self.workspace, self.layers, self.field.layers.watch)
        self.opening = Opening(self.workspace, self.jobs, self.layers, self.recording)
        self.correcting = Correcting(self.workspace, self.jobs, self.opening)
        self.shown_cells = ShownCells(self.workspace, self.jobs, self.classification)
        self.results = ResultsWork(self.workspace, self.jobs)
        self.watching = WatchWork(self.workspace, self.jobs)
        self.background_check = BackgroundCheck(self.workspace, self.jobs, self.shown_cells)

    def let_go_of_dead_widgets(self, leaving: QObject | None = None) -> None:
        """Forget the widgets of a dock that was closed, or is ``leaving``; the work stays."""
        disconnect_dead([self, *vars(self).values(), self.field.layers.watch], leaving)

    def close(self) -> None:
        """Stop all work and be forgotten: the viewer goes, and its widgets may be gone already.

        Whoever kept the session kept the layers, and by them the window, cells and model of a viewer that is
        closed.
        """
        for key in [key for key, one in _SESSIONS.items() if one is self]:
            del _SESSIONS[key]
        self.window = None
        self.let_go_of_dead_widgets()
        self.live.close()
        self.taking_out.close()
        self.shown_cells.close()
        self.field.close()
        self.retraining.close()
        self.watching.close()
        self.jobs.close()
        self.labelling.close()
        take_back()


def session_of(viewer: ViewerModel) -> Session:
    """Return the session of a viewer, made when first asked for. Several viewers do not mix."""
    viewer = getattr(viewer, "__wrapped__", viewer)  # plugins are given a proxy of the viewer
    key = id(viewer)
    if key not in _SESSIONS:
        _SESSIONS[key] = Session(viewer)
        weakref.finalize(viewer, _SESSIONS.pop, key, None)
    return _SESSIONS[key]


@atexit.register
def _close_all() -> None:
    """Stop all work where a script ends without an event loop, and no window says that it goes.

    Qt would wait for threads that nobody has told to stop.
    """
    for session in list(_SESSIONS.values()):
        session.close()


def workspace_of(viewer: ViewerModel) -> Workspace:
    """Return the workspace of a viewer."""
    return session_of(viewer).workspace
