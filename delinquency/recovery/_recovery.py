"""What a balance in default brings back, and when."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.recovery._hazards import (
    HazardTrees,
    admit_features,
    admit_groups,
    admit_histories,
    incidence,
    months_ahead,
)
from delinquency.schema import hash_share

__all__ = ["RecoveryModel"]


class RecoveryModel(BaseEstimator):
    """Recoveries after default: pays at all, times the share, times the timing.

    Most balances bring nothing, so the parts are learnt apart. The month of the first payment has a
    hazard (trees on top of the counts, as in `CureModel`). Of those who pay, the share of the balance that
    follows is learnt by trees, histories that are cut off being carried to the end by the pattern of the
    months since the first payment (chain ladder). Expected recoveries fold the three together:
    ``E(t) = balance * share(x) * sum_s f(s | x) * pattern(t - s)``.

    Parameters
    ----------
    horizon : int
        Months after default.
    signs : mapping of str to int, optional
        Column to +1 (a higher value cannot lower what comes back) or -1; 0 for no sign.
    most : float
        Largest share of the balance that may come back.
    n_estimators, learning_rate, num_leaves, min_child_samples, n_jobs
        As in LightGBM.

    Attributes
    ----------
    pattern_ : ndarray (horizon,)
        Share of a payer's recoveries in each month from the first payment on; adds up to 1.
    share_of_payers_ : float
        Mean share of the balance that payers bring back.

    Examples
    --------
    Half pay a fifth of the balance at once, the others nothing:

    >>> paid = np.zeros((200, 3))
    >>> paid[::2, 0] = 20.0
    >>> X = pd.DataFrame({"secured": np.zeros(200)})
    >>> model = RecoveryModel(horizon=3).fit(X, paid, np.full(200, 100.0))
    >>> model.expected_recoveries(X.iloc[:1], [100.0]).round(6)
          1    2    3
    0  10.0  0.0  0.0
    """

    def __init__(
        self,
        horizon: int = 24,
        *,
        signs: Mapping[str, int] | None = None,
        most: float = 1.0,
        n_estimators: int = 300,
        learning_rate: float = 0.05,
        num_leaves: int = 15,
        min_child_samples: int = 50,
        n_jobs: int = 1,
    ) -> None:
        self.horizon = horizon
        self.signs = signs
        self.most = most
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.n_jobs = n_jobs

    def fit(self, X: Any, payments: Any, balance: Any, *, groups: Any = None) -> RecoveryModel:
        """Learn from what came back.

        Parameters
        ----------
        X : DataFrame or array (n, features)
            Known at default; NaN is missing.
        payments : array-like of shape (n, months)
            Amount recovered in each month after default, 0 for nothing. Missing at the end: not seen
            yet. Missing at the start: seen only from there on, having paid nothing before.
        balance : array-like of shape (n,)
            Exposure at default, above 0.
        groups : array (n,), optional
            Ids of accounts, or of persons; rows of one stay together when the numbers of trees are
            chosen.

        Raises
        ------
        InputError
            ``DLQ-103``, ``DLQ-105``, ``DLQ-110`` tables that cannot be used, ``DLQ-102`` signs for
            columns that are not there, ``DLQ-192`` nobody seen for as long as the horizon, ``DLQ-193``
            gaps inside a history, ``DLQ-194`` nobody paid.
        """
        matrix, self.feature_names_in_ = admit_features(X)
        signs = _admit_signs(self.signs or {}, self.feature_names_in_)
        paid, owed = _admit_payments(payments, balance, len(matrix))
        seen = ~np.isnan(paid)
        entry, last = seen.argmax(axis=1), paid.shape[1] - seen[:, ::-1].argmax(axis=1)
        pays = (np.nan_to_num(paid) > 0).any(axis=1)
        if not pays.any():
            raise InputError(
                Problem("DLQ-194", "nobody paid anything", "payments", 0, "wait longer")
            )
        first = np.where(pays, (np.nan_to_num(paid) > 0).argmax(axis=1) + 1, last)
        histories = admit_histories(first, np.where(pays, "pays", "censored"), entry)
        ids = admit_groups(groups, len(matrix))
        trees = HazardTrees(self._parameters(), self.n_estimators, signs)
        self.hazards_ = trees.fit(matrix, histories, self.horizon, ids)
        share = np.nan_to_num(paid) / owed[:, None]
        self._fit_share(matrix[pays], share[pays], first[pays], last[pays], signs, ids[pays])
        self.n_features_in_ = matrix.shape[1]
        return self

    def _parameters(self) -> dict[str, Any]:
        return {
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_child_samples": self.min_child_samples,
            "num_threads": self.n_jobs,
        }

    def _fit_share(
        self,
        X: np.ndarray,
        share: np.ndarray,
        first: np.ndarray,
        last: np.ndarray,
        signs: list[int],
        ids: Any,
    ) -> None:
        """Learn the pattern of the months since the first payment, then the share of each payer."""
        seen = np.minimum(last, share.shape[1]) - first + 1
        each = np.arange(len(share))
        lag = np.array(
            [
                share[each, np.minimum(first - 1 + k, share.shape[1] - 1)] * (seen > k)
                for k in range(self.horizon)
            ]
        )
        done = _develop(lag, seen, self.horizon)
        self.pattern_ = np.diff(done, prepend=0.0)
        reached = done[np.minimum(seen, self.horizon) - 1]
        # chain ladder: what was seen, over the part of the pattern that was seen; worth that part
        total = np.clip(lag.sum(axis=0) / reached, 0, self.most)
        self.share_of_payers_ = float(np.average(total, weights=reached))
        self.booster_ = None
        folds = _folds(ids)
        if X.shape[1] and len(X) >= 2 * self.min_child_samples and len(folds) > 1:
            settings = {**self._parameters(), "objective": "regression", "verbosity": -1, "seed": 0}
            if any(signs):
                settings["monotone_constraints"] = signs
            settings |= {"deterministic": True, "force_col_wise": True}
            data = lgb.Dataset(X, total, weight=reached, free_raw_data=False)
            judged = lgb.cv(settings, data, self.n_estimators, folds=folds)
            course = np.array(judged["valid l2-mean"])
            plain = np.average((total - self.share_of_payers_) ** 2, weights=reached)
            if course.min() < plain:
                self.booster_ = lgb.train(settings, data, int(course.argmin()) + 1)

    def _share(self, matrix: np.ndarray) -> np.ndarray:
        if self.booster_ is None:
            return np.full(len(matrix), self.share_of_payers_)
        return np.clip(np.asarray(self.booster_.predict(matrix)), 0, self.most)

    def expected_recoveries(self, X: Any, balance: Any, months: int | None = None) -> pd.DataFrame:
        """Return the amount expected in each month after default, one row an account.

        Raises
        ------
        InputError
            ``DLQ-102`` other features than in training, ``DLQ-103`` not one balance a row, ``DLQ-105``
            balances that are missing, infinite or negative, ``DLQ-192`` months beyond the horizon.
        """
        check_is_fitted(self, "hazards_")
        matrix, names = admit_features(X)
        months = months_ahead(names, self.feature_names_in_, months, self.horizon)
        owed = _admit_balance(balance, len(matrix))
        by_month = np.diff(incidence(self.hazards_.hazards(matrix, months))[..., 0], prepend=0.0)
        folded = np.zeros_like(by_month)
        for start in range(months):
            folded[:, start:] += by_month[:, [start]] * self.pattern_[: months - start]
        amount = folded * (self._share(matrix) * owed)[:, None]
        index = X.index if isinstance(X, pd.DataFrame) else None
        return pd.DataFrame(amount, index=index, columns=range(1, months + 1))

    def predict(self, X: Any) -> np.ndarray:
        """Return the expected share of the balance that is back by the horizon."""
        return self.expected_recoveries(X, np.ones(len(X))).sum(axis=1).to_numpy()

    def calibration(self, X: Any, payments: Any, balance: Any, groups: int = 10) -> pd.DataFrame:
        """Compare expected with recovered amounts over the months that were seen from the start.

        Returns
        -------
        DataFrame
            ``group, n, expected, recovered``: amounts, by group of the predicted share.
        """
        expected = self.expected_recoveries(X, balance).to_numpy()
        paid, _ = _admit_payments(payments, balance, len(expected))
        paid = paid[:, : self.horizon]
        expected = expected[:, : paid.shape[1]]
        seen = ~np.isnan(paid) & ~np.isnan(paid[:, [0]])
        score = self.predict(X)
        place = np.argsort(np.argsort(score, kind="stable"), kind="stable") * groups // len(score)
        sums = {
            "expected": (expected * seen).sum(axis=1),
            "recovered": (np.nan_to_num(paid) * seen).sum(axis=1),
        }
        table = pd.DataFrame({"group": place, "n": 1, **sums})
        return table.groupby("group", as_index=False).sum()


def _develop(lag: np.ndarray, seen: np.ndarray, horizon: int) -> np.ndarray:
    """Return the share of a payer's recoveries made by each month since the first payment.

    ``f_k = sum C(k + 1) / sum C(k)`` over those seen for k + 1 months: the chain ladder.
    """
    total = lag.cumsum(axis=0)
    factor = np.ones(horizon)
    for k in range(1, horizon):
        old = seen > k
        below = total[k - 1, old].sum()
        factor[k] = total[k, old].sum() / below if below > 0 else 1.0
    done = factor.cumprod()
    return done / done[-1]


def _folds(ids: Any) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return up to five pairs of rows to learn from and to judge on; rows of one id stay together."""
    fold = (hash_share(ids, "share") * 5).astype("int64")
    parts = [fold == k for k in range(5) if 0 < (fold == k).sum() < len(fold)]
    return [(np.flatnonzero(~part), np.flatnonzero(part)) for part in parts]


