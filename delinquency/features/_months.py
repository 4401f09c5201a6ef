"""Single months side by side, for what is learnt from months one at a time."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

import numpy as np
import pandas as pd

from delinquency.features._build import framed
from delinquency.features._compile import compiled
from delinquency.features._compute import compute, nothing_known
from delinquency.features._feature import Feature
from delinquency.features._plan import Plan, snapshot_dates
from delinquency.features._rows import Block
from delinquency.features._source import whole_table
from delinquency.features._spec import checked_windows
from delinquency.schema import MONTHS, admit

__all__ = ["month_matrix"]

_VALUES = (
    ("days_past_due", ("days_past_due",)),
    ("utilisation", ("balance", "credit_limit")),
    ("payment_ratio", ("amount_due", "amount_paid")),
    ("amount_due", ("amount_due",)),
    ("amount_paid", ("amount_paid",)),
    ("balance", ("balance",)),
)
NAN = np.nan


@compiled
def month_values(cuts, rows, windows, out, at):
    """Write the values of each month, newest month first; windows[0] months of six values."""
    for r in range(len(cuts.begins)):
        out[r, at : at + 6 * windows[0]] = NAN
        for i in range(cuts.ends[r] - 1, cuts.begins[r] - 1, -1):
            age = cuts.nows[r] - rows.month[i]
            if age >= windows[0]:
                break
            if rows.since[i] > cuts.views[r]:
                continue
            o = at + 6 * age
            out[r, o] = rows.days[i]
            out[r, o + 1] = rows.balance[i] / rows.limit[i] if rows.limit[i] > 0 else NAN
            out[r, o + 2] = rows.paid[i] / rows.due[i] if rows.due[i] > 0 else NAN
            out[r, o + 3] = rows.due[i]
            out[r, o + 4] = rows.paid[i]
            out[r, o + 5] = rows.balance[i]


def month_matrix(
    months: Any,
    as_of: Any = None,
    *,
    snapshots: Iterable[Any] | None = None,
    ages: int = 12,
    threads: int | None = None,
) -> pd.DataFrame:
    """Return the single months before a snapshot side by side, for `MonthlyModel`.

    Parameters
    ----------
    months, as_of, snapshots, threads
        As for `build_features`.
    ages : int
        How many months, the snapshot month included.

    Returns
    -------
    DataFrame
        Index ``(account_id, snapshot_date)``; columns ``days_past_due_age0, utilisation_age0,
        payment_ratio_age0, amount_due_age0, amount_paid_age0, balance_age0, days_past_due_age1, ...``,
        age 0 the snapshot month. A month without a row is missing, as is what the table lacks.

    Raises
    ------
    InputError
        As for `build_features`.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {"account_id": 1, "month": ["2026-01", "2026-03"], "days_past_due": [31, 0]}
    ... )
    >>> month_matrix(months, "2026-03-31", ages=3).filter(like="days_past_due").to_numpy()
    array([[ 0., nan, 31.]])
    """
    dates = snapshot_dates(as_of, snapshots)
    lengths = checked_windows((ages,))
    table = admit(whole_table(months), MONTHS)
    entries = tuple(_entry(name, inputs, age) for age in range(ages) for name, inputs in _VALUES)
    block = Block(month_values, windowed=(), once=entries)
    plan = Plan(dates, lengths, (block,), entries, threads or os.cpu_count() or 1)
    cuts, values, _ = compute(table, plan)
    if not len(values):
        raise nothing_known("months", table["month"])
    return framed(table, plan, cuts, values)


def _entry(name: str, inputs: tuple[str, ...], age: int) -> Feature:
    return Feature(f"{name}_age{age}", "months", "months", inputs, "", "", "", "", "", window=age)
