"""Find the cells of a field without a model: threshold, fill, split what touches, drop what is too small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields, replace
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from sparseattn.cells.field import Field
from sparseattn.cells.origin import shown
from sparseattn.errors import InputError

Looks = Literal["auto", "bright", "dark", "stain"]
Threshold = Literal["otsu", "local"]
Split = Literal["none", "distance", "intensity"]

Floats = npt.NDArray[np.float32]

_LOCAL_FLOOR = 0.4
"""What a local threshold takes must also lie so far on the way from the ground to the global one: where no
cell is near, the local threshold lies in the noise."""

_FAINTEST_STAIN, _LEAST_STAIN, _DARKEST_STAIN = 0.1, 0.3, 3.0
"""Of the nuclear stain, in optical density: what is ground; what a nucleus has at least; what is clipped."""

_DEPTH = 0.1
"""Two parts of an object are two cells when what joins them is narrower (or fainter) by this share."""


@dataclass(frozen=True)
class SegmentSettings:
    """How cells are found.

    Attributes
    ----------
    looks
        "bright": cells are brighter than the ground. "dark": darker. "stain": by the blue to purple stain of
        nuclei in a colour image, so that red cells are passed over. "auto": bright or dark, whichever covers
        less of the field.
    channel
        Name of the channel to look at; None for the mean of all. Not used with "stain".
    threshold
        "otsu": one for the field. "local": one for each place, for cells of uneven brightness. Not used with
        "stain".
    sensitivity
        Moves the threshold: 0 as found, towards 1 fainter pixels count as cells, towards -1 fewer do.
    smoothing
        Standard deviation in pixels of the Gaussian that the image is smoothed with first.
    split
        How cells that touch are told apart: "distance": by their outline. "intensity": by their brightness.
        "none": not at all.
    diameter
        Of a usual cell in pixels: parts much smaller are not split off, and the local threshold looks as far.
        None: from the objects found; say it where cells are packed.
    smallest, largest
        Area in pixels; what is smaller or larger is left out. None: no largest.
    grow
        Pixels that each cell is grown by at the end; cells do not merge. With "stain" it is done first, and
        the lobes of a nucleus that meet become one cell.
    """

    looks: Looks = "auto"
    channel: str | None = None
    threshold: Threshold = "local"
    sensitivity: float = 0.0
    smoothing: float = 1.0
    split: Split = "distance"
    diameter: float | None = None
    smallest: int = 30
    largest: int | None = None
    grow: int = 0

    @classmethod
    def for_stain(cls) -> SegmentSettings:
        """Return what suits white blood cells of 100 to 400 pixels in a stained smear."""
        return cls("stain", smoothing=3.0, split="none", smallest=3000, grow=14)

    @classmethod
    def for_phase(cls) -> SegmentSettings:
        """Return what suits optical path differences: down to where cells thin out, for their whole mass."""
        return cls("bright", threshold="otsu", sensitivity=0.7, smallest=60)

    @classmethod
    def for_field(cls, field: Field) -> SegmentSettings:
        """Return what suits a kind of field where nothing else is known of it."""
        return cls.for_phase() if field.modality == "phase" else cls()

    def __post_init__(self) -> None:
        for name, choices in (("looks", Looks), ("threshold", Threshold), ("split", Split)):
            if getattr(self, name) not in get_args(choices):
                raise InputError(
                    f"{name} is {getattr(self, name)!r}; give one of {', '.join(get_args(choices))}."
                )
        ranges: tuple[tuple[str, float, float, float | None], ...] = (
            ("sensitivity", -1, 1, self.sensitivity),
            ("smoothing", 0, 50, self.smoothing),
            ("diameter", 2, 4096, self.diameter),
            ("smallest", 1, 1 << 40, self.smallest),
            ("largest", self.smallest, 1 << 40, self.largest),
            ("grow", 0, 500, self.grow),
        )
        for name, low, high, value in ranges:
            if value is not None and not low <= value <= high:
                raise InputError(f"{name} is {value:g}; give {low:g} to {high:g}.")

    def to_json(self) -> dict[str, Any]:
        """Return the settings as plain JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, d: dict[str, Any]) -> SegmentSettings:
        """Return the settings that `to_json` wrote; what is missing is as by default.

        Raises
        ------
        InputError
            When an entry makes no sense.
        """
        known = {field.name for field in fields(cls)}
        if not isinstance(d, dict) or not set(d) <= known:
            raise InputError("The settings for finding cells are damaged.")
        try:
            return cls(**d)
        except TypeError as error:
            raise InputError(f"The settings for finding cells are damaged ({error}).") from None


