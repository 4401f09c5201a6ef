"""Hours and days as the customer lives them: local windows, daylight-saving changes, unknown zones.

Instants are integers, microseconds since 1970 in UTC. Where a customer's zone is not known, every
candidate must allow the hour: the answer is the intersection.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from functools import cache, lru_cache
from zoneinfo import ZoneInfo

import numpy as np
import pandas as pd

__all__ = ["NEVER", "Schedule", "earliest", "minutes_of", "release", "zone_or_none"]

NEVER = np.iinfo(np.int64).max
"""An instant that does not come."""

DAY = 1440
SEARCH_DAYS = 40
Interval = tuple[int, int]
_TIME = re.compile(r"([01][0-9]|2[0-3]):([0-5][0-9])$|24:00$")


def minutes_of(start: str, end: str) -> Interval:
    """Return a pair of times as minutes of the day.

    Examples
    --------
    >>> minutes_of("08:00", "21:30"), minutes_of("22:00", "08:00")
    ((480, 1290), (1320, 480))
    """

    def minutes(text: str) -> int:
        if not _TIME.match(text):
            raise ValueError('a time is written "HH:MM", from 00:00 to 24:00')
        return int(text[:2]) * 60 + int(text[3:])

    first, last = minutes(start), minutes(end)
    if first in (last, DAY):
        raise ValueError("a window that begins where it ends says neither all nor none")
    return first, last


@dataclass(frozen=True)
class Schedule:
    """Permitted minutes ``[from, to)`` of each weekday from Monday, and of a public holiday.

    ``holiday`` is None where holidays are days like others.
    """

    week: tuple[tuple[Interval, ...], ...]
    holiday: tuple[Interval, ...] | None = None

    @classmethod
    def of(cls, days: Sequence[Interval | None], holiday: Interval | str | None = None) -> Schedule:
        """Build from one interval a weekday; one that crosses midnight ends on the next day."""
        week: list[list[Interval]] = [[] for _ in range(7)]
        for number, hours in enumerate(days):
            if hours is None:
                continue
            start, end = hours
            if start < end:
                week[number].append((start, end))
            else:
                week[number].append((start, DAY))
                if end:
                    week[(number + 1) % 7].append((0, end))
        closed: tuple[Interval, ...] | None = None
        if isinstance(holiday, tuple):
            start, end = holiday
            closed = ((start, end),) if start < end else ((0, end), (start, DAY))
        elif holiday == "none":
            closed = ()
        return cls(tuple(tuple(sorted(day)) for day in week), closed)

    def on(self, day: date, holidays: frozenset[date]) -> tuple[Interval, ...]:
        """Return the permitted minutes of a day."""
        if self.holiday is not None and day in holidays:
            return self.holiday
        return self.week[day.weekday()]


@cache
def zone_or_none(name: str) -> ZoneInfo | None:
    """Return the zone of an IANA name, or None when there is no such zone."""
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        return None


def _local(instant: int, zone: ZoneInfo) -> datetime:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=instant)
    return moment.astimezone(zone).replace(tzinfo=None)


def _micros(moment: datetime) -> int:
    since = moment - datetime(1970, 1, 1, tzinfo=UTC)
    return (since.days * 86400 + since.seconds) * 1_000_000 + since.microseconds


def instant(day: date, minute: int, zone: ZoneInfo) -> int:
    """Return the first instant at which the local clock shows this minute, or has jumped over it.

    Examples
    --------
    >>> berlin = ZoneInfo("Europe/Berlin")
    >>> jumped = instant(date(2026, 3, 29), 150, berlin)  # 02:30 did not exist
    >>> print(_local(jumped, berlin))
    2026-03-29 03:00:00
    """
    wall = datetime.combine(day, datetime.min.time()) + timedelta(minutes=minute)
    found = wall.replace(tzinfo=zone).astimezone(UTC)
    if _local(_micros(found), zone) == wall:
        return _micros(found)
    moment = wall.replace(tzinfo=zone, fold=1).astimezone(UTC)
    while _local(_micros(moment), zone) < wall:
        moment += timedelta(minutes=1)
    return _micros(moment)


def _next(moment: int, zone: ZoneInfo, schedule: Schedule, holidays: frozenset[date]) -> int:
    """Return the first instant from `moment` on at which the schedule is open in the zone."""
    wall = _local(moment, zone)
    minute = wall.hour * 60 + wall.minute
    for ahead in range(SEARCH_DAYS):
        day = wall.date() + timedelta(days=ahead)
        for start, end in schedule.on(day, holidays):
            if ahead == 0 and start <= minute < end:
                return moment
            if ahead == 0 and start <= minute:
                continue
            candidate = instant(day, start, zone)
            # a clock that jumped forward may have passed the whole window
            shown = _local(candidate, zone)
            if shown.date() == day and shown.hour * 60 + shown.minute < end:
                return max(candidate, moment)
    return NEVER


@lru_cache(maxsize=100_000)
def earliest(
    moment: int,
    zones: tuple[str, ...],
    schedules: tuple[Schedule, ...],
    holidays: frozenset[date] = frozenset(),
) -> int:
    """Return the first instant from `moment` on that every schedule allows in every zone.

    `NEVER` when there is none within 40 days: then the candidates have no hour in common.

    Examples
    --------
    >>> evening = _micros(datetime(2026, 11, 23, 2, 30, tzinfo=UTC))  # 21:30 in New York
    >>> day = Schedule.of([minutes_of("08:00", "21:00")] * 7)
    >>> new_york = earliest(evening, ("America/New_York",), (day,))
    >>> print(_local(new_york, ZoneInfo("America/New_York")))
    2026-11-23 08:00:00
    >>> both = earliest(evening, ("America/New_York", "America/Los_Angeles"), (day,))
    >>> print(_local(both, ZoneInfo("America/Los_Angeles")))
    2026-11-23 08:00:00
    """
    if moment == NEVER:
        return NEVER
    limit = moment + SEARCH_DAYS * 86_400_000_000
    pairs = [(ZoneInfo(zone), schedule) for schedule in schedules for zone in zones]
    unmoved = 0
    while unmoved < len(pairs):
        for zone, schedule in pairs:
            found = _next(moment, zone, schedule, holidays)
            unmoved = unmoved + 1 if found == moment else 1
            moment = found
            if moment > limit:
                return NEVER
            if unmoved >= len(pairs):
                break
    return moment


def release(
    times: np.ndarray,
    zones: np.ndarray,
    zone_sets: Sequence[tuple[str, ...]],
    *,
    days: int | None,
) -> np.ndarray:
    """Return when the day on which a contact stops counting begins, in the customer's own time.

    A contact of local day D counts on D and the ``days - 1`` days after it; with ``days=None``
    until its calendar month ends. With several candidate zones the latest answer holds.

    Parameters
    ----------
    times : ndarray of int64
        Instants of contacts; the smallest integer means none.
    zones : ndarray of int
        Position in `zone_sets` of each row.
    """
    none = np.iinfo(np.int64).min
    result = np.full(len(times), none, dtype=np.int64)
    for code, names in enumerate(zone_sets):
        rows = np.flatnonzero((zones == code) & (times != none))
        if not len(rows):
            continue
        for name in names:
            ended = _release_in(times[rows], name, days)
            result[rows] = np.maximum(result[rows], ended)
    return result


def _release_in(times: np.ndarray, name: str, days: int | None) -> np.ndarray:
    local = pd.DatetimeIndex(times.view("datetime64[us]"), tz="UTC").tz_convert(name)
    dates = local.tz_localize(None).to_numpy().astype("datetime64[D]")
    codes, distinct = pd.factorize(dates)
    zone = ZoneInfo(name)
    ends = [instant(_after(day, days), 0, zone) for day in _as_dates(distinct)]
    return np.array(ends, dtype=np.int64)[codes]


def _as_dates(values: np.ndarray) -> Iterable[date]:
    return (value for value in values.astype("datetime64[D]").tolist())


def _after(day: date, days: int | None) -> date:
    if days is not None:
        return day + timedelta(days=days)
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
