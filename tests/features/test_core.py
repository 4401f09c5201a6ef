"""The core hundred against the definitions."""

import datetime
import logging

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.errors import InputError
from delinquency.features import FeatureSpec, build_features, catalogue

from .panels import assert_matches_oracle, assert_same_bits, built, portfolio, table

SNAPSHOTS = [datetime.date(2024, 2, 29), datetime.date(2024, 6, 14), datetime.date(2025, 3, 31)]


@settings(max_examples=60)
@given(seed=st.integers(0, 10**9))
def test_core_agrees_with_the_oracle(seed):
    """Gaps, leap months, reversals, unknown money, credit balances, one row and no row."""
    book = portfolio(seed)

    assert_matches_oracle(book, SNAPSHOTS)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**9),
    windows=st.sets(st.integers(1, 40), min_size=1, max_size=5).map(sorted),
)
def test_any_windows_agree_with_the_oracle(seed, windows):
    """Windows are parameters: short ones alone, odd ones, ones beyond two years."""
    assert_matches_oracle(portfolio(seed, accounts=4), SNAPSHOTS, tuple(windows))


@pytest.mark.slow
def test_core_agrees_with_the_oracle_on_2000_portfolios():
    """The full size of the proof."""
    for seed in range(2000):
        assert_matches_oracle(portfolio(seed, accounts=4), SNAPSHOTS)


def test_worked_example():
    """Six months worked by hand."""
    months = pd.DataFrame(
        {
            "account_id": 7,
            "month": pd.period_range("2026-01", periods=6, freq="M"),
            "days_past_due": [0, 31, 62, 0, 5, 35],
            "amount_due": [np.nan, 100, 100, 100, 0, 200],
            "amount_paid": [50, 0, 150, 100, 10, 50],
            "balance": [100, 200, 300, 200, 200, 400],
            "credit_limit": [1000, 1000, 1000, 1000, 0, 1000],
        }
    )

    got = build_features(months, as_of="2026-07-15", windows=(3, 6)).loc[(7, "2026-07-15")]

    assert got["n_obs_6m"] == 6
    assert got["dpd_mean_3m"] == pytest.approx(40 / 3)
    assert got["dpd30_count_6m"] == 3
    assert got["months_since_dpd30_6m"] == 0
    assert got["current_streak_6m"] == 2
    assert got["worst_streak_6m"] == 2
    assert got["utilisation_mean_3m"] == pytest.approx(0.3)
    assert got["utilisation_slope_3m"] == pytest.approx(0.1)  # April 0.2, May unknown, June 0.4
    assert got["paid_to_due_6m"] == pytest.approx(310 / 500)  # January's due is unknown
    assert got["payment_ratio_min_3m"] == 0.25
    assert got["missed_count_6m"] == 1
    assert got["roll_forward_count_6m"] == 4
    assert got["roll_back_count_6m"] == 1
    assert got["balance_last_minus_mean_3m"] == pytest.approx(400 - 800 / 3)
    assert got["months_since_last_obs"] == 0
    assert got["months_observed_24m"] == 6


def test_catalogue_lists_the_core_hundred_in_order():
    """Names and order of the contract, written out once more."""
    stems = """
        n_obs dpd_max dpd_mean dpd1_count dpd30_count months_since_dpd30 current_streak worst_streak
        utilisation_mean utilisation_max utilisation_min utilisation_slope paid_to_due
        payment_ratio_min payment_ratio_mean payment_ratio_std missed_count
        utilisation_last_minus_mean dpd_last_minus_mean balance_mean balance_last_minus_mean
        roll_forward_count roll_back_count
    """.split()
    once = """
        dpd_last utilisation_last balance_last amount_due_last amount_paid_last credit_limit_last
        months_since_last_obs months_observed_24m
    """.split()
    wanted = [f"{stem}_{window}m" for window in (3, 6, 12, 24) for stem in stems] + once

    assert len(wanted) == 100
    assert list(catalogue()["name"])[:100] == wanted
    assert list(catalogue()["core"]) == [True] * 100 + [False] * (len(catalogue()) - 100)
    book = table(portfolio(1))
    assert list(build_features(book, as_of="2025-03-31").columns) == wanted


def test_reasons_are_sentences_that_carry_the_customers_figure():
    """Every text formats, says its window, and ends like a sentence."""
    for row in catalogue((5, 18)).itertuples():
        for text, stop in ((row.reason_en, "."), (row.reason_zh, "。")):
            assert text.endswith(stop)
            assert text.format(value=3.0) != text
            if row.name.endswith(f"_{row.window}m") and "_since_" not in row.name:
                assert str(row.window) in text


