"""Days past due of a months table that tells only what fell due and what was paid."""

from __future__ import annotations

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.history._calendar import as_days
from delinquency.history._ledger_kernel import NO_DAY, settle_in_order
from delinquency.history._rows import changes, starts_of

__all__ = ["with_days"]


def with_days(frame: pd.DataFrame) -> pd.DataFrame:
    """Return an admitted months table that has ``days_past_due``, worked out by month where it lacks them.

    Each month's due is taken to fall on the month's last day, so days are the least that the amounts
    allow; payments settle the oldest due first. A missing amount counts as 0.
    """
    if "days_past_due" in frame:
        return frame
    if "known_at" in frame:
        # a row known early would be given days that rest on an older row known late
        what = 'column "days_past_due" is missing, and rows were booked at different times'
        fix = "make months with history.months_from_ledger"
        raise InputError(Problem("DLQ-102", what, "months", fix=fix))
    start = np.append(starts_of(changes(frame["account_id"]).cumsum(dtype="int64")), len(frame))
    day = as_days(frame["month"])
    due = np.maximum(np.nan_to_num(frame["amount_due"].to_numpy()), 0.0)
    paid = np.nan_to_num(frame["amount_paid"].to_numpy())
    oldest = settle_in_order(start, day, due, start, day, paid, start, day, 0.005, 0.0)[0]
    return frame.assign(days_past_due=np.where(oldest == NO_DAY, 0.0, (day - oldest).astype(float)))
