"""The Label & Retrain tab: give cells their class by keys, and teach the model with them."""

from napari_sparseattn.widgets.label.label_widget import LabelWidget

__all__ = ["LabelWidget"]
