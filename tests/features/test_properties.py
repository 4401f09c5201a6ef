"""What is always true of every feature, bit for bit where it says so."""

import datetime
import os
import subprocess
import sys
from pathlib import Path

import duckdb
import numpy as np
import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.features import FeatureSpec, _compute, catalogue

from .panels import MONEY, OTHER, assert_same_bits, built, portfolio, table

SNAPSHOTS = [datetime.date(2024, 2, 29), datetime.date(2024, 6, 14), datetime.date(2025, 3, 31)]
WHOLE = FeatureSpec()
seeds = st.integers(0, 10**9)


def whole(months, dates=SNAPSHOTS, **keywords):
    return built(months, dates, spec=WHOLE, **keywords)


def rewritten_after(rng, months, date):
    """The same table with everything that was not known at the date changed beyond recognition."""
    late = (months["month"] > date) | (months["known_at"] >= date + pd.Timedelta(days=1))
    other = months.copy()
    count = int(late.sum())
    other.loc[late, "days_past_due"] = rng.integers(0, 999, count)
    for name in (*MONEY, "written_off", "recovered"):
        other.loc[late, name] = rng.normal(0, 1e6, count).round(2)
    other.loc[late, "status"] = rng.choice(["sold", "closed"], count)
    other.loc[late, "opened"] = pd.Timestamp("1999-05-31")
    return other[~(late & (rng.random(len(other)) < 0.3))]


def leak_free(seed, histories):
    rng = np.random.default_rng(seed)
    months = table(portfolio(seed, accounts=histories))
    for date in map(pd.Timestamp, SNAPSHOTS):
        before = built(months, [date], spec=WHOLE)
        after = built(rewritten_after(rng, months, date), [date], spec=WHOLE)
        assert_same_bits(before, after)


def test_nothing_after_the_snapshot_reaches_a_feature():
    """Event date and booking date: 600 histories rewritten after it, no bit changes."""
    leak_free(seed=11, histories=200)


@pytest.mark.slow
def test_nothing_after_the_snapshot_reaches_a_feature_in_10000_histories():
    """The full size of the proof."""
    for seed in range(10):
        leak_free(seed, histories=1000)


def test_the_leak_harness_notices_a_leak():
    """Negative control: one day too many and the bits differ."""
    months = table(portfolio(11, accounts=50))
    date = pd.Timestamp("2024-06-30")
    changed = rewritten_after(np.random.default_rng(0), months, date)

    with pytest.raises(AssertionError):
        assert_same_bits(
            built(months, ["2024-07-31"], spec=WHOLE), built(changed, ["2024-07-31"], spec=WHOLE)
        )


@settings(max_examples=30)
@given(seed=seeds)
def test_row_order_never_changes_a_bit(seed):
    """Rows in any order, of accounts in any order."""
    months = table(portfolio(seed))

    assert_same_bits(whole(months), whole(months.sample(frac=1, random_state=seed % 2**32)))


@settings(max_examples=20)
@given(seed=seeds, chunk=st.integers(1, 7), threads=st.integers(1, 4))
def test_chunks_and_threads_never_change_a_bit(seed, chunk, threads):
    """However the work is cut and shared."""
    months = table(portfolio(seed))
    alone = whole(months, threads=1)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_compute, "CHUNK", chunk)
        shared = whole(months, threads=threads)

    assert_same_bits(alone, shared)


@settings(max_examples=15)
@given(seed=seeds)
def test_one_account_and_one_date_at_a_time_gives_the_same_bits(seed):
    """The company an account keeps does not matter, nor do the other snapshots."""
    months = table(portfolio(seed, accounts=5))
    together = whole(months)

    for account, date in together.index:
        alone = built(months[months["account_id"] == account], [date], spec=WHOLE)

        assert (alone.iloc[0].to_numpy().view("int64") == bits(together.loc[(account, date)])).all()


def bits(series):
    return np.ascontiguousarray(series.to_numpy()).view("int64")


@settings(max_examples=25)
@given(seed=seeds)
def test_a_hundred_times_the_money_leaves_everything_but_money_alone(seed):
    """Cents instead of units: ratios, counts and days stay; money grows a hundredfold."""
    months = table(portfolio(seed))
    money = [*MONEY, "written_off", "recovered"]
    cents = months.copy()
    cents[money] = cents[money].mul(100).round()
    units = cents.copy()
    units[money] = units[money] / 100
    is_money = catalogue().set_index("name")["unit"].str.startswith("money")

    small, large = whole(units), whole(cents)

    factor = np.where(is_money[small.columns], 100.0, 1.0)
    np.testing.assert_allclose(large, small.to_numpy() * factor, rtol=1e-7, atol=1e-7)


@settings(max_examples=25)
@given(seed=seeds, doubling=st.integers(-8, 8))
def test_money_times_a_power_of_two_leaves_everything_but_money_alone_bit_for_bit(seed, doubling):
    """Such a factor rounds nothing, so nothing may differ."""
    months = table(portfolio(seed))
    money = [*MONEY, "written_off", "recovered"]
    other = months.assign(**{name: months[name] * 2.0**doubling for name in money})
    is_money = catalogue().set_index("name")["unit"].str.startswith("money")

    small, large = whole(months), whole(other)

    factor = np.where(is_money[small.columns], 2.0**doubling, 1.0)
    assert_same_bits(large, small * factor)