def find_cells(
    field: Field,
    settings: SegmentSettings | None = None,
    *,
    plane: int = 0,
    on_step: Callable[[int, int], None] | None = None,
) -> npt.NDArray[np.int32]:
    """Find the cells of one plane.

    Parameters
    ----------
    field
        The image.
    settings
        Those `for_field` where not given.
    plane
        Which plane, from 0.
    on_step
        Called before each step with the number of steps that are done, and of all; may raise to stop.

    Returns
    -------
    numpy.ndarray
        (H, W) int32: 0 on the ground, 1 to n on the cells, from the top down. No cell is found where the
        plane is blank.

    Raises
    ------
    InputError
        When the field lacks the channel, or is not in colour where that is needed.
    """
    settings = settings or SegmentSettings.for_field(field)
    steps = iter(range(5))

    def step() -> None:
        if on_step is not None:
            on_step(next(steps), 5)

    step()
    pixels = field.plane(plane)
    levels = learn_levels(field, pixels, settings)
    if levels is None:
        return np.zeros(field.shape, np.int32)
    image = _cells_bright(field, pixels, settings, levels)
    step()
    objects = _objects(image, settings, levels)
    step()
    labels = _split(image, objects, settings, levels)
    step()
    labels = _of_size(labels, settings)
    step()
    return labels if settings.looks == "stain" else _grown(labels, settings.grow)


@dataclass(frozen=True)
class Levels:
    """What all of a plane tells, or samples of a large one: where cells begin.

    Attributes
    ----------
    lights
        Of the stain: how bright red, green and blue are where there is nothing.
    low, high
        Values that become 0 and 1.
    dark
        Whether cells are darker than the ground.
    middle, ground, cell
        Of the smoothed image in which cells are bright: the threshold as found, and the mean below and above.
    reach
        Diameter of what is above the threshold, in pixels; 0 where nobody asks.
    diameter, depth
        Of the objects of samples: what `_split` takes instead of those of its own.
    """

    lights: tuple[float, ...]
    low: float
    high: float
    dark: bool
    middle: float
    ground: float
    cell: float
    reach: float
    diameter: float | None = None
    depth: float | None = None


def learn_levels(field: Field, pixels: npt.NDArray[Any], settings: SegmentSettings) -> Levels | None:
    """Return what pixels (C, h, w) of a field tell; None where they are blank.

    Raises
    ------
    InputError
        When the field lacks the channel, or is not in colour where that is needed.
    """
    from skimage.filters import threshold_multiotsu, threshold_otsu

    lights: tuple[float, ...] = ()
    low, high, dark = 0.0, 1.0, False
    if settings.looks == "stain":
        lights = _lights(field, pixels)
        image = _smoothed(_stain(pixels, lights), settings)
        if image.max() <= _LEAST_STAIN / _DARKEST_STAIN:
            return None
        try:
            middle = float(threshold_multiotsu(image, classes=3, nbins=128)[-1])
        except ValueError:  # fewer than three kinds
            middle = float(threshold_otsu(image))
    else:
        plain = _plain(field, pixels, settings)
        finite = plain[np.isfinite(plain)]
        if not len(finite):
            return None
        # a few glaring pixels must not decide on the threshold
        low, high = (float(value) for value in np.percentile(finite, (0.1, 99.9)))
        if low == high:
            low, high = float(finite.min()), float(finite.max())
        if low == high:
            return None
        image = _smoothed(_scaled(plain, low, high), settings)
        middle = float(threshold_otsu(image))
        dark = settings.looks == "dark" or (settings.looks == "auto" and bool((image > middle).mean() > 0.5))
        if dark:
            image = 1 - image
            middle = float(threshold_otsu(image))
    above = image > middle
    return Levels(
        lights=lights,
        low=low,
        high=high,
        dark=dark,
        middle=middle,
        ground=float(image[~above].mean()) if not above.all() else middle,
        cell=float(image[above].mean()) if above.any() else middle,
        reach=_usual_diameter(above) if _looks_around(settings) else 0.0,
    )


def _looks_around(settings: SegmentSettings) -> bool:
    """Whether thresholds are local, and it is not said how far they look."""
    return settings.looks != "stain" and settings.threshold == "local" and settings.diameter is None


