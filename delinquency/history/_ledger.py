"""From dues and payments to days past due, and to the months table."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.buckets import BucketScheme, scheme_of
from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.history._calendar import as_days, as_stamps, month_end, month_of, whole_months
from delinquency.history._ledger_kernel import (
    NO_DAY,
    count_material_days,
    settle_by_group,
    settle_in_order,
)
from delinquency.history._ledger_tables import Ledger, admit_ledger
from delinquency.history._snapshots import snapshot_month
from delinquency.schema import as_date

__all__ = [
    "Settlement",
    "days_past_due",
    "material_days",
    "months_delinquent",
    "months_from_ledger",
]

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
                problems.append(Problem("DLQ-215", what, "Settlement"))
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
    days = _asked(at)
    row_start = np.arange(len(ledger.ids) + 1) * len(days)
    rows = np.tile(days, len(ledger.ids))
    oldest, _, arrears, _, _ = settle(ledger, row_start, rows)
    columns = {
        "account_id": ledger.ids.repeat(len(days)).reset_index(drop=True),
        "date": as_stamps(rows),
        "days_past_due": _late(oldest, rows),
        "arrears": arrears,
    }
    return _told(pd.DataFrame(columns), ledger)


def _settlement(settlement: Settlement | None, how: dict[str, Any]) -> Settlement:
    if settlement is None:
        return Settlement(**how)
    if how:
        what = "give a Settlement or its fields, not both"
        raise InputError(Problem("DLQ-215", what, "settlement"))
    return settlement


def _asked(at: Any) -> np.ndarray:
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
    dues = (ledger.due_start, ledger.due_day, ledger.due_amount, ledger.due_known)
    moves = (ledger.due_group, ledger.moved_to, ledger.moved_at)
    return settle_by_group(*dues, *moves, *payments, ledger.pay_group, *sizes)


def _late(oldest: np.ndarray, rows: np.ndarray) -> np.ndarray:
    return np.where(oldest == NO_DAY, 0, rows - oldest)


def _told(frame: pd.DataFrame, ledger: Ledger) -> pd.DataFrame:
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
        "contractual_dpd": late,
        "current_dpd": late if current is oldest else _late(current, rows).astype("float64"),
        "arrears": arrears,
        "oldest_due": as_stamps(oldest),
        "amount_due": fell_due,
        "amount_paid": came_in,
        "bucket": _bucketed(late, scheme),
    }
    if ledger.settlement.known == "now":
        columns["known_at"] = np.full(len(rows), np.datetime64(date), dtype="datetime64[us]")
    frame = _told(pd.DataFrame(columns), ledger)
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


_LEAD = {"mba": 1, "ots": 0}


def months_delinquent(
    dues: Any, payments: Any, at: Any, method: str, *, settlement: Settlement | None = None
) -> pd.DataFrame:
    """Return how many months late each account stood, by one of the mortgage conventions.

    The two differ by a month at most month ends: of a payment due on 1 April and not made, MBA says one
    month late on 30 April (the day before the next due date), OTS on 1 May (the next due date), so
    a report of 30 April calls it current. Months are not days: never put both in one column.

    Parameters
    ----------
    dues, payments, at, settlement
        See `days_past_due`.
    method : {"mba", "ots"}
        Convention of the Mortgage Bankers Association, or of the Office of Thrift Supervision.

    Returns
    -------
    DataFrame
        ``account_id``, ``date``, ``months_delinquent``, ``method``.

    Raises
    ------
    InputError
        As `days_past_due`; ``DLQ-215`` for another method.

    Examples
    --------
    >>> dues = pd.DataFrame({"account_id": [1], "due_date": ["2026-04-01"], "amount_due": [100.0]})
    >>> at = ["2026-04-30", "2026-05-31"]
    >>> months_delinquent(dues, None, at, "mba")["months_delinquent"].tolist()
    [1, 2]
    >>> months_delinquent(dues, None, at, "ots")["months_delinquent"].tolist()
    [0, 1]
    """
    if method not in _LEAD:
        fix = 'use "mba" or "ots"'
        raise InputError(Problem("DLQ-215", "method is not known", "method", fix=fix))
    table = days_past_due(dues, payments, at, settlement=settlement)
    days = as_days(table["date"])
    late = table["days_past_due"].to_numpy()
    months = np.where(late > 0, whole_months(days - late, days, _LEAD[method]), 0)
    return table[["account_id", "date"]].assign(months_delinquent=months, method=method)


def material_days(
    dues: Any,
    payments: Any,
    at: Any,
    exposure: Any,
    *,
    absolute: float = 100.0,
    share: float = 0.01,
    limit: int = 90,
    settlement: Settlement | None = None,
) -> pd.DataFrame:
    """Count the days in a row with material arrears, as the European definition of default does.

    The counter rises by one on each day whose arrears are above `absolute` **and** above `share` of the
    exposure, and falls to 0 on any other day; an account defaults when it passes `limit`. (EBA
    guidelines on the definition of default, EBA/GL/2016/07, and Regulation (EU) 2018/171: EUR 100 for
    retail, EUR 500 otherwise, 1 %.)

    Parameters
    ----------
    dues, payments, at, settlement
        See `days_past_due`.
    exposure : float, or Series indexed by account_id
        What the account owes on the books.
    absolute, share : float
        Both must be passed for arrears to be material.
    limit : int
        Days in a row after which the account is in default.

    Returns
    -------
    DataFrame
        ``account_id``, ``date``, ``material_days``, ``past_limit`` (the counter is above `limit` on the day).

    Raises
    ------
    InputError
        As `days_past_due`; ``DLQ-104`` when an account has no exposure.

    Examples
    --------
    >>> dues = pd.DataFrame({"account_id": [1], "due_date": ["2026-01-01"], "amount_due": [150.0]})
    >>> material_days(dues, None, ["2026-01-02", "2026-04-01", "2026-04-02"], exposure=5_000)
       account_id       date  material_days  past_limit
    0           1 2026-01-02              1       False
    1           1 2026-04-01             90       False
    2           1 2026-04-02             91        True
    """
    ledger = admit_ledger(dues, payments, settlement or Settlement())
    owed = _exposures(exposure, ledger)
    asked = _asked(at)
    row_start, rows, is_asked = _change_rows(ledger, asked)
    arrears = settle(ledger, row_start, rows)[2]
    account = np.repeat(np.arange(len(ledger.ids)), np.diff(row_start))
    days = count_material_days(row_start, rows, arrears, owed[account], absolute, share)[is_asked]
    columns = {
        "account_id": ledger.ids.take(account[is_asked]).reset_index(drop=True),
        "date": as_stamps(rows[is_asked]),
        "material_days": days,
        "past_limit": days > limit,
    }
    return _told(pd.DataFrame(columns), ledger)


def _exposures(exposure: Any, ledger: Ledger) -> np.ndarray:
    if isinstance(exposure, pd.Series):
        owed = exposure.reindex(ledger.ids).to_numpy(dtype="float64")
    else:
        owed = np.full(len(ledger.ids), float(exposure))
    lacking = int(np.isnan(owed).sum())
    if lacking:
        what = f"{lacking:,} of {len(owed):,} accounts have no exposure"
        fix = "give a number, or a Series indexed by account_id"
        raise InputError(Problem("DLQ-104", what, "exposure", lacking, fix))
    return owed


def _change_rows(ledger: Ledger, asked: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the days on which arrears may change, with the asked days among them."""
    count = len(ledger.ids)
    due_account = np.repeat(np.arange(count), np.diff(ledger.due_start))
    pay_account = np.repeat(np.arange(count), np.diff(ledger.pay_start))
    booked = np.maximum(ledger.due_day + 1, ledger.due_known)
    account = np.concatenate([due_account, pay_account, np.repeat(np.arange(count), len(asked))])
    day = np.concatenate([booked, ledger.pay_day, np.tile(asked, count)])
    keys = np.unique(np.stack([account, day], axis=1), axis=0)
    row_start = np.searchsorted(keys[:, 0], np.arange(count + 1))
    rows = np.ascontiguousarray(keys[:, 1])
    return row_start, rows, np.isin(rows, asked)
