"""The lower half of the Label & Retrain tab: teach, compare, keep or discard, go back."""

from napari_sparseattn.widgets.retrain.retrain_panel import RetrainPanel

__all__ = ["RetrainPanel"]
