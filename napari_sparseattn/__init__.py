"""The napari plugin: classify single cells, and see the pixels that decided.

Importing it loads neither torch nor Qt, so that napari starts as fast with it as without.
"""
