"""Errors that a user can mend."""


class InputError(ValueError):
    """What the user gave cannot be used.

    The message is one sentence for the user: what was wrong, where, and what to do. The command line
    prints it and ends with exit status 2.
    """


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
