"""Books lived on: the past stays, the future is drawn again, and the chance is true."""

import numpy as np
import pandas as pd
import pytest

from delinquency.datasets import make_portfolio, true_probability
from delinquency.datasets._portfolio import book_of
from delinquency.datasets._portfolio_again import hits
from delinquency.datasets._portfolio_kernel import live
from delinquency.errors import InputError
from delinquency.history import LabelSpec, label, take_snapshots

AT, SIZE = "2025-12-31", (5_000, 30)
KNOBS = {"end": "2026-06-30", "loans": 0.4, "strain": 1.0, "shock": 1.6}


@pytest.fixture(scope="module")
def outcomes():
    """Labels of the book as it happened, from the library's own label."""
    months = make_portfolio(*SIZE, seed=2).months
    labels = label(take_snapshots(months, [AT], observe=24, perform=6), LabelSpec(dpd=60, within=6))
    return labels.dropna(subset=["bad"]).set_index("account_id")["bad"].astype(int)


@pytest.fixture(scope="module")
def chances():
    """Chances, and a second look with other luck: ranks by one and means by the other cannot deceive."""
    looks = [
        true_probability(*SIZE, seed=2, at=AT, draws=draws, first_draw=first)
        for draws, first in ((30, 0), (80, 30))
    ]
    return [look.set_index("account_id")["probability"] for look in looks]


def test_the_chance_is_that_of_the_labelled_accounts(outcomes, chances):
    """The accounts that `label` admits are those that have a chance, no more and no fewer."""
    assert chances[0].index.equals(outcomes.index.sort_values())


def promised_and_came(chances, outcomes):
    """Return mean chance, bad rate and standard error of each tenth of the accounts by rising chance."""
    rank = chances[0].rank(method="first").to_numpy()
    table = pd.DataFrame({"p": chances[1], "bad": outcomes.reindex(chances[1].index)})
    tenths = table.groupby(np.ceil(10 * rank / len(rank)))
    error = tenths["p"].apply(lambda p: np.sqrt(1.0125 * (p * (1 - p)).sum()) / len(p))
    return tenths["p"].mean(), tenths["bad"].mean(), error


def test_mean_chance_is_the_observed_rate_in_every_tenth(outcomes, chances):
    """As many bads as promised in each tenth, within four standard errors."""
    promised, came, error = promised_and_came(chances, outcomes)

    assert len(promised) == 10
    assert promised.iloc[-1] > 0.3 > 0.03 > promised.iloc[0]
    assert ((promised - came).abs() <= 4 * error).all()


def test_chances_of_other_accounts_would_not_be_true(outcomes, chances):
    """The test above can fail: chances dealt to the wrong accounts promise what does not come."""
    wrong = [look.set_axis(np.roll(look.index, 1)) for look in chances]
    promised, came, error = promised_and_came(wrong, outcomes)

    assert promised.iloc[-1] - came.iloc[-1] > 10 * error.iloc[-1]


def test_the_past_stays_and_the_future_is_drawn_again():
    """Up to the month the same rows; after it others; the same draw twice is the same life."""
    book = book_of(2_000, 24, 3, **KNOBS)
    lives = [live(*book.arguments(18, draw))[0] for draw in (0, 0, 1)]
    months = [pd.DataFrame({k: rows[k] for k in range(12)}) for rows in lives]
    before = [table[table[1] < 18].reset_index(drop=True) for table in months]
    told = live(*book.arguments(24))[0]
    as_it_was = pd.DataFrame({k: told[k][told[1] < 18] for k in range(12)})

    pd.testing.assert_frame_equal(before[0], before[2])
    pd.testing.assert_frame_equal(before[0], as_it_was)
    pd.testing.assert_frame_equal(months[0], months[1])
    assert not months[0].equals(months[2])


def test_other_minds_make_another_future():
    """Who is well and calm from the month on hardly falls behind; who never pays does."""
    book = book_of(1_500, 24, 3, **KNOBS)
    n = len(book.people["risk"])
    calm = np.tile([0.0, 0.0, -3.0, 0.01], (n, 1))
    gone = np.tile([3.0, 0.0, -3.0, 0.01], (n, 1))

    few, many = (hits(book, 15, 60, 6, 0, minds).mean() for minds in (calm, gone))

    assert few < 0.05 < 0.5 < many


@pytest.mark.parametrize("wrong", [{"at": "2026-03-31"}, {"at": "2020-01-31"}, {"draws": 0}])
def test_a_window_outside_the_book_is_refused(wrong):
    """One line, before anything is lived."""
    with pytest.raises(InputError, match="DLQ-216"):
        true_probability(100, 24, **{"at": AT, **wrong})
