"""The table of cells, what is shown of it, and in which order: filters, gates, sorting."""
