"""From dues and payments to days past due, and to the months table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.buckets import BucketScheme, scheme_of
from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.history._calendar import as_days, as_stamps, month_end, month_of
from delinquency.history._ledger_kernel import NO_DAY, settle_by_group, settle_in_order
from delinquency.history._ledger_tables import Ledger, admit_ledger
from delinquency.history._snapshots import snapshot_month
from delinquency.schema import as_date

__all__ = ["Settlement", "days_past_due", "months_from_ledger", "settle"]

_EPOCH_MONTH = 1970 * 12


@dataclass(frozen=True)
class Settlement:
    """How payments meet dues.

    Parameters
    ----------
    order : {"fifo", "designated", "instalment"}
        ``fifo``: the oldest open due first. ``designated``: a payment whose ``for_due`` names a due
        date settles that due first. ``instalment``: a payment whose ``instalment`` names an instalment
        (or plan, or contract line) settles the oldest due of that instalment first. What is left over
        goes to the oldest open due.
    tolerance : float
        A remainder of at most this amount counts as settled. Half a cent by default, so that sums
        of cents do not leave dust.
    tolerance_share : float
        The same as a share of the due; the larger of the two holds.
    known : {"then", "now"}
        ``then``: each day is seen as it was known on that day, so an event counts from the day it
        was booked (``known_at``). ``now``: events count from their own date, whenever booked.

    Examples
    --------
    >>> Settlement(tolerance=5)
    Settlement(order='fifo', tolerance=5, tolerance_share=0.0, known='then')
    """

    order: str = "fifo"
    tolerance: float = 0.005
    tolerance_share: float = 0.0
    known: str = "then"

    def __post_init__(self) -> None:
        problems = []
        for name, allowed in (
            ("order", ("fifo", "designated", "instalment")),
            ("known", ("then", "now")),
        ):
            value = getattr(self, name)
            if value not in allowed:
                fix = did_you_mean(value, allowed) or "use " + ", ".join(allowed)
                problems.append(Problem("DLQ-215", f"{name} is not known", "Settlement", fix=fix))
        for name in ("tolerance", "tolerance_share"):
            value = getattr(self, name)
            if not 0 <= value < np.inf:
                what = f"{name} must be 0 or more, and finite"
                problems.append(Problem("DLQ-215", what, "Settlement", fix="0 forgives nothing"))
        if problems:
            raise InputError(*problems)


def days_past_due(
    dues: Any,
    payments: Any,
    at: Any,
    *,
    settlement: Settlement | None = None,
    **how: Any,
) -> pd.DataFrame:
    """Return how late each account stood on each of some days.

    Days past due are counted from the oldest due whose remainder is above the tolerance and whose due
    date lies before the day: 0 on the due date itself, 1 on the day after.

    Parameters
    ----------
    dues : table
        See `delinquency.schema.DUES`. A due may also have ``known_at``, ``instalment``, and, when it was
        re-aged or extended, ``contractual_date`` (the date first agreed) with ``moved_at``.
    payments : table or None
        See `delinquency.schema.PAYMENTS`; a reversal is negative. May also have ``known_at``,
        ``for_due`` or ``instalment``. Payments of accounts without a due are left out and counted in
        ``attrs["payments_left_out"]`` of the result.
    at : date or sequence of dates
        The days.
    settlement : Settlement, optional
        How payments meet dues; its fields may also be given as keywords (``order="designated"``).

    Returns
    -------
    DataFrame
        ``account_id``, ``date``, ``days_past_due`` (whole), ``arrears`` (sum of the remainders above the
        tolerance that were due before the day), one row for each account of `dues` and day.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-111`` for several currencies, ``DLQ-106`` for
        negative dues, ``DLQ-215`` for settings that make no sense.

    Examples
    --------
    >>> dues = pd.DataFrame(
    ...     {"account_id": 1, "due_date": ["2026-01-01", "2026-02-01"], "amount_due": 100.0}
    ... )
    >>> payments = pd.DataFrame(
    ...     {"account_id": [1], "paid_date": ["2026-01-01"], "amount_paid": 140.0}
    ... )
    >>> days_past_due(dues, payments, at=["2026-02-01", "2026-02-02"])
       account_id       date  days_past_due  arrears
    0           1 2026-02-01              0      0.0
    1           1 2026-02-02              1     60.0
    """
    ledger = admit_ledger(dues, payments, _settlement(settlement, how))
    days = asked_days(at)
    row_start = np.arange(len(ledger.ids) + 1) * len(days)
    rows = np.tile(days, len(ledger.ids))
    oldest, _, arrears, _, _ = settle(ledger, row_start, rows)
    columns = {
        "account_id": ledger.ids.repeat(len(days)).reset_index(drop=True),
        "date": as_stamps(rows),
        "days_past_due": _late(oldest, rows),
        "arrears": arrears,
    }
    return told(pd.DataFrame(columns), ledger)


def _settlement(settlement: Settlement | None, how: dict[str, Any]) -> Settlement:
    if settlement is None:
        return Settlement(**how)
    if how:
        what = "give a Settlement or its fields, not both"
        fix = "put them into the Settlement"
        raise InputError(Problem("DLQ-215", what, "settlement", fix=fix))
    return settlement


def asked_days(at: Any) -> np.ndarray:
    """Return the asked-for days, sorted, each once."""
    many = not isinstance(at, str) and hasattr(at, "__iter__")
    days = as_days(sorted({as_date(date, "at") for date in (at if many else [at])}))
    if not len(days):
        raise InputError(Problem("DLQ-100", "no day to look at", "at", 0, "give one at least"))
    return days


def settle(ledger: Ledger, row_start: np.ndarray, rows: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return oldest, current, arrears, fell_due, came_in for each row."""
    how = ledger.settlement
    sizes = (row_start, rows, float(how.tolerance), float(how.tolerance_share))
    payments = (ledger.pay_start, ledger.pay_day, ledger.pay_amount)
    if ledger.plain:
        oldest, arrears, fell_due, came_in = settle_in_order(
            ledger.due_start, ledger.due_day, ledger.due_amount, *payments, *sizes
        )
        return oldest, oldest, arrears, fell_due, came_in
    dues = (ledger.due_start, ledger.due_day, ledger.due_amount)
    more = (ledger.due_known, ledger.due_group, ledger.moved_to, ledger.moved_at)
    moves = [np.ascontiguousarray(values) for values in more]
    named = np.ascontiguousarray(ledger.pay_group)
    return settle_by_group(*[*dues, *moves, *payments, named, *sizes])


