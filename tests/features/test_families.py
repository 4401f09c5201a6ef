"""The whole catalogue against the definitions."""

import datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from .panels import assert_matches_oracle, portfolio

SNAPSHOTS = [datetime.date(2024, 2, 29), datetime.date(2024, 6, 14), datetime.date(2025, 3, 31)]


@settings(max_examples=200)
@given(seed=st.integers(0, 10**9))
def test_the_whole_catalogue_agrees_with_the_oracle(seed):
    """Gaps, leap months, reversals, unknown money, credit balances, one row and no row."""
    assert_matches_oracle(portfolio(seed, accounts=4), SNAPSHOTS, whole=True)


@settings(max_examples=25)
@given(
    seed=st.integers(0, 10**9),
    windows=st.sets(st.integers(1, 40), min_size=1, max_size=4).map(lambda w: tuple(sorted(w))),
)
def test_any_windows_agree_with_the_oracle(seed, windows):
    """What is told once looks back two years, whatever the windows."""
    assert_matches_oracle(portfolio(seed, accounts=4), SNAPSHOTS, windows, whole=True)


@pytest.mark.slow
def test_the_whole_catalogue_agrees_with_the_oracle_on_2000_portfolios():
    """The full size of the proof."""
    for seed in range(2000):
        assert_matches_oracle(portfolio(seed, accounts=4), SNAPSHOTS, whole=True)
