"""The command line: thin, only arguments and printing. Heavy libraries are imported inside the commands."""

from sparseattn.cli.app import main

__all__ = ["main"]
