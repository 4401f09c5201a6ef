"""What each treatment is worth for each account: what it brings, less what it costs everybody.

Anything with ``predict(X)`` that returns expected recoveries, one column a treatment, can stand in for
the responses here.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from lightgbm import LGBMRegressor
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from delinquency import schema
from delinquency.errors import InputError, Problem, did_you_mean

__all__ = ["PredictedResponse", "UpliftResponse", "rates_response", "treatment_values"]


def treatment_values(
    recoveries: Any,
    *,
    cost: Mapping[str, float] | None = None,
    complaints: Any = None,
    conduct_price: float = 0.0,
    relationship: Any = 0.0,
    allowed: Any = None,
) -> pd.DataFrame:
    """Return ``V = recoveries - cost - conduct price x P(complaint) - relationship cost``.

    Parameters
    ----------
    recoveries : DataFrame (n, a)
        Discounted recoveries expected, one column a treatment; or what each adds to no action.
    cost : mapping of treatment to float, optional
        Cost of one treatment; 0 for those left out.
    complaints : mapping or array (n, a), optional
        Chance of a complaint.
    conduct_price : float
        What a complaint is held to cost; a decision of the house, 0 or more.
    relationship : array (n, a) or float
        What the treatment costs in future business.
    allowed : array of bool (n, a), optional
        What the gates let through; the rest is -inf, which `allocate` never chooses.

    Raises
    ------
    InputError
        ``DLQ-167`` costs or complaints of treatments that there are not, or shapes that differ.

    Examples
    --------
    >>> recoveries = pd.DataFrame({"no_action": [10.0], "agent_call": [18.0]})
    >>> treatment_values(
    ...     recoveries,
    ...     cost={"agent_call": 5.0},
    ...     complaints={"agent_call": 0.01},
    ...     conduct_price=100.0,
    ... )
       no_action  agent_call
    0       10.0        12.0
    """
    table = schema.to_frame(recoveries, "recoveries")
    names = [str(name) for name in table.columns]
    problems: list[Problem] = []
    worth = table.to_numpy("float64").copy()
    worth -= _by_treatment(cost or {}, names, "cost", problems)
    if complaints is not None:
        chance = _by_treatment(complaints, names, "complaints", problems)
        worth = worth - conduct_price * chance
    parts = {"relationship": relationship, "allowed": True if allowed is None else allowed}
    for where, part in parts.items():
        if np.shape(part) not in {(), worth.shape}:
            problems.append(Problem("DLQ-167", f"expected shape {worth.shape}", where))
    if conduct_price < 0:
        problems.append(Problem("DLQ-167", "a complaint cannot bring money", "conduct_price"))
    if problems:
        raise InputError(*problems)
    worth = np.where(np.asarray(parts["allowed"]), worth - np.asarray(relationship), -np.inf)
    return pd.DataFrame(worth, index=table.index, columns=table.columns)


def _by_treatment(given: Any, names: list[str], where: str, problems: list[Problem]) -> np.ndarray:
    if not isinstance(given, Mapping):
        part = np.asarray(given, dtype="float64")
        if part.ndim != 2 or part.shape[1] != len(names):
            what = f"expected one column for each of {len(names)} treatments"
            problems.append(Problem("DLQ-167", what, where))
            return np.zeros(len(names))
        return part
    for name in given:
        if name not in names:
            hint = did_you_mean(str(name), names)
            problems.append(Problem("DLQ-167", f'no treatment "{name}"', where, fix=hint))
    return np.array([float(given.get(name, 0.0)) for name in names])


def rates_response(
    accounts: Any, rates: Any, *, by: Sequence[str] = ("stage", "band"), amount: str = "balance"
) -> pd.DataFrame:
    """Return expected recoveries from a table of rates: the way without experiments.

    Parameters
    ----------
    accounts : table
        With the columns `by` and the amount that the rates are shares of.
    rates : table
        One row a cell (the columns `by`), one further column a treatment.

    Returns
    -------
    DataFrame
        One column a treatment, rows as in accounts; missing where the rate is missing, which
        `allocate` takes for blocked.

    Raises
    ------
    InputError
        ``DLQ-102`` missing columns, ``DLQ-101`` a cell twice, ``DLQ-168`` accounts in cells without rates.

    Examples
    --------
    >>> rates = pd.DataFrame({"stage": ["1-29"], "no_action": [0.5], "agent_call": [0.6]})
    >>> accounts = pd.DataFrame({"stage": ["1-29"], "balance": [200.0]})
    >>> rates_response(accounts, rates, by=["stage"])
       no_action  agent_call
    0      100.0       120.0
    """
    table, cells = schema.to_frame(accounts, "accounts"), schema.to_frame(rates, "rates")
    problems = [
        Problem("DLQ-102", f'column "{name}" is missing', where, 1, "add it or rename")
        for where, frame, needed in (("accounts", table, [*by, amount]), ("rates", cells, by))
        for name in needed
        if name not in frame
    ]
    if problems:
        raise InputError(*problems)
    keys = pd.MultiIndex.from_frame(cells[list(by)].astype(str))
    twice = int(keys.duplicated().sum())
    if twice:
        raise InputError(Problem("DLQ-101", f"{twice:,} cells stand twice", "rates", twice))
    place = keys.get_indexer(pd.MultiIndex.from_frame(table[list(by)].astype(str)))
    lacking = int((place < 0).sum())
    if lacking:
        what = f"{lacking:,} of {len(table):,} accounts are in cells without rates"
        fix = "add a row for each cell; what is not known can be left missing"
        raise InputError(Problem("DLQ-168", what, "rates", lacking, fix))
    treatments = [name for name in cells.columns if name not in by]
    share = cells[treatments].to_numpy("float64", na_value=np.nan)[place]
    owed = table[amount].to_numpy("float64")[:, None]
    return pd.DataFrame(share * owed, index=table.index, columns=treatments)


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
        """Learn from a log; one row a decision."""
        names, y = np.asarray(treatment, dtype=str), np.asarray(reward, dtype="float64")
        _check_log(X, names, y)
        self.treatments_ = sorted(set(names))
        self.models_ = [
            _learn(self.model, X[names == t], y[names == t], self.least) for t in self.treatments_
        ]
        return self

    def predict(self, X: pd.DataFrame) -> pd.DataFrame:
        """Return the outcome expected under each treatment, one column a treatment."""
        check_is_fitted(self, "models_")
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
            ``DLQ-169`` propensities that are missing or not above 0 and at most 1: without them there is
            only `PredictedResponse`.
        """
        names, y = np.asarray(treatment, dtype=str), np.asarray(reward, dtype="float64")
        _check_log(X, names, y)
        p = np.asarray(propensity, dtype="float64")
        wrong = ~((p > 0) & (p <= 1))
        if wrong.any() or p.shape != y.shape or self.base not in names:
            what = (
                f"{int(wrong.sum()):,} propensities are missing or not in (0, 1], or no base logged"
            )
            fix = "without propensities use PredictedResponse, and do not call it uplift"
            raise InputError(Problem("DLQ-169", what, "propensity", int(wrong.sum()), fix))
        self.treatments_ = [self.base, *sorted(set(names) - {self.base})]
        ids = np.arange(len(y)) if person is None else person
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
        columns = [np.zeros(len(X)), *(_expected(model, X) for model in self.models_)]
        return pd.DataFrame(np.column_stack(columns), index=X.index, columns=self.treatments_)


def _check_log(X: pd.DataFrame, names: np.ndarray, y: np.ndarray) -> None:
    barred = schema.audit_only(X.columns)
    if barred:
        what = f"protected attributes are never features: {', '.join(barred[:5])}"
        raise InputError(Problem("DLQ-110", what, "X", len(barred), "keep them for audits"))
    if not len(X) == len(names) == len(y) or not len(y) or not np.isfinite(y).all():
        what = "expected one treatment and one finite reward for each row"
        raise InputError(Problem("DLQ-103", what, "log", fix="leave immature rows out"))


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
