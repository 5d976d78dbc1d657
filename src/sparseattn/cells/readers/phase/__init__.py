"""Files of quantitative phase: what they say about themselves, and the way to optical path difference."""
