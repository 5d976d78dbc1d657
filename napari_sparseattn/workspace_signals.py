"""What the workspace tells, named for what has changed. Emitted in the user interface's thread only."""

from __future__ import annotations

from psygnal import Signal


class WorkspaceSignals:
    """The signals of a workspace; the names in their descriptions are its properties."""

    cells_changed = Signal()
    """Other cells: `cells`, `sources`, `placement`. Predictions, selection and explanation are gone."""
    model_changed = Signal()
    """Another model, or none; `classifier`, `model_path`. Predictions and explanation are gone."""
    channels_changed = Signal()
    """`channel_names`: which channel of the cells is which of the model; `forced`: it is asked anyway."""
    current_changed = Signal(int)
    """The cell that is looked at; -1 for none."""
    selection_changed = Signal(tuple)
    """`selection`: indices of the cells chosen in the gallery."""
    k_changed = Signal(int)
    """`k`: pixels to select."""
    target_changed = Signal()
    """`target_class`, the class to explain, or None for the one predicted; `against_class`."""
    head_changed = Signal()
    """`head`, the attention head that is shown, or None for their mean."""
    error_rate_changed = Signal()
    """`error_rate` of the sets of classes that a cell may be of."""
    shown_changed = Signal()
    """`shown`: which overlays are drawn."""
    explanation_changed = Signal()
    """`explanation` of the current cell, or None. Emitted once a step of the slider, not once a value."""
    what_if_changed = Signal()
    """`what_if`: the explanation of the current cell without the pixels that the user took out, or None."""
    changing_changed = Signal()
    """`changing`: the selected pixels without which the current cell would be of another class, or None."""
    cell_mask_changed = Signal()
    """`cell_mask`: which pixels are the current cell's own, or None."""
    outside_changed = Signal()
    """`outside`: which share of the attention lies outside of each cell, or None."""
    curve_changed = Signal()
    """`curve`: class probabilities of the current cell against k, or None while they are not known."""
    evidence_changed = Signal()
    """`evidence` for the target class, or None while it is not known."""
    predictions_changed = Signal()
    """`predictions` of all cells, or None."""
    predictions_progressed = Signal(int, int)
    """Cells that are classified, and of all."""
    labels_changed = Signal(tuple)
    """Ids of the cells whose label changed; an empty tuple for all."""
    classes_changed = Signal()
    """`classes`: names, colours, keys."""
    blind_changed = Signal()
    """`blind`: whether what the model thinks is hidden, so that it does not sway who labels."""
    filters_changed = Signal()
    """`filters` of the gallery, as plain JSON."""
    project_changed = Signal()
    """`project_path`."""
    said = Signal(str)
    """A sentence for the status line."""
    failed = Signal(str)
    """A sentence for the status line: what went wrong and what to do."""
