"""The engine against DuckDB SQL: a second oracle, with another engine's way of counting."""

import datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from delinquency.features import FeatureSpec, catalogue

from . import sql
from .panels import built, portfolio, table

SNAPSHOTS = [datetime.date(2024, 2, 29), datetime.date(2024, 6, 14), datetime.date(2025, 3, 31)]


def assert_matches_sql(book, windows=(3, 6, 12, 24)):
    months = table(book)
    wanted = sql.features(months, SNAPSHOTS, windows)
    if wanted.empty:
        return
    got = built(months, SNAPSHOTS, spec=FeatureSpec(windows=windows))
    assert list(got.index) == list(wanted.index)
    listed = catalogue(windows)
    across = listed["family"].isin(["person", "latest_loan"])  # made of these, and proved elsewhere
    assert set(got.columns) == set(wanted.columns) == set(listed.loc[~across, "name"])
    wanted = wanted[got.columns]
    np.testing.assert_allclose(got.to_numpy(), wanted.to_numpy(), rtol=1e-7, atol=1e-7)


@settings(max_examples=12)
@given(seed=st.integers(0, 10**9))
def test_the_whole_catalogue_agrees_with_sql(seed):
    """Forty accounts at three dates, every feature."""
    assert_matches_sql(portfolio(seed, accounts=40))


def test_other_windows_agree_with_sql():
    """Windows beyond two years and of one month."""
    assert_matches_sql(portfolio(5, accounts=40), (1, 5, 30))


@pytest.mark.slow
def test_the_whole_catalogue_agrees_with_sql_on_2000_portfolios():
    """The full size of the proof, two hundred portfolios of eight accounts a query."""
    for batch in range(10):
        book = {}
        for seed in range(200 * batch, 200 * (batch + 1)):
            book |= {f"{seed}-{name}": rows for name, rows in portfolio(seed).items()}
        assert_matches_sql(book)
