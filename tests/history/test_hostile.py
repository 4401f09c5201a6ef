"""Whatever is thrown at the doors: a result or one line of ours, and never a cell."""

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency import history, portfolio
from delinquency.errors import InputError

CANARY = "CANARY"


def months(**columns):
    rows = {
        "account_id": [1, 1, 2],
        "month": ["2026-01", "2026-02", "2026-01"],
        "days_past_due": [0, 31, 0],
        "amount_due": [100.0, 100, 50],
        "amount_paid": [100.0, 0, 50],
        "balance": [500.0, 500, 100],
        "opened": ["2025-01-01"] * 3,
        "status": ["open"] * 3,
        "recovered": [0.0] * 3,
        "written_off": [0.0] * 3,
    }
    return pd.DataFrame({**rows, **columns})


DOORS = {
    "check": history.check_months,
    "snapshots": lambda table: history.label(
        history.take_snapshots(table, "2026-01-31", perform=3)
    ),
    "positions": lambda table: history.positions(table, "2026-01-31"),
    "roll_rates": portfolio.roll_rates,
    "vintage": portfolio.vintage,
    "first_payment": portfolio.first_payment_default,
    "cash": lambda table: portfolio.forecast_cash(table, 2),
    "recoveries": portfolio.recovery_triangle,
    "kpis": portfolio.kpis,
}

HOSTILE = {
    "empty": months().iloc[:0],
    "one row": months().iloc[:1],
    "no columns": pd.DataFrame(),
    "all ids missing": months(account_id=[None] * 3),
    "all months missing": months(month=[None] * 3),
    "all days missing": months(days_past_due=[np.nan] * 3),
    "all amounts missing": months(
        balance=[np.nan] * 3, amount_due=[None] * 3, amount_paid=[np.nan] * 3
    ),
    "ties": pd.concat([months(), months()]),
    "text for days": months(days_past_due=[CANARY] * 3),
    "text for money": months(balance=[CANARY] * 3),
    "text for months": months(month=[CANARY] * 3),
    "text for status": months(status=[CANARY] * 3),
    "text for opened": months(opened=[CANARY] * 3),
    "numbers for months": months(month=[202601, 202602, 202601]),
    "infinite": months(balance=[np.inf, -np.inf, 1]),
    "float ids": months(account_id=[1.0, 1.0, 2.0]),
    "mixed ids": months(account_id=[1, "1", 2]),
    "lists for ids": months(account_id=[[1], [1], [2]]),
    "lists for status": months(status=[[1], [1], [2]]),
    "far dates": months(month=["0001-01-01", "9999-12-31", "2026-01-31"]),
    "zoned months": months(
        month=pd.to_datetime(["2026-01-31", "2026-02-28", "2026-01-31"], utc=True)
    ),
    "two columns of one name": pd.concat([months(), months()[["balance"]]], axis=1),
    "huge numbers": months(days_past_due=[0, 2**52, 0], balance=[1e300, 1e300, 1e300]),
    "booleans": months(days_past_due=[True, False, True]),
    "not a table": [1, 2, 3],
    "None": None,
}


@pytest.mark.parametrize("door", DOORS)
@pytest.mark.parametrize("table", HOSTILE)
@pytest.mark.filterwarnings("error")
def test_every_door_answers_in_one_of_two_ways(door, table):
    """A table, or an error of the family that shows no cell."""
    try:
        result = DOORS[door](HOSTILE[table])
    except InputError as error:
        assert CANARY not in str(error)
        assert error.code.startswith("DLQ-")
    else:
        assert isinstance(result, pd.DataFrame)


LEDGERS = {
    "empty": ([], []),
    "no dues": ([], [(1, "2026-01-01", 5.0)]),
    "one due": ([(1, "2026-01-01", 5.0)], []),
    "text money": ([(1, "2026-01-01", CANARY)], []),
    "text day": ([(1, CANARY, 5.0)], []),
    "far day": ([(1, "9999-12-31", 5.0)], [(1, "0001-01-01", 5.0)]),
    "infinite": ([(1, "2026-01-01", np.inf)], []),
    "all missing": ([(None, None, None)], [(None, None, None)]),
    "float ids": ([(1.5, "2026-01-01", 5.0)], []),
    "huge": ([(1, "2026-01-01", 1e308), (1, "2026-02-01", 1e308)], [(1, "2026-01-01", -1e308)]),
    "ties": ([(1, "2026-01-01", 5.0)], [(1, "2026-01-01", 5.0)] * 3),
}


@pytest.mark.parametrize("name", LEDGERS)
def test_ledgers_answer_in_one_of_two_ways(name):
    """The same for dues and payments."""
    dues, payments = LEDGERS[name]
    due = pd.DataFrame(dues, columns=["account_id", "due_date", "amount_due"])
    paid = pd.DataFrame(payments, columns=["account_id", "paid_date", "amount_paid"])
    for call in (
        lambda: history.days_past_due(due, paid, at="2026-02-28"),
        lambda: history.months_from_ledger(due, paid, as_of="2026-02-28"),
        lambda: history.label_first_payment(due, paid, as_of="2026-02-28"),
        lambda: history.material_days(due, paid, "2026-02-28", exposure=100),
    ):
        try:
            assert isinstance(call(), pd.DataFrame)
        except InputError as error:
            assert CANARY not in str(error)


def test_every_kind_of_table_comes_in():
    """pandas, polars, pyarrow and DuckDB give the same answers."""
    table = months().drop(columns="opened")
    expected = portfolio.roll_rates(table)
    checked = history.check_months(table)
    arrow = pa.Table.from_pandas(table, preserve_index=False)
    for other in (arrow, pl.from_arrow(arrow), duckdb.sql("select * from table_")):
        pd.testing.assert_frame_equal(portfolio.roll_rates(other), expected)
        pd.testing.assert_frame_equal(history.check_months(other), checked)


table_ = months().drop(columns="opened")


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(
            st.integers(-(2**60), 2**60) | st.none() | st.text(max_size=3),
            st.dates() | st.none() | st.text(max_size=4),
            st.floats() | st.none(),
            st.floats(),
            st.sampled_from(["open", "sold", "", None]),
        ),
        max_size=8,
    )
)
def test_checks_never_crash(rows):
    """Any mixture of types in any cell."""
    columns = ["account_id", "month", "days_past_due", "balance", "status"]
    issues = history.check_months(pd.DataFrame(rows, columns=columns), as_of="2026-01-01")

    assert issues["severity"].isin(["error", "warning", "note"]).all()
    assert (issues["first_rows"].map(lambda found: max(found, default=0)) < max(len(rows), 1)).all()
