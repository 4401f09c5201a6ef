import numpy as np
import pandas as pd
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import cross_validate

from delinquency.errors import InputError
from delinquency.history import AccountSplit, AccountTimeSplit, split_accounts


def test_an_account_keeps_its_part_whoever_stands_beside_it():
    """The part of an account depends on its id and the salt alone."""
    alone = split_accounts(range(100))
    among = split_accounts(range(1_000))

    assert alone.tolist() == among.tolist()[:100]
    assert split_accounts(range(100), salt="other").tolist() != alone.tolist()


def test_index_and_repeated_ids_are_kept():
    """All snapshots of one account fall into one part."""
    ids = pd.Series(["x", "y", "x"], index=[5, 6, 7])
    part = split_accounts(ids)

    assert part.index.tolist() == [5, 6, 7]
    assert part[5] == part[7]


def test_a_share_of_nothing_gets_nobody():
    """Shares of 0 and 1 are exact."""
    part = split_accounts(range(2_000), {"none": 0.0, "all": 1.0})

    assert set(part) == {"all"}


@pytest.mark.parametrize("shares", [{}, {"a": 0.5}, {"a": 1.5, "b": -0.5}, {"a": float("nan")}])
def test_shares_that_do_not_sum_to_one_are_refused(shares):
    """A part of the accounts would belong nowhere."""
    with pytest.raises(InputError, match="DLQ-212"):
        split_accounts([1], shares)


def table(accounts, dates):
    keys = pd.MultiIndex.from_product(
        [range(accounts), pd.to_datetime(dates)], names=["account_id", "snapshot_date"]
    )
    rng = np.random.default_rng(0)
    X = pd.DataFrame({"x": rng.normal(size=len(keys))}, index=keys)
    return X, pd.Series(rng.random(len(keys)) < 0.4, index=keys).astype(int)


def test_folds_by_account_part_every_row_once():
    """No account on both sides; the test sides together are everything."""
    X, _ = table(50, ["2025-01-31", "2025-06-30"])
    tested = []
    for train, test in AccountSplit(4).split(X):
        ids = X.index.get_level_values("account_id")
        assert not set(ids[train]) & set(ids[test])
        tested += test.tolist()

    assert sorted(tested) == list(range(len(X)))


def test_folds_by_account_and_time_never_train_on_the_tests_time():
    """Training labels of 6 months end before the first test date."""
    X, _ = table(50, ["2025-01-31", "2025-07-31", "2025-10-31", "2026-01-31"])
    for train, test in AccountTimeSplit(3, test_dates=1, gap=6).split(X):
        ids, dates = (X.index.get_level_values(at) for at in (0, 1))
        assert not set(ids[train]) & set(ids[test])
        assert set(dates[test]) == {pd.Timestamp("2026-01-31")}
        assert dates[train].max() == pd.Timestamp("2025-07-31")


@pytest.mark.parametrize("splitter", [AccountSplit(3), AccountTimeSplit(3, gap=6)])
def test_scikit_learn_takes_the_splitters(splitter):
    """cross_validate fits and scores once a fold."""
    X, y = table(80, ["2025-01-31", "2025-07-31", "2026-01-31"])
    result = cross_validate(LogisticRegression(), X, y, cv=splitter)

    assert len(result["test_score"]) == 3 == splitter.get_n_splits()


def test_accounts_may_come_as_groups():
    """A plain matrix with the account of each row beside it."""
    X, y = table(30, ["2025-01-31", "2025-06-30"])
    groups = X.index.get_level_values("account_id")
    result = cross_validate(
        LogisticRegression(), X.to_numpy(), y, cv=AccountSplit(3), groups=groups
    )

    assert len(result["test_score"]) == 3


@pytest.mark.parametrize(
    "wrong",
    [
        lambda: AccountSplit(1),
        lambda: AccountTimeSplit(gap=-1),
        lambda: AccountTimeSplit(test_dates=0),
        lambda: list(AccountSplit(3).split(np.zeros((4, 1)))),
        lambda: list(AccountSplit(3).split(table(1, ["2025-01-31"])[0])),
        lambda: list(AccountTimeSplit(2, gap=99).split(table(9, ["2025-01-31"])[0])),
    ],
)
def test_splits_that_leave_a_fold_empty_are_refused(wrong):
    """Too few folds, accounts or dates, or no accounts told."""
    with pytest.raises(InputError, match="DLQ-212"):
        wrong()
