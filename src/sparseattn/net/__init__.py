"""What decides: coarse attention, selection of pixels, fine attention."""

from sparseattn.net.sparseattnnet import SparseAttnNet, SparseAttnNetConfig, SparseAttnOutput

__all__ = ["SparseAttnNet", "SparseAttnNetConfig", "SparseAttnOutput"]