@pytest.mark.parametrize(
    ("column", "lost"),
    [
        ("credit_limit", {"credit_limit_last", "utilisation_last", "utilisation_slope_6m"}),
        ("balance", {"balance_last", "balance_mean_12m", "utilisation_max_3m"}),
        ("amount_due", {"paid_to_due_3m", "missed_count_24m", "amount_due_last"}),
        ("days_past_due", {"dpd_max_3m", "dpd_last", "roll_back_count_24m"}),
    ],
)
def test_a_lacking_input_switches_its_features_off(caplog, column, lost):
    """What a lender lacks is absent, never zero, and one line says so."""
    months = table(portfolio(3))

    with caplog.at_level(logging.WARNING, "delinquency"):
        whole = build_features(months, as_of="2025-03-31", spec=FeatureSpec())
        part = build_features(months.drop(columns=column), as_of="2025-03-31", spec=FeatureSpec())

    needy = catalogue()[[column in inputs for inputs in catalogue()["inputs"]]]["name"]
    assert lost <= set(needy)
    assert_same_bits(part, whole.drop(columns=list(needy), errors="ignore"))  # persons are off
    notices = [record.getMessage() for record in caplog.records]
    of_the_part = [line for line in notices if "compiling" not in line][
        1:
    ]  # the whole lacks persons
    assert [column in line for line in of_the_part] == [True]


def test_spec_chooses_by_window_family_and_name():
    """A choice is a selection of the same numbers."""
    months = table(portfolio(4))
    whole = build_features(months, as_of="2025-03-31", spec=FeatureSpec())
    families = catalogue().set_index("name")["family"]

    streaks = build_features(months, as_of="2025-03-31", spec=FeatureSpec(families=("streaks",)))
    named = build_features(
        months, as_of="2025-03-31", spec=FeatureSpec(names=("dpd_last", "dpd_max_6m"))
    )

    assert_same_bits(streaks, whole.loc[:, families[whole.columns] == "streaks"])
    assert_same_bits(named, whole[["dpd_max_6m", "dpd_last"]])


@pytest.mark.parametrize(
    ("keywords", "text"),
    [
        ({}, "expected one kind of snapshot date"),
        ({"as_of": "2025-01-31", "snapshots": ["2025-01-31"]}, "expected one kind of snapshot"),
        ({"snapshots": []}, "expected one or more snapshot dates"),
        ({"snapshots": ["2025-01-31", "2025-01-31"]}, "each once"),
        ({"as_of": "soon"}, "DLQ-103 as_of: expected a date"),
        ({"as_of": "2001-01-31"}, "DLQ-100 months: no row is known at the snapshot"),
        ({"as_of": "2025-01-31", "windows": (0, 3)}, "DLQ-205"),
        ({"as_of": "2025-01-31", "windows": (3, 3)}, "DLQ-205"),
        ({"as_of": "2025-01-31", "windows": ()}, "DLQ-205"),
        (
            {"as_of": "2025-01-31", "spec": FeatureSpec(names=("dpd_mx_3m",))},
            'did you mean "dpd_max_3m"',
        ),
        ({"as_of": "2025-01-31", "spec": FeatureSpec(families=("streak",))}, 'mean "streaks"'),
        ({"as_of": "2025-01-31", "windows": (5,), "spec": FeatureSpec()}, "windows differ"),
    ],
)
def test_a_bad_call_gets_one_clear_line(keywords, text):
    """Refusals name the argument and the fix."""
    with pytest.raises(InputError, match=text):
        build_features(table(portfolio(5)), **keywords)


def test_a_spec_that_names_what_the_table_lacks_is_refused():
    """A name asked for is never dropped in silence."""
    months = table(portfolio(5)).drop(columns="credit_limit")

    with pytest.raises(InputError, match='1 of 2 chosen features need "credit_limit"'):
        build_features(
            months,
            as_of="2025-01-31",
            spec=FeatureSpec(names=("utilisation_last", "dpd_last")),
        )


def test_ids_keep_their_type():
    """Text stays text with its zeros, integers stay integers."""
    months = table(portfolio(6, accounts=3))
    text = build_features(months, as_of="2025-03-31")
    numbers = months.assign(account_id=months["account_id"].str[1:].astype("int64") + 2**60)

    whole = build_features(numbers, as_of="2025-03-31")

    assert whole.index.get_level_values(0).dtype == "int64"
    assert set(whole.index.get_level_values(0)) <= {2**60, 2**60 + 1, 2**60 + 2}
    assert (whole.to_numpy() == text.to_numpy()).sum() == text.notna().to_numpy().sum()
    assert all(isinstance(i, str) for i in text.index.get_level_values(0))


def test_index_finds_its_rows():
    """The index, put together from codes, answers like any other."""
    got = built(table(portfolio(8)), SNAPSHOTS)

    assert got.index.names == ["account_id", "snapshot_date"]
    assert got.index.is_unique
    assert got.index.is_monotonic_increasing
    key = got.index[3]
    pd.testing.assert_series_equal(got.loc[key], got.iloc[3])


def test_unsorted_rows_are_sorted_once_with_a_notice(caplog):
    """The order of a file is worth saying: sorting costs more than the features."""
    months = table(portfolio(9))
    with caplog.at_level(logging.INFO, "delinquency"):
        build_features(months, as_of="2025-03-31")
        quiet = [r for r in caplog.records if "not sorted" in r.getMessage()]
        build_features(months.iloc[::-1], as_of="2025-03-31")

    assert not quiet
    assert ["not sorted by (account_id, month)" in r.getMessage() for r in caplog.records][-1]
