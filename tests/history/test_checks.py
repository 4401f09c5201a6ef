import numpy as np
import pandas as pd
import pytest

from delinquency import datasets
from delinquency.history import check_months


def clean(**columns):
    """Six clean months of one account, with some columns replaced."""
    rows = {
        "account_id": [1] * 6,
        "month": pd.period_range("2026-01", periods=6, freq="M").astype(str),
        "days_past_due": [0, 0, 5, 0, 0, 0],
        "amount_due": [100.0] * 6,
        "amount_paid": [100.0, 100, 0, 200, 100, 100],
        "balance": [500.0, 400, 400, 200, 100, 50],
        "credit_limit": [1000.0] * 6,
        "status": ["open"] * 6,
        "written_off": [0.0] * 6,
        "recovered": [0.0] * 6,
    }
    return pd.DataFrame({**rows, **columns})


def found(months, as_of=None):
    issues = check_months(months, as_of)
    return {
        (code, rows[0] if rows else None) for code, rows in issues[["code", "first_rows"]].values
    }


def test_clean_months_have_no_issue():
    """No false alarm, and the empty table has its columns."""
    issues = check_months(clean(), as_of="2026-06-30")

    assert issues.empty
    assert issues.columns.tolist() == ["severity", "code", "rule", "count", "first_rows", "fix"]


@pytest.mark.parametrize(
    ("code", "row", "columns"),
    [
        (
            "DLQ-101",
            3,
            {"month": ["2026-01", "2026-02", "2026-03", "2026-03", "2026-04", "2026-05"]},
        ),
        (
            "DLQ-122",
            2,
            {"month": ["2026-01", "2026-02", "2026-04", "2026-05", "2026-06", "2026-07"]},
        ),
        (
            "DLQ-121",
            2,
            {"month": ["2026-01", "2026-03", "2026-02", "2026-04", "2026-05", "2026-06"]},
        ),
        ("DLQ-104", 2, {"month": ["2026-01", "2026-02", None, "2026-04", "2026-05", "2026-06"]}),
        ("DLQ-103", 2, {"month": ["2026-01", "2026-02", "soon", "2026-04", "2026-05", "2026-06"]}),
        ("DLQ-105", 1, {"balance": [500.0, np.inf, 400, 200, 100, 50]}),
        ("DLQ-105", 5, {"credit_limit": [1e3, 1e3, 1e3, 1e3, 1e3, np.inf]}),
        ("DLQ-106", 2, {"days_past_due": [0, 0, -5, 0, 0, 0]}),
        ("DLQ-106", 2, {"days_past_due": [0, 0, np.nan, 0, 0, 0]}),
        ("DLQ-106", 2, {"days_past_due": [0, 0, 0.5, 0, 0, 0]}),
        ("DLQ-106", 0, {"amount_due": [-1.0, 100, 100, 100, 100, 100]}),
        ("DLQ-106", 0, {"amount_paid": [-1.0, 100, 0, 200, 100, 100]}),
        ("DLQ-106", 5, {"credit_limit": [1e3, 1e3, 1e3, 1e3, 1e3, -1]}),
        ("DLQ-106", 5, {"written_off": [0.0, 0, 0, 0, 0, -1]}),
        ("DLQ-123", 2, {"days_past_due": [0, 0, 32, 0, 0, 0]}),
        ("DLQ-124", 4, {"days_past_due": [0, 0, 5, 0, 3, 0]}),
        ("DLQ-125", 2, {"amount_due": [0.0] * 6, "amount_paid": [0.0] * 3 + [1.0] * 3}),
        ("DLQ-126", 2, {"balance": [500.0, 400, 0, 200, 100, 50]}),
        ("DLQ-127", 0, {"balance": [1000.01, 400, 400, 200, 100, 50]}),
        ("DLQ-128", 4, {"status": ["open"] * 3 + ["charged_off", "open", "open"]}),
        ("DLQ-128", 4, {"status": ["open"] * 3 + ["charged_off"] * 3}),
        ("DLQ-128", 5, {"status": ["open"] * 4 + ["sold", "paid_off"]}),
        ("DLQ-128", 5, {"status": ["open"] * 4 + ["paid_off", "paid_off"]}),
        ("DLQ-129", 2, {"recovered": [0.0, 0, 7, 0, 0, 0]}),
        ("DLQ-134", 3, {"amount_paid": [100.0, 100, 0, 0, 100, 100]}),
        ("DLQ-135", 1, {"status": ["open", "Open"] + ["open"] * 4}),
        ("DLQ-103", 0, {"balance": ["a lot", "400", "400", "200", "100", "50"]}),
    ],
)
def test_each_rule_finds_its_row(code, row, columns):
    """One broken cell, one issue at its row."""
    assert (code, row) in found(clean(**columns))


