"""How right the net is beside its peers, on the same cells, folds and training. Not part of the wheel."""
