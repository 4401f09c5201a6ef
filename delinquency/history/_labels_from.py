"""Labels that come from elsewhere: an outcome table, the ledger; and tables that help to choose one."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from delinquency.buckets import BucketScheme, scheme_of
from delinquency.errors import InputError, Problem
from delinquency.history._calendar import NO_DAY, as_days, as_stamps
from delinquency.history._labels import KEY, groups_of
from delinquency.history._ledger import Settlement, settle
from delinquency.history._ledger_tables import admit_ledger
from delinquency.history._rows import starts_of
from delinquency.history._snapshots import Snapshots, snapshot_month
from delinquency.schema import LABELS, admit, as_date, month_number

__all__ = ["label_first_payment", "label_from", "worst_of"]


def label_from(outcomes: Any, snapshots: Snapshots | None = None) -> pd.DataFrame:
    """Take labels from an outside table, in the form that `label` gives.

    Parameters
    ----------
    outcomes : table
        See `delinquency.schema.LABELS`: ``account_id``, ``snapshot_date``, ``bad``, maybe ``why``.
    snapshots : Snapshots, optional
        Return one row for each of its rows; a row without an outcome gets a missing label. The
        outcomes' own rows by default.

    Returns
    -------
    DataFrame
        ``account_id``, ``snapshot_date``, ``bad``, ``why`` as in `label`.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-116`` when no outcome meets a snapshot.

    Examples
    --------
    >>> outside = pd.DataFrame({"account_id": [1], "snapshot_date": ["2026-01-31"], "bad": [1]})
    >>> label_from(outside)
       account_id snapshot_date  bad            why
    0           1    2026-01-31    1  outcome table
    """
    table = admit(outcomes, LABELS)
    if "why" not in table:
        table["why"] = "outcome table"
    table = table[[*KEY, "bad", "why"]].copy()
    if snapshots is not None:
        same_type = table["account_id"].dtype == snapshots.table["account_id"].dtype
        keys = snapshots.table[KEY]
        joined = keys.merge(table, on=KEY, how="left", indicator=True) if same_type else None
        if joined is None or not (joined["_merge"] == "both").any():
            what = "no label meets an account at its snapshot date"
            fix = "ids must have one type in both tables, and dates must agree"
            raise InputError(Problem("DLQ-116", what, "labels", len(table), fix))
        table = joined.drop(columns="_merge")
    table["bad"] = table["bad"].astype("Int8")
    table["why"] = table["why"].fillna("unknown: no outcome on record").astype("str")
    return table


def label_first_payment(
    dues: Any,
    payments: Any,
    as_of: Any,
    days: int = 30,
    *,
    settlement: Settlement | None = None,
) -> pd.DataFrame:
    """Say of each account whether its first due was still open some days after it fell due.

    Parameters
    ----------
    dues, payments, settlement
        As in `days_past_due`.
    as_of : date
        The day on which we stand; what was booked later is not seen.
    days : int
        Days after which the first due is in default.

    Returns
    -------
    DataFrame
        As `label`, one row an account; ``snapshot_date`` is its first due date. ``bad`` is missing
        ("immature") until `days` days have passed: the denominator is matured accounts alone.

    Examples
    --------
    >>> dues = pd.DataFrame({"account_id": [1, 2], "due_date": "2026-01-10", "amount_due": 100.0})
    >>> payments = pd.DataFrame(
    ...     {"account_id": [1], "paid_date": ["2026-01-12"], "amount_paid": 100.0}
    ... )
    >>> label_first_payment(dues, payments, as_of="2026-03-31")[["account_id", "bad", "why"]]
       account_id  bad                        why
    0           1    0      first due paid by then
    1           2    1  first due open 30 days late
    """
    ledger = admit_ledger(dues, payments, settlement or Settlement())
    first = ledger.due_day[ledger.due_start[:-1]]
    asked = first + days
    oldest = settle(ledger, np.arange(len(first) + 1), asked)[0]
    open_then = (oldest != NO_DAY) & (oldest == first)
    young = asked > as_days([as_date(as_of)])[0]
    columns = {
        "account_id": ledger.ids,
        "snapshot_date": as_stamps(first),
        "bad": pd.array(np.where(young, np.nan, open_then), dtype="Int8"),
        "why": np.select(
            [young, open_then],
            ["immature", f"first due open {days} days late"],
            default="first due paid by then",
        ),
    }
    return pd.DataFrame(columns).astype({"why": "str"})


def worst_of(
    snapshots: Snapshots,
    *,
    back: int = 12,
    ahead: int = 12,
    buckets: str | BucketScheme | tuple[int, ...] = "generic",
) -> pd.DataFrame:
    """Hold the worst bucket before the snapshot against the worst after it, to choose what is bad.

    A definition is good where few come back from it: read along the rows for the bucket from which most
    accounts go on to 90 days and more.

    Parameters
    ----------
    snapshots : Snapshots
        From `take_snapshots`, with windows of `back` and `ahead` months at least.
    back, ahead : int
        Months up to and including the snapshot, and after it.
    buckets
        See `delinquency.buckets.scheme_of`.

    Returns
    -------
    DataFrame
        ``worst_before``, ``worst_after`` (ordered categoricals), ``n``, ``rate`` (share of the row). Accounts
        without a month in both windows, and windows that have not ended, are left out.

    Raises
    ------
    InputError
        ``DLQ-213`` when the snapshots keep fewer months.

    Examples
    --------
    >>> from delinquency.history import take_snapshots
    >>> months = pd.DataFrame(
    ...     {"account_id": 1, "month": ["2026-01", "2026-02"], "days_past_due": [31, 95]}
    ... )
    >>> table = worst_of(take_snapshots(months, "2026-01-31", perform=1), ahead=1)
    >>> table[table["n"] > 0][["worst_before", "worst_after", "n", "rate"]].values.tolist()
    [['30-59', '90-119', 1, 1.0]]
    """
    if back > snapshots.observe or ahead > snapshots.perform:
        fix = f"take_snapshots(..., observe={back}, perform={ahead})"
        raise InputError(Problem("DLQ-213", "the snapshots keep fewer months", "worst_of", fix=fix))
    scheme = scheme_of(buckets)
    before = _worst(snapshots.observed, lambda step: step > -back)
    after = _worst(snapshots.performed, lambda step: step <= ahead)
    both = before.merge(after, on=KEY, suffixes=("_before", "_after"))
    matured = (
        snapshot_month(both["snapshot_date"]) + ahead <= snapshot_month([snapshots.last_month])[0]
    )
    both = both[matured]
    size = len(scheme.labels)
    cell = scheme.codes(both["worst_before"]) * size + scheme.codes(both["worst_after"])
    counts = np.bincount(cell, minlength=size * size)
    total = np.repeat(counts.reshape(size, size).sum(axis=1), size)
    kind = pd.CategoricalDtype(list(scheme.labels), ordered=True)
    row, column = np.divmod(np.arange(size * size), size)
    columns = {
        "worst_before": pd.Categorical.from_codes(row, dtype=kind),
        "worst_after": pd.Categorical.from_codes(column, dtype=kind),
        "n": counts,
        "rate": np.where(total > 0, counts / np.maximum(total, 1), np.nan),
    }
    return pd.DataFrame(columns)


def _worst(rows: pd.DataFrame, inside: Any) -> pd.DataFrame:
    step = month_number(rows["month"]) - snapshot_month(rows["snapshot_date"])
    rows = rows[inside(step)]
    starts = starts_of(groups_of(rows))
    late = rows["days_past_due"].to_numpy()
    worst = np.maximum.reduceat(late, starts) if len(starts) else late
    return rows[KEY].take(starts).assign(worst=worst)
