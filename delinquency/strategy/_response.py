"""What follows a treatment, and what it causes: the one from any log, the other from logged chances.

Anything with ``predict(X)`` that returns expected recoveries, one column a treatment, can stand in for
the responses here.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from delinquency import schema
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["PredictedResponse", "UpliftResponse"]


class PredictedResponse(BaseEstimator):
    """Predicted response: a model of the outcome for each treatment.

    It says what followed a treatment among those who got it. Where a log was made by judgement that is not
    what the treatment does, so it is never called uplift.

    Parameters
    ----------
    model : regressor, optional
        Cloned and fitted for each treatment; boosted trees by default.
    least : int
        Treatments with fewer rows get their mean.

    Attributes
    ----------
    treatments_ : list of str
        The columns of `predict`.
    kind : str
        "predicted response".

    Examples
    --------
    >>> X = pd.DataFrame({"balance": [100.0, 200.0, 300.0, 400.0]})
    >>> model = PredictedResponse().fit(X, ["call", "text", "call", "text"], [4.0, 1.0, 6.0, 3.0])
    >>> model.predict(X.iloc[:1])
       call  text
    0   5.0   2.0
    """

    kind = "predicted response"

    def __init__(self, model: Any = None, *, least: int = 60) -> None:
        self.model = model
        self.least = least

    def fit(self, X: pd.DataFrame, treatment: Any, reward: Any) -> PredictedResponse:
        """Learn from a log; one row a decision.

        Raises
        ------
        InputError
            ``DLQ-103`` what is no log: missing treatments or rewards, lengths that differ;
            ``DLQ-110`` a protected attribute among the columns.
        """
        names, y = _admit_log(X, treatment, reward)
        self.feature_names_in_ = list(X.columns)
        self.treatments_ = sorted(set(names))
        self.models_ = [
            _learn(self.model, X[names == t], y[names == t], self.least) for t in self.treatments_
        ]
        return self

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the outcome expected under each treatment, one column a treatment."""
        check_is_fitted(self, "models_")
        X = _by_name(X, self.feature_names_in_)
        columns = [_expected(model, X) for model in self.models_]
        return pd.DataFrame(np.column_stack(columns), index=X.index, columns=self.treatments_)


