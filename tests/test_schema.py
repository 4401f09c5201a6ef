"""The door: what is let in, in which form, and what is said of the rest."""

import datetime
import decimal
import hashlib

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency import schema
from delinquency.errors import InputError
from delinquency.schema import ACCOUNTS, DUES, LABELS, MONTHS, PAYMENTS, admit, as_date

CANARY = "zq7-canary-91"


def months(**columns):
    """Two rows of one month table, with columns put in or replaced."""
    table = {"account_id": [1, 2], "month": ["2026-01", "2026-02"], "days_past_due": [0, 31]}
    return pd.DataFrame({**table, **columns})


def problems(table, spec=MONTHS):
    """What the door says, as (code, where, count)."""
    with pytest.raises(InputError) as caught:
        admit(table, spec)
    assert CANARY not in str(caught.value)
    return [(p.code, p.where, p.count) for p in caught.value.problems]


def test_a_table_comes_out_in_canonical_types_sorted_by_its_key():
    """Month ends, microseconds, float64, and a fresh index, whatever went in."""
    table = pd.DataFrame(
        {
            "month": [datetime.date(2026, 2, 3), datetime.date(2026, 1, 31)],
            "account_id": ["b", "b"],
            "days_past_due": [31, 0],
            "own": ["x", "y"],
        },
        index=[9, 9],
    )

    result = admit(table, MONTHS)

    assert result["month"].tolist() == [pd.Timestamp("2026-01-31"), pd.Timestamp("2026-02-28")]
    assert result["month"].dtype == "datetime64[us]"
    assert result["days_past_due"].dtype == "float64"
    assert result["own"].tolist() == ["y", "x"]
    assert result.index.tolist() == [0, 1]
    assert list(result.columns) == list(table.columns)


def test_what_goes_in_is_not_changed():
    """A function that edits its caller's table is a trap."""
    table = months(account_id=[2, 1])
    before = table.copy(deep=True)

    admit(table, MONTHS)

    pd.testing.assert_frame_equal(table, before)


@pytest.mark.parametrize(
    "into",
    [
        lambda t: t,
        pl.from_pandas,
        lambda t: pa.Table.from_pandas(t, preserve_index=False),
        lambda t: duckdb.from_df(t),
    ],
    ids=["pandas", "polars", "pyarrow", "duckdb"],
)
def test_anything_that_speaks_arrow_gives_the_same_table(into):
    """The library says pandas only at its way out."""
    table = months(account_id=["a", "b"], balance=[1.5, np.nan])

    pd.testing.assert_frame_equal(admit(into(table), MONTHS), admit(table, MONTHS))


@given(st.permutations(range(6)))
@settings(deadline=None, max_examples=30)
def test_the_order_of_rows_is_of_no_consequence(order):
    """Everything after the door may rely on the order of the key."""
    table = pd.DataFrame(
        {
            "account_id": ["a", "a", "a", "b", "b", "c"],
            "month": ["2026-01", "2026-02", "2026-03", "2026-01", "2026-03", "2025-12"],
            "days_past_due": [0, 1, 2, 3, 4, 5],
        }
    )

    result = admit(table.iloc[list(order)], MONTHS)

    assert result["days_past_due"].tolist() == [0, 1, 2, 3, 4, 5]


def test_a_repeated_key_is_named_by_the_rows_as_they_were_given():
    """Row numbers lead back to the export, not to our sorted copy."""
    table = pd.DataFrame(
        {"account_id": [9, 1, 9], "month": "2026-01", "days_past_due": [1, 0, 2]},
    )

    with pytest.raises(InputError, match=r"DLQ-101 months: 2 of 3 rows .* first at rows 0, 2"):
        admit(table, MONTHS)


def test_two_days_of_one_month_are_one_key():
    """The key is the month, so two statements of January collide."""
    table = months(account_id=[1, 1], month=["2026-01-05", "2026-01-31"])

    assert problems(table) == [("DLQ-101", "months", 2)]


def test_events_may_repeat_their_key():
    """Two payments on a day are two payments."""
    table = pd.DataFrame({"account_id": [1, 1], "paid_date": "2026-01-05", "amount_paid": [5, -5]})

    assert admit(table, PAYMENTS)["amount_paid"].tolist() == [5.0, -5.0]


