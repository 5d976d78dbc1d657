"""Files that are either whole or not there."""

from __future__ import annotations

import hashlib
import os
import platform
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparseattn.errors import InputError

_MACHINE = hashlib.blake2b(platform.node().encode(), digest_size=4).hexdigest()
"""In the names of drafts: another machine, which may share the folder, has processes of the same numbers."""


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a sibling path to write to; move it to ``path`` when all went well, remove it when not.

    What a process that was killed has left of the same file is removed too.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{_MACHINE}-{os.getpid()}.partial")
    try:
        if _is_folder(path):
            raise InputError(f"cannot write {path}: it is a folder; give the name of a file")
        if not _is_folder(path.parent):
            raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
        _remove_abandoned(path)
        draft.touch()
        usual = draft.stat().st_mode  # some libraries make files that only their owner may read
        yield draft
        draft.chmod(usual)
        with draft.open("rb+") as written:
            os.fsync(written.fileno())
        os.replace(draft, path)
    except OSError as error:
        reason = error.strerror or str(error)
        raise InputError(f"cannot write {path}: {reason}; choose another folder") from None
    finally:
        with suppress(OSError):  # a folder that may not be read
            draft.unlink()


def _is_folder(path: Path) -> bool:
    """Return whether there is such a folder; OSError where that may not be known, unlike `Path.is_dir`."""
    try:
        return stat.S_ISDIR(path.stat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return False


def _remove_abandoned(path: Path) -> None:
    """Remove the drafts of a file whose processes run no more."""
    start, end = f".{path.name}.{_MACHINE}-", ".partial"
    with suppress(OSError):
        for name in os.listdir(path.parent):
            number = name.removeprefix(start).removesuffix(end)
            if name == f"{start}{number}{end}" and number.isdecimal() and not _runs(int(number)):
                path.with_name(name).unlink()


def _runs(process: int) -> bool:
    if os.name == "nt":
        return True  # signal 0 would end it
    try:
        os.kill(process, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:  # of another user
        return True
    return True
