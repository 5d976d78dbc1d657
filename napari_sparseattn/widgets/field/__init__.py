"""The Field tab: an image of many cells, each one classified in its place."""

from napari_sparseattn.widgets.field.field_widget import FieldWidget

__all__ = ["FieldWidget"]
