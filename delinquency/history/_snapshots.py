"""The leak wall: the one place that parts months at a date."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.history._derive import with_days
from delinquency.history._rows import changes, starts_of
from delinquency.schema import (
    ACCOUNTS,
    DATE_DTYPE,
    MONTHS,
    admit,
    as_date,
    known_as_of,
    month_number,
    refuse_other_ids,
)

__all__ = ["Snapshots", "positions", "snapshot_month", "take_snapshots"]


@dataclass(frozen=True, eq=False)
class Snapshots:
    """Months parted at one or more snapshot dates.

    Attributes
    ----------
    observed : DataFrame
        The months rows that were known at the snapshot date, each with its ``snapshot_date``: what
        features may see. Sorted by account, snapshot date, month.
    performed : DataFrame
        The months rows after the snapshot date, of the same accounts: what labels are made of.
    table : DataFrame
        One row per account and snapshot date with where the account stood: the columns of
        `positions`. Accounts without an observed row are not in it.
    observe, perform : int
        Length of the two windows in months.
    last_month : Timestamp
        The last month of the book; a window that ends after it has not matured.
    """

    observed: pd.DataFrame
    performed: pd.DataFrame
    table: pd.DataFrame
    observe: int
    perform: int
    last_month: pd.Timestamp

    def __repr__(self) -> str:
        dates = self.table["snapshot_date"].unique()
        return (
            f"Snapshots({len(self.table):,} accounts x dates, {len(dates)} dates, "
            f"observe={self.observe}, perform={self.perform}, "
            f"{len(self.observed):,} rows observed, {len(self.performed):,} performed)"
        )


def take_snapshots(
    months: Any,
    dates: Any,
    observe: int = 24,
    perform: int = 12,
    *,
    as_of: Any = None,
) -> Snapshots:
    """Stand at each date, keep what was known then, and set aside what followed.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`. Without ``days_past_due`` they are worked out from what
        fell due and was paid, each month's due taken to fall on its last day.
    dates : date or iterable of dates
        Snapshot dates. A month belongs to the observed side when it had ended by the date and was
        booked by the date (``known_at``); a month that was booked later belongs to neither side.
    observe : int
        Months observed, the last one ending at or before the date.
    perform : int
        Months performed, starting with the first that ended after the date.
    as_of : date, optional
        Look at the book as it was known at this date; labels then mature against it. Everything in
        the table counts by default.

    Returns
    -------
    Snapshots

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-211`` for windows shorter than a month;
        ``DLQ-100`` when no month was known at a date.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {
    ...         "account_id": [1, 1, 1],
    ...         "month": ["2026-01", "2026-02", "2026-03"],
    ...         "days_past_due": [0, 0, 31],
    ...     }
    ... )
    >>> parted = take_snapshots(months, "2026-02-28", observe=1, perform=1)
    >>> parted.observed[["month", "snapshot_date", "days_past_due"]]
           month snapshot_date  days_past_due
    0 2026-02-28    2026-02-28            0.0
    >>> parted.performed["days_past_due"].tolist()
    [31.0]
    """
    _check_windows(observe, perform)
    frame = with_days(admit(months, MONTHS))
    if as_of is not None:
        frame = frame[known_as_of(frame, as_date(as_of))].reset_index(drop=True)
    stamps = _snapshot_dates(dates)
    codes, number = changes(frame["account_id"]).cumsum(dtype="int64"), month_number(frame["month"])
    sides = [_part(frame, codes, number, date, observe, perform) for date in stamps]
    observed, performed = [side[0] for side in sides], [side[1] for side in sides]
    tables = [
        _stand(frame, codes, number, date, rows)
        for date, rows in zip(stamps, observed, strict=True)
    ]
    return Snapshots(
        observed=_stacked(frame, codes, stamps, observed),
        performed=_stacked(frame, codes, stamps, performed),
        table=_by_account(pd.concat(tables, ignore_index=True)),
        observe=observe,
        perform=perform,
        last_month=frame["month"].max(),
    )


def _check_windows(observe: int, perform: int) -> None:
    if observe < 1 or perform < 0:
        what = "the observation window needs a month at least, the performance window none or more"
        raise InputError(Problem("DLQ-211", what, "take_snapshots", fix="observe=24, perform=12"))


def _snapshot_dates(dates: Any) -> list[pd.Timestamp]:
    many = isinstance(dates, Iterable) and not isinstance(dates, str)
    stamps = sorted({as_date(date, "dates") for date in (dates if many else [dates])})
    if not stamps:
        raise InputError(Problem("DLQ-100", "no snapshot date", "dates", 0, "give one at least"))
    return stamps


def snapshot_month(dates: Any) -> np.ndarray:
    """Return the number of the last month that had ended at each date."""
    days = np.asarray(dates, dtype="datetime64[D]")
    return month_number(days + np.timedelta64(1, "D")) - 1


def _part(
    frame: pd.DataFrame,
    codes: np.ndarray,
    number: np.ndarray,
    date: pd.Timestamp,
    observe: int,
    perform: int,
) -> tuple[np.ndarray, np.ndarray]:
    """Return the row positions observed at a date and those performed after it."""
    at = snapshot_month([date])[0]
    observed = np.flatnonzero(known_as_of(frame, date) & (number > at - observe))
    if not len(observed):
        first, last = frame["month"].min().date(), frame["month"].max().date()
        what = f"no month was known at {date.date()}; the months of the table run from {first} to {last}"
        fix = "choose dates that they reach"
        raise InputError(Problem("DLQ-100", what, "dates", 0, fix))
    seen = np.zeros(codes[-1] + 1, dtype=bool)
    seen[codes[observed]] = True
    performed = np.flatnonzero((number > at) & (number <= at + perform) & seen[codes])
    return observed, performed


def _stacked(
    frame: pd.DataFrame, codes: np.ndarray, stamps: list[pd.Timestamp], sides: list[np.ndarray]
) -> pd.DataFrame:
    rows = np.concatenate(sides)
    which = np.repeat(np.arange(len(stamps)), [len(side) for side in sides])
    if len(stamps) > 1:
        order = np.lexsort((which, codes[rows]))
        rows, which = rows[order], which[order]
    dates = np.array(stamps, dtype=DATE_DTYPE)
    return frame.take(rows).reset_index(drop=True).assign(snapshot_date=dates[which])


def _by_account(table: pd.DataFrame) -> pd.DataFrame:
    ordered = table.sort_values(["account_id", "snapshot_date"], kind="stable")
    return ordered.reset_index(drop=True)


def positions(months: Any, as_of: Any, accounts: Any = None) -> pd.DataFrame:
    """Return where each account stands at a date, by its last month known then.

    Parameters
    ----------
    months : table
        See `delinquency.schema.MONTHS`.
    as_of : date
        The day on which we stand.
    accounts : table, optional
        Facts of the accounts to set beside it, such as holds and consents; see
        `delinquency.schema.ACCOUNTS`. What the months say too is taken from the months.

    Returns
    -------
    DataFrame
        One row an account: ``account_id``, ``snapshot_date``, ``month`` (its last known month),
        ``months_since_last`` (0 when that is the snapshot month), ``months_observed`` (known rows),
        ``months_on_book`` (since ``opened``, or at least since the first month seen), and the last
        known ``days_past_due``, ``arrears``, ``balance``, ``credit_limit``, ``status`` where the
        table has them.

    Raises
    ------
    InputError
        What `delinquency.schema.admit` finds; ``DLQ-100`` when no month was known.

    Examples
    --------
    >>> months = pd.DataFrame(
    ...     {"account_id": [1, 1], "month": ["2026-01", "2026-03"], "days_past_due": [0, 31]}
    ... )
    >>> positions(months, "2026-02-28")[["account_id", "months_since_last", "days_past_due"]]
       account_id  months_since_last  days_past_due
    0           1                  1            0.0
    """
    frame = with_days(admit(months, MONTHS))
    date = as_date(as_of)
    codes, number = changes(frame["account_id"]).cumsum(dtype="int64"), month_number(frame["month"])
    known = _part(frame, codes, number, date, observe=1 << 30, perform=0)[0]
    standing = _stand(frame, codes, number, date, known)
    return standing if accounts is None else _beside(standing, admit(accounts, ACCOUNTS))


def _beside(standing: pd.DataFrame, accounts: pd.DataFrame) -> pd.DataFrame:
    refuse_other_ids(standing["account_id"], accounts["account_id"], "months, accounts")
    facts = accounts.drop(columns=[n for n in accounts if n in standing and n != "account_id"])
    return standing.merge(facts, on="account_id", how="left")


_LAST = ("days_past_due", "arrears", "balance", "credit_limit", "status")


def _stand(
    frame: pd.DataFrame,
    codes: np.ndarray,
    number: np.ndarray,
    date: pd.Timestamp,
    observed: np.ndarray,
) -> pd.DataFrame:
    """Return one row per account of the observed positions, by its last row."""
    at = snapshot_month([date])[0]
    starts = starts_of(codes[observed])
    ends = np.append(starts[1:], len(observed))
    last = observed[ends - 1]
    stamp = np.full(len(last), np.datetime64(date), dtype=DATE_DTYPE)
    columns: dict[str, Any] = {
        "account_id": frame["account_id"].take(last).reset_index(drop=True),
        "snapshot_date": stamp,
        "month": frame["month"].to_numpy()[last],
        "months_since_last": at - number[last],
        "months_observed": ends - starts,
        "months_on_book": _months_on_book(frame, codes, number, date, last),
    }
    for name in _LAST:
        if name in frame:
            columns[name] = frame[name].take(last).reset_index(drop=True)
    return pd.DataFrame(columns)


def _months_on_book(
    frame: pd.DataFrame, codes: np.ndarray, number: np.ndarray, date: pd.Timestamp, last: np.ndarray
) -> np.ndarray:
    """Return months since opening; without an opening date, since the first month known then."""
    known = np.flatnonzero(known_as_of(frame, date))
    first = np.full(codes[-1] + 1, 1 << 30)
    np.minimum.at(first, codes[known], number[known])
    begun = first[codes[last]]
    if "opened" in frame:
        opened = frame["opened"].to_numpy()[last]
        told = ~np.isnat(opened)
        begun[told] = month_number(opened[told])
    return snapshot_month([date])[0] - begun
