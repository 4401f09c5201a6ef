import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.history import positions, take_snapshots


def months_of(account, first, days, **more):
    month = pd.period_range(first, periods=len(days), freq="M")
    return pd.DataFrame({"account_id": account, "month": month, "days_past_due": days, **more})


def test_a_month_is_observed_up_to_the_date_and_performed_after_it():
    """Four months, snapshot at the end of the second."""
    parted = take_snapshots(months_of(1, "2026-01", [0, 31, 59, 90]), "2026-02-28")

    assert parted.observed["days_past_due"].tolist() == [0, 31]
    assert parted.performed["days_past_due"].tolist() == [59, 90]


def test_inside_a_month_the_month_has_not_ended():
    """On 15 February only January is over; February belongs to the performance side."""
    parted = take_snapshots(months_of(1, "2026-01", [0, 31, 59, 90]), "2026-02-15", perform=2)

    assert parted.observed["days_past_due"].tolist() == [0]
    assert parted.performed["days_past_due"].tolist() == [31, 59]


def test_windows_have_the_length_they_say():
    """Observe 2 and perform 1 around the third month."""
    days = [0, 31, 59, 90, 120]
    parted = take_snapshots(months_of(1, "2026-01", days), "2026-03-31", observe=2, perform=1)

    assert parted.observed["days_past_due"].tolist() == [31, 59]
    assert parted.performed["days_past_due"].tolist() == [90]


def test_a_month_booked_after_the_date_is_on_neither_side():
    """January was booked in March: at the end of February nobody knew it, and it lies behind."""
    booked = pd.to_datetime(["2026-03-05 00:00", "2026-02-28 23:00", None])
    months = months_of(1, "2026-01", [7, 8, 9], known_at=booked)
    parted = take_snapshots(months, "2026-02-28")

    assert parted.observed["days_past_due"].tolist() == [8]
    assert parted.performed["days_past_due"].tolist() == [9]


def test_the_book_can_be_seen_as_of_an_earlier_day():
    """With as_of, a performance month that was booked later is not there yet."""
    booked = pd.to_datetime(["2026-01-31", "2026-02-28", "2026-06-01"])
    months = months_of(1, "2026-01", [0, 0, 90], known_at=booked)
    parted = take_snapshots(months, "2026-01-31", perform=2, as_of="2026-04-30")

    assert parted.performed["days_past_due"].tolist() == [0]
    assert parted.last_month == pd.Timestamp("2026-02-28")


def test_each_date_has_its_own_rows_sorted_by_account_then_date():
    """Two accounts, two dates given out of order."""
    months = pd.concat([months_of("b", "2026-01", [0, 1]), months_of("a", "2026-01", [2, 3])])
    parted = take_snapshots(months, ["2026-02-28", "2026-01-31"], perform=1)

    keys = list(zip(parted.observed["account_id"], parted.observed["days_past_due"], strict=True))
    assert keys == [("a", 2), ("a", 2), ("a", 3), ("b", 0), ("b", 0), ("b", 1)]
    assert parted.table["snapshot_date"].dt.month.tolist() == [1, 2, 1, 2]


def test_accounts_that_open_later_are_not_in_the_population():
    """An account first seen after the date has no snapshot, and no performance either."""
    months = pd.concat([months_of(1, "2026-01", [0, 0]), months_of(2, "2026-02", [90])])
    parted = take_snapshots(months, "2026-01-31")

    assert parted.table["account_id"].tolist() == [1]
    assert parted.performed["account_id"].tolist() == [1]


def test_a_date_before_the_book_is_refused():
    """An empty snapshot is a mistake, not a result."""
    with pytest.raises(InputError, match="DLQ-100"):
        take_snapshots(months_of(1, "2026-01", [0]), "2025-06-30")


@pytest.mark.parametrize("windows", [{"observe": 0}, {"perform": -1}])
def test_windows_that_make_no_sense_are_refused(windows):
    """An observation window needs a month."""
    with pytest.raises(InputError, match="DLQ-211"):
        take_snapshots(months_of(1, "2026-01", [0]), "2026-01-31", **windows)