def find_in_part(
    field: Field, pixels: npt.NDArray[Any], settings: SegmentSettings, levels: Levels
) -> npt.NDArray[np.int32]:
    """Find the cells in a part (C, h, w) of a large plane by the levels of the whole."""
    image = _cells_bright(field, pixels, settings, levels)
    labels = _of_size(_split(image, _objects(image, settings, levels), settings, levels), settings)
    return labels if settings.looks == "stain" else _grown(labels, settings.grow)


def with_usual_objects(
    field: Field, pixels: npt.NDArray[Any], settings: SegmentSettings, levels: Levels
) -> Levels:
    """Return the levels with what the objects in pixels (C, h, w) tell of their size and depth."""
    image = _cells_bright(field, pixels, settings, levels)
    objects = _objects(image, settings, levels)
    return replace(levels, diameter=_usual_diameter(objects), depth=_usual_depth(image, objects))


def _cells_bright(
    field: Field, pixels: npt.NDArray[Any], settings: SegmentSettings, levels: Levels
) -> Floats:
    """Return (h, w) float32 in which cells are bright, smoothed."""
    if settings.looks == "stain":
        return _smoothed(_stain(pixels, levels.lights), settings)
    image = _smoothed(_scaled(_plain(field, pixels, settings), levels.low, levels.high), settings)
    return 1 - image if levels.dark else image


def _plain(field: Field, pixels: npt.NDArray[Any], settings: SegmentSettings) -> Floats:
    """Return (h, w) float32 of the channel to look at, or of the mean of all; may hold NaN."""
    if settings.channel is None:
        return cast(Floats, pixels.mean(axis=0, dtype=np.float32))
    if settings.channel in field.channels:
        chosen: Floats = pixels[field.channels.index(settings.channel)].astype(np.float32)
        return chosen
    raise InputError(
        f"{shown(field.name)} has no channel {settings.channel!r}; it has {', '.join(field.channels)}."
    )


def _scaled(image: Floats, low: float, high: float) -> Floats:
    finite = np.isfinite(image)
    if not finite.all():
        ground = np.median(image[finite]) if finite.any() else low
        image = np.where(finite, image, ground).astype(np.float32)
    return cast(Floats, np.clip((image - low) / (high - low), 0, 1))


def _smoothed(image: Floats, settings: SegmentSettings) -> Floats:
    from scipy.ndimage import gaussian_filter

    if settings.smoothing:
        image = gaussian_filter(image, settings.smoothing)
    return cast(Floats, image.astype(np.float32, copy=False))


def _lights(field: Field, pixels: npt.NDArray[Any]) -> tuple[float, ...]:
    """Return how bright each channel is where there is nothing."""
    if len(pixels) != 3:
        raise InputError(
            f"{shown(field.name)} has {len(pixels)} channels; the stain is found in red, green and blue."
        )
    return tuple(max(float(np.percentile(channel, 99)), 1e-6) for channel in pixels.astype(np.float32))


def _stain(pixels: npt.NDArray[Any], lights: tuple[float, ...]) -> Floats:
    """Return (h, w) in 0..1: how much more green and red light than blue each pixel holds back.

    That is the azure of nuclei (Romanowsky stains: Giemsa, Wright); haemoglobin holds back blue and green. In
    optical density against the brightest pixels, so that the lamp's colour does not matter.
    """
    red, green, blue = (
        -np.log(np.clip(channel / light, 0.02, 1))
        for channel, light in zip(pixels.astype(np.float32), lights, strict=True)
    )
    density = np.clip(red + green - blue, _FAINTEST_STAIN, _DARKEST_STAIN)
    return cast(Floats, (density / _DARKEST_STAIN).astype(np.float32))


def _objects(image: Floats, settings: SegmentSettings, levels: Levels) -> npt.NDArray[np.bool_]:
    """Return where cells are, holes filled."""
    from scipy.ndimage import binary_fill_holes
    from skimage.filters import threshold_local

    if settings.looks == "stain":
        return _stained(image, settings, levels)
    towards = levels.ground if settings.sensitivity > 0 else levels.cell
    border = levels.middle + abs(settings.sensitivity) * (towards - levels.middle)
    if settings.threshold == "otsu":
        mask = image > border
    else:
        reach = settings.diameter or levels.reach
        block = 2 * round(min(max(1.5 * reach, 7), max(image.shape))) + 1
        local = threshold_local(image, block) + (border - levels.middle)
        mask = image > np.maximum(local, levels.ground + _LOCAL_FLOOR * (border - levels.ground))
    filled: npt.NDArray[np.bool_] = binary_fill_holes(mask)
    return filled