def _late(oldest: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(oldest == NO_DAY, 0, rows - oldest)


def told(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
    """Return the table with the count of what was left out."""
    frame.attrs["payments_left_out"] = ledger.left_out
    return frame


def months_from_ledger(
    dues: Any,
    payments: Any,
    as_of: Any,
    *,
    buckets: str | Sequence[int] | BucketScheme = "generic",
    settlement: Settlement | None = None,
    **how: Any,
) -> pd.DataFrame:
    """Turn dues and payments into the months table.

    Each account has a row for every month that had ended by `as_of`, from the month of its first due
    or payment on; each row is what was known at that month's end (see `Settlement`).

    Parameters
    ----------
    dues, payments : table
        See `days_past_due`.
    as_of : date
        The day on which we stand.
    buckets : {"generic", "cn_m", "cn_stage"}, sequence of int, or BucketScheme
        See `delinquency.buckets.scheme_of`.
    settlement : Settlement, optional
        How payments meet dues; its fields may also be given as keywords.

    Returns
    -------
    DataFrame
        ``account_id``, ``month``, ``days_past_due`` (contractual: re-ageing never resets the history),
        ``contractual_dpd``, ``current_dpd`` (by the dates that an extension moved), ``arrears``,
        ``oldest_due`` (missing when nothing is late), ``amount_due`` and ``amount_paid`` (what fell
        due and came in during the month, or was booked in it when that was later) and ``bucket``
        (ordered categorical). With ``known="now"`` each row carries ``known_at = as_of``, so that a
        snapshot before that day does not see a history that was written later.

    Raises
    ------
    InputError
        As `days_past_due`; ``DLQ-100`` when no month had ended.

    Examples
    --------
    >>> dues = pd.DataFrame(
    ...     {"account_id": 1, "due_date": ["2026-01-10", "2026-02-10"], "amount_due": 100.0}
    ... )
    >>> payments = pd.DataFrame(
    ...     {"account_id": [1], "paid_date": ["2026-01-09"], "amount_paid": 100.0}
    ... )
    >>> months = months_from_ledger(dues, payments, as_of="2026-03-15")
    >>> months[["month", "days_past_due", "arrears", "amount_due", "amount_paid", "bucket"]]
           month  days_past_due  arrears  amount_due  amount_paid bucket
    0 2026-01-31            0.0      0.0       100.0        100.0      0
    1 2026-02-28           18.0    100.0       100.0          0.0   1-29
    """
    scheme = scheme_of(buckets)
    ledger = admit_ledger(dues, payments, _settlement(settlement, how))
    date = as_date(as_of)
    row_start, rows, account = _month_rows(ledger, date)
    oldest, current, arrears, fell_due, came_in = settle(ledger, row_start, rows)
    late = _late(oldest, rows).astype("float64")
    columns = {
        "account_id": ledger.ids.take(account).reset_index(drop=True),
        "month": as_stamps(rows),
        "days_past_due": late,
        "contractual_dpd": late.copy(),
        "current_dpd": _late(current, rows).astype("float64"),
        "arrears": arrears,
        "oldest_due": as_stamps(oldest),
        "amount_due": fell_due,
        "amount_paid": came_in,
        "bucket": _bucketed(late, scheme),
    }
    if ledger.settlement.known == "now":
        columns["known_at"] = np.full(len(rows), np.datetime64(date), dtype="datetime64[us]")
    # every array is fresh, so none needs to be copied again
    frame = told(pd.DataFrame(columns, copy=False), ledger)
    frame.attrs["buckets"] = scheme.name
    return frame


def _bucketed(late: np.ndarray, scheme: BucketScheme) -> pd.Categorical:
    kind = pd.CategoricalDtype(list(scheme.labels), ordered=True)
    return pd.Categorical.from_codes(scheme.codes(late).astype("int8"), dtype=kind)


def _month_rows(ledger: Ledger, date: pd.Timestamp) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return where each account's rows begin, the month ends, and each row's account."""
    last = int(snapshot_month([date])[0]) - _EPOCH_MONTH
    counts = np.maximum(last - month_of(ledger.first_day) + 1, 0)
    if not counts.any():
        fix = "choose a later as_of"
        raise InputError(Problem("DLQ-100", "no month had ended by as_of", "as_of", 0, fix))
    row_start = np.concatenate([[0], np.cumsum(counts)])
    account = np.repeat(np.arange(len(counts)), counts)
    # the months of an account end at `last`, so its row numbers count backwards from there
    number = last - (row_start[account + 1] - 1 - np.arange(row_start[-1]))
    return row_start, month_end(number), account
