"""Corrections: what the user says that a source is, for now or for every later opening. Knows no widget."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from napari_sparseattn.workspace import CellSource
from sparseattn.cells.remembered import read_remembered
from sparseattn.errors import InputError

if TYPE_CHECKING:
    from napari_sparseattn.jobs import Jobs, Report
    from napari_sparseattn.opening import Opening
    from napari_sparseattn.workspace import Workspace


class Correcting:
    """Takes corrections in one viewer, and remembers them with the files."""

    def __init__(self, workspace: Workspace, jobs: Jobs, opening: Opening) -> None:
        self._workspace, self._jobs, self._opening = workspace, jobs, opening

    def known(self, source: CellSource) -> dict[str, Any]:
        """Return the options of a source, completed by what is remembered of its phase, events and scale."""
        assert source.path is not None
        options = dict(source.options)
        try:
            said = read_remembered(source.path).of_file(source.path)
        except InputError:
            return options
        for name, settings in (("phase", said.phase), ("events", said.events)):
            if settings is not None:
                options[name] = {**settings.to_json(), **(options.get(name) or {})}
        if said.pixel_size_um is not None:
            options.setdefault("pixel_size_um", said.pixel_size_um)
        return options

    def correct(
        self,
        source: CellSource,
        said: Mapping[str, Any],
        *,
        remember: bool,
        add: bool = False,
        open_again: Callable[[CellSource], None] | None = None,
    ) -> None:
        """Take what the user says of a source, and open it again; labels stay where pixels do.

        Parameters
        ----------
        source
            One file or folder.
        said
            Options of `open_cells`: modality, layout, channel_names, pixel_size_um, phase, events.
        remember
            Whether it is kept with the files, for every later opening, or holds for now.
        add
            Whether its cells join those that are there.
        open_again
            What opens it, where it is no source of cells.
        """
        path = source.path
        assert path is not None
        kept = {name: value for name, value in source.options.items() if name not in said}
        again = CellSource(path, kept if remember else {**kept, **said})
        where: list[Path] = []

        def tell() -> None:
            if where:
                self._workspace.say(f"Opened as you said; remembered in {where[0]}.")

        def reopen(written: Path | None) -> None:
            where[:] = [] if written is None else [written]
            if open_again is not None:
                open_again(again)
                tell()
            else:
                self._opening.open_cells(path, add=add, on_opened=tell, **again.options)

        if not remember:
            reopen(None)
            return
        self._jobs.start(
            f"Remembering what {source.title} is",
            lambda _: _remember(path, said),
            reopen,
            bound_to=(),
            key="remember",
            quiet=True,
        )

    def remember_channels(self, names: Mapping[str, str]) -> None:
        """Remember which channel of the open cells is which, for every later opening of their sources."""
        paths = [source.path for source in self._workspace.sources if source.path is not None]
        renamed = {ours: theirs for ours, theirs in names.items() if ours != theirs}
        if not paths or not renamed:
            return

        def work(_: Report) -> list[Path]:
            return [_remember(path, {"channel_names": renamed}) for path in paths]

        def land(written: list[Path]) -> None:
            self._workspace.say(f"Which channel is which is remembered in {written[0]}.")

        self._jobs.start("Remembering channels", work, land, bound_to=(), key="remember", quiet=True)


def _remember(path: Path, said: Mapping[str, Any]) -> Path:
    """Write what the user says of a source where its later openings find it; return that file."""
    from sparseattn.cells import Correction, remember

    return remember(
        path,
        Correction(
            modality=said.get("modality"),
            layout=said.get("layout"),
            channels=said.get("channel_names"),
            pixel_size_um=said.get("pixel_size_um"),
            phase=said.get("phase"),
            events=said.get("events"),
        ),
    )