def test_position_is_the_last_row_known_then():
    """Account 1 has a gap; account 2 tells when it opened."""
    one = months_of(1, "2026-01", [0])
    two = months_of(2, "2026-02", [3, 31], opened=pd.Timestamp("2025-03-10"))
    stand = positions(pd.concat([one, two]), "2026-03-31")

    assert stand["days_past_due"].tolist() == [0, 31]
    assert stand["months_since_last"].tolist() == [2, 0]
    assert stand["months_observed"].tolist() == [1, 2]
    assert stand["months_on_book"].tolist() == [2, 12]


_DATES = st.dates(dt.date(2024, 1, 31), dt.date(2026, 8, 31))


@st.composite
def histories(draw):
    count = draw(st.integers(1, 40))
    rows = {
        "account_id": draw(st.lists(st.integers(0, 4), min_size=count, max_size=count)),
        "offset": draw(st.lists(st.integers(0, 30), min_size=count, max_size=count)),
        "days_past_due": draw(st.lists(st.integers(0, 200), min_size=count, max_size=count)),
        "late_booking": draw(st.lists(st.integers(-40, 400), min_size=count, max_size=count)),
    }
    frame = pd.DataFrame(rows).drop_duplicates(["account_id", "offset"]).reset_index(drop=True)
    frame["month"] = (pd.Period("2024-01", "M") + frame.pop("offset")).to_numpy()
    frame["month"] = pd.PeriodIndex(frame["month"]).to_timestamp(how="end").normalize()
    frame["known_at"] = frame["month"] + pd.to_timedelta(frame.pop("late_booking"), "D")
    return frame


def _observed(months, date):
    try:
        return take_snapshots(months, date, observe=24, perform=12).observed
    except InputError as error:
        assert error.code == "DLQ-100"
        return None


def _same(left, right):
    return left is right if left is None or right is None else left.equals(right)


def _check_wall(months, date, seed):
    """Rewrite, append and delete everything that was not known at the date: nothing may move."""
    date = pd.Timestamp(date)
    before = _observed(months, date)
    future = (months["month"] > date) | (months["known_at"] >= date + pd.Timedelta(days=1))
    rewritten = months.copy()
    noise = np.random.default_rng(seed)
    rewritten.loc[future, "days_past_due"] = noise.integers(0, 999, future.sum())
    appended = pd.DataFrame(
        {
            "account_id": [0, 99],
            "month": pd.to_datetime(["2027-12-31", "2027-12-31"]),
            "days_past_due": [500, 500],
            "known_at": pd.to_datetime(["2028-01-01", None]),
        }
    )
    assert _same(before, _observed(rewritten, date))
    assert _same(before, _observed(pd.concat([months, appended]), date))
    if (~future).any():
        assert _same(before, _observed(months[~future], date))


@settings(max_examples=60, deadline=None)
@given(histories(), _DATES, st.integers(0))
def test_nothing_after_the_date_moves_an_observed_row(months, date, seed):
    """The leak wall, on the event date and on the booking date."""
    _check_wall(months, date, seed)


@pytest.mark.slow
@settings(max_examples=10_000, deadline=None)
@given(histories(), _DATES, st.integers(0))
def test_nothing_after_the_date_moves_an_observed_row_10_000_histories(months, date, seed):
    """The leak wall at full size."""
    _check_wall(months, date, seed)


def test_the_wall_test_sees_a_wall_with_a_hole(monkeypatch):
    """Negative control: with a rule of time that forgets the booking date, the proof fails."""
    from delinquency.history import _snapshots

    monkeypatch.setattr(
        _snapshots, "known_as_of", lambda months, date: (months["month"] <= date).to_numpy()
    )
    months = months_of(1, "2024-01", [0, 7])
    months["month"] = months["month"].dt.to_timestamp(how="end").dt.normalize()
    months["known_at"] = pd.to_datetime(["2024-01-31", "2024-09-30"])
    with pytest.raises(AssertionError):
        _check_wall(months, "2024-02-29", seed=1)
