"""Recoveries: what comes back of each charge-off cohort, and what is still to come."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import norm

from delinquency.errors import InputError, Problem
from delinquency.portfolio._standing import Standing, standing_of
from delinquency.portfolio._triangle import chain_ladder

__all__ = ["by_ladder", "money_of", "recovery_triangle"]


def money_of(standing: Standing, name: str, *, required: bool = True) -> np.ndarray:
    """Return a column of amounts, missing ones as 0."""
    if name in standing.frame:
        return np.nan_to_num(standing.frame[name].to_numpy())
    if not required:
        return np.zeros(len(standing.frame))
    raise InputError(Problem("DLQ-102", f'column "{name}" is missing', "months", fix="add it"))


def recovery_triangle(months: Any, period: str = "Q") -> pd.DataFrame:
    """Return what came back of each charge-off cohort, cumulated by age, for `chain_ladder`.

    Parameters
    ----------
    months : table
        Needs ``status`` or ``written_off``, and ``recovered``.
    period : {"M", "Q", "Y"}
        Length of cohorts and ages.

    Returns
    -------
    DataFrame
        A row per period in which accounts were written off, a column per age in periods. Column -1 is
        what was written off, so that a cohort with no recovery yet can grow too; column 0 is
        what came back in the same period. The last period of the book counts as it stands.

    Raises
    ------
    InputError
        ``DLQ-100`` when nothing was written off; ``DLQ-102`` for missing columns.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": 1,
    ...         "month": ["2026-01", "2026-02", "2026-03"],
    ...         "days_past_due": [170, 198, 229],
    ...         "written_off": [0.0, 100.0, 0.0],
    ...         "recovered": [0.0, 0.0, 10.0],
    ...     }
    ... )
    >>> recovery_triangle(months, "M")
                -1    0     1
    2026-02  100.0  0.0  10.0
    """
    return _recoveries(standing_of(months, (30,)), period)


_SPAN = {"M": 1, "Q": 3, "Y": 12}


def _recoveries(standing: Standing, period: str) -> pd.DataFrame:
    if period not in _SPAN:
        raise InputError(Problem("DLQ-217", "period is not known", "period", fix='"M", "Q" or "Y"'))
    lost, back = money_of(standing, "written_off"), money_of(standing, "recovered")
    rows = np.flatnonzero(lost > 0)
    if not len(rows):
        fix = "there is no recovery to follow; check written_off"
        what = "nothing was written off"
        raise InputError(Problem("DLQ-100", what, "months.written_off", 0, fix))
    number = standing.number // _SPAN[period]
    begun = np.full(standing.account[-1] + 1, -1)
    begun[standing.account[rows[::-1]]] = number[rows[::-1]]
    first, last = int(begun[begun >= 0].min()), standing.end // _SPAN[period]
    size = last - first + 1
    table = np.zeros((size, size + 1))
    np.add.at(table, (begun[standing.account[rows]] - first, np.zeros_like(rows)), lost[rows])
    tail = np.flatnonzero((begun[standing.account] >= 0) & (number >= begun[standing.account]))
    place = begun[standing.account[tail]]
    np.add.at(table, (place - first, number[tail] - place + 1), back[tail])
    table[:, 1:] = table[:, 1:].cumsum(axis=1)
    age = np.arange(size + 1)
    table[age[None, :] > size - np.arange(size)[:, None]] = np.nan
    begins = (first + np.arange(size)) * _SPAN[period] - 1970 * 12
    names = pd.PeriodIndex(begins.astype("datetime64[M]").astype("datetime64[s]"), freq=period)
    frame = pd.DataFrame(table, index=names.astype("str"), columns=age - 1)
    return frame[frame[-1] > 0]


def by_ladder(
    standing: Standing, horizon: int, level: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return what written-off accounts will bring in each month to come, with low and high."""
    back = _recoveries(standing, "M")
    # what is still owed is never 0 at first, as recoveries are, so each month has something to grow from
    amounts = back.to_numpy()
    owed = amounts[:, :1] - amounts[:, 1:]
    reached = (~np.isnan(owed)).sum(axis=1)
    ladder = chain_ladder(owed[:, : reached[0]])  # the oldest cohort sets how far it reaches
    shrunk = -np.diff(ladder.completed.to_numpy(), axis=1)
    variance = ladder.increment_errors.to_numpy() ** 2
    cash, spread = np.zeros(horizon), np.zeros(horizon)
    for step in range(horizon):
        column = reached - 1 + step
        inside = np.flatnonzero(column < shrunk.shape[1])
        cash[step] = shrunk[inside, column[inside]].sum()
        # each cohort is at another age, so their factors and errors are independent
        spread[step] = np.sqrt(variance[inside, column[inside]].sum())
    reach = norm.ppf((1 + level) / 2) * spread
    return cash, np.maximum(cash - reach, 0.0), cash + reach