class UpliftResponse(BaseEstimator):
    """Uplift: what a treatment adds to no action, learnt doubly robustly from logged propensities.

    For each row ``psi_a = q_a(x) + 1[a given] (y - q_a(x)) / p_a`` with q from other persons; the
    difference to no action is then learnt from what is known. Right when either the propensities or q
    are: E. H. Kennedy, Electronic Journal of Statistics 17 (2023) 3008-3049.

    Parameters
    ----------
    model : regressor, optional
        For q and for the difference; boosted trees by default.
    base : str
        The treatment that the others are compared with.
    folds : int
        Of persons.
    least : int
        Treatments with fewer rows get their mean.

    Attributes
    ----------
    treatments_ : list of str
        The columns of `predict`; that of the base is 0.
    kind : str
        "uplift".
    """

    kind = "uplift"

    def __init__(
        self, model: Any = None, *, base: str = "no_action", folds: int = 3, least: int = 60
    ) -> None:
        self.model = model
        self.base = base
        self.folds = folds
        self.least = least

    def fit(
        self, X: pd.DataFrame, treatment: Any, reward: Any, propensity: Any, person: Any = None
    ) -> UpliftResponse:
        """Learn from a log whose propensities are known.

        Raises
        ------
        InputError
            As `PredictedResponse.fit`; ``DLQ-169`` propensities that are missing or not above 0 and at
            most 1: without them there is only `PredictedResponse`.
        """
        names, y = _admit_log(X, treatment, reward)
        self.feature_names_in_ = list(X.columns)
        p = pd.to_numeric(pd.Series(np.asarray(propensity)), errors="coerce").to_numpy("float64")
        wrong = ~((p > 0) & (p <= 1))
        if wrong.any() or p.shape != y.shape or self.base not in names:
            what = (
                f"{int(wrong.sum()):,} propensities are missing or not in (0, 1], or no base logged"
            )
            fix = "without propensities use PredictedResponse, and do not call it uplift"
            raise InputError(Problem("DLQ-169", what, "propensity", int(wrong.sum()), fix))
        self.treatments_ = [self.base, *sorted(set(names) - {self.base})]
        ids = np.arange(len(y)) if person is None else pd.Series(np.asarray(person))
        if len(ids) != len(y) or pd.isna(ids).any() or self.folds < 2:
            what = "expected the person of each row, none missing, and at least two folds of them"
            raise InputError(Problem("DLQ-103", what, "person", fix="pass one id a row"))
        fold = (schema.hash_share(ids, "uplift") * self.folds).astype(int)
        psi = np.column_stack([self._scores(X, names, y, p, fold, t) for t in self.treatments_])
        self.models_ = [
            _learn(self.model, X, psi[:, j] - psi[:, 0], self.least)
            for j in range(1, len(self.treatments_))
        ]
        return self

    def _scores(
        self,
        X: pd.DataFrame,
        names: np.ndarray,
        y: np.ndarray,
        p: np.ndarray,
        fold: np.ndarray,
        t: str,
    ) -> np.ndarray:
        q, mine = np.empty(len(y)), names == t
        for out in range(self.folds):
            rows = mine & (fold != out)
            learnt = (
                _learn(self.model, X[rows], y[rows], self.least)
                if rows.any()
                else float(y[mine].mean())
            )
            q[fold == out] = _expected(learnt, X[fold == out])
        return q + np.where(mine, (y - q) / p, 0.0)

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return what each treatment adds to the base, one column a treatment."""
        check_is_fitted(self, "models_")
        X = _by_name(X, self.feature_names_in_)
        columns = [np.zeros(len(X)), *(_expected(model, X) for model in self.models_)]
        return pd.DataFrame(np.column_stack(columns), index=X.index, columns=self.treatments_)


def _admit_log(X: Any, treatment: Any, reward: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return the treatment and the reward of each row."""
    schema.refuse_protected(getattr(X, "columns", []))
    given = pd.Series(np.asarray(treatment, dtype=object))
    names = np.array([str(name) for name in given], dtype=object)
    y = pd.to_numeric(pd.Series(np.asarray(reward)), errors="coerce").to_numpy("float64")
    fits = isinstance(X, pd.DataFrame) and len(X) == len(names) == len(y) and len(y)
    if not fits or given.isna().any() or not np.isfinite(y).all():
        what = "expected a DataFrame with one treatment and one finite reward for each row"
        raise InputError(Problem("DLQ-103", what, "log", fix="leave immature rows out"))
    return names, y


def _by_name(X: Any, names: list[Any]) -> pd.DataFrame:
    """Return the columns of training in their order; LightGBM would take any by their places."""
    lacking = [name for name in names if name not in getattr(X, "columns", [])]
    if lacking:
        hint = did_you_mean(str(lacking[0]), map(str, getattr(X, "columns", []))) or "add it"
        what = f'{len(lacking)} columns of training are missing, first "{lacking[0]}"'
        raise InputError(Problem("DLQ-102", what, "X", len(lacking), hint))
    return X[names]


def _learn(model: Any, X: pd.DataFrame, y: np.ndarray, least: int) -> Any:
    if len(y) < least:
        return float(np.mean(y))
    if model is None:
        model = LGBMRegressor(
            n_estimators=120,
            num_leaves=15,
            min_child_samples=min(100, max(20, len(y) // 40)),
            learning_rate=0.06,
            n_jobs=1,
            random_state=0,
            verbose=-1,
        )
    learner: Any = clone(model)
    return learner.fit(X, y)


def _expected(model: Any, X: pd.DataFrame) -> np.ndarray:
    return np.full(len(X), model) if isinstance(model, float) else np.asarray(model.predict(X))
