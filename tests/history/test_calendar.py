import calendar
import datetime as dt
import os
import time

import numpy as np
import pytest

from delinquency.history import _calendar

FIRST, LAST = dt.date(2000, 1, 1), dt.date(2040, 12, 31)
EPOCH = dt.date(1970, 1, 1)


@pytest.fixture(params=["UTC", "Asia/Shanghai", "America/New_York", "Pacific/Kiritimati"])
def zone(request, monkeypatch):
    monkeypatch.setenv("TZ", request.param)
    time.tzset()
    yield request.param
    monkeypatch.undo()
    os.environ.pop("TZ", None)
    time.tzset()


def every_day():
    return [FIRST + dt.timedelta(days=at) for at in range((LAST - FIRST).days + 1)]


def numbers(dates):
    return np.array([(date - EPOCH).days for date in dates], dtype="int64")


def _clipped(year, month, day):
    return dt.date(year, month, min(day, calendar.monthrange(year, month)[1]))


def test_month_ends_agree_with_the_standard_library(zone):
    """Every day from 2000 to 2040, whatever zone the machine stands in."""
    days = every_day()
    ends = [date.replace(day=calendar.monthrange(date.year, date.month)[1]) for date in days]

    assert (_calendar.month_end(_calendar.month_of(numbers(days))) == numbers(ends)).all()
    assert (_calendar.as_days(np.array(days, dtype="datetime64[D]")) == numbers(days)).all()
    assert _calendar.as_stamps(numbers(days)).astype("datetime64[D]").tolist() == days


def test_due_days_agree_with_the_standard_library(zone):
    """Every month from 2000 to 2040 and each due day from 1 to 31, and one month on from it."""
    months = [(year, month) for year in range(2000, 2041) for month in range(1, 13)]
    index = np.array([(year - 1970) * 12 + month - 1 for year, month in months])
    for day in range(1, 32):
        expected = [_clipped(year, month, day) for year, month in months]
        assert (_calendar.due_day(index, day) == numbers(expected)).all()
        following = [
            _clipped(date.year + date.month // 12, date.month % 12 + 1, date.day)
            for date in expected
        ]
        assert (_calendar.add_months(numbers(expected), 1) == numbers(following)).all()


def test_days_late_of_every_day_and_due_day_agree_with_the_standard_library(zone):
    """14,976 days x 31 due days: the days since the latest due date before each day."""
    days = every_day()
    day = numbers(days)
    month = _calendar.month_of(day)
    for due in range(1, 32):
        latest = _calendar.due_day(month, due)
        latest = np.where(latest < day, latest, _calendar.due_day(month - 1, due))
        expected = [(date - max(d for d in _two_dues(date, due) if d < date)).days for date in days]
        assert (day - latest).tolist() == expected


def _two_dues(date, due):
    before = date.replace(day=1) - dt.timedelta(days=1)
    return _clipped(date.year, date.month, due), _clipped(before.year, before.month, due)


def test_whole_months_count_up_on_the_due_day():
    """Due 31 January: one month on 28 February, or a day earlier with a lead of a day."""
    due = numbers([dt.date(2026, 1, 31)])
    for date, plain, early in [
        (dt.date(2026, 1, 31), 0, 0),
        (dt.date(2026, 2, 26), 0, 0),
        (dt.date(2026, 2, 27), 0, 1),
        (dt.date(2026, 2, 28), 1, 1),
        (dt.date(2026, 3, 30), 1, 2),
        (dt.date(2026, 3, 31), 2, 2),
    ]:
        assert _calendar.whole_months(due, numbers([date]), 0).tolist() == [plain]
        assert _calendar.whole_months(due, numbers([date]), 1).tolist() == [early]


def test_days_before_1970_and_missing_days_go_through():
    """Old contracts exist; a missing date stays missing."""
    days = np.array(["1969-12-31", "1900-02-28", "NaT"], dtype="datetime64[D]")

    assert _calendar.as_stamps(_calendar.as_days(days)).astype("datetime64[D]")[:2].tolist() == [
        dt.date(1969, 12, 31),
        dt.date(1900, 2, 28),
    ]
    assert np.isnat(_calendar.as_stamps(_calendar.as_days(days))[2])
    assert _calendar.month_of(np.array([-1])).tolist() == [-1]
