"""A cohort fixed on a day: counted by hand, and followed by the moves of the book."""

import numpy as np
import pandas as pd
import pytest

from delinquency.datasets import make_portfolio
from delinquency.errors import InputError
from delinquency.portfolio import cohort_outlook


def months(**late):
    """Accounts by name: days past due from January 2026 on; 100 owed, 10 paid in a month without delay."""
    rows = [
        {
            "account_id": name,
            "month": pd.Timestamp("2026-01-31") + pd.offsets.MonthEnd(n),
            "days_past_due": days,
            "balance": 100.0,
            "arrears": float(days),
            "amount_paid": 0.0 if days else 10.0,
        }
        for name, path in late.items()
        for n, days in enumerate(path)
    ]
    return pd.DataFrame(rows)


BOOK = months(a=[30, 0, 0], b=[30, 60, 90], c=[30, 30, 30], d=[0, 0, 0], e=[60, 30, 0])
SPAN = {"start": "2026-02-01", "end": "2026-03-31"}


def test_what_the_cohort_did_is_counted():
    """Of a, b, c and e: two current in March, one worse than in January; three months paid."""
    found = cohort_outlook(BOOK, **SPAN, as_of="2026-03-31", days=(1, None))

    assert (found.accounts, found.balance, found.arrears) == (4, 400.0, 150.0)
    assert sorted(found.account_ids) == ["a", "b", "c", "e"]
    assert (found.collected, found.cured, found.rolled) == (30.0, 0.5, 0.25)
    assert found.until == pd.Timestamp("2026-03-31")
    assert (found.ends["collected"] == 30.0).all()
    assert (found.ends["cured"] == 0.5).all()


def test_nothing_later_is_read_and_nobody_joins():
    """In mid-March February is the last month end; d was never late and does not count."""
    early = cohort_outlook(BOOK, **SPAN, as_of="2026-03-15", days=(1, None))

    assert early.until == pd.Timestamp("2026-02-28")
    assert (early.collected, early.cured, early.rolled) == (10.0, 0.25, 0.25)


def test_an_account_that_is_charged_off_has_rolled_and_one_that_paid_off_is_cured():
    """Exits keep their meaning; who stops without a word is neither."""
    book = months(a=[30, 60], b=[30, 0], c=[30], d=[30, 30])
    book["status"] = ["open", "charged_off", "open", "paid_off", "open", "open", "open"]

    found = cohort_outlook(book, start="2026-02-01", end="2026-02-28", as_of="2026-02-28")

    assert (found.cured, found.rolled) == (0.25, 0.25)


def test_the_next_month_is_drawn_from_the_months_that_were():
    """Everybody who is 30 days late pays next month and is current: so it will be again."""
    book = months(a=[30, 0, 30], b=[0, 30, 0], c=[30, 0, 30], d=[0, 30, 0])
    found = cohort_outlook(
        book, start="2026-04-01", end="2026-04-30", as_of="2026-03-31", days=(1, None)
    )

    assert found.accounts == 2
    assert (found.cured, found.collected) == (0.0, 0.0)
    assert (found.ends["cured"] == 1.0).all()
    np.testing.assert_allclose(found.ends["collected"], 20.0)


def test_the_runs_hold_what_came():
    """From a day in a made-up book, eight of ten runs or so hold what followed; seeds unseen."""
    inside = []
    for seed in range(40, 52):
        book = make_portfolio(1500, 30, seed=seed).months
        span = {"start": "2026-01-01", "end": "2026-04-30", "days": (1, 89)}
        told = cohort_outlook(book, **span, as_of="2025-12-31")
        came = cohort_outlook(book, **span, as_of="2026-06-30")
        low, high = told.ends["cured"].quantile([0.05, 0.95])
        inside.append(low <= came.cured <= high)

    assert np.mean(inside) >= 0.6


def test_a_cohort_of_nobody_and_a_period_upside_down_are_refused():
    """Each with its rule."""
    with pytest.raises(InputError, match=r"DLQ-100 .*nobody stood"):
        cohort_outlook(BOOK, **SPAN, as_of="2026-03-31", days=(500, None))
    with pytest.raises(InputError, match="DLQ-217"):
        cohort_outlook(BOOK, start="2026-03-01", end="2026-02-01", as_of="2026-03-31")
