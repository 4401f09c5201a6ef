"""The short way in: what it lets pass is what the door would have made, and the rest goes to the door."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from delinquency.errors import InputError
from delinquency.features._short_way import short_way
from delinquency.features._stream import feature_batches
from delinquency.schema import MONTHS, admit, month_number

IDS = np.repeat(np.arange(100, 140), 24)


def months() -> pd.DataFrame:
    """Return a table of 40 accounts and 24 months each, canonical as it stands."""
    rng = np.random.default_rng(4)
    ends = pd.date_range("2024-07-31", periods=24, freq="ME").astype("datetime64[us]")
    n = len(IDS)
    return pd.DataFrame(
        {
            "account_id": IDS,
            "month": np.tile(ends.to_numpy(), 40),
            "days_past_due": rng.integers(0, 90, n).astype(float),
            "amount_due": rng.normal(100, 10, n).round(2),
            "balance": np.where(rng.random(n) < 0.1, np.nan, rng.normal(900, 90, n).round(2)),
        }
    )


def arrow(frame: pd.DataFrame) -> pa.Table:
    return pa.Table.from_pandas(frame, preserve_index=False)


def retyped(name: str, kind: pa.DataType) -> pa.Table:
    """Return the canonical table with one column of another Arrow type."""
    table = arrow(months())
    place = table.column_names.index(name)
    return table.set_column(place, name, table[name].cast(kind, safe=False))


def with_value(name: str, row: int, value: object) -> pa.Table:
    frame = months()
    frame.loc[row, name] = value
    return arrow(frame)


FAR = months()["month"].astype("datetime64[ms]")
FAR[7] = np.datetime64("300000-01-31", "ms")
SHORT = {
    "months of another unit": retyped("month", pa.timestamp("ms")),
    "months as days": retyped("month", pa.date32()),
    "as it stands": arrow(months()),
    "ids as text": retyped("account_id", pa.string()),
    "ids as large text": retyped("account_id", pa.large_string()),
    "days as whole numbers": retyped("days_past_due", pa.int32()),
    "amounts as single floats": retyped("amount_due", pa.float32()),
    "with a status": arrow(months().assign(status=["open", None] * 480)),
    "with a date": arrow(months().assign(opened=pd.Timestamp("2020-01-15").as_unit("us"))),
}
LONG = {
    "a day in the month": with_value("month", 30, pd.Timestamp("2025-01-30")),
    "an hour of the day": with_value("month", 30, pd.Timestamp("2025-01-31 12:00")),
    "an early hour": with_value("month", 30, pd.Timestamp("2025-01-31 03:00")),
    "an hour of the last day": with_value("month", 23, pd.Timestamp("2026-06-30 23:00")),
    "the first of the month": arrow(months().assign(month=lambda f: f.month.dt.to_period("M").dt.start_time)),
    "no month": with_value("month", 30, pd.NaT),
    "a month twice": with_value("month", 30, pd.Timestamp("2024-12-31")),
    "months that fall": arrow(months().iloc[::-1].sort_values("account_id", kind="stable")),
    "a month beyond any calendar": arrow(months().assign(month=FAR)),
    "months with a zone": retyped("month", pa.timestamp("us", "UTC")),
    "months as text": retyped("month", pa.string()),
    "days missing": with_value("days_past_due", 30, np.nan),
    "days negative": with_value("days_past_due", 30, -1.0),
    "days in fractions": with_value("days_past_due", 30, 0.5),
    "days without end": with_value("days_past_due", 30, np.inf),
    "days as text": retyped("days_past_due", pa.string()),
    "money without end": with_value("balance", 30, -np.inf),
    "ids of 32 bits": retyped("account_id", pa.int32()),
    "ids as floats": retyped("account_id", pa.float64()),
    "no days": arrow(months()[["account_id", "month", "balance"]]),
    "two rows": arrow(months().iloc[:2]),
}  # fmt: skip


def by_the_door(table: pa.Table) -> pd.DataFrame | InputError:
    try:
        return admit(table.to_pandas(date_as_object=False), MONTHS)
    except InputError as error:
        return error


@pytest.mark.parametrize("name", SHORT)
def test_what_is_canonical_passes_as_the_door_would_make_it(name):
    """The short way's rows and keys are those of the door."""
    found = short_way(SHORT[name])
    assert found is not None
    frame, keys = found
    pd.testing.assert_frame_equal(frame, by_the_door(SHORT[name]), check_exact=True)
    np.testing.assert_array_equal(keys.month, month_number(frame["month"]))
    np.testing.assert_array_equal(keys.starts, np.arange(0, len(frame) + 1, 24))


@pytest.mark.parametrize("name", LONG)
def test_what_is_otherwise_goes_to_the_door(name):
    """Whatever needs a change or a refusal is left to the door."""
    assert short_way(LONG[name]) is None


@pytest.mark.parametrize("name", [*SHORT, *LONG])
def test_a_stream_ends_as_the_door_does(name):
    """A stream gives the rows that the door gives, or refuses what the door refuses."""
    table = (SHORT | LONG)[name]
    door = by_the_door(table)
    try:
        batches = [batch.months for batch in feature_batches(table, "2026-06-30")]
    except InputError as error:
        assert [problem.code for problem in error.problems] == [p.code for p in door.problems]
    else:
        pd.testing.assert_frame_equal(pd.concat(batches, ignore_index=True), door, check_exact=True)


def test_every_kind_of_damage_is_seen_wherever_it_stands():
    """One wrong value in any row is enough, the first and the last among them."""
    rng = np.random.default_rng(1)
    for row in [0, 959, *rng.integers(0, 960, 40)]:
        assert short_way(with_value("days_past_due", row, 0.25)) is None
        assert short_way(with_value("balance", row, np.inf)) is None
        late = pd.Timestamp(months().loc[row, "month"]) - pd.Timedelta(days=1)
        assert short_way(with_value("month", row, late)) is None
