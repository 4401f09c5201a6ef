"""Features that need something learnt: ranks inside the month, and a model of single months."""

from __future__ import annotations

import hashlib
import re
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import ClassifierTags
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_is_fitted, validate_data

from delinquency.errors import InputError, Problem
from delinquency.schema import hash_share, month_number

__all__ = ["MonthRanks", "MonthlyModel"]


class MonthRanks(TransformerMixin, BaseEstimator):
    """Rank of each value inside its snapshot month, by quantile tables frozen at fit.

    A rank says how an account stands in the book of its month, so a drift that moves everybody moves no
    rank. The tables are learnt at fit, one a month, and never from the batch being scored: an account's rank
    does not depend on who is scored with it. A month without a table uses that of the last month before it,
    or the first there is.

    Parameters
    ----------
    quantiles : int
        Steps of a table; a rank is exact to one of them.

    Attributes
    ----------
    months_ : ndarray (n_months,)
        Snapshot months that have a table, rising, ``year * 12 + month - 1``.
    tables_ : ndarray (n_months, n_features, quantiles + 1)
        Quantiles of each feature in each month; NaN where a month holds no value.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"dpd_max_3m": [0.0, 10.0, 20.0, 30.0, 90.0]})
    >>> MonthRanks(quantiles=4).fit(X).transform(X).ravel()
    array([0.  , 0.25, 0.5 , 0.75, 1.  ])
    """

    def __init__(self, quantiles: int = 100) -> None:
        self.quantiles = quantiles

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        return tags

    def fit(self, X: Any, y: Any = None) -> MonthRanks:
        """Learn the tables.

        Parameters
        ----------
        X : DataFrame or array (n, n_features)
            NaN is missing. The month is that of the index level ``snapshot_date``; without one, all
            rows are of one month.
        y : ignored
        """
        index = getattr(X, "index", None)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan")
        months = _months(index, len(X))
        self.months_ = np.unique(months)
        steps = np.linspace(0, 1, int(self.quantiles) + 1)
        tables = [_quantiles(X[months == month], steps) for month in self.months_]
        self.tables_ = np.stack(tables)
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return ranks from 0 to 1 (n, n_features); missing stays missing."""
        check_is_fitted(self)
        index = getattr(X, "index", None)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        months = _months(index, len(X))
        place = np.searchsorted(self.months_, months, side="right") - 1
        ranks = np.empty_like(X)
        for number in np.unique(place):
            rows = place == number
            ranks[rows] = _ranks(X[rows], self.tables_[max(number, 0)])
        return ranks

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return ``<feature>_month_rank`` for each feature."""
        return np.array(
            [f"{name}_month_rank" for name in _names(self, input_features)], dtype=object
        )


def _quantiles(values: np.ndarray, steps: np.ndarray) -> np.ndarray:
    table = np.full((values.shape[1], len(steps)), np.nan)
    for column in range(values.shape[1]):
        known = values[:, column][~np.isnan(values[:, column])]
        if len(known):
            # values that occurred, not points between them: a rank then moves only where values do
            table[column] = np.quantile(known, steps, method="inverted_cdf")
    return table


def _ranks(values: np.ndarray, table: np.ndarray) -> np.ndarray:
    """Return the middle of the steps that hold a value: ties share one rank."""
    ranks = np.full(values.shape, np.nan)
    last = table.shape[1] - 1
    for column, edges in enumerate(table):
        known = ~np.isnan(values[:, column]) & ~np.isnan(edges[0])
        of = values[known, column]
        below, upto = np.searchsorted(edges, of), np.searchsorted(edges, of, side="right")
        ranks[known, column] = np.clip((below + upto - 1) / 2 / last, 0, 1)
    return ranks


def _months(index: Any, rows: int) -> np.ndarray:
    if "snapshot_date" in getattr(index, "names", ()):
        return month_number(index.get_level_values("snapshot_date"))
    return np.zeros(rows, dtype="int64")


def _names(estimator: Any, input_features: Any) -> list[str]:
    check_is_fitted(estimator)
    if input_features is not None:
        return [str(name) for name in input_features]
    default = [f"x{column}" for column in range(estimator.n_features_in_)]
    return [str(name) for name in getattr(estimator, "feature_names_in_", default)]


