"""Small sound files of every format, made from nothing."""
