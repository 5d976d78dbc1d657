"""All cells as thumbnails: filter, sort, gate, choose, label."""

from napari_sparseattn.widgets.gallery.gallery_tab import GalleryTab
from napari_sparseattn.widgets.gallery.gallery_widget import GalleryWidget

__all__ = ["GalleryTab", "GalleryWidget"]
