"""Readers, one module a family of files; `headers` picks among them."""
