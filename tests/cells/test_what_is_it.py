"""What a source is: from whom each fact is known, what is remembered, and where."""

import json
from pathlib import Path
from typing import Any

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from sparseattn.cells import CellSet, Correction, Skipped, describe, open_cells, open_field, remember
from sparseattn.cells.hand_over import hand_over
from sparseattn.cells.remembered import CONFIG_VARIABLE, settings_path
from sparseattn.errors import InputError

RNG = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def own_settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The user's own settings, empty."""
    monkeypatch.setenv(CONFIG_VARIABLE, str(tmp_path / "settings"))
    return tmp_path / "settings"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "cells"


def put_stack(path: Path, channels: list[str] | None = None, shape: tuple[int, ...] = (2, 12, 10)) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    about: dict[str, Any] = {"axes": "CYX"} if len(shape) == 3 else {}
    if channels is not None:
        about["Channel"] = {"Name": channels}
    pixels = RNG.integers(0, 255, shape, dtype=np.uint16)
    tifffile.imwrite(path, pixels, metadata=about or None)
    return path


def put_picture(path: Path, colour: bool = True) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    iio.imwrite(path, RNG.integers(0, 255, (12, 10, 3) if colour else (12, 10), dtype=np.uint8))
    return path


def by(path: Path, **options: Any) -> dict[str, str | None]:
    facts = describe(open_cells(path, **options))
    return {name: getattr(facts, name).by for name in ("layout", "modality", "channels", "pixel_size_um")}


def test_pictures_say_their_channels_and_the_modality_is_a_guess(folder: Path) -> None:
    put_picture(folder / "a.png")
    facts = describe(open_cells(folder))
    assert (facts.layout.value, facts.array_shape, facts.dtype) == ("YXC", (12, 10, 3), "uint8")
    assert (facts.modality.value, facts.modality.by) == ("brightfield", "guess")
    assert facts.guessed == ("modality", "pixel_size_um")
    assert json.loads(json.dumps(facts.to_json()))["channels"]["value"] == ["red", "green", "blue"]


def test_what_a_shape_was_taken_for_is_a_guess_and_the_caller_wins(folder: Path) -> None:
    folder.mkdir()
    np.save(folder / "a.npy", RNG.integers(0, 255, (40, 12, 10), dtype=np.uint16))
    assert by(folder / "a.npy") == {
        "layout": "guess",
        "modality": "default",
        "channels": "guess",
        "pixel_size_um": None,
    }
    said = {"layout": "NYX", "modality": "flow", "channel_names": ["BF"], "pixel_size_um": 0.5}
    assert set(by(folder / "a.npy", **said).values()) == {"caller"}


def test_a_field_is_described_as_cells_are(folder: Path) -> None:
    put_stack(folder / "field.tif", ["DAPI", "GFP"])
    facts = describe(open_field(folder / "field.tif", channel_names={"GFP": "marker"}))
    assert (facts.layout.value, facts.layout.by, facts.array_shape) == ("CYX", "file", (2, 12, 10))
    assert (facts.channels.value, facts.channels.by) == (("DAPI", "marker"), "caller")
    assert facts.file_channels == ("DAPI", "GFP")


def test_a_correction_of_a_folder_holds_for_all_its_cells(folder: Path) -> None:
    put_stack(folder / "a" / "1.tif", ["Ch4", "Ch6"])
    put_stack(folder / "b" / "2.tif", ["Ch4", "Ch6"])
    (folder / "cells.json").write_text('{"mine": [1], "pixel_size_um": 1}')
    correction = Correction(modality="flow", channels={"Ch4": "brightfield"}, pixel_size_um=0.5)
    assert remember(folder, correction) == folder / "cells.json"
    cells = open_cells(folder, subfolders="classes")
    assert (cells.modality, cells.channels, cells.pixel_sizes_um) == (
        "flow",
        ("brightfield", "Ch6"),
        (0.5, 0.5),
    )
    facts = describe(cells)
    assert (facts.modality.by, facts.modality.path) == ("folder", folder / "cells.json")
    assert json.loads((folder / "cells.json").read_text())["mine"] == [1]
    assert open_cells(folder / "a").channels == ("brightfield", "Ch6")  # its folder is the one above


