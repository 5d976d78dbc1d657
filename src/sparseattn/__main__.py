"""``python -m sparseattn``: the command line, whichever way the interpreter was found."""

from sparseattn.cli import main

if __name__ == "__main__":
    main()
