"""Classifying cells that come later with the loaded model."""

from napari_sparseattn.widgets.apply.apply_page import ApplyPage
from napari_sparseattn.widgets.apply.apply_widget import ApplyWidget

__all__ = ["ApplyPage", "ApplyWidget"]
