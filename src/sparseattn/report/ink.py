"""The greys of all plots."""

INK, QUIET, PALE = "#222222", "#6b6b6b", "#c3ccd2"
