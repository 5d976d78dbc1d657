"""Who labels blind is told nothing by the gallery: no order, filter, plot or export by a model's answers."""

from __future__ import annotations

from collections.abc import Callable

from pytestqt.qtbot import QtBot

from napari_sparseattn.session import Session
from napari_sparseattn.widgets.gallery.gallery_widget import GalleryWidget
from sparseattn.classifier import Classifier
from sparseattn.table.filters import CellFilter, CellOrder

from .conftest import make_cells


def columns_of(box) -> set[str]:
    return {box.itemData(place) for place in range(box.count())}


def test_nothing_of_the_model_is_seen(
    gallery: GalleryWidget,
    session: Session,
    classifier: Classifier,
    settle: Callable[[], None],
    qtbot: QtBot,
) -> None:
    session.workspace.set_cells(make_cells(60))
    session.workspace.set_classifier(classifier)
    qtbot.waitUntil(lambda: session.workspace.predictions is not None, timeout=20_000)
    settle()
    shown = session.shown_cells
    gallery.show_filters.setChecked(True)
    gallery.show_scatter.setChecked(True)
    class_name = str(session.workspace.predictions.predicted[0])
    shown.set_filter(CellFilter(predicted=(class_name,), limits=(("confidence", 0.0, 0.99),)))
    shown.set_order(CellOrder("confidence", descending=True))
    some = shown.rows.tolist()
    count = len(session.workspace.cells)
    assert 0 < len(some) < count and f"p_{class_name}" in columns_of(gallery._scatter.x)
    session.workspace.blind = True
    qtbot.waitUntil(lambda: shown.table is not None)
    assert shown.rows.tolist() == list(range(count))
    answers = {"predicted", "confidence", "entropy", "in_distribution", f"p_{class_name}"}
    assert not answers & columns_of(gallery.sort) and not answers & columns_of(gallery.filters.limits.add)
    assert not answers & (columns_of(gallery._scatter.x) | columns_of(gallery._scatter.y))
    assert shown.shown_table["predicted"].isna().all()  # nor in what is exported
    for control in (gallery.filters.predicted, gallery.filters.confidence, gallery.filters.agreement):
        assert not control.isVisible()
    session.workspace.blind = False
    qtbot.waitUntil(lambda: shown.table is not None and shown.table["predicted"].notna().any())
    assert shown.rows.tolist() == some and gallery.filters.predicted.isVisible()
