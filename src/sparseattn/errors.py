"""Errors that a user can mend."""

_LONGEST = 1000


def one_line(text: object) -> str:
    """Return a text as it may stand in a message: what cannot be printed is escaped, a long middle left out.

    Names and values of files that others made stand in messages: none may break the line, turn its direction
    or fill the screen.
    """
    line = str(text)
    if not line.isprintable():
        line = "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in line)
    return line if len(line) <= _LONGEST else f"{line[:700]} ... {line[-250:]}"


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one sentence for the user: what was wrong, where, and what to do. The command line
    prints it and ends with exit status 2.
    """

    def __init__(self, message: str) -> None:
        super().__init__(one_line(message))


class NoCellsError(InputError):
    """A source holds no cell that can be used."""


class WavelengthError(InputError):
    """Phase cannot become path difference before somebody says the wavelength of the light."""


class LayoutError(InputError):
    """The shape of an array fits several orders of its axes: somebody must say which it is."""

    def __init__(self, message: str, shape: tuple[int, ...]) -> None:
        super().__init__(message)
        self.shape = shape


class CellError(InputError):
    """One cell cannot be read or used; the others can (truncated file, NaN, wrong channels)."""
