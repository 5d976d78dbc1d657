import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.cli.options import parse_pixels, split_list
from sparseattn.cli.reading import Reading, parse_tile
from sparseattn.errors import InputError


@pytest.mark.parametrize(
    ("text", "k"),
    [
        ("1", 1),
        ("600", 600),
        ("4096", 4096),
        ("0.15", 614),
        (".5", 2048),
        ("1.0", 4096),
        ("15%", 614),
        ("0.001 %", 1),
    ],
)
def test_pixels(text, k):
    assert parse_pixels(text, 4096) == k


@pytest.mark.parametrize(
    "text", ["0", "0.0", "0%", "4097", "101%", "1.5", "-3", "many", "", "nan", "1e3", "٣"]
)
def test_pixels_that_cannot_be(text):
    with pytest.raises(InputError, match="--pixels"):
        parse_pixels(text, 4096)


@given(st.text(max_size=12), st.integers(1, 10**6))
def test_pixels_are_always_in_range_or_refused(text, grid_pixels):
    try:
        assert 1 <= parse_pixels(text, grid_pixels) <= grid_pixels
    except InputError as error:
        assert "\n" not in str(error)


def test_lists():
    assert split_list(None) is None
    assert split_list("0,2") == ["0", "2"]
    assert split_list("dapi, far red") == ["dapi", "far red"]


@pytest.mark.parametrize(
    ("text", "tile"), [(None, None), ("55", (55, 55)), ("40x50", (40, 50)), (" 40 x 50 ", (40, 50))]
)
def test_tiles(text, tile):
    assert parse_tile(text) == tile


@pytest.mark.parametrize("text", ["", "x", "40x", "40x50x60", "-4", "4.5", "٣"])
def test_tiles_that_cannot_be(text):
    with pytest.raises(InputError, match=r"--tile .* is no size of a cell"):
        parse_tile(text)


def test_options_of_folders_do_not_go_with_a_field():
    assert Reading(pixel_size="0.2um").of_a_field()["pixel_size_um"] == 0.2
    with pytest.raises(InputError, match="--file-names, --tile and options of recordings are for cells"):
        Reading(tile="55").of_a_field()


def test_options_of_events_win_over_the_sidecar_one_by_one():
    given = Reading(event_window="all", bins=3, event_slice=0.5).arguments()["events"]
    assert given == {"bins": 3, "slice_us": 500, "window_us": None, "window_events": None}
    assert Reading(event_window="20ms").arguments()["events"] == {"window_us": 20_000, "window_events": None}
    assert Reading(event_window="3000").arguments()["events"] == {"window_us": None, "window_events": 3000}
    with pytest.raises(InputError, match="--event-slice nan is no time"):
        Reading(event_slice=float("nan")).arguments()
