"""Files that are either whole or not there."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from sparseattn.errors import InputError


@contextmanager
def replaced_file(path: Path) -> Iterator[Path]:
    """Give a sibling path to write to; move it to ``path`` when all went well, remove it when not.

    Raises
    ------
    InputError
        Where the file cannot be written.
    """
    draft = path.with_name(f".{path.name}.{os.getpid()}.partial")
    try:
        if path.is_dir():
            raise InputError(f"cannot write {path}: it is a folder; give the name of a file")
        if not path.parent.is_dir():
            raise InputError(f"cannot write {path}: there is no folder {path.parent}; make it first")
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