def test_channels_are_named_anew_by_the_name_they_have(folder: Path) -> None:
    put_stack(folder / "1.tif", ["Ch4", "Ch6"])
    remember(folder, Correction(channels={"Ch4": "brightfield"}))
    remember(folder, Correction(channels={"brightfield": "BF", "Ch6": "DF"}))
    assert json.loads((folder / "cells.json").read_text())["channels"] == {"Ch4": "BF", "Ch6": "DF"}
    assert open_cells(folder).channels == ("BF", "DF")
    for name in ("BF", "Ch4"):  # as shown, or as in the file
        assert open_cells(folder, channel_names={name: "light"}).channels == ("light", "DF")
    with pytest.raises(InputError, match=r"no channel Ch9 to be named anew; it has BF, DF"):
        open_cells(folder, channel_names={"Ch9": "x"})
    remember(folder, Correction(channels=["one", "two"]))
    remember(folder, Correction(channels={"two": "2"}))
    assert open_cells(folder).channels == ("one", "2")
    with pytest.raises(InputError, match=r"are one, 2, and Ch6 is none of them"):
        remember(folder, Correction(channels={"Ch6": "x"}))


def test_a_correction_of_a_file_leaves_the_others_alone(folder: Path) -> None:
    for name in ("a.npy", "b.npy"):
        folder.mkdir(exist_ok=True)
        np.save(folder / name, RNG.integers(0, 255, (6, 12, 10), dtype=np.uint16))
    with pytest.raises(InputError, match="fits several layouts"):
        open_cells(folder / "a.npy")
    for name, layout in (("a.npy", "NYX"), ("b.npy", "CYX")):
        assert remember(folder / name, Correction(layout=layout)) == folder / "cells.json"
    assert [len(open_cells(folder / name)) for name in ("a.npy", "b.npy")] == [6, 1]
    remember(folder / "a.npy", Correction(pixel_size_um=0.3))
    remember(folder / "b.npy", Correction(layout="NYX"))
    cells = open_cells(folder)  # the same files as cells of their folder
    assert (len(cells), cells.pixel_sizes_um[0], cells.pixel_sizes_um[-1]) == (12, 0.3, None)
    assert describe(cells).pixel_sizes_um == (None, 0.3)


def test_files_that_are_said_to_be_of_different_kinds_are_not_joined(folder: Path) -> None:
    put_picture(folder / "a.png")
    put_picture(folder / "b.png")
    remember(folder / "a.png", Correction(modality="flow"))
    with pytest.raises(InputError, match=r"different kinds \(flow\).* give the modality"):
        open_cells(folder)
    remember(folder / "a.png", Correction(), forget={"modality"})
    assert open_cells(folder).modality == "brightfield"


def test_the_nearer_folder_completes_the_one_above(tmp_path: Path) -> None:
    put_picture(tmp_path / "day" / "well" / "a.png", colour=False)
    remember(tmp_path / "day", Correction(pixel_size_um=0.4, modality="fluorescence"))
    remember(tmp_path / "day" / "well", Correction(modality="flow"))
    cells = open_cells(tmp_path / "day" / "well")
    assert (cells.modality, cells.pixel_size_um) == ("flow", 0.4)


def test_phase_settings_are_completed_one_by_one(folder: Path) -> None:
    folder.mkdir()
    np.save(folder / "a.npy", RNG.normal(0, 0.1, (40, 12, 10)))
    remember(folder / "a.npy", Correction(phase={"wavelength_nm": 550}))
    remember(folder / "a.npy", Correction(phase={"background": "tilt"}))
    cells = open_cells(folder / "a.npy")
    assert cells.phase is not None
    assert (cells.phase.wavelength_nm, cells.phase.background) == (550, "tilt")
    assert describe(cells).wavelength_nm.by == "folder"


