"""The Report tab: how good the model is, what it found, and new samples."""

from napari_sparseattn.widgets.report.report_widget import ReportWidget

__all__ = ["ReportWidget"]