def _stained(image: Floats, settings: SegmentSettings, levels: Levels) -> npt.NDArray[np.bool_]:
    """Return where nuclei are, grown: the darkest of three kinds of pixels (ground, red cell, nucleus)."""
    from scipy.ndimage import binary_fill_holes, distance_transform_edt

    least = _LEAST_STAIN / _DARKEST_STAIN
    towards = least if settings.sensitivity > 0 else levels.cell
    border = max(levels.middle + abs(settings.sensitivity) * (towards - levels.middle), least)
    mask = image > border
    if settings.grow and mask.any():
        mask = distance_transform_edt(~mask) <= settings.grow
    filled: npt.NDArray[np.bool_] = binary_fill_holes(mask)
    return filled


def _split(
    image: Floats, objects: npt.NDArray[np.bool_], settings: SegmentSettings, levels: Levels
) -> npt.NDArray[np.int32]:
    from scipy.ndimage import distance_transform_edt, gaussian_filter
    from skimage.measure import label
    from skimage.segmentation import watershed

    whole: npt.NDArray[np.int32] = label(objects).astype(np.int32)
    if settings.split == "none" or not objects.any():
        return whole
    distance = distance_transform_edt(objects)
    diameter = settings.diameter or levels.diameter or _usual_diameter(objects)
    if settings.split == "distance":
        height = gaussian_filter(distance, 0.04 * diameter)
        least = _DEPTH * diameter / 2
    else:
        height = gaussian_filter(image, 0.08 * diameter)
        least = _DEPTH * (levels.depth or _usual_depth(image, objects))
    summits = label(_summits(height, whole, max(least, 1e-6))) * objects
    parts: npt.NDArray[np.int32] = watershed(-height, summits, mask=objects).astype(np.int32)
    missed = objects & (parts == 0)
    if missed.any():
        parts[missed] = label(missed)[missed] + parts.max()
    return parts


def _summits(height: npt.NDArray[Any], objects: npt.NDArray[np.int32], least: float) -> npt.NDArray[np.bool_]:
    """Return where objects are highest, by at least so much above what is around.

    Each object is looked at by itself: to look at the whole image sorts all of its pixels, which takes long.
    """
    from scipy.ndimage import find_objects
    from skimage.morphology import h_maxima

    summits = np.zeros(height.shape, bool)
    for number, box in enumerate(find_objects(objects), start=1):
        own = objects[box] == number
        part = np.pad(np.where(own, height[box], 0), 1)
        top = part == part.max() if np.ptp(part) < least else h_maxima(part, least) > 0
        summits[box] |= top[1:-1, 1:-1] & own
    return summits


def _usual_depth(image: Floats, objects: npt.NDArray[np.bool_]) -> float:
    """Return how much brighter objects are than the ground."""
    if objects.all() or not objects.any():
        return 1.0
    return float(image[objects].mean() - image[~objects].mean())


def _usual_diameter(objects: npt.NDArray[np.bool_]) -> float:
    """Return the diameter, in pixels, of the disc that a usual object holds; a usual pixel lies in it."""
    from scipy.ndimage import distance_transform_edt, maximum
    from skimage.measure import label

    if not objects.any():
        return 10.0
    parts, count = label(objects, return_num=True)
    radius = maximum(distance_transform_edt(objects), parts, np.arange(1, count + 1))
    area = np.bincount(parts.ravel(), minlength=count + 1)[1:]
    # of the area, not of the objects: specks are many and hold little
    order = np.argsort(radius)
    half = np.searchsorted(np.cumsum(area[order]), area.sum() / 2)
    return max(2 * float(radius[order[half]]), 4.0)


def _of_size(labels: npt.NDArray[np.int32], settings: SegmentSettings) -> npt.NDArray[np.int32]:
    """Drop what is too small or too large, and number the rest from 1."""
    area = np.bincount(labels.ravel())
    kept = area >= settings.smallest
    if settings.largest is not None:
        kept &= area <= settings.largest
    kept[0] = False
    numbers = np.zeros(len(area), np.int32)
    numbers[kept] = np.arange(1, kept.sum() + 1)
    renumbered: npt.NDArray[np.int32] = numbers[labels]
    return renumbered


def _grown(labels: npt.NDArray[np.int32], pixels: int) -> npt.NDArray[np.int32]:
    from skimage.segmentation import expand_labels

    if not pixels:
        return labels
    grown: npt.NDArray[np.int32] = expand_labels(labels, pixels).astype(np.int32)
    return grown
