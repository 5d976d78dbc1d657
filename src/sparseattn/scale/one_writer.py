"""One process at a time writes to a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sparseattn.errors import InputError

NAME = ".in_use"


@contextmanager
def only_writer(folder: Path, name: str = NAME) -> Iterator[None]:
    """Hold a folder, or what a name in it stands for, until the process ends, however that is.

    Where the file system knows no locks, as some network drives, nothing is held.

    Raises
    ------
    InputError
        Where another process holds it, or it cannot be written to.
    """
    try:
        handle = os.open(folder / name, os.O_RDWR | os.O_CREAT, 0o666)
    except OSError as error:
        raise InputError(f"cannot write to {folder}: {error.strerror}; choose another folder") from None
    try:
        if not _lock(handle):
            raise InputError(f"another process is writing to {folder}; wait for it, or give another folder")
        yield
    finally:  # the file stays: another process may have opened it already
        os.close(handle)


def _lock(handle: int) -> bool:
    """Lock an open file; False where another process has it."""
    try:
        import fcntl
    except ImportError:
        return _lock_on_windows(handle)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return True
    return True


def _lock_on_windows(handle: int) -> bool:
    import msvcrt

    locking = getattr(msvcrt, "locking")  # noqa: B009  # not known elsewhere, where types are checked
    try:
        locking(handle, getattr(msvcrt, "LK_NBLCK"), 1)  # noqa: B009
    except OSError:
        return False
    return True
