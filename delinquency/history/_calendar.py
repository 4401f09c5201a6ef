"""Calendar arithmetic on whole days, as numbers: month ends, due days, months between two days.

Days are counted from 1970-01-01 and months from January 1970, so nothing here knows a time zone or a
clock. Every function works on arrays; `year_month_day` and `day_of` also run inside kernels.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from delinquency.kernels import compiled, element_wise

__all__ = [
    "add_months",
    "as_days",
    "as_stamps",
    "day_of",
    "due_day",
    "month_end",
    "month_of",
    "whole_months",
    "year_month_day",
]

DAY_US = 86_400_000_000
NO_DAY = np.iinfo(np.int64).min


def as_days(dates: Any) -> np.ndarray:
    """Return dates as days since 1970; a missing date is the smallest integer."""
    stamps = np.asarray(dates, dtype="datetime64[us]").view("int64")
    days = stamps // DAY_US
    if len(stamps) and stamps.min() == NO_DAY:
        days[stamps == NO_DAY] = NO_DAY
    return days


def as_stamps(days: np.ndarray) -> np.ndarray:
    """Return days since 1970 as ``datetime64[us]``."""
    stamps = days * DAY_US
    if len(days) and days.min() == NO_DAY:
        stamps[days == NO_DAY] = NO_DAY
    return stamps.view("datetime64[us]")


@compiled(inline="never")
def year_month_day(day):
    """Return year, month (1-12) and day of month of a day since 1970.

    Counted in years that begin in March, so that the leap day is the last of its year (the
    days-from-civil method, valid for the proleptic Gregorian calendar).
    """
    shifted = day + 719468
    era = shifted // 146097
    of_era = shifted - era * 146097
    year = (of_era - of_era // 1460 + of_era // 36524 - of_era // 146096) // 365
    of_year = of_era - (365 * year + year // 4 - year // 100)
    march = (5 * of_year + 2) // 153
    month = march + 3 if march < 10 else march - 9
    return year + era * 400 + (1 if month <= 2 else 0), month, of_year - (153 * march + 2) // 5 + 1


@compiled(inline="never")
def day_of(year, month, day):
    """Return the day since 1970 of a date; the inverse of `year_month_day`."""
    shifted = year - 1 if month <= 2 else year
    era = shifted // 400
    of_era = shifted - era * 400
    march = month - 3 if month > 2 else month + 9
    of_year = (153 * march + 2) // 5 + day - 1
    return era * 146097 + of_era * 365 + of_era // 4 - of_era // 100 + of_year - 719468


@compiled(inline="never")
def first_of_month(number):
    """Return the first day of a month, counted from January 1970."""
    return day_of(1970 + number // 12, number % 12 + 1, 1)


@compiled(inline="never")
def due_in_month(number, day):
    """Return the day of a month on which a due day falls: the last one when the month is shorter."""
    return min(first_of_month(number) + day - 1, first_of_month(number + 1) - 1)


@compiled(inline="never")
def months_late(due, day, lead):
    """Return how many whole months lie from a due day to a day; `lead` days early is enough."""
    year, month, of_month = year_month_day(due)
    at_year, at_month, _ = year_month_day(day)
    months = (at_year - year) * 12 + at_month - month + 1
    first = (year - 1970) * 12 + month - 1
    while months > 0 and due_in_month(first + months, of_month) - lead > day:
        months -= 1
    return max(months, 0)


@element_wise
def month_of(day):
    """Return the month of a day, counted from January 1970."""
    year, month, _ = year_month_day(day)
    return (year - 1970) * 12 + month - 1


@element_wise
def month_end(number):
    """Return the last day of a month, counted from January 1970."""
    return first_of_month(number + 1) - 1


@element_wise
def due_day(number, day):
    """Return the day on which a due day of the month falls in a month."""
    return due_in_month(number, day)


@element_wise
def add_months(day, count):
    """Return the same day of another month, or that month's last day when it is shorter."""
    year, month, of_month = year_month_day(day)
    return due_in_month((year - 1970) * 12 + month - 1 + count, of_month)


@element_wise
def whole_months(due, day, lead):
    """Return how many months an open due is late: see `months_late`."""
    return months_late(due, day, lead)
