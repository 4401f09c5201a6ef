import duckdb
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from delinquency import datasets
from delinquency.errors import InputError
from delinquency.portfolio import chain_check, flow_rates, roll_rates, wide


def book(*accounts, **more):
    """Months from January 2026; each account a list of days, or (days, status), or None for a hole."""
    rows = []
    for account, history in enumerate(accounts, start=1):
        for at, cell in enumerate(history):
            if cell is not None:
                days, status = cell if isinstance(cell, tuple) else (cell, "open")
                rows.append((account, f"2026-{at + 1:02d}", days, status))
    frame = pd.DataFrame(rows, columns=["account_id", "month", "days_past_due", "status"])
    return frame.assign(**more)


def moves(rates):
    some = rates[rates["n"] > 0]
    return {(a, b): n for a, b, n in some[["from_bucket", "to_bucket", "n"]].values}


def test_rolls_cures_and_jumps_are_counted_where_they_happen():
    """Worked by hand: 0-31-0, 0-0-95 and 60-20-0 over three months."""
    rates = roll_rates(book([0, 31, 0], [0, 0, 95], [60, 20, 0]))

    assert moves(rates) == {
        ("0", "30-59"): 1,
        ("30-59", "0"): 1,
        ("0", "0"): 1,
        ("0", "90-119"): 1,
        ("60-89", "1-29"): 1,
        ("1-29", "0"): 1,
    }
    row = rates[(rates["from_bucket"] == "0") & (rates["to_bucket"] == "90-119")].iloc[0]
    assert row["rate"] == pytest.approx(1 / 3)
    assert row["low"] < 1 / 3 < row["high"]


def test_an_exit_is_a_state_and_is_for_good():
    """Paid off in February: from January one move, from February none."""
    rates = roll_rates(book([0, (0, "paid_off"), (0, "paid_off")], [0, 0, 0]))

    assert moves(rates) == {("0", "paid_off"): 1, ("0", "0"): 3 - 1}
    two = roll_rates(book([0, (90, "charged_off"), (90, "sold")], [0, 0, 0]), step=2)
    assert moves(two) == {("0", "charged_off"): 1, ("0", "0"): 1}


def test_a_closed_account_that_owes_is_not_gone():
    """Closed in January with days past due, it rolls on; closed with nothing owed, it left."""
    months = book([(5, "closed"), (36, "closed")], [0, (0, "closed")])

    assert moves(roll_rates(months)) == {("1-29", "30-59"): 1, ("0", "closed"): 1}
    owing = months.assign(balance=[50.0, 50.0, 50.0, 50.0])
    assert moves(roll_rates(owing)) == {("1-29", "30-59"): 1, ("0", "0"): 1}


def test_an_account_that_stops_without_a_word_left():
    """It stays in the denominator; at the end of the book nothing can be said."""
    assert moves(roll_rates(book([30], [0, 0]))) == {("30-59", "left"): 1, ("0", "0"): 1}


def test_a_hole_is_left_out_and_counted():
    """January and March were seen, February was not."""
    rates = roll_rates(book([0, None, 0], [0, 0, 0]))

    assert moves(rates) == {("0", "0"): 2}
    assert rates.attrs["holes"] == 1
    assert moves(roll_rates(book([0, None, 0], [0, 0, 0]), step=2)) == {("0", "0"): 2}


def test_by_balance_weighs_by_what_was_owed_at_the_start():
    """300 of 400 rolled; n still counts accounts."""
    months = book([0, 31], [0, 0]).assign(balance=[300.0, 0.0, 100.0, 900.0])
    rates = roll_rates(months, by="balance").set_index(["from_bucket", "to_bucket"])

    assert rates.loc[("0", "30-59"), ["n", "rate"]].tolist() == [1, 0.75]
    assert rates.loc[("0", "0"), "rate"] == 0.25


def test_groups_and_cohorts_have_a_matrix_each():
    """From accounts, from months, and by opening year."""
    months = book([0, 31], [0, 0], opened="2025-03-01")
    accounts = pd.DataFrame({"account_id": [1, 2], "segment": ["a", "b"]})
    rates = roll_rates(months, groups="segment", cohort="Y", accounts=accounts)
    some = rates[rates["n"] > 0]

    assert some[["segment", "cohort", "to_bucket"]].values.tolist() == [
        ["a", "2025", "30-59"],
        ["b", "2025", "0"],
    ]
    assert wide(rates).shape == (2 * 8, 13)


def test_every_row_of_the_matrix_sums_to_one():
    """On the real sample, which is full of jumps."""
    matrix = wide(roll_rates(datasets.load_credit_card().months))

    np.testing.assert_allclose(matrix.dropna().sum(axis=1), 1.0)


def test_the_sample_jumps_as_measured():
    """From 0: 4.7 % to 60 days and more at once, 1.4 % to 30."""
    matrix = wide(roll_rates(datasets.load_credit_card().months))

    assert round(matrix.loc["0", "60-89"], 3) == 0.047
    assert round(matrix.loc["0", "30-59"], 3) == 0.014


