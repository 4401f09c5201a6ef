"""Who never paid the first due; and how many go bad by when, from lives that are cut short."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.portfolio._standing import Standing, grouped, standing_of
from delinquency.portfolio._vintage import jeffreys, opened_of
from delinquency.schema import month_number

__all__ = ["cumulative_incidence", "first_payment_default"]

_NEVER = 1 << 30


def first_payment_default(
    months: Any,
    days: int = 30,
    *,
    groups: str | Sequence[str] | None = None,
    cohort: str | None = "Q",
    accounts: Any = None,
    level: float = 0.95,
) -> pd.DataFrame:
    """Say which share of new accounts left their first due open for some days: a word to underwriting.

    The first due is in the account's first month with ``amount_due`` above 0; it is late when a later
    month's days past due reach back into that month. Only accounts that opened within the book and
    whose first due month ended at least `days` ago count, paid or not.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`; needs ``amount_due``, ``days_past_due`` and, here or in
        `accounts`, ``opened``.
    days : int
        Days after which the first due is in default.
    groups, cohort, accounts
        As in `roll_rates`, for example ``groups="segment"``.
    level : float
        Of the interval.

    Returns
    -------
    DataFrame
        Grouping columns, ``n`` (matured accounts), ``bad``, ``rate``, ``low``, ``high`` (Jeffreys).

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 1, 2, 2, 2],
    ...         "month": ["2026-01", "2026-02", "2026-03"] * 2,
    ...         "days_past_due": [21, 49, 80, 0, 0, 0],
    ...         "amount_due": 100.0,
    ...         "opened": "2026-01-02",
    ...     }
    ... )
    >>> first_payment_default(months)[["cohort", "n", "bad", "rate"]]
       cohort  n  bad  rate
    0  2026Q1  2    1   0.5
    """
    standing = standing_of(months, (days,))
    frame = standing.frame
    if "amount_due" not in frame:
        fix = "make months with history.months_from_ledger"
        raise InputError(Problem("DLQ-102", 'column "amount_due" is missing', "months", fix=fix))
    keys = grouped(standing, groups, cohort, accounts)
    due = np.flatnonzero(frame["amount_due"].to_numpy() > 0)
    first = due[np.append(True, np.diff(standing.account[due]) > 0)[: len(due)]]
    begun = month_number(opened_of(standing, accounts).iloc[first].fillna(pd.Timestamp(0)))
    end = frame["month"].to_numpy().astype("datetime64[D]").astype("int64")
    last_day = end[standing.number == standing.end][0]
    matured = (begun >= standing.number.min()) & (end[first] + days <= last_day)
    bad = _reaches_back(standing, first, end, days)
    told = keys.iloc[first[matured]].assign(bad=bad[matured])
    names = list(keys.columns)
    if names:
        table = told.groupby(names, dropna=False)["bad"].agg(["size", "sum"]).reset_index()
    else:
        table = pd.DataFrame({"size": [len(told)], "sum": [told["bad"].sum()]})
    table = table.rename(columns={"size": "n", "sum": "bad"})
    table["rate"] = table["bad"] / table["n"]
    table["low"], table["high"] = jeffreys(table["bad"], table["n"], level)
    return table


def _reaches_back(standing: Standing, first: np.ndarray, end: np.ndarray, days: int) -> np.ndarray:
    """Return which first dues some later month still calls open, `days` or more after they fell due."""
    late = standing.frame["days_past_due"].to_numpy()
    start = np.full(standing.account[-1] + 1, _NEVER)
    start[standing.account[first]] = first
    begin = start[standing.account]
    rows = np.flatnonzero((np.arange(len(late)) >= begin) & (late >= days))
    oldest = end[rows] - late[rows]
    in_first_month = oldest <= end[begin[rows]]
    bad = np.zeros(len(start), dtype=bool)
    bad[standing.account[rows[in_first_month]]] = True
    return bad[standing.account[first]]


def cumulative_incidence(time: Any, event: Any) -> pd.DataFrame:
    """Estimate how many will have gone bad by each time, from lives that are cut short.

    The estimate of Aalen and Johansen: accounts still under watch are censored, accounts that left by
    another door (paid off, sold) compete. Without competing exits it is one minus the estimate of
    Kaplan and Meier. Unlike `vintage` it uses cohorts before all of them have reached an age.

    Parameters
    ----------
    time : array of float
        When each account's watch ended.
    event : array of int
        1 when it ended in the event, 2 in a competing exit, 0 when it was still going on.

    Returns
    -------
    DataFrame
        ``time`` (each at which something ended), ``at_risk``, ``events``, ``exits``, ``surviving`` (neither
        event nor exit), ``incidence``.

    Examples
    --------
    >>> cumulative_incidence([1, 2, 2, 3], [1, 0, 1, 2])[["time", "at_risk", "incidence"]]
       time  at_risk  incidence
    0   1.0        4       0.25
    1   2.0        3       0.50
    2   3.0        1       0.50
    """
    when, kind = np.asarray(time, dtype="float64"), np.asarray(event)
    if when.shape != kind.shape or not len(when) or not np.isin(kind, (0, 1, 2)).all():
        what = "time and event must have one length, and events be 0, 1 or 2"
        fix = "0 is still open, 1 the event, 2 what rules it out"
        raise InputError(Problem("DLQ-217", what, "cumulative_incidence", fix=fix))
    times, place = np.unique(when, return_inverse=True)
    ended = np.bincount(place, minlength=len(times))
    at_risk = len(when) - np.append(0, np.cumsum(ended)[:-1])
    events = np.bincount(place, kind == 1, minlength=len(times))
    exits = np.bincount(place, kind == 2, minlength=len(times))
    surviving = np.cumprod(1 - (events + exits) / at_risk)
    before = np.append(1.0, surviving[:-1])
    columns = {
        "time": times,
        "at_risk": at_risk,
        "events": events.astype("int64"),
        "exits": exits.astype("int64"),
        "surviving": surviving,
        "incidence": np.cumsum(before * events / at_risk),
    }
    return pd.DataFrame(columns)
