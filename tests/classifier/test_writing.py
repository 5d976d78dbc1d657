"""Files that are either whole or not there."""

import os
import subprocess
import sys

import pytest

from sparseattn.errors import InputError
from sparseattn.writing import replaced_file


def test_a_file_is_replaced_in_one_piece(tmp_path):
    path = tmp_path / "file"
    path.write_text("old")
    with replaced_file(path) as draft:
        draft.write_text("new")
        assert path.read_text() == "old"
    assert path.read_text() == "new"
    assert os.listdir(tmp_path) == ["file"]


@pytest.mark.parametrize("error", [KeyboardInterrupt, RuntimeError])
def test_what_goes_wrong_leaves_the_old_file(tmp_path, error):
    path = tmp_path / "file"
    path.write_text("old")
    with pytest.raises(error), replaced_file(path) as draft:
        draft.write_text("half")
        raise error
    assert path.read_text() == "old"
    assert os.listdir(tmp_path) == ["file"]


def test_a_full_disk_is_a_sentence(tmp_path):
    with pytest.raises(InputError, match="No space left on device; choose another folder"):  # noqa: SIM117
        with replaced_file(tmp_path / "file") as draft, draft.open("wb"):
            with open("/dev/full", "wb", buffering=0) as full:
                full.write(b"x")
    assert os.listdir(tmp_path) == []


@pytest.mark.skipif(os.name != "posix", reason="Windows folders have no write bit")
@pytest.mark.parametrize("mode", [0o555, 0o000])
def test_a_folder_that_may_not_be_written(tmp_path, mode):
    """In a process without root's rights, for root may write anywhere."""
    code = (
        "import os, sys\n"
        "from pathlib import Path\n"
        "from sparseattn.writing import replaced_file\n"
        "if os.getuid() == 0: os.setuid(65534)\n"
        "try:\n"
        "    with replaced_file(Path(sys.argv[1])) as draft: draft.write_text('x')\n"
        "except Exception as error: print(type(error).__name__, error)\n"
    )
    folder = tmp_path / "closed"
    folder.mkdir(mode=mode)
    command = [sys.executable, "-c", code, str(folder / "file")]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    folder.chmod(0o755)
    assert said.startswith(f"InputError cannot write {folder}"), said
    assert "Permission denied" in said
    assert list(folder.iterdir()) == []


def test_files_have_the_usual_permissions(tmp_path):
    usual = tmp_path / "usual"
    usual.touch()
    with replaced_file(tmp_path / "model") as draft:
        draft.unlink()
        draft.touch(mode=0o600)
    assert (tmp_path / "model").stat().st_mode == usual.stat().st_mode


KILLED = """
import os, signal, sys
from pathlib import Path
from sparseattn.writing import replaced_file
with replaced_file(Path(sys.argv[1])) as draft:
    draft.write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""


@pytest.mark.skipif(os.name != "posix", reason="kills by a signal")
def test_what_a_killed_process_left_is_removed_by_the_next(tmp_path):
    path = tmp_path / "file"
    with replaced_file(path) as mine:  # that of a process that runs stays
        mine.write_text("whole")
        assert subprocess.run([sys.executable, "-c", KILLED, str(path)]).returncode < 0
        (left,) = set(tmp_path.iterdir()) - {mine}
        assert left.read_text() == "half" and not path.exists()
        script = KILLED.partition("    os.kill")[0]
        subprocess.run([sys.executable, "-c", script, str(path)], check=True)
        assert path.read_text() == "half" and set(tmp_path.iterdir()) == {mine, path}
    assert path.read_text() == "whole" and os.listdir(tmp_path) == ["file"]
