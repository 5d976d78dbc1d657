"""Classifying folders that come later with the loaded model."""

from napari_sparseattn.widgets.apply.apply_widget import ApplyWidget

__all__ = ["ApplyWidget"]
