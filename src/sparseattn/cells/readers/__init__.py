"""Readers, one module a family of files; `sparseattn.cells.open` picks among them."""
