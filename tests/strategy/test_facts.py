"""The instant a plan is made for."""

import numpy as np
import pandas as pd
import pytest

from delinquency.errors import InputError
from delinquency.strategy import instant_of


@pytest.mark.parametrize(
    "value", ["09:00", "now", "today", "March", "2026-06", "20260630", 5, np.int64(5), ""]
)
def test_an_instant_is_written_out_or_refused(value):
    """Nothing is completed from the clock: "09:00" would be that of the day of the run."""
    with pytest.raises(InputError, match=r"DLQ-103 at: expected a date\. fix: write YYYY"):
        instant_of(value, "at")


@pytest.mark.parametrize(
    ("value", "utc"),
    [
        ("2026-06-30", "2026-06-30T00:00Z"),
        ("2026-06-30 09:00+02:00", "2026-06-30T07:00Z"),
        ("2026-06-30T09:00Z", "2026-06-30T09:00Z"),
        (pd.Timestamp("2026-06-30 09:00"), "2026-06-30T09:00Z"),
    ],
)
def test_an_instant_is_told_in_utc(value, utc):
    """A zone is converted, and what has none is UTC."""
    assert instant_of(value) == pd.Timestamp(utc)
