"""Kept models: whole files, listed, the newest first."""

from pathlib import Path

import pytest

from napari_sparseattn.versions import LIST, Versions, title_of
from sparseattn.errors import InputError


@pytest.fixture
def model(tmp_path: Path) -> Path:
    path = tmp_path / "model.safetensors"
    path.write_bytes(b"weights")
    return path


def test_kept_and_listed(tmp_path, model) -> None:
    versions = Versions(tmp_path / "kept")
    assert versions.all() == ()
    first = versions.keep(model, "before")
    second = versions.keep(model, "from it", labels=40, judged=9, right=8)
    again = Versions(tmp_path / "kept").all()
    assert again == (second, first) and second.number == 2
    assert versions.path(second).read_bytes() == b"weights"


def test_a_number_is_not_used_again(tmp_path, model) -> None:
    versions = Versions(tmp_path / "kept")
    versions.path(versions.keep(model, "first")).unlink()
    assert versions.all() == ()
    versions.keep(model, "second")
    assert [one.number for one in versions.all()] == [2]


def test_a_list_that_cannot_be_read(tmp_path, model) -> None:
    versions = Versions(tmp_path / "kept")
    versions.keep(model, "first")
    (tmp_path / "kept" / LIST).write_text("no list")
    with pytest.raises(InputError, match="cannot be read"):
        versions.all()
    with pytest.raises(InputError, match="cannot be read"):
        versions.keep(model, "second")


def test_a_list_cannot_lead_out_of_its_folder(tmp_path, model) -> None:
    versions = Versions(tmp_path / "kept")
    kept = versions.keep(model, "first")
    path = tmp_path / "kept" / LIST
    path.write_text(path.read_text().replace(kept.file, "../model.safetensors"))
    assert versions.all() == ()


def test_where_nothing_can_be_written(tmp_path, model) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="cannot keep"):
        Versions(tmp_path / "file" / "kept").keep(model, "first")


def test_people_read_a_title(tmp_path, model) -> None:
    versions = Versions(tmp_path / "kept")
    kept = versions.keep(model, "trained from new")
    assert title_of(versions.path(kept)) == f"version 1 of {kept.time}"
    assert title_of(tmp_path / "blood.safetensors") == "blood" and title_of(None) == "new model"