class MonthlyModel(TransformerMixin, BaseEstimator):
    """A model of single months that learns from the account's label; its scores, aggregated, are features.

    Every month of an account is an example that carries the account's label. Accounts are parted into folds
    by a stable hash of their id, and an account, old or new, is always scored by the model of its own fold,
    which never saw it. So what `transform` says of a training account is out of fold, and means the same
    as what it says of any other.

    Parameters
    ----------
    values_per_month : int or None
        Columns that belong to one month. None reads it off column names that end in ``_age0, _age1, ...``
        as `month_matrix` gives them, and is 1 where there are no such names.
    folds : int
        How many models.
    n_estimators, learning_rate, num_leaves, min_child_samples
        Of LightGBM.
    random_state : int
        Seed.

    Attributes
    ----------
    models_ : list of Booster
        The model of each fold.
    classes_ : ndarray (2,)
        The classes; the greater is bad.

    Examples
    --------
    >>> import pandas as pd
    >>> rng = np.random.default_rng(0)
    >>> late = rng.integers(0, 2, (400, 6)) * 30.0
    >>> X = pd.DataFrame(late, columns=[f"days_past_due_age{age}" for age in range(6)])
    >>> y = (late[:, 0] > 0) & (late[:, 1] > 0)
    >>> scores = MonthlyModel(min_child_samples=20).fit(X, y).transform(X)
    >>> bool(scores[y, 0].mean() > scores[~y, 0].mean())
    True
    """

    def __init__(
        self,
        values_per_month: int | None = None,
        *,
        folds: int = 5,
        n_estimators: int = 100,
        learning_rate: float = 0.05,
        num_leaves: int = 15,
        min_child_samples: int = 50,
        random_state: int = 0,
    ) -> None:
        self.values_per_month = values_per_month
        self.folds = folds
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.random_state = random_state

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.target_tags.required = True
        tags.classifier_tags = ClassifierTags(multi_class=False)
        return tags

    def fit(self, X: Any, y: Any) -> MonthlyModel:
        """Learn a model a fold.

        Parameters
        ----------
        X : DataFrame or array (n, months x values_per_month)
            Newest month first; NaN is missing. Accounts are told apart by the index level
            ``account_id``; without one, by the content of the row.
        y : array (n,)
            Two classes; the greater is bad.

        Raises
        ------
        InputError
            ``DLQ-103`` when y has not two classes, or the columns are no whole number of months.
        """
        import lightgbm as lgb

        width = self._width(X)
        ids = _index_ids(X)
        X, y = validate_data(self, X, y, dtype="float64", ensure_all_finite="allow-nan")
        check_classification_targets(y)
        self.classes_, bad = np.unique(y, return_inverse=True)
        if len(self.classes_) != 2:
            what = f"Only binary classification is supported: y holds {len(self.classes_)} class"
            raise InputError(Problem("DLQ-103", what, "y", fix="label bad as 1 and good as 0"))
        if X.shape[1] % width:
            what = f"{X.shape[1]} columns are no whole number of months of {width} values"
            raise InputError(Problem("DLQ-103", what, "X", fix="give values_per_month"))
        self.width_ = width
        fold = self._folds(X, ids)
        examples, row = _examples(X, width)
        self.models_ = []
        for k in range(self.folds):
            inside = fold[row] != k
            data = lgb.Dataset(examples[inside], bad[row[inside]], params=self._parameters())
            self.models_.append(lgb.train(self._parameters(), data, self.n_estimators))
        return self

    def transform(self, X: Any) -> np.ndarray:
        """Return last, mean, max and min of the monthly scores, and last minus mean (n, 5).

        Scores are probabilities of bad. An account without a month is missing.
        """
        check_is_fitted(self)
        ids = _index_ids(X)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        fold = self._folds(X, ids)
        examples, row = _examples(X, self.width_)
        scores = np.full((len(X), X.shape[1] // self.width_), np.nan)
        month = examples[:, -1].astype("int64")
        for k in np.unique(fold):
            mine = fold[row] == k
            if mine.any():
                scores[row[mine], month[mine]] = self.models_[k].predict(examples[mine])
        return _aggregated(scores)

    def get_feature_names_out(self, input_features: Any = None) -> np.ndarray:
        """Return the names of the five features."""
        check_is_fitted(self)
        kinds = ("last", "mean", "max", "min", "last_minus_mean")
        return np.array([f"monthly_score_{kind}" for kind in kinds], dtype=object)

    def _width(self, X: Any) -> int:
        if self.values_per_month is not None:
            return int(self.values_per_month)
        ages = [re.search(r"_age(\d+)$", str(name)) for name in getattr(X, "columns", ())]
        newest = [found for found in ages if found is not None and found[1] == "0"]
        return max(len(newest), 1)

    def _folds(self, X: np.ndarray, ids: Any) -> np.ndarray:
        if ids is None:
            ids = [hashlib.sha256(row.tobytes()).hexdigest() for row in X]
        return (hash_share(ids, "monthly-model") * self.folds).astype("int64")

    def _parameters(self) -> dict[str, Any]:
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_child_samples": self.min_child_samples,
            "seed": self.random_state,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": 1,
            "verbosity": -1,
        }


def _index_ids(X: Any) -> Any:
    names = getattr(getattr(X, "index", None), "names", ())
    return X.index.get_level_values("account_id") if "account_id" in names else None


def _examples(X: np.ndarray, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return months as examples, their age as the last column, and the row that each came from."""
    ages = X.shape[1] // width
    months = X.reshape(len(X) * ages, width)
    there = ~np.isnan(months).all(axis=1)
    row, age = np.divmod(np.flatnonzero(there), ages)
    return np.column_stack([months[there], age]), row


def _aggregated(scores: np.ndarray) -> np.ndarray:
    known = ~np.isnan(scores)
    count = known.sum(axis=1)
    there = count > 0
    result = np.full((len(scores), 5), np.nan)
    mine, filled = scores[there], np.where(known, scores, 0.0)[there]
    last = mine[np.arange(len(mine)), known[there].argmax(axis=1)]
    mean = filled.sum(axis=1) / count[there]
    top, bottom = np.nanmax(mine, axis=1), np.nanmin(mine, axis=1)
    result[there] = np.column_stack([last, mean, top, bottom, last - mean])
    return result