def test_a_jump_of_exactly_the_days_that_passed_is_fine():
    """February to March is 31 days: 31 is possible, 32 is not."""
    assert "DLQ-123" not in {code for code, _ in found(clean(days_past_due=[0, 0, 31, 0, 0, 0]))}


def test_collections_after_a_charge_off_are_not_a_second_life():
    """Nothing new falls due, and what comes back is a recovery."""
    months = clean(
        status=["open"] * 3 + ["charged_off"] * 3,
        amount_due=[100.0] * 4 + [0.0] * 2,
        written_off=[0.0, 0, 0, 200, 0, 0],
        recovered=[0.0, 0, 0, 0, 50, 50],
    )
    assert not {"DLQ-128", "DLQ-129"} & {code for code, _ in found(months)}


def test_rows_after_the_date_are_reported():
    """May and June end after 30 April."""
    issues = check_months(clean(), as_of="2026-04-30")

    assert issues.loc[0, ["code", "count"]].tolist() == ["DLQ-130", 2]
    assert issues.loc[0, "first_rows"] == [4, 5]


@pytest.mark.parametrize("form", ["%Y-%m", "%Y-%m-01", "%Y-%m-15"])
def test_a_month_counts_by_its_end_however_it_is_written(form):
    """On 15 June June is running; on 30 June it is over; a booking on the day itself counts."""
    months = clean(month=pd.period_range("2026-01", periods=6, freq="M").strftime(form))

    assert ("DLQ-130", 5) in found(months, "2026-06-15")
    assert found(months, "2026-06-30") == set()
    booked = months.assign(known_at=pd.Timestamp("2026-06-30 18:00"))
    assert found(booked, "2026-06-30") == set()
    assert ("DLQ-130", 0) in found(booked, "2026-06-29")


def test_row_numbers_are_those_of_the_table_as_given():
    """A shuffled table is sorted inside; the answer still names the given rows."""
    months = clean(days_past_due=[0, 0, 32, 0, 0, 0]).iloc[[5, 4, 3, 2, 1, 0]]
    issues = check_months(months).set_index("code")

    assert issues.loc["DLQ-123", "first_rows"] == [3]


@pytest.mark.parametrize(
    ("code", "ids"),
    [
        ("DLQ-107", [1.0] * 6),
        ("DLQ-107", ["1.0"] * 6),
        ("DLQ-107", ["1.2E+15"] * 6),
        ("DLQ-108", ["caf\u00e9"] * 3 + ["cafe\u0301"] * 3),
        ("DLQ-108", ["7"] * 3 + ["7 "] * 3),
        ("DLQ-103", [1] * 3 + ["1"] * 3),
        ("DLQ-104", ["a"] * 5 + [None]),
    ],
)
def test_ids_that_lose_a_digit_or_meet_another_are_reported(code, ids):
    """Floats, float-like text, collisions, mixtures, holes."""
    assert code in {code for code, _ in found(clean(account_id=ids))}


def test_large_ids_that_are_all_even_look_rounded():
    """Ten ids above 2^53 without one odd number."""
    rounded = pd.DataFrame({"account_id": 2**60 + np.arange(12) * 256, "month": "2026-01"})
    exact = rounded.assign(account_id=rounded["account_id"] + np.arange(12))

    assert "DLQ-107" in set(check_months(rounded.assign(days_past_due=0))["code"])
    assert "DLQ-107" not in set(check_months(exact.assign(days_past_due=0))["code"])


def test_missing_columns_and_empty_tables_are_issues_not_crashes():
    """A misspelt column is met with the nearest name."""
    misspelt = clean().rename(columns={"month": "mnth"})
    issues = check_months(misspelt)

    assert issues.loc[0, "code"] == "DLQ-102"
    assert 'did you mean "mnth"?' in issues.loc[0, "fix"]
    assert check_months(clean().iloc[:0]).loc[0, "code"] == "DLQ-100"


def test_no_cell_value_is_shown():
    """A canary in every text cell never comes out."""
    months = clean(account_id=["CANARY"] * 6, month=["CANARY"] * 6, status=["CANARY"] * 6)

    assert "CANARY" not in check_months(months).to_string()


def test_the_real_sample_warns_as_measured():
    """6,209 jumps (4,918 from revolving, 1,291 from paid in full), and late with nothing owed."""
    issues = check_months(datasets.load_credit_card().months, "2005-09-30").set_index("code")

    assert "error" not in set(issues["severity"])
    assert issues.loc["DLQ-123", "count"] == 6_209
    assert issues.loc["DLQ-126", "count"] >= 1_689