def test_everything_wrong_is_told_in_one_pass():
    """Nobody should have to come back five times."""
    table = months(
        account_id=[1.0, 2.0],
        month=["2026-01", CANARY],
        days_past_due=[-1, 2],
        balance=[np.inf, 1.0],
    )

    assert problems(table) == [
        ("DLQ-107", "months.account_id", 2),
        ("DLQ-103", "months.month", 1),
        ("DLQ-106", "months.days_past_due", 1),
        ("DLQ-105", "months.balance", 1),
    ]


def test_a_missing_column_is_named_with_the_nearest():
    """The commonest mistake is another spelling."""
    table = months().rename(columns={"account_id": "acount_id"})

    with pytest.raises(InputError, match=r'"account_id" is missing.*did you mean "acount_id"'):
        admit(table, MONTHS)


def test_either_days_past_due_or_dues_and_payments_must_be_there():
    """A months table needs one way to tell who is late."""
    table = months(amount_due=1.0, amount_paid=1.0).drop(columns="days_past_due")

    assert len(admit(table, MONTHS)) == 2
    assert problems(table.drop(columns="amount_due"))[0][0] == "DLQ-102"


def test_no_rows_is_a_failure_not_an_empty_run():
    """A check that nothing reached has not passed."""
    assert problems(months().iloc[:0]) == [("DLQ-100", "months", 0)]


def test_a_column_that_stands_twice_is_refused():
    """Which one was meant, nobody can say."""
    table = months()
    table = pd.concat([table, table[["month"]]], axis=1)

    assert problems(table) == [("DLQ-103", "months", 1)]


@pytest.mark.parametrize(
    ("ids", "code"),
    [
        ([1.0, 2.0], "DLQ-107"),
        ([True, False], "DLQ-107"),
        ([1, None], "DLQ-104"),
        (pd.array([1, None], dtype="Int64"), "DLQ-104"),
        (["a", None], "DLQ-104"),
        (pd.Categorical([1, None]), "DLQ-104"),
        (pd.Categorical([1.0, 2.0]), "DLQ-107"),
        ([CANARY, 2], "DLQ-103"),
        ([b"a", b"b"], "DLQ-103"),
        (np.array([2**63 + 5, 2], dtype="uint64"), "DLQ-107"),
        (pd.array([2**63 + 5, 2], dtype="UInt64"), "DLQ-107"),
    ],
)
def test_ids_that_could_be_mistaken_for_others_are_refused(ids, code):
    """An id that lost a digit is another customer."""
    assert problems(months(account_id=ids))[0][:2] == (code, "months.account_id")


@pytest.mark.parametrize(
    ("ids", "out"),
    [
        (["007", "7 "], ["007", "7 "]),
        ([2**53 + 1, 2**53 + 2], [2**53 + 1, 2**53 + 2]),
        (pd.Categorical(["a", "b"]), ["a", "b"]),
        (pd.array([1, 2], dtype="Int64"), [1, 2]),
        (np.array([1, 2], dtype="uint64"), [1, 2]),
    ],
)
def test_ids_keep_every_digit_zero_and_space(ids, out):
    """Never trimmed, never cast through a float."""
    assert admit(months(account_id=ids), MONTHS)["account_id"].tolist() == out


@pytest.mark.parametrize(
    ("dates", "code"),
    [
        (["today", "2026-01"], "DLQ-103"),
        (["now", "2026-01"], "DLQ-103"),
        (pd.Series(["today", "now"], dtype="string"), "DLQ-103"),
        ([CANARY, "2026-01"], "DLQ-103"),
        (["2026-13-01", "2026-01"], "DLQ-103"),
        (["31/01/2026", "2026-01"], "DLQ-103"),
        ([202601, 202602], "DLQ-103"),
        (["2026-01-31T00:00:00+08:00"] * 2, "DLQ-103"),
        pytest.param(
            ["2026-01-31T00:00:00+08:00", "2026-01-31T00:00:00+09:00"],
            "DLQ-103",
            marks=pytest.mark.xfail(
                pd.__version__ < "3", strict=False, reason="pandas 2.2 answers in words of its own"
            ),
        ),
        (pd.to_datetime(["2026-01-31", "2026-02-28"]).tz_localize("Asia/Taipei"), "DLQ-103"),
        (["2026-01", None], "DLQ-104"),
        ([[1], [2]], "DLQ-103"),
        (pd.Series([202601, None], dtype=object), "DLQ-103"),
        (pd.Series([True, "2026-01"], dtype=object), "DLQ-103"),
        (np.array(["300000-01-31", "2026-01-31"], "datetime64[ms]"), "DLQ-103"),
    ],
)
def test_dates_that_are_not_plain_dates_are_refused(dates, code):
    """Nor are the words that pandas would take from the clock."""
    assert problems(months(month=dates))[0][:2] == (code, "months.month")


