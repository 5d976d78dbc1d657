"""Find the cells of a field without a model: threshold, fill, split what touches, drop what is too small."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict, dataclass, fields
from typing import Any, Literal, cast, get_args

import numpy as np
import numpy.typing as npt

from sparseattn.cells.cellset import shown
from sparseattn.cells.field import Field
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
    image = _cells_bright(field, settings, plane)
    if image is None:
        return np.zeros(field.shape, np.int32)
    step()
    objects = _stained(image, settings) if settings.looks == "stain" else _objects(image, settings)
    step()
    labels = _split(image, objects, settings)
    step()
    labels = _of_size(labels, settings)
    step()
    return labels if settings.looks == "stain" else _grown(labels, settings.grow)


def _cells_bright(field: Field, settings: SegmentSettings, plane: int) -> Floats | None:
    """Return (H, W) float32 in which cells are bright, smoothed; None where the plane is blank."""
    from scipy.ndimage import gaussian_filter

    pixels = field.plane(plane)
    if settings.looks == "stain":
        stain = _stain(field, pixels)
        image = gaussian_filter(stain, settings.smoothing) if settings.smoothing else stain
        return image if image.max() > _LEAST_STAIN / _DARKEST_STAIN else None
    if settings.channel is None:
        image = pixels.mean(axis=0, dtype=np.float32)
    elif settings.channel in field.channels:
        image = pixels[field.channels.index(settings.channel)].astype(np.float32)
    else:
        raise InputError(
            f"{shown(field.name)} has no channel {settings.channel!r}; it has {', '.join(field.channels)}."
        )
    finite = np.isfinite(image)
    if not finite.any():
        return None
    if not finite.all():
        image = np.where(finite, image, np.median(image[finite])).astype(np.float32)
    # a few glaring pixels must not decide on the threshold
    low, high = np.percentile(image, (0.1, 99.9))
    if low == high:
        low, high = image.min(), image.max()
    if low == high:
        return None
    image = np.clip((image - low) / (high - low), 0, 1)
    if settings.smoothing:
        image = gaussian_filter(image, settings.smoothing)
    if settings.looks == "dark" or (settings.looks == "auto" and _is_mostly_bright(image)):
        image = 1 - image
    return cast(Floats, image.astype(np.float32, copy=False))


def _stain(field: Field, pixels: npt.NDArray[Any]) -> Floats:
    """Return (H, W) in 0..1: how much more green and red light than blue each pixel holds back.

    That is the azure of nuclei (Romanowsky stains: Giemsa, Wright); haemoglobin holds back blue and green. In
    optical density against the brightest pixels, so that the lamp's colour does not matter.
    """
    if len(pixels) != 3:
        raise InputError(
            f"{shown(field.name)} has {len(pixels)} channels; the stain is found in red, green and blue."
        )
    red, green, blue = (
        -np.log(np.clip(channel / max(float(np.percentile(channel, 99)), 1e-6), 0.02, 1))
        for channel in pixels.astype(np.float32)
    )
    density = np.clip(red + green - blue, _FAINTEST_STAIN, _DARKEST_STAIN)
    return cast(Floats, (density / _DARKEST_STAIN).astype(np.float32))


def _is_mostly_bright(image: Floats) -> bool:
    from skimage.filters import threshold_otsu

    return bool((image > threshold_otsu(image)).mean() > 0.5)


def _objects(image: Floats, settings: SegmentSettings) -> npt.NDArray[np.bool_]:
    from scipy.ndimage import binary_fill_holes
    from skimage.filters import threshold_local, threshold_otsu

    middle = float(threshold_otsu(image))
    above = image > middle
    ground = float(image[~above].mean()) if not above.all() else middle
    cell = float(image[above].mean()) if above.any() else middle
    towards = ground if settings.sensitivity > 0 else cell
    border = middle + abs(settings.sensitivity) * (towards - middle)
    if settings.threshold == "otsu":
        mask = image > border
    else:
        reach = settings.diameter or _usual_diameter(above)
        block = 2 * round(min(max(1.5 * reach, 7), max(image.shape))) + 1
        local = threshold_local(image, block) + (border - middle)
        mask = image > np.maximum(local, ground + _LOCAL_FLOOR * (border - ground))
    filled: npt.NDArray[np.bool_] = binary_fill_holes(mask)
    return filled


def _stained(image: Floats, settings: SegmentSettings) -> npt.NDArray[np.bool_]:
    """Return where nuclei are, grown: the darkest of three kinds of pixels (ground, red cell, nucleus)."""
    from scipy.ndimage import binary_fill_holes, distance_transform_edt
    from skimage.filters import threshold_multiotsu, threshold_otsu

    try:
        middle = float(threshold_multiotsu(image, classes=3, nbins=128)[-1])
    except ValueError:  # fewer than three kinds
        middle = float(threshold_otsu(image))
    above = image > middle
    least = _LEAST_STAIN / _DARKEST_STAIN
    nucleus = float(image[above].mean()) if above.any() else middle
    towards = least if settings.sensitivity > 0 else nucleus
    border = max(middle + abs(settings.sensitivity) * (towards - middle), least)
    mask = image > border
    if settings.grow and mask.any():
        mask = distance_transform_edt(~mask) <= settings.grow
    filled: npt.NDArray[np.bool_] = binary_fill_holes(mask)
    return filled


def _split(image: Floats, objects: npt.NDArray[np.bool_], settings: SegmentSettings) -> npt.NDArray[np.int32]:
    from scipy.ndimage import distance_transform_edt, gaussian_filter
    from skimage.measure import label
    from skimage.morphology import h_maxima
    from skimage.segmentation import watershed

    whole: npt.NDArray[np.int32] = label(objects).astype(np.int32)
    if settings.split == "none" or not objects.any():
        return whole
    distance = distance_transform_edt(objects)
    diameter = settings.diameter or _usual_diameter(objects)
    if settings.split == "distance":
        height = gaussian_filter(distance, 0.04 * diameter)
        least = _DEPTH * diameter / 2
    else:
        height = gaussian_filter(image, 0.08 * diameter)
        least = _DEPTH * float(image[objects].mean() - image[~objects].mean() if not objects.all() else 1)
    summits = label(h_maxima(np.where(objects, height, 0), max(least, 1e-6))) * objects
    parts: npt.NDArray[np.int32] = watershed(-height, summits, mask=objects).astype(np.int32)
    missed = objects & (parts == 0)
    if missed.any():
        parts[missed] = label(missed)[missed] + parts.max()
    return parts


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