@settings(max_examples=25)
@given(seed=seeds, years=st.integers(1, 9))
def test_a_shift_by_years_changes_nothing(seed, years):
    """Only the season knows the calendar, and a year brings it back."""
    book = portfolio(seed)
    dates = [datetime.date(2024, 3, 31), datetime.date(2025, 1, 31)]
    later = {account: [shifted(row, 12 * years) for row in rows] for account, rows in book.items()}

    before = whole(unbooked(table(book)), dates)
    after = whole(unbooked(table(later)), [shift(date, 12 * years) for date in dates])

    assert (bits(before) == bits(after)).all()


@settings(max_examples=15)
@given(seed=seeds, months=st.integers(1, 11))
def test_a_shift_by_months_changes_the_season_alone(seed, months):
    """Nothing else reads the calendar."""
    book = portfolio(seed)
    dates = [datetime.date(2024, 3, 31)]
    later = {account: [shifted(row, months) for row in rows] for account, rows in book.items()}

    before = whole(unbooked(table(book)), dates)
    after = whole(unbooked(table(later)), [shift(date, months) for date in dates])

    same = (bits(before) == bits(after)).all(axis=0)
    moved = set(before.columns[~same])
    assert moved
    assert moved <= {"season_sin", "season_cos"}


def unbooked(months):
    return months.drop(columns="known_at")


def shift(day, months):
    """The month end so many months later."""
    number = day.year * 12 + day.month - 1 + months + 1
    return datetime.date(number // 12, number % 12 + 1, 1) - datetime.timedelta(days=1)


def shifted(row, months):
    opened = row["opened"]
    return row | {
        "month": shift(row["month"], months),
        "opened": opened and shift(opened, months),
    }


def test_any_table_with_an_arrow_stream_gives_the_same_bits():
    """pandas, polars, pyarrow and DuckDB are one."""
    months = table(portfolio(12)).drop(columns=["known_at"])
    arrow = pa.Table.from_pandas(months, preserve_index=False)
    relation = duckdb.sql("select * from arrow order by month desc")

    for other in (pl.from_arrow(arrow), arrow, relation):
        assert_same_bits(whole(months), whole(other))


def test_the_input_is_not_changed():
    """What comes in goes out as it was."""
    months = table(portfolio(13)).sample(frac=1, random_state=0)
    copy = months.copy()

    whole(months)

    pd.testing.assert_frame_equal(months, copy)


def test_uncompiled_loops_give_the_same_bits():
    """Where numba is switched off the same loops run as plain Python."""
    script = (
        "import sys; sys.path.insert(0, 'tests'); from features.test_properties import *; "
        "X = whole(table(portfolio(14))); sys.stdout.buffer.write(X.to_numpy().tobytes())"
    )
    environment = {**os.environ, "NUMBA_DISABLE_JIT": "1", "PYTHONPATH": str(Path.cwd())}
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, env=environment)

    assert run.returncode == 0, run.stderr.decode()
    assert run.stdout == whole(table(portfolio(14))).to_numpy().tobytes()


# What makes an account worse, one row at a time; a sign in the catalogue must agree with all of them.
WORSE = {
    "days_past_due": lambda values, rng: values + rng.integers(1, 120),
    "amount_paid": lambda values, rng: np.minimum(
        values, values * rng.random() - rng.random() * 50
    ),
    "written_off": lambda values, rng: values + 100.0,
}


@settings(max_examples=150)
@given(seed=seeds, what=st.sampled_from(sorted(WORSE)))
def test_each_sign_is_what_the_definition_implies(seed, what):
    """One row of each account made worse: no signed feature says that the account became better."""
    rng = np.random.default_rng(seed)
    months = table(portfolio(seed, accounts=6)).drop(columns="known_at")
    chosen = months.groupby("account_id").sample(1, random_state=seed % 2**32).index
    worse = months.copy()
    worse.loc[chosen, what] = WORSE[what](months.loc[chosen, what], rng)
    sign = catalogue().set_index("name")["sign"]

    try:
        before, after = whole(months), whole(worse)
    except InputError:  # no row in sight of any snapshot
        return

    signed = [name for name in before.columns if sign[name] != 0]
    moved = (after[signed] - before[signed]) * sign[signed]
    scale = 1e-9 * (1 + before[signed].abs())
    assert not (moved < -scale).to_numpy().any(), moved.columns[(moved < -scale).any()].tolist()


def test_each_sign_is_earned():
    """Every signed feature moves under some worsening, and every input of a signed one is tried."""
    months = table(portfolio(15, accounts=200)).drop(columns="known_at")
    rng = np.random.default_rng(0)
    before = whole(months)
    sign = catalogue().set_index("name")["sign"]
    moved = set()

    for what, worsen in WORSE.items():
        worse = months.assign(**{what: worsen(months[what], rng)})
        change = (whole(worse) - before) * sign[before.columns]
        moved |= set(change.columns[(change > 0).any()])

    # those across a person's accounts are moved in their own tests
    assert moved == set(sign.index[sign != 0]) & set(before.columns)


def test_no_protected_attribute_is_read_or_named():
    """Inputs are columns of the months table and whose account it is, which carry no such thing."""
    inputs = set().union(*catalogue()["inputs"])

    assert inputs <= {"days_past_due", "person_id", *MONEY, *OTHER}