@pytest.mark.parametrize(
    ("table", "spec", "where"),
    [
        ({"account_id": [1], "due_date": [None], "amount_due": [1.0]}, DUES, "dues.due_date"),
        ({"account_id": [1], "snapshot_date": [None], "bad": [1]}, LABELS, "labels.snapshot_date"),
    ],
)
def test_a_key_date_may_not_be_missing(table, spec, where):
    """An event without a date can be put nowhere."""
    assert problems(pd.DataFrame(table), spec) == [("DLQ-104", where, 1)]


def test_a_booking_date_may_be_missing():
    """known_at that is missing means it was never late."""
    result = admit(months(known_at=["2026-02-03", None]), MONTHS)

    assert result["known_at"].isna().tolist() == [False, True]


@pytest.mark.parametrize(
    ("days", "code"),
    [
        ([CANARY, "3"], "DLQ-103"),
        ([CANARY, 3], "DLQ-103"),
        (["1", "3"], "DLQ-103"),
        (pd.Categorical([1, 3]), "DLQ-103"),
        (pd.to_datetime(["2026-01-01", "2026-01-02"]), "DLQ-103"),
        (pd.to_timedelta([1, 3], unit="D"), "DLQ-103"),
        ([1j, 3], "DLQ-103"),
        ([0.5, 3], "DLQ-103"),
        ([None, 3], "DLQ-104"),
        ([np.inf, 3], "DLQ-105"),
        ([-1, 3], "DLQ-106"),
    ],
)
def test_days_past_due_are_whole_not_negative_and_never_missing(days, code):
    """Everything downstream rests on this column."""
    assert problems(months(days_past_due=days))[0][:2] == (code, "months.days_past_due")


def test_text_among_numbers_is_counted_and_its_rows_named():
    """The answer says how many would not parse, never what they were."""
    with pytest.raises(InputError) as caught:
        admit(months(days_past_due=["3", CANARY]), MONTHS)

    assert "1 of 2 values would not parse, first at row 1" in str(caught.value)
    assert CANARY not in str(caught.value)


def test_money_may_be_missing_negative_or_decimal():
    """Credit balances and reversals are facts; databases give decimals."""
    money = [decimal.Decimal("-1.5"), None]

    assert admit(months(balance=money), MONTHS)["balance"].fillna(0).tolist() == [-1.5, 0.0]


def test_labels_are_one_zero_or_missing():
    """Any other number is another target."""
    table = pd.DataFrame({"account_id": [1, 2, 3], "snapshot_date": "2026-01-31", "bad": [1, 0, 2]})

    assert problems(table, LABELS) == [("DLQ-103", "labels.bad", 1)]
    table["bad"] = pd.array([1, 0, None], dtype="Int8")
    assert admit(table, LABELS)["bad"].isna().tolist() == [False, False, True]


@given(
    st.lists(
        st.one_of(st.none(), st.integers(), st.floats(), st.text(), st.dates(), st.booleans()),
        min_size=2,
        max_size=4,
    ),
    st.sampled_from(["account_id", "month", "days_past_due", "balance", "known_at", "opened"]),
)
@settings(deadline=None, max_examples=200)
def test_the_door_lets_in_or_answers_but_never_breaks(values, column):
    """Whatever stands in a column, the answer is a table or our own error."""
    table = pd.DataFrame({"account_id": range(len(values)), "month": "2026-01", "days_past_due": 0})
    table[column] = pd.Series(values, dtype=object)

    try:
        assert len(admit(table, MONTHS)) == len(values)
    except InputError as error:
        assert all(problem.code.startswith("DLQ-1") for problem in error.problems)


@pytest.mark.parametrize(
    "value",
    [
        "today",
        "now",
        "March",
        "2026",
        "2026-01",
        "12",
        "20260131",
        "",
        None,
        5,
        5.0,
        True,
        np.int64(5),
        np.float64("nan"),
        pd.NaT,
        "2026-02-30",
        "31/01/2026",
        [],
        object(),
    ],
)
def test_a_date_is_written_out_or_refused(value):
    """Nothing is completed from the clock, and a month is not a day."""
    with pytest.raises(InputError, match=r"DLQ-103 as_of: expected a date\. fix: write YYYY-MM-DD"):
        as_date(value)


