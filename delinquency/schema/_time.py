"""Calendar and the rule of time: the one place that says what was known on a day."""

from __future__ import annotations

import re
from collections.abc import Callable
from numbers import Number
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem

__all__ = ["DATE_DTYPE", "as_date", "known_as_of", "month_ends", "month_number"]

DATE_DTYPE = "datetime64[us]"

# Only a whole date: pandas would complete "March" or "now" from the clock, and the day of "2026-06" is
# the first, so that June itself would not be seen.
_ISO_DATE = re.compile(r"\d{4}-\d{2}-\d{2}([T ].*)?")


def as_date(value: Any, name: str = "as_of") -> pd.Timestamp:
    """Return one calendar date; the clock is never read in its place.

    Parameters
    ----------
    value : str or date
        ``YYYY-MM-DD``; a time of day is cut off, as is a time zone.
    name : str
        How an error names it.

    Raises
    ------
    InputError
        ``DLQ-103`` when the value is no date.

    Examples
    --------
    >>> as_date("2026-06-30")
    Timestamp('2026-06-30 00:00:00')
    """
    try:
        date = pd.Timestamp(value)
    except (TypeError, ValueError):
        date = pd.NaT
    unclear = isinstance(value, str) and not _ISO_DATE.fullmatch(value)
    if isinstance(value, Number) or unclear or not isinstance(date, pd.Timestamp):
        raise InputError(
            Problem("DLQ-103", "expected a date", name, fix="write YYYY-MM-DD")
        ) from None
    return date.tz_localize(None).normalize()


def month_number(dates: Any) -> np.ndarray:
    """Return ``year * 12 + month - 1`` of each date, so that months can be subtracted.

    Examples
    --------
    >>> month_number(pd.to_datetime(["2026-01-31", "2025-12-31"]))
    array([24312, 24311])
    """
    values = np.asarray(dates)
    if values.dtype.kind != "M":
        values = values.astype("datetime64[M]")
    return _by_day(values, _months_of)


def known_as_of(months: pd.DataFrame, date: pd.Timestamp) -> np.ndarray:
    """Return which rows of an admitted months table were known at the end of a date.

    A row counts when its month had ended by then and, where the table says when a row was booked
    (``known_at``), when it was booked by then. This is the only rule of time in the library.

    Examples
    --------
    >>> months = pd.DataFrame({"month": pd.to_datetime(["2026-01-31", "2026-02-28"])})
    >>> known_as_of(months, pd.Timestamp("2026-02-27"))
    array([ True, False])
    """
    known = (months["month"] <= date).to_numpy()
    if "known_at" in months:
        # A time on the day itself still counts; a missing booking date means it was never late.
        booked = months["known_at"]
        known = known & (booked.isna() | (booked < date + pd.Timedelta(days=1))).to_numpy()
    return known


def month_ends(dates: pd.Series) -> pd.Series:
    """Return the last day of each date's month, without the slow offset arithmetic of pandas."""
    given = dates.to_numpy()
    ends = _by_day(given, _ends_of)
    # a table that already says month ends, as most do, keeps its own column
    return dates if np.array_equal(ends, given) else pd.Series(ends, dates.index, name=dates.name)


def _ends_of(dates: np.ndarray) -> np.ndarray:
    firsts = dates.astype("datetime64[M]") + np.timedelta64(1, "M")
    return (firsts.astype("datetime64[D]") - np.timedelta64(1, "D")).astype(DATE_DTYPE)


def _months_of(dates: np.ndarray) -> np.ndarray:
    return dates.astype("datetime64[M]").astype("int64") + 1970 * 12


_DAY = 86_400_000_000  # microseconds


def _by_day(dates: np.ndarray, rule: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Return `rule` of each date; it sees the day alone.

    The calendar is asked once a day and not once a row: a history has few days and many rows.
    """
    if dates.dtype != DATE_DTYPE or not len(dates) or np.isnat(dates.min()):
        return rule(dates)
    days = dates.view("int64") // _DAY
    first, last = int(days.min()), int(days.max())
    if last - first >= len(days):
        return rule(dates)
    calendar = np.arange(first, last + 1).astype("datetime64[D]").astype(DATE_DTYPE)
    days -= first
    return rule(calendar).take(days)
