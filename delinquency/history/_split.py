"""Which account is for training and which for testing, the same for ever; and folds in time."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pandas as pd

from delinquency.errors import InputError, Problem
from delinquency.schema import hash_share, month_number

__all__ = ["AccountSplit", "AccountTimeSplit", "split_accounts"]

Fold = tuple[np.ndarray, np.ndarray]

_SHARES = {"train": 0.75, "test": 0.25}


def split_accounts(
    account_ids: Any, shares: Mapping[str, float] = _SHARES, salt: str = "split"
) -> pd.Series:
    """Give each account to one part, by a stable hash of its id.

    An account keeps its part on every machine, whatever accounts are added or removed, and all its
    snapshots stay together.

    Parameters
    ----------
    account_ids : sequence
        Ids; may repeat.
    shares : mapping of str to float
        Name and share of each part; the shares sum to 1.
    salt : str
        Another salt gives another, independent split.

    Returns
    -------
    Series of str
        The part of each id, in the order and with the index of `account_ids`.

    Raises
    ------
    InputError
        ``DLQ-212`` when the shares are negative or do not sum to 1.

    Examples
    --------
    >>> split_accounts([1, 2, 3, 2]).tolist()
    ['train', 'train', 'train', 'train']
    >>> split_accounts(range(10_000)).value_counts(normalize=True).round(2).to_dict()
    {'train': 0.75, 'test': 0.25}
    """
    weights = np.array(list(shares.values()), dtype="float64")
    if not len(weights) or not (weights >= 0).all() or abs(weights.sum() - 1) > 1e-9:
        fix = 'for example {"train": 0.75, "test": 0.25}'
        what = "shares must not be negative and must sum to 1"
        raise InputError(Problem("DLQ-212", what, "shares", len(weights), fix))
    index = account_ids.index if isinstance(account_ids, pd.Series) else None
    # the last edge is 1 whatever rounding says, so that every hash finds a part
    edges = np.append(np.cumsum(weights)[:-1], 1.0)
    part = np.searchsorted(edges, hash_share(account_ids, salt), side="right")
    names = np.array(list(shares), dtype=object)
    return pd.Series(names[part], index=index, name="part").astype("str")


class AccountSplit:
    """Folds by account, for scikit-learn's ``cv=``: the same accounts in the same fold, for ever.

    Parameters
    ----------
    n_splits : int
        Number of folds.
    salt : str
        Another salt gives other, independent folds.

    Examples
    --------
    >>> X = pd.DataFrame({"x": range(4)}, index=pd.Index([1, 2, 3, 4], name="account_id"))
    >>> [test.tolist() for _, test in AccountSplit(2).split(X)]
    [[1, 2], [0, 3]]
    """

    def __init__(self, n_splits: int = 5, salt: str = "folds") -> None:
        if n_splits < 2:
            raise InputError(
                Problem("DLQ-212", "n_splits is 2 at least", "AccountSplit", fix="5 is usual")
            )
        self.n_splits, self.salt = n_splits, salt

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Yield positions for training and testing.

        Parameters
        ----------
        X : DataFrame
            Indexed by ``account_id`` (alone or among other levels), unless `groups` says the accounts.
        y : ignored
        groups : sequence, optional
            Account of each row.

        Raises
        ------
        InputError
            ``DLQ-212`` when neither tells the accounts, or a fold would be empty.
        """
        fold = self._folds(X, groups)
        for number in range(self.n_splits):
            yield _checked(np.flatnonzero(fold != number), np.flatnonzero(fold == number))

    def _folds(self, X: Any, groups: Any) -> np.ndarray:
        ids = _level(X, "account_id") if groups is None else groups
        return np.floor(hash_share(ids, self.salt) * self.n_splits).astype("int64")


class AccountTimeSplit:
    """Folds by account and by time: tests on other accounts at later dates than training saw.

    Several snapshots of one account are alike, and so are accounts of one month; a score is only as
    good as on accounts *and* dates it has not seen.

    Parameters
    ----------
    n_splits : int
        Number of account folds.
    test_dates : int
        How many of the last snapshot dates are for testing.
    gap : int
        Months between the last training snapshot and the first test snapshot: the length of the
        label's window, so that no training label looks into the test's time.
    salt : str
        As in `AccountSplit`.

    Examples
    --------
    >>> keys = pd.MultiIndex.from_product(
    ...     [[1, 2, 3, 4], pd.to_datetime(["2025-01-31", "2025-02-28", "2026-01-31"])],
    ...     names=["account_id", "snapshot_date"],
    ... )
    >>> X = pd.DataFrame({"x": range(12)}, index=keys)
    >>> [(train.tolist(), test.tolist()) for train, test in AccountTimeSplit(2, gap=12).split(X)]
    [([0, 9], [5, 8]), ([3, 6], [2, 11])]
    """

    def __init__(
        self, n_splits: int = 5, test_dates: int = 1, gap: int = 12, salt: str = "folds"
    ) -> None:
        if test_dates < 1 or gap < 0:
            what = "test_dates is 1 at least and gap is not negative"
            fix = "give the months of the label's window as gap"
            raise InputError(Problem("DLQ-212", what, "AccountTimeSplit", fix=fix))
        self.accounts = AccountSplit(n_splits, salt)
        self.n_splits, self.test_dates, self.gap, self.salt = n_splits, test_dates, gap, salt

    def get_n_splits(self, X: Any = None, y: Any = None, groups: Any = None) -> int:
        """Return the number of folds."""
        return self.n_splits

    def split(self, X: Any, y: Any = None, groups: Any = None) -> Iterator[Fold]:
        """Yield positions for training and testing; `X` is indexed by account and snapshot date.

        Raises
        ------
        InputError
            ``DLQ-212`` when the index lacks a level, or a fold would be empty.
        """
        fold = self.accounts._folds(X, groups)
        number = month_number(_level(X, "snapshot_date"))
        first_test = np.unique(number)[-self.test_dates :].min()
        early, late = number <= first_test - self.gap, number >= first_test
        if self.gap == 0:
            early = number < first_test
        for at in range(self.n_splits):
            yield _checked(
                np.flatnonzero(early & (fold != at)), np.flatnonzero(late & (fold == at))
            )


def _level(X: Any, name: str) -> Any:
    index = getattr(X, "index", None)
    if index is None or name not in index.names:
        fix = "keep the index that build_features gives, or pass groups="
        raise InputError(Problem("DLQ-212", f'the index has no level "{name}"', "X", fix=fix))
    return index.get_level_values(name)


def _checked(train: np.ndarray, test: np.ndarray) -> Fold:
    if not len(train) or not len(test):
        fix = "use fewer folds, more accounts, or dates further apart"
        raise InputError(Problem("DLQ-212", "a fold is empty", "split", 0, fix))
    return train, test