@pytest.mark.parametrize(
    "value",
    [
        "2026-06-30",
        "2026-06-30T23:59:59",
        datetime.date(2026, 6, 30),
        datetime.datetime(2026, 6, 30, 12),
        np.datetime64("2026-06-30"),
        pd.Timestamp("2026-06-30 23:00", tz="Asia/Shanghai"),
    ],
)
def test_a_date_is_the_local_day_without_its_time(value):
    """A time zone is dropped, not converted: the book has one local date."""
    assert as_date(value) == pd.Timestamp("2026-06-30")


def test_a_month_is_known_when_it_has_ended_and_was_booked():
    """The one rule of time: a booking on the day itself counts, to its last second."""
    table = pd.DataFrame(
        {
            "month": pd.to_datetime(["2026-01-31", "2026-01-31", "2026-01-31", "2026-02-28"]),
            "known_at": [
                pd.Timestamp("2026-02-27 23:59:59"),
                pd.Timestamp("2026-02-28"),
                pd.NaT,
                pd.NaT,
            ],
        }
    )

    known = schema.known_as_of(table, pd.Timestamp("2026-02-27"))

    assert known.tolist() == [True, False, True, False]


def test_month_numbers_count_months_across_years_and_before_1970():
    """December to January is one month, whatever the century."""
    dates = pd.to_datetime(["1969-12-31", "1970-01-01", "2025-12-31", "2026-01-01"])

    assert np.diff(schema.month_number(dates)).tolist() == [1, 671, 1]


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1, max_size=20))
def test_the_share_of_an_id_is_that_of_its_sha256(ids):
    """The same in every language: first eight bytes of SHA-256 of salt, bar and id."""
    digests = [hashlib.sha256(f"salt|{i}".encode()).digest()[:8] for i in ids]
    expected = [(int.from_bytes(d, "big") >> 11) / 2**53 for d in digests]

    assert schema.hash_share(ids, "salt").tolist() == expected


def test_a_number_and_its_text_have_the_same_share():
    """An id that changes its type between systems keeps its part of the split."""
    assert schema.hash_share([7], "s").tolist() == schema.hash_share(["7"], "s").tolist()


@pytest.mark.parametrize(
    "name",
    [
        "SEX",
        "gender_code",
        "age",
        "Age",
        "customer_age",
        "AGE_BAND",
        "marital_status",
        "民族",
        "年龄",
        "MARRIAGE",
        "EDUCATION",
        "Religion",
        "nationality",
        "geschlecht",
        "date_of_birth",
        "birthDate",
    ],
)
def test_a_name_that_says_a_protected_attribute_is_found(name):
    """In the languages our users write column names in."""
    assert schema.audit_only([name]) == [name]


@pytest.mark.parametrize(
    "name",
    [
        "percentage",
        "average_balance",
        "months_on_book",
        "age_of_account",
        "stage",
        "usage_12m",
        "page_views",
        "mileage",
        "dpd_max_3m",
        "account_age_months",
        "sextile",
        "balance",
    ],
)
def test_a_name_that_only_sounds_so_is_left_alone(name):
    """A false alarm on every other column would be switched off."""
    assert schema.audit_only([name]) == []


def test_accounts_carry_what_they_like_beside_their_columns():
    """Consents, holds and audit columns pass through untouched."""
    table = pd.DataFrame({"account_id": ["a"], "SEX": [2], "hold_dispute": [True]})

    assert admit(table, ACCOUNTS)[["SEX", "hold_dispute"]].to_numpy().tolist() == [[2, True]]


def test_a_column_that_means_something_else_is_not_offered_for_a_missing_one():
    """Renaming "amount_paid" to "account_id" would be worse than the mistake."""
    table = pd.DataFrame({"month": ["2026-01-31"], "days_past_due": [0], "amount_paid": [1.0]})

    with pytest.raises(InputError) as refusal:
        admit(table, MONTHS)
    assert "did you mean" not in str(refusal.value)
    with pytest.raises(InputError, match='did you mean "acount_id"'):
        admit(table.assign(acount_id=1), MONTHS)
