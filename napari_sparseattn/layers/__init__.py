"""The door to napari's layers: the plugin reads and writes them here and nowhere else."""

from __future__ import annotations

import weakref
from collections.abc import Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from psygnal import Signal

from napari_sparseattn.layers.canvas_context import make_current
from napari_sparseattn.layers.metadata import MARK, made, shows_nanometres
from napari_sparseattn.layers.own_doing import OwnDoing
from napari_sparseattn.layers.place import cell_to_world, pixel_size_um
from napari_sparseattn.layers.taken_out import TakenOutLayer
from napari_sparseattn.timers import once_after
from napari_sparseattn.workspace import CellSource, Workspace

__all__ = ["MARK", "LayerPixels", "Layers", "made"]

if TYPE_CHECKING:
    from collections.abc import Iterator

    from napari.components import ViewerModel
    from napari.layers import Image, Layer

    from napari_sparseattn.layers.overlays import Overlays
    from napari_sparseattn.layers.place import Matrix


@dataclass(frozen=True)
class LayerPixels:
    """Image layers of one shape, as cells: ``channels`` of (..., Y, X) arrays, which may be lazy."""

    name: str
    pixels: tuple[Any, ...]
    channels: tuple[str, ...]
    leading: tuple[int, ...]


class Layers:
    """What the plugin shows in one viewer. Layers of others are never changed, renamed or removed."""

    offered = Signal(CellSource, str)
    """A layer of cells was opened by napari's own menus or by drag and drop: where from, and its name."""

    def __init__(self, viewer: ViewerModel, workspace: Workspace) -> None:
        self._viewer = weakref.ref(viewer)  # the session lives as long as the viewer, not the other way round
        self.workspace = workspace
        self._source: Image | None = None
        self._source_is_new = False
        self._leafs = False
        self._cell_layers: list[Layer] = []
        self._looks: list[tuple[Any, ...]] = []  # of them, as they were made
        self._overlays: Overlays | None = None
        self._busy = False
        self.taken_out = TakenOutLayer(viewer, OwnDoing())
        self._removed: set[str] = set()
        """Overlays that the user has just removed."""
        self._switching_off = once_after(0, self._switch_off_removed)
        workspace.cells_changed.connect(self._show_cells)
        workspace.current_changed.connect(self._show_current)
        workspace.explanation_changed.connect(self._draw)
        workspace.what_if_changed.connect(self._draw)
        workspace.changing_changed.connect(self._draw_changing)
        workspace.cell_mask_changed.connect(self._draw_cell_outline)
        workspace.evidence_changed.connect(self._draw_evidence)
        workspace.shown_changed.connect(self._draw)
        workspace.head_changed.connect(self._draw)
        workspace.blind_changed.connect(self._draw)
        viewer.dims.events.current_step.connect(self._follow_slider)
        viewer.layers.events.inserted.connect(self._on_inserted)
        viewer.layers.events.removing.connect(self._on_removing)
        viewer.layers.events.removed.connect(self._on_removed)
        for layer in viewer.layers:
            _show_what_values_are(layer)

    @property
    def viewer(self) -> ViewerModel:
        """The viewer that all this is about."""
        viewer = self._viewer()
        assert viewer is not None
        return viewer

    # -- the cells' own image ------------------------------------------------------------------------

    @property
    def source(self) -> Image | None:
        """The image layer that the cells lie in."""
        return self._source if self._source in self.viewer.layers else None

    def set_source(self, name: str, *, leafs: bool = False) -> None:
        """Say which image layer the next cells lie in; call it before `Workspace.set_cells`.

        ``leafs`` says that each place of its sliders is one cell: moving them then moves from cell to cell.
        """
        layers = self.viewer.layers
        self._source, self._source_is_new, self._leafs = layers[name], True, leafs
        if self._source in self._cell_layers:
            self._let_go_of_cells()
        self.make_way_for(name)
        with self._quiet():
            for overlay in sorted(self._drawn(), key=layers.index):
                if layers.index(overlay) < layers.index(self._source):  # it would hide them
                    layers.move(layers.index(overlay), len(layers))

    def make_way_for(self, name: str) -> None:
        """Remove the present cells and what is drawn over them where a layer is in other units than they are.

        Napari warns of pixels beside micrometres, and would misplace them.
        """
        units = self.viewer.layers[name].units[-2:]
        shown = [layer for layer in self._cell_layers if layer in self.viewer.layers]
        ours = [layer for layer in shown if layer.units[-2:] != units]
        if ours or any(layer.units[-2:] != units for layer in self._drawn()):
            self._cell_layers = [layer for layer in shown if layer not in ours]
            self._remove(ours)
            self._remove_drawn()

    def _let_go_of_cells(self) -> None:
        """Let the images of the present cells stay when other cells come: these lie in them."""
        for layer in self._cell_layers:
            del layer.metadata[MARK]["made"]
        self._cell_layers = []

    def names(self, kind: str) -> list[str]:
        """Return the names of the layers of a kind ("image", "labels") that the plugin did not make."""
        return [layer.name for layer in self.viewer.layers if layer._type_string == kind and not made(layer)]

    def offers(self) -> list[tuple[CellSource, str]]:
        """Return the layers of cells that are in the viewer already: where from, and their names."""
        return [offer for layer in self.viewer.layers if (offer := _offer(layer)) is not None]

    @property
    def pixel_size_um(self) -> float | None:
        """Side of a pixel of the source in micrometres, where its scale has such a unit."""
        return None if self.source is None else pixel_size_um(self.source)

    def selected_pixels(self) -> LayerPixels | None:
        """Return the selected image layers as the channels of cells, or None where they are not such.

        Several must have one shape; of an RGB layer there can be only one.
        """
        layers = [
            layer for layer in self.viewer.layers
            if layer in self.viewer.layers.selection and layer._type_string == "image" and not made(layer)
        ]  # fmt: skip
        if not layers or layers[0].multiscale or len({layer.data.shape for layer in layers}) > 1:
            return None
        first = layers[0]
        if first.rgb:
            if len(layers) > 1 or first.data.shape[-1] < 3:
                return None
            colours = tuple(first.data[..., channel] for channel in range(3))
            return LayerPixels(first.name, colours, ("red", "green", "blue"), first.data.shape[:-3])
        names = tuple(layer.name for layer in layers)
        return LayerPixels(first.name, tuple(layer.data for layer in layers), names, first.data.shape[:-2])

    def _show_cells(self) -> None:
        workspace = self.workspace
        self._hide_overlays()
        if self._source_is_new:
            self._source_is_new = False
            self._remove_cells()
        else:
            self._leafs = workspace.cells is not None and workspace.is_stack
            if workspace.cells is not None and self._leafs:
                from napari_sparseattn.layers.stack import cell_layers

                self._put_cells(cell_layers(workspace.cells, self._title, file=self._file))
            else:
                self._source = None
                if workspace.cells is None or not len(workspace.cells):
                    self._remove_cells()  # else the current cell takes their place
                    self._remove_drawn()
        if self._leafs:
            self._go_to_slider(workspace.current)

    def _show_current(self, index: int) -> None:
        """Move the sliders to a cell of a stack, or show a cell of its own size."""
        workspace = self.workspace
        if index < 0 or workspace.cells is None or (workspace.has_placement and not self._leafs):
            return
        if self._leafs:
            self._go_to_slider(index)
            return
        from napari_sparseattn.layers.stack import one_cell_layers

        self._put_cells(one_cell_layers(workspace.cells, index, self._title))

    @property
    def _file(self) -> CellSource | None:
        """The source of the cells, where they lie in one file."""
        sources = self.workspace.sources
        one = sources[0] if len(sources) == 1 else None
        if one is None or one.path is None:
            return None
        return one if one.path.is_file() or one.path.suffix.lower() == ".zarr" else None

    @property
    def _title(self) -> str:
        sources = self.workspace.sources
        return sources[0].title if sources else "cells"

    def _put_cells(self, data: Sequence[tuple[Any, dict[str, Any], str]]) -> None:
        """Show the cells' images, in the layers that are there where these are of the same kind.

        Making a layer takes napari a tenth of a second, and removing one a whole collection of garbage.
        """
        if not self._fits(data):
            before, self._cell_layers = self._cell_layers, []
            units = {look[-1] for look in self._looks}
            self._looks = [_look(keywords) for _, keywords, _ in data]
            if units != {look[-1] for look in self._looks}:  # napari warns of pixels beside micrometres
                self._remove(before)
                self._remove_drawn()
                before = []
            self._add_cells(data)
            self._remove(before)
            for layer, (_, keywords, _) in zip(self._cell_layers, data, strict=True):
                layer.name = keywords["name"]
            return
        reshaped = self._cell_layers[0].data.shape[-3:] != data[0][0].shape[-3:]
        with self._quiet():
            for layer, (pixels, keywords, _) in zip(self._cell_layers, data, strict=True):
                layer.data = pixels
                layer.metadata[MARK] = {**keywords.get("metadata", {}).get(MARK, {}), "made": "cells"}
                if layer.name != keywords["name"]:
                    layer.name = keywords["name"]
                limits = keywords.get("contrast_limits")
                if not layer.rgb and limits is not None:
                    layer.contrast_limits_range = limits
                    layer.contrast_limits = limits
        self._source = self._cell_layers[0]
        if reshaped:
            self.viewer.reset_view()

    def _fits(self, data: Sequence[tuple[Any, dict[str, Any], str]]) -> bool:
        """Whether the layers of the former cells can show these: as many, of one look and axes, all there."""
        return len(self._cell_layers) == len(data) and all(
            layer in self.viewer.layers and look == _look(keywords) and layer.data.ndim == pixels.ndim
            for layer, look, (pixels, keywords, _) in zip(self._cell_layers, self._looks, data, strict=True)
        )

    def _add_cells(self, data: Sequence[tuple[Any, dict[str, Any], str]]) -> None:
        from napari.layers import Image

        with self._quiet():
            for pixels, keywords, _ in data:
                layer = Image(pixels, **keywords)
                layer.metadata[MARK] = {**layer.metadata.get(MARK, {}), "made": "cells"}
                self._cell_layers.append(layer)
                # Under the overlays that are there.
                place = min(
                    (self.viewer.layers.index(o) for o in self._drawn()), default=len(self.viewer.layers)
                )
                self.viewer.layers.insert(place, layer)
        self._source = self._cell_layers[0]
        if self.pixel_size_um is not None:
            self.viewer.canvas.overlays.scale_bar.visible = True
        self.viewer.reset_view()

    def _remove_cells(self) -> None:
        before, self._cell_layers = self._cell_layers, []
        self._remove(before)

    def _remove(self, layers: list[Layer]) -> None:
        """Remove layers of ours. New ones come first: a viewer without an image would lose its sliders."""
        with self._quiet():
            for layer in layers:
                if layer in self.viewer.layers:
                    self.viewer.layers.remove(layer)
        if layers:
            self.viewer.reset_view()

    # -- sliders -------------------------------------------------------------------------------------

    def _leading(self) -> tuple[int, ...]:
        source = self.source
        if source is None:
            return ()
        shape = source.data.shape[:-1] if source.rgb else source.data.shape
        return tuple(shape[:-2])

    def _go_to_slider(self, index: int) -> None:
        source, leading = self.source, self._leading()
        if source is None or not leading:
            return
        with self._quiet():
            place = np.unravel_index(index, leading)
            world = source.data_to_world((*place, 0, 0))
            axis = self.viewer.dims.ndim - source.ndim
            for offset in range(len(leading)):
                self.viewer.dims.set_point(axis + offset, world[offset])

    def _follow_slider(self) -> None:
        source = self.source
        if self._busy or not self._leafs or source is None:
            return
        leading = self._leading()
        if not leading:
            return
        point = self.viewer.dims.point[-source.ndim :]
        place = np.round(source.world_to_data(point)).astype(int)[: len(leading)]
        if all(0 <= at < length for at, length in zip(place, leading, strict=True)):
            self.workspace.current = int(np.ravel_multi_index(tuple(place), leading))

    def _remove_drawn(self) -> None:
        """Remove all that is drawn over the cells; it is made anew when it is asked for."""
        self._remove(self._drawn())
        self.taken_out.remove()

    def _hide_overlays(self) -> None:
        """What is drawn belongs to cells that go."""
        if self._overlays is not None:
            with self._quiet():
                for what in self._overlays.layers:
                    self._overlays.hide(what)

    # -- overlays ------------------------------------------------------------------------------------

    def _drawn(self) -> list[Layer]:
        made_here = [] if self._overlays is None else list(self._overlays.layers.values())
        return [layer for layer in made_here if layer in self.viewer.layers]

    def _draw(self, *_: Any, only: tuple[str, ...] = ()) -> None:
        from napari_sparseattn.layers.overlays import NAMES, Overlays, Scene

        workspace = self.workspace
        explanation = workspace.what_if or workspace.explanation
        if workspace.blind:  # where a model looks says what it thinks
            explanation = None
        if self._overlays is None:
            if explanation is None:
                return
            self._overlays = Overlays()
        with self._quiet():
            if explanation is not None:
                evidence = workspace.evidence if workspace.shown.evidence else None
                world, units = self._place()
                scene = Scene(
                    explanation, evidence, workspace.changing, workspace.cell_mask, workspace.head, world,
                    units, workspace.shown.opacity,
                )  # fmt: skip
            for place, what in enumerate(NAMES):
                if only and what not in only:
                    continue
                if explanation is None or not getattr(workspace.shown, what):
                    self._overlays.hide(what)
                    continue
                fresh = self._overlays.draw(what, scene)
                if fresh is not None:
                    self._add_overlay(fresh, place, list(NAMES))

    def _draw_changing(self) -> None:
        self._draw(only=("changing",))

    def _draw_cell_outline(self) -> None:
        self._draw(only=("cell_outline",))

    def _place(self) -> tuple[Matrix, Any]:
        """Return where the current cell lies in the world, and the units there."""
        world = cell_to_world(self.source, self.workspace.placement(self.workspace.current))
        return world, None if self.source is None else self.source.units[-2:]

    def show_taken_out(self) -> None:
        """Lay the pixels that are taken out over the current cell, under the overlays."""
        explanation = self.workspace.explanation
        if explanation is None:
            self.taken_out.hide()
            return
        layers = self.viewer.layers
        place = min((layers.index(overlay) for overlay in self._drawn()), default=len(layers))
        self.taken_out.show(explanation, *self._place(), place)

    def _draw_evidence(self) -> None:
        self._draw(only=("evidence", "selected"))

    def _add_overlay(self, layer: Layer, place: int, order: list[str]) -> None:
        """Add an overlay on top, under those that belong above it; what was active stays so."""
        layers = self.viewer.layers
        assert self._overlays is not None
        above = [self._overlays.layers[name] for name in order[place + 1 :] if name in self._overlays.layers]
        at = min((layers.index(other) for other in above if other in layers), default=len(layers))
        active = layers.selection.active
        layers.insert(at, layer)
        layers.selection.active = active if active is not None else self.source
        layer.events.visible.connect(self._on_visible)

    def _on_visible(self, event: Any) -> None:
        """The eye in napari's list of layers does what the tab's switch does."""
        if not self._busy:
            self.workspace.show(**{made(event.source): event.source.visible})

    # -- what others do ------------------------------------------------------------------------------

    def _on_inserted(self, event: Any) -> None:
        _show_what_values_are(event.value)
        if not self._busy and (offer := _offer(event.value)) is not None:
            self.offered.emit(*offer)

    def _on_removing(self, _: Any) -> None:
        make_current(self.viewer)

    def _on_removed(self, event: Any) -> None:
        """An overlay that the user removes is switched off, and made anew when it is switched on."""
        layer = event.value
        if self._overlays is not None:
            for what, drawn in list(self._overlays.layers.items()):
                if drawn is layer:
                    del self._overlays.layers[what]
                    if not self._busy:
                        self._removed.add(what)
                        self._switching_off.start()

    def _switch_off_removed(self) -> None:
        """Not where the cells went as well: an emptied list or a viewer that closes asks for nothing."""
        removed, self._removed = self._removed, set()
        if self._viewer() is not None and self.source is not None:
            self.workspace.show(**dict.fromkeys(removed, False))

    @contextmanager
    def _quiet(self) -> Iterator[None]:
        """What happens to layers and sliders meanwhile is our own doing."""
        before, self._busy = self._busy, True
        try:
            yield
        finally:
            self._busy = before


def _offer(layer: Layer) -> tuple[CellSource, str] | None:
    about = layer.metadata.get(MARK)
    if layer._type_string != "image" or not isinstance(about, dict) or "path" not in about:
        return None
    return CellSource(Path(about["path"]), about.get("options", {})), layer.name


def _show_what_values_are(layer: Layer) -> None:
    """Nanometres are to be read off: a layer of ours, or one that our reader made, gets a colour bar."""
    if shows_nanometres(layer):
        layer.colorbar.visible = True


def _look(keywords: dict[str, Any]) -> tuple[Any, ...]:
    """Return what of a layer's look does not change when it shows other pixels."""
    return tuple(keywords.get(name) for name in ("rgb", "colormap", "blending", "scale", "units"))