def _admit_signs(signs: Mapping[str, int], names: list[str]) -> list[int]:
    """Return the sign of each column; a sign for a column that is not there would bind nothing."""
    problems = []
    for name, sign in signs.items():
        if name not in names:
            fix = did_you_mean(str(name), names) or "name a column of X"
            problems.append(Problem("DLQ-102", f'no column "{name}"', "signs", fix=fix))
        elif sign not in (-1, 0, 1):
            problems.append(Problem("DLQ-103", f'"{name}": not 1, 0 or -1', "signs"))
    if problems:
        raise InputError(*problems)
    return [int(signs.get(name, 0)) for name in names]


def _admit_balance(balance: Any, n: int) -> np.ndarray:
    """Return what is owed by each account, 0 or more."""
    owed: Any
    try:
        owed = np.asarray(balance, dtype="float64")
    except (TypeError, ValueError):
        owed = np.empty((0, 0))
    if owed.shape != (n,):
        what = f"expected {n:,} balances"
        raise InputError(Problem("DLQ-103", what, "balance", fix="one number an account"))
    wrong = int((~(np.isfinite(owed) & (owed >= 0))).sum())
    if wrong:
        what = f"{wrong:,} balances are missing, infinite or negative"
        raise InputError(Problem("DLQ-105", what, "balance", wrong, "repair the export"))
    return owed