def test_what_cannot_be_written_beside_the_cells_is_kept_in_the_users_settings(
    folder: Path, own_settings: Path
) -> None:
    put_stack(folder / "1.tif", ["Ch4", "Ch6"])
    (folder / "cells.json").mkdir()  # so that no file can be put there, by whomever
    written = remember(folder, Correction(modality="flow", channels={"Ch4": "BF"}))
    assert written == settings_path(folder) and written.is_relative_to(own_settings)
    facts = describe(open_cells(folder))
    assert (facts.modality.value, facts.modality.by, facts.modality.path) == ("flow", "settings", written)
    remember(folder / "1.tif", Correction(channels={"BF": "light"}))
    assert open_cells(folder).channels == ("light", "Ch6")

    (folder / "cells.json").rmdir()  # the folder has become writable: what was said last holds
    assert remember(folder, Correction(modality="fluorescence")) == folder / "cells.json"
    assert open_cells(folder).modality == "fluorescence"
    assert open_cells(folder).channels == ("light", "Ch6")


def test_the_users_settings_win_over_those_of_the_folder(folder: Path) -> None:
    put_picture(folder / "a.png")
    remember(folder, Correction(modality="flow", pixel_size_um=0.2))
    own = settings_path(folder)
    own.parent.mkdir(parents=True)
    own.write_text('{"modality": "fluorescence"}')
    cells = open_cells(folder)
    assert (cells.modality, cells.pixel_size_um) == ("fluorescence", 0.2)


@pytest.mark.parametrize(
    ("correction", "reason"),
    [
        (Correction(layout="XYZ"), "layout 'XYZ' is not one of"),
        (Correction(modality="x-ray"), "modality 'x-ray' is not one of"),  # type: ignore[arg-type]
        (Correction(pixel_size_um=-1), "pixel size is -1"),
        (Correction(phase={"colour": 1}), "no setting 'colour'"),
        (Correction(channels=[""]), "channels must be"),
    ],
)
def test_nonsense_is_not_remembered(folder: Path, correction: Correction, reason: str) -> None:
    put_picture(folder / "a.png")
    for source in (folder, folder / "a.png"):
        with pytest.raises(InputError, match=reason):
            remember(source, correction)
    assert list(folder.iterdir()) == [folder / "a.png"]


@pytest.mark.parametrize(
    "content", ['{"files": []}', '{"files": {"a.png": 1}}', '{"files": {"a.png": {"layout": 1}}}']
)
def test_a_damaged_file_is_refused_and_not_written_over(folder: Path, content: str) -> None:
    put_picture(folder / "a.png")
    (folder / "cells.json").write_text(content)
    with pytest.raises(InputError, match=r"cells\.json"):
        open_cells(folder)
    with pytest.raises(InputError, match=r"cells\.json"):
        remember(folder, Correction(modality="flow"))
    assert (folder / "cells.json").read_text() == content


def test_cells_keep_their_pixel_sizes_when_they_are_joined_and_handed_over(tmp_path: Path) -> None:
    images = RNG.integers(0, 255, (3, 1, 8, 8), dtype=np.uint8)
    sets = [CellSet.from_array(images, channels=["c"], pixel_size_um=size) for size in (0.1, 0.4, None)]
    cells = CellSet.concatenate(sets).subset([8, 0, 4, 3])
    assert cells.pixel_sizes_um == (None, 0.1, 0.4, 0.4)
    assert cells.pixel_size_um is None and cells.subset([2, 3]).pixel_size_um == 0.4
    skipped: tuple[Skipped, ...] = hand_over(cells, tmp_path / "handed")
    assert not skipped
    sizes = dict(zip(cells.ids, cells.pixel_sizes_um, strict=True))
    again = open_cells(tmp_path / "handed")
    assert dict(zip(again.ids, again.pixel_sizes_um, strict=True)) == sizes


def test_facts_of_joined_sources_are_known_from_where_all_of_them_are(tmp_path: Path) -> None:
    for name, size in (("a", 0.1), ("b", 0.2)):
        put_picture(tmp_path / name / "1.png")
        remember(tmp_path / name, Correction(modality="flow", pixel_size_um=size))
    sets = [open_cells(tmp_path / "a"), open_cells(tmp_path / "b")]
    facts = describe(CellSet.concatenate(sets))
    assert (facts.modality.by, facts.modality.path) == ("folder", None)
    assert (facts.pixel_size_um.value, facts.pixel_sizes_um, facts.guessed) == (None, (0.1, 0.2), ())
