"""The Explain tab: one cell, its class, and the pixels that decided."""

from napari_sparseattn.widgets.explain.widget import ExplainWidget

__all__ = ["ExplainWidget"]