def _admit_payments(payments: Any, balance: Any, n: int) -> tuple[np.ndarray, np.ndarray]:
    paid: Any
    owed: Any
    try:
        paid = np.asarray(payments, dtype="float64")
        owed = np.asarray(balance, dtype="float64")
    except (TypeError, ValueError):
        paid = owed = np.empty(0)
    if paid.ndim != 2 or owed.shape != (n,) or len(paid) != n or not paid.shape[1]:
        what = f"expected payments of shape ({n:,}, months) and {n:,} balances"
        raise InputError(Problem("DLQ-103", what, "payments", fix="one row an account"))
    wrong = ~(np.isfinite(owed) & (owed > 0))
    if wrong.any() or np.isinf(paid).any():
        count = int(wrong.sum())
        what = f"{count:,} balances are not above 0, or amounts are infinite"
        raise InputError(Problem("DLQ-105", what, "balance", count, "repair the export"))
    seen = ~np.isnan(paid)
    gaps = (np.diff(seen.astype(int), axis=1, prepend=0) == 1).sum(axis=1) != 1
    if gaps.any():
        count = int(gaps.sum())
        what = f"{count:,} histories have gaps, or no month at all"
        raise InputError(
            Problem("DLQ-193", what, "payments", count, "0 for a month without payment")
        )
    return paid, owed
