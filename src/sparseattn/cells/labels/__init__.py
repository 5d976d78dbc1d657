"""The label log: one file that is only added to, undo without limit, cells set aside for testing."""

from sparseattn.cells.labels.log import LabelLog, default_log_path
from sparseattn.cells.labels.records import (
    EXCLUDE,
    LABEL_KEYS,
    RESERVED,
    UNSURE,
    Label,
    LabelClass,
    LabelOrigin,
    Picked,
)
from sparseattn.cells.labels.sides import TEST_SHARE, labelled_by

__all__ = [
    "EXCLUDE",
    "LABEL_KEYS",
    "RESERVED",
    "TEST_SHARE",
    "UNSURE",
    "Label",
    "LabelClass",
    "LabelLog",
    "LabelOrigin",
    "Picked",
    "default_log_path",
    "labelled_by",
]
