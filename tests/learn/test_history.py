"""The history of a run, as JSON and back."""

import json
import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparseattn.errors import InputError
from sparseattn.learn.history import EpochRecord, History

shares = st.floats(0, 1)
records = st.builds(
    EpochRecord,
    *(st.integers(1, 99), st.integers(1, 99), st.floats(0, 10), shares | st.none(), shares | st.none()),
    *(st.integers(1, 4096), shares, st.floats(0, 1e6), st.floats(0, 1e6)),
)


@given(st.lists(records, max_size=4), st.integers() | st.none(), st.lists(st.integers(1, 4096), max_size=4))
def test_json_gives_the_same_history(epochs, seed, ks):
    history = History(tuple(epochs), {"epochs": 3}, seed, "ab", {"torch": "2"}, ks, {"n": 4})
    assert History.from_json(json.loads(json.dumps(history.to_json(), allow_nan=False))) == history


def test_a_loss_that_is_not_finite_is_null():
    record = EpochRecord(1, 1, float("nan"), float("inf"), None, 1, 0.1, 1.0, 0.0)
    assert (record.to_json()["loss"], record.to_json()["validation_loss"]) == (None, None)
    assert math.isnan(EpochRecord.from_json(record.to_json()).loss)


@pytest.mark.parametrize(
    "change",
    [{"epochs": {}}, {"epochs": ["x"]}, {"options": []}, {"seed": "1"}, {"versions": 1}, {"code": "x"}],
)
def test_json_without_sense_is_refused(change):
    with pytest.raises(InputError, match="history"):
        History.from_json({**History().to_json(), **change})


@pytest.mark.parametrize("change", [{"loss": "0"}, {"k": True}, {"more": 1}])
def test_a_record_without_sense_is_refused(change):
    record = EpochRecord(1, 1, 0.1, 0.2, 0.3, 1, 0.1, 1.0, 0.0).to_json()
    with pytest.raises(InputError, match="epoch record"):
        EpochRecord.from_json({**record, **change})
