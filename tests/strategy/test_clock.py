"""Hours and days in the customer's own time, against a clock that walks minute by minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from delinquency.strategy import _clock
from delinquency.strategy._clock import NEVER, Schedule, earliest, instant, minutes_of

ZONES = [
    "UTC", "America/New_York", "America/Los_Angeles", "Pacific/Honolulu", "Europe/Berlin",
    "Europe/London", "Asia/Shanghai", "Asia/Kolkata", "Australia/Lord_Howe", "Pacific/Apia",
    "America/Santiago", "Africa/Cairo", "Asia/Kathmandu",
]  # fmt: skip
NONE = np.iinfo(np.int64).min


def micros(text):
    return int(datetime.fromisoformat(text).timestamp()) * 1_000_000


def wall(moment, zone):
    return datetime.fromtimestamp(moment / 1e6, UTC).astimezone(ZoneInfo(zone))


def open_at(moment, zone, hours):
    """Say by the wall clock alone whether an hour is inside a daily window."""
    start, end = minutes_of(*hours)
    minute = wall(moment, zone).hour * 60 + wall(moment, zone).minute
    return start <= minute < end if start < end else minute >= start or minute < end


def walk(moment, zones, windows, days=3):
    """Return the first minute that all windows allow in all zones, tried one by one."""
    for step in range(days * 1440):
        at = moment + step * 60_000_000
        if all(open_at(at, zone, hours) for zone in zones for hours in windows):
            return at
    return NEVER


times = st.integers(0, 365 * 24 * 60 - 1).map(
    lambda minute: micros("2026-01-01T00:00+00:00") + minute * 60_000_000
)
clock = st.sampled_from(["00:00", "02:30", "07:30", "08:00", "09:00", "19:00", "21:00", "22:00"])
hours = st.tuples(clock, clock).filter(lambda pair: pair[0] != pair[1])


@settings(max_examples=150)
@given(
    times,
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=2),
    st.lists(hours, min_size=1, max_size=2),
)
@example(micros("2026-03-08T06:30+00:00"), ["America/New_York"], [("02:30", "09:00")])
@example(micros("2026-11-01T05:30+00:00"), ["America/New_York"], [("01:00", "02:30")])
@example(micros("2026-04-23T21:30+00:00"), ["Africa/Cairo"], [("00:00", "02:30")])
@example(micros("2026-09-06T03:30+00:00"), ["America/Santiago"], [("00:00", "08:00")])
@example(micros("2026-10-03T15:20+00:00"), ["Australia/Lord_Howe"], [("02:30", "07:30")])
def test_the_first_permitted_minute_is_what_walking_finds(moment, zones, windows):
    """Daylight-saving changes, windows across midnight, and unknown zones: no minute is missed."""
    schedules = tuple(Schedule.of([minutes_of(*pair)] * 7) for pair in windows)

    found = earliest(moment, tuple(zones), schedules)

    expected = walk(moment, zones, windows)
    if expected == NEVER:
        # one clock change may open an hour weeks later; within three days there is none
        assert found == NEVER or found > moment + 2 * 86_400_000_000
    else:
        assert found == expected


def test_zones_without_a_common_hour_never_open():
    """Candidates that share no hour are never called, rather than called at a wrong hour."""
    morning = Schedule.of([minutes_of("08:00", "09:00")] * 7)

    assert earliest(0, ("Asia/Shanghai", "America/New_York"), (morning,)) == NEVER


def test_closed_weekdays_and_holidays_are_passed_over():
    """Sunday and a holiday on Monday: the next permitted hour is on Tuesday."""
    week = Schedule.of([minutes_of("08:00", "20:00")] * 6 + [None], "none")
    sunday = micros("2026-11-22T03:00+00:00")

    monday = earliest(sunday, ("Asia/Jakarta",), (week,))
    tuesday = earliest(sunday, ("Asia/Jakarta",), (week,), frozenset({date(2026, 11, 23)}))

    assert wall(monday, "Asia/Jakarta").isoformat() == "2026-11-23T08:00:00+07:00"
    assert wall(tuesday, "Asia/Jakarta").isoformat() == "2026-11-24T08:00:00+07:00"


def test_a_window_is_half_open():
    """At the closing minute it is closed, at the opening minute open."""
    day = Schedule.of([minutes_of("08:00", "21:00")] * 7)
    for text, opens in (("08:00", True), ("07:59", False), ("20:59", True), ("21:00", False)):
        moment = micros(f"2026-11-23T{text}+00:00")
        assert (earliest(moment, ("UTC",), (day,)) == moment) == opens


@pytest.mark.parametrize(
    "pair", [("8:00", "21:00"), ("08:00", "24:30"), ("08:00", "08:00"), ("", "")]
)
def test_times_that_are_no_times_are_refused(pair):
    """A window says clearly when it opens and closes."""
    with pytest.raises(ValueError, match=r"window|time"):
        minutes_of(*pair)


@given(st.integers(0, 364), st.integers(0, 1439), st.sampled_from(ZONES))
def test_an_instant_shows_its_minute_or_the_end_of_a_jump(offset, minute, zone):
    """The clock shows the minute asked for, or it had jumped over it and shows a later one."""
    day = date(2026, 1, 1) + timedelta(days=offset)

    shown = wall(instant(day, minute, ZoneInfo(zone)), zone).replace(tzinfo=None)

    asked = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    assert timedelta(0) <= shown - asked <= timedelta(days=1)
    if shown != asked:
        assert (
            wall(instant(day, minute, ZoneInfo(zone)) - 60_000_000, zone).replace(tzinfo=None)
            < asked
        )


@given(times, st.sampled_from(ZONES), st.sampled_from([1, 3, 7, None]))
def test_a_contact_counts_until_its_days_are_over(moment, zone, days):
    """The release is local midnight after the counted days, or the first of the next month."""
    found = _clock.release(np.array([moment]), np.array([0]), [(zone,)], days=days)[0]

    local = wall(moment, zone).date()
    if days is None:
        expected = (local.replace(day=1) + timedelta(days=32)).replace(day=1)
    else:
        expected = local + timedelta(days=days)
    shown = wall(int(found), zone)
    assert shown.date() == expected or (shown.date() - expected).days == 1  # a day that was skipped
    assert shown.hour <= 1


def test_with_two_candidate_zones_the_later_release_holds():
    """A call at 23:30 in one zone is next day's call in the other."""
    moment = micros(
        "2026-11-24T05:30+00:00"
    )  # 00:30 in New York, 21:30 the day before in Los Angeles
    zones = [("America/New_York", "America/Los_Angeles")]

    found = _clock.release(np.array([moment, NONE]), np.array([0, 0]), zones, days=1)

    assert wall(int(found[0]), "America/New_York").isoformat() == "2026-11-25T00:00:00-05:00"
    assert found[1] == NONE
