"""``CellSet``: N cells that are read one at a time, with what is known about each."""

from __future__ import annotations

import dataclasses
import hashlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from sparseattn.cells.catalogue import Catalogue
from sparseattn.cells.cell_file import CellFile, MaskedSource, MemorySource
from sparseattn.cells.channels import check_channels
from sparseattn.cells.columns import LazyColumn, detached, taken
from sparseattn.cells.facts import Known, common
from sparseattn.cells.modality import Modality
from sparseattn.cells.origin import Origin, Skipped, reason_of, shown
from sparseattn.errors import CellError, InputError

if TYPE_CHECKING:
    import pandas as pd

    from sparseattn.events.settings import EventSettings
    from sparseattn.phase.settings import PhaseSettings

GROUP_COLUMNS = ("donor", "sample", "field")
"""Columns that keep related cells on one side of a split; the first that is there is used."""

_TOLD_AT_ONCE = 10_000

_Positions = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False, repr=False)
class CellSet:
    """N cells, read one at a time; made by `open_cells`, `from_array`, or from another set.

    A set never changes: `subset`, `with_labels` and `with_samples` return a new one that shares the files.

    Attributes
    ----------
    labels
        Class of each cell; None where it has none.
    channels
        Names of the channels, in the order of the pixels: ``red, green, blue``, ``intensity``,
        ``channel 0`` ..., or names that the file, the sidecar or the caller gives.
    modality
        The kind of instrument.
    skipped
        Files and cells that were left out when the set was opened.
    unit
        Of the pixels' values, such as "nm"; None where it is not known.
    phase
        How the optical path differences are made of what the files hold; None where they are not, or the
        files differ in it.
    events
        What became of the events of a recording; None where cells come from elsewhere.
    file_channels
        Names of the channels as the files give them, before any renaming.
    known
        From whom modality, layout, channels, pixel size and settings are known, by name; see
        `sparseattn.cells.describe`.
    """

    labels: tuple[str | None, ...]
    channels: tuple[str, ...]
    modality: Modality
    skipped: tuple[Skipped, ...]
    _catalogue: Catalogue = field()
    _positions: _Positions = field()
    _columns: dict[str, Sequence[Any]] = field()
    unit: str | None = None
    phase: PhaseSettings | None = None
    events: EventSettings | None = None
    file_channels: tuple[str, ...] = ()
    known: Mapping[str, Known] = field(default_factory=dict)

    @classmethod
    def from_files(
        cls,
        files: Sequence[CellFile],
        *,
        channels: Sequence[str],
        modality: Modality = "unknown",
        labels: Sequence[str | None] | None = None,
        columns: Mapping[str, Sequence[Any]] | None = None,
        skipped: Sequence[Skipped] = (),
        unit: str | None = None,
        phase: PhaseSettings | None = None,
        events: EventSettings | None = None,
        file_channels: Sequence[str] | None = None,
        known: Mapping[str, Known] | None = None,
    ) -> CellSet:
        """Return all cells of `files`, in order; what readers build a set with."""
        catalogue = Catalogue(files)
        count = len(catalogue.file_of)
        return cls(
            labels=(None,) * count if labels is None else tuple(labels),
            channels=tuple(channels),
            modality=modality,
            skipped=tuple(skipped),
            _catalogue=catalogue,
            _positions=np.arange(count),
            _columns=dict(columns or {}),
            unit=unit,
            phase=phase,
            events=events,
            file_channels=tuple(channels if file_channels is None else file_channels),
            known=dict(known or {}),
        )

    @classmethod
    def from_array(
        cls,
        images: npt.NDArray[Any],
        *,
        channels: Sequence[str],
        labels: Sequence[str | None] | None = None,
        modality: Modality = "unknown",
        pixel_size_um: float | None = None,
        name: str = "array",
    ) -> CellSet:
        """Return the cells of an array in memory.

        Parameters
        ----------
        images
            (N, C, H, W), of any real dtype; not copied.
        channels
            C names.
        labels
            N classes, None where a cell has none.
        modality
            The kind of instrument.
        pixel_size_um
            Side of a pixel in micrometres, in the sample; None where it is not known.
        name
            Stands as the path in the origins.

        Raises
        ------
        InputError
            When the array has not four axes, or the counts of names or labels do not fit.
        """
        images = np.asarray(images)
        if images.ndim != 4:
            raise InputError(f"The array {shown(name)} has shape {images.shape}; give (N, C, H, W).")
        if images.dtype.kind not in "buif":
            raise InputError(f"The array {shown(name)} has dtype {images.dtype}; give real numbers.")
        count, depth, height, width = images.shape
        check_channels(channels, depth, name)
        file = CellFile(
            MemorySource(Path(name), images),
            count,
            depth,
            (height, width),
            images.dtype,
            pixel_size_um=pixel_size_um,
        )
        known = dict.fromkeys(("channels", "modality", "pixel_size_um"), Known("caller"))
        cells = cls.from_files([file], channels=channels, modality=modality, known=known)
        return cells if labels is None else cells.with_labels(labels)

    @staticmethod
    def concatenate(sets: Sequence[CellSet]) -> CellSet:
        """Join sets in the order given; a sample column that one of them lacks is None there.

        Each cell keeps the size of its pixels.

        Raises
        ------
        InputError
            When no set is given, or the channels, modalities, units or settings of events differ.
        """
        if not sets:
            raise InputError("There are no cells to join; give at least one source.")
        first = sets[0]
        for other in sets[1:]:
            for what, alike in (
                ("channels", "channel names"),
                ("modality", "modality"),
                ("unit", "settings of phase"),
                ("events", "settings of events"),
            ):
                one, two = getattr(first, what), getattr(other, what)
                if one != two:
                    raise InputError(
                        f"The sources cannot be joined: {what} {one} and {two} differ; "
                        f"open them with the same {alike}."
                    )
        names = list(dict.fromkeys(name for part in sets for name in part._columns))
        columns: dict[str, Sequence[Any]] = {
            name: tuple(v for part in sets for v in part._columns.get(name, (None,) * len(part)))
            for name in names
        }
        catalogue = Catalogue([file for part in sets for file in part._catalogue.files], parts=tuple(sets))
        return CellSet(
            labels=tuple(label for part in sets for label in part.labels),
            channels=first.channels,
            modality=first.modality,
            skipped=tuple(skip for part in sets for skip in part.skipped),
            _catalogue=catalogue,
            _positions=np.arange(len(catalogue.file_of)),
            _columns=columns,
            unit=first.unit,
            phase=first.phase if len({part.phase for part in sets}) == 1 else None,
            events=first.events,
            file_channels=first.file_channels
            if len({part.file_channels for part in sets}) == 1
            else first.channels,
            known=common([part.known for part in sets]),
        )

    def __len__(self) -> int:
        return len(self._positions)

    def __repr__(self) -> str:
        classes = f", {len(self.classes)} classes" if self.classes else ""
        return f"CellSet({len(self)} cells, {len(self.channels)} channels{classes}, {self.modality})"

    def read(self, index: int) -> npt.NDArray[Any]:
        """Return the pixels of one cell.

        Parameters
        ----------
        index
            Which cell, from 0.

        Returns
        -------
        numpy.ndarray
            (C, H, W), in the dtype and units of the file; 1-bit images are uint8, 0 and 255.

        Raises
        ------
        CellError
            When the file is truncated or unreadable, a value is not finite, or every channel is constant.
        """
        position = int(self._positions[index])
        catalogue = self._catalogue
        file = catalogue.files[catalogue.file_of[position]]
        try:
            pixels = file.source.read(int(catalogue.row_of[position]))
        except Exception as error:  # decoders raise whatever a broken file makes them trip over
            reason = reason_of(error)
            raise CellError(f"{catalogue.origin(position)} cannot be read ({reason}).") from None
        if pixels.dtype == np.bool_:
            pixels = pixels.astype(np.uint8) * np.uint8(255)
        if pixels.shape != (file.channels, *file.shape):
            raise CellError(f"{catalogue.origin(position)} has changed since it was opened; open it again.")
        if pixels.dtype.kind == "f":
            with np.errstate(over="ignore"):  # too large for what the net computes in counts as infinite
                finite = np.isfinite(pixels.astype(np.float32, copy=False)).all()
            if not finite:
                raise CellError(f"{catalogue.origin(position)} holds NaN or infinite values.")
        corner = pixels[:, :1, :1]
        middle_row = pixels[:, file.shape[0] // 2, None]  # tells nearly always, and at once
        if (middle_row == corner).all() and (pixels == corner).all():
            raise CellError(f"{catalogue.origin(position)} is constant: every pixel has the same value.")
        native: npt.NDArray[Any] = pixels.astype(pixels.dtype.newbyteorder("="), copy=False)
        return native

    def subset(self, indices: Sequence[int] | npt.NDArray[np.integer]) -> CellSet:
        """Return the cells at `indices`, in that order; their ids, labels and samples go with them."""
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        return dataclasses.replace(
            self,
            labels=tuple(self.labels[i] for i in chosen),
            _positions=self._positions[chosen],
            _columns={name: taken(values, chosen) for name, values in self._columns.items()},
        )

    def detached(self, indices: Sequence[int] | npt.NDArray[np.integer]) -> CellSet:
        """Return the cells at `indices` as `subset` does, without the files that hold none of them.

        What is sent to another process is as small as can be, and only these cells are read for their ids.
        Of cells with equal content the second is named ``...-2`` here, whatever its id in the whole set is.
        """
        chosen = np.asarray(indices, dtype=np.int64).reshape(-1)
        return dataclasses.replace(
            self,
            labels=tuple(self.labels[i] for i in chosen),
            skipped=(),
            _catalogue=self._catalogue.detached(self._positions[chosen]),
            _positions=np.arange(len(chosen)),
            _columns={name: detached(values, chosen) for name, values in self._columns.items()},
        )

    def fingerprint(self) -> str:
        """Return 32 hex digits that change with the cells, their labels or their samples.

        Pixels are not read: of files their place, size and time count. So it is quick for a million cells,
        and changes when a file is written anew.
        """
        digest = hashlib.blake2b(self._catalogue.fingerprint(self._positions).encode(), digest_size=16)
        told = (self.channels, self.modality, self.unit, self.phase, self.events, self.skipped)
        digest.update(repr(told).encode())
        for part in _said(self.labels):
            digest.update(part)
        for name, values in self._columns.items():
            digest.update(f"({name!r}, ".encode())
            for part in _said(None if isinstance(values, LazyColumn) else values):  # a file's change with it
                digest.update(part)
            digest.update(b")")
        return digest.hexdigest()

    def with_labels(self, labels: Sequence[str | None]) -> CellSet:
        """Return the same cells with other labels, one a cell.

        Raises
        ------
        InputError
            When there are not as many labels as cells.
        """
        if len(labels) != len(self):
            raise InputError(f"There are {len(labels)} labels for {len(self)} cells; give one a cell.")
        return dataclasses.replace(self, labels=tuple(None if v is None else str(v) for v in labels))

    def with_samples(self, samples: pd.DataFrame) -> CellSet:
        """Return the same cells with other sample columns, one row a cell.

        Raises
        ------
        InputError
            When there are not as many rows as cells.
        """
        if len(samples) != len(self):
            raise InputError(f"The sample table has {len(samples)} rows for {len(self)} cells.")
        columns = {str(n): tuple(samples.iloc[:, i].astype(object)) for i, n in enumerate(samples.columns)}
        return dataclasses.replace(self, _columns=dict(columns))

    def with_columns(self, columns: Mapping[str, Sequence[Any]]) -> CellSet:
        """Return the same cells with these sample columns added; each holds one value a cell."""
        return dataclasses.replace(self, _columns={**self._columns, **columns})

    def with_channels(self, names: Sequence[str]) -> CellSet:
        """Return the same cells with other channel names, in the order of the pixels.

        Raises
        ------
        InputError
            When there are not as many names as channels, or a name is there twice.
        """
        check_channels(names, len(self.channels), "the set of cells")
        known = {**self.known, "channels": Known("caller")}
        return dataclasses.replace(self, channels=tuple(names), known=known)

    def mask(self, index: int) -> npt.NDArray[np.bool_] | None:
        """Return which pixels are the cell's own, where the file or a segmentation says so.

        Returns
        -------
        numpy.ndarray or None
            (H, W); None where nobody says, or it cannot be read.
        """
        position = int(self._positions[index])
        file = self._catalogue.files[self._catalogue.file_of[position]]
        if not isinstance(file.source, MaskedSource):
            return None
        try:
            mask = file.source.mask(int(self._catalogue.row_of[position]))
        except Exception:  # as of pixels; a cell is still a cell without it
            return None
        return mask if mask.shape == file.shape else None

    def column(self, name: str) -> Sequence[Any] | None:
        """Return one sample column, a value a cell, or None where there is none; needs no pandas."""
        return self._columns.get(name)

    @property
    def column_names(self) -> tuple[str, ...]:
        """The names of the sample columns."""
        return tuple(self._columns)

    @cached_property
    def ids(self) -> tuple[str, ...]:
        """Name of each cell: 16 hex digits that come from its content and its position in its file.

        Cells of a field are named by their place in it: see `sparseattn.cells.same_cell`.

        Computed when first asked, which reads every file once. Of two equal files the second is ``...-2``.

        Raises
        ------
        InputError
            When a file has gone since the set was opened.
        """
        names = self._catalogue.ids
        return tuple(names[i] for i in self._positions)

    def origin(self, index: int) -> Origin:
        """Where one cell came from."""
        return self._catalogue.origin(int(self._positions[index]))

    @cached_property
    def origins(self) -> tuple[Origin, ...]:
        """Where each cell came from."""
        return tuple(self._catalogue.origin(i) for i in self._positions)

    @cached_property
    def shapes(self) -> tuple[tuple[int, int], ...]:
        """(H, W) of each cell in pixels, from the headers."""
        files = self._catalogue.files
        return tuple(files[self._catalogue.file_of[i]].shape for i in self._positions)

    @cached_property
    def pixel_sizes_um(self) -> tuple[float | None, ...]:
        """Side of a pixel of each cell in micrometres, in the sample; None where it is not known."""
        files = self._catalogue.files
        return tuple(files[self._catalogue.file_of[i]].pixel_size_um for i in self._positions)

    @property
    def pixel_size_um(self) -> float | None:
        """Side of a pixel in micrometres, in the sample; None where it is not known, or the cells differ."""
        sizes = {file.pixel_size_um for file in self.files}
        return sizes.pop() if len(sizes) == 1 else None

    @cached_property
    def files(self) -> tuple[CellFile, ...]:
        """What the headers of the files say that these cells lie in."""
        there = np.unique(self._catalogue.file_of[self._positions])
        return tuple(self._catalogue.files[i] for i in there)

    @property
    def samples(self) -> pd.DataFrame:
        """What is known of the sample of each cell: one row a cell, columns such as sample and donor."""
        import pandas as pd

        columns = {
            name: pd.Series(values.values)
            if isinstance(values, LazyColumn)
            else pd.Series(values, dtype=object)
            for name, values in self._columns.items()
        }
        return pd.DataFrame(columns, index=range(len(self)))

    @cached_property
    def groups(self) -> tuple[str | None, ...]:
        """Group of each cell for splitting: donor, else sample, else field; None where unknown."""
        for name in GROUP_COLUMNS:
            if name in self._columns:
                return tuple(None if v is None or v != v or v == "" else str(v) for v in self._columns[name])
        return (None,) * len(self)

    @cached_property
    def classes(self) -> tuple[str, ...]:
        """The distinct labels, sorted."""
        return tuple(sorted({label for label in self.labels if label is not None}))


def _said(values: Sequence[Any] | None) -> Iterator[bytes]:
    """Yield what ``repr`` says, a piece at a time: of a million texts in one go, other threads would wait."""
    if not isinstance(values, tuple) or len(values) < 2:
        yield repr(values).encode()
        return
    for start in range(0, len(values), _TOLD_AT_ONCE):
        yield b"(" if start == 0 else b", "
        yield ", ".join(map(repr, values[start : start + _TOLD_AT_ONCE])).encode()
    yield b")"