@pytest.mark.parametrize("step", [1, 3])
def test_counts_agree_with_a_self_join_in_sql(step):
    """DuckDB joins each month to the month `step` later; accounts of the sample have no holes."""
    months = datasets.load_credit_card().months
    query = f"""
        select least(a.days_past_due // 30 + (a.days_past_due > 0)::int, 7)::int as f,
               least(b.days_past_due // 30 + (b.days_past_due > 0)::int, 7)::int as t, count(*) as n
        from months a join months b
          on a.account_id = b.account_id
         and date_diff('month', a.month, b.month) = {step}
        group by all order by all"""
    expected = duckdb.sql(query).df()
    rates = roll_rates(months, step=step)
    some = rates[rates["n"] > 0]

    assert some["from_bucket"].cat.codes.tolist() == expected["f"].tolist()
    assert some["to_bucket"].cat.codes.tolist() == expected["t"].tolist()
    assert some["n"].tolist() == expected["n"].tolist()


def test_a_chain_that_forgets_nothing_is_seen():
    """Half the accounts are always late, half never: today's bucket says all, so two steps are P squared;
    accounts that alternate break it."""
    steady = chain_check(book([0, 0, 0], [31, 31, 31]), buckets=(30,))
    waves = book([0, 0, 31, 31, 0, 0, 31], [31, 31, 0, 0, 31, 31, 0])
    check = chain_check(waves, buckets=(30,)).set_index(["from_bucket", "to_bucket"])

    assert (steady["difference"].fillna(0) == 0).all()
    assert check.loc[("0-29", "30+"), "seen"] == 1
    assert check.loc[("0-29", "30+"), "chained"] == pytest.approx(0.475, abs=0.1)


def test_period_limits_the_earlier_month():
    """Only February's move."""
    rates = roll_rates(book([0, 31, 0]), since="2026-02-01", until="2026-02-28")

    assert moves(rates) == {("30-59", "0"): 1}


def test_net_flow_is_a_quotient_of_balances_not_a_share():
    """100 current in January, 250 in the next bucket in February: 2.5."""
    months = book([0, 31], [31, 31]).assign(balance=[100.0, 100.0, 150.0, 150.0])
    flows = flow_rates(months, buckets=(30,))

    assert flows["rate"].tolist() == [2.5]


def test_table_says_what_it_is():
    """Scheme, weight and step travel with it."""
    rates = roll_rates(book([0, 31]), buckets="cn_m")

    assert (rates.attrs["scheme"], rates.attrs["by"], rates.attrs["step"]) == ("cn_m", "count", 1)
    assert moves(rates) == {("M0", "M2"): 1}


@pytest.mark.parametrize(
    ("code", "how"),
    [
        ("DLQ-217", {"by": "amount"}),
        ("DLQ-217", {"step": 0}),
        ("DLQ-217", {"level": 1.0}),
        ("DLQ-102", {"by": "balance"}),
        ("DLQ-102", {"groups": "segment"}),
        ("DLQ-102", {"cohort": "Y"}),
        ("DLQ-100", {"step": 9}),
        ("DLQ-214", {"buckets": "generik"}),
    ],
)
def test_settings_that_make_no_sense_are_refused(code, how):
    """One line each."""
    with pytest.raises(InputError) as caught:
        roll_rates(book([0, 31]), **how)

    assert caught.value.code == code


@given(
    st.lists(st.lists(st.sampled_from([0, 5, 31, 95, None]), min_size=1, max_size=6), min_size=1)
)
def test_nobody_vanishes(histories):
    """Moves, holes and nothing else account for every open row before the last month."""
    months = book(*histories)
    if months.empty or months["month"].nunique() < 2:
        return
    last = months["month"].max()
    try:
        rates = roll_rates(months)
    except InputError as error:
        assert error.code == "DLQ-100"
        return
    assert rates["n"].sum() + rates.attrs["holes"] == (months["month"] < last).sum()


def test_intervals_hold_what_they_say():
    """1 of 4 among 9 states: the density of Beta(1 + 1/9, 3 + 8/9), summed between the ends, is 0.9."""
    rates = roll_rates(book([0, 31], [0, 0], [0, 0], [0, 0]), buckets=(1, 30, 60), level=0.9)
    cell = rates[(rates["from_bucket"] == "0") & (rates["to_bucket"] == "30-59")].iloc[0]
    grid = (np.arange(400_000) + 0.5) / 400_000
    density = grid ** (1 / 9) * (1 - grid) ** (2 + 8 / 9)

    assert rates["to_bucket"].nunique() == 9
    for end, below in (("low", 0.05), ("high", 0.95)):
        mass = density[grid <= cell[end]].sum() / density.sum()
        assert mass == pytest.approx(below, abs=1e-4)
