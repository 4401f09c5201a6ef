"""The risk model: boosted trees, cross-fitted by account, with a calibration of our own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from joblib import cpu_count
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from delinquency.errors import GateError, InputError, Problem
from delinquency.schema import audit_only, hash_share
from delinquency.scoring._calibrators import choose_calibration
from delinquency.scoring._trees import from_boosters

__all__ = ["RiskModel", "admit_rows", "importance"]


class RiskModel(ClassifierMixin, BaseEstimator):
    """Probability of bad from features: LightGBM with the domain's signs, calibrated out of fold.

    The accounts are parted into folds by a stable hash of their id. Each fold's model learns from the
    other folds; the number of trees is the one at which the accounts left out are predicted best, the same
    for all; the calibration is learnt on those predictions; the score is the mean of the models.

    Parameters
    ----------
    signs : mapping of str to int, optional
        Column to +1 (a higher value cannot lower the risk) or -1; others are free. Columns that X does not
        have are ignored, so the whole catalogue may be handed over.
    n_estimators : int
        Most trees in each model.
    learning_rate, num_leaves, min_child_samples, feature_fraction, bagging_fraction, reg_lambda
        As in LightGBM.
    folds : int
        How many models; each learns from all accounts but one fold.
    calibration : {"auto", "platt", "beta", "spline", "isotonic"}
        How raw log-odds become true ones; ``auto`` takes what predicts accounts best that it was not
        fitted on. Ranks never change.
    waive : tuple of str
        Columns that may predict almost alone (single AUC above 0.95). Naming one says in writing that it
        is no leak.
    random_state : int
        Seed of LightGBM's sampling.
    n_jobs : int, optional
        Threads, as scikit-learn counts them: one by default, -1 for all cores. The result does not
        depend on it. On cores that are shared with other work, more threads can be far slower.

    Attributes
    ----------
    trees_ : Trees
        The fitted trees of all folds, as plain arrays.
    calibration_ : Calibration
        From raw to calibrated log-odds.
    classes_ : ndarray (2,)
        The second is the one whose probability is predicted: bad.
    n_trees_ : int
        Trees kept in each model.
    importance_ : ndarray (n_features,)
        Share of the total gain.
    out_of_fold_ : ndarray (n,)
        Calibrated probability of each training row from the models that did not see it.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"dpd_max": rng.poisson(5.0, 900), "paid_to_due": rng.random(900)})
    >>> y = (rng.random(900) < 1 / (1 + np.exp(3 - 0.4 * X["dpd_max"]))).astype(int)
    >>> model = RiskModel(signs={"dpd_max": 1}, n_estimators=50, n_jobs=1).fit(X, y)
    >>> late = pd.DataFrame({"dpd_max": [0, 9], "paid_to_due": [0.5, 0.5]})
    >>> low, high = model.predict_proba(late)[:, 1]
    >>> bool(low < 0.2 < 0.5 < high)
    True
    """

    def __init__(
        self,
        *,
        signs: Mapping[str, int] | None = None,
        n_estimators: int = 300,
        learning_rate: float = 0.04,
        num_leaves: int = 12,
        min_child_samples: int = 60,
        feature_fraction: float = 0.3,
        bagging_fraction: float = 0.8,
        reg_lambda: float = 10.0,
        folds: int = 5,
        calibration: str = "auto",
        waive: tuple[str, ...] = (),
        random_state: int = 0,
        n_jobs: int | None = None,
    ) -> None:
        self.signs = signs
        self.n_estimators = n_estimators
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_child_samples = min_child_samples
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.reg_lambda = reg_lambda
        self.folds = folds
        self.calibration = calibration
        self.waive = waive
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None) -> RiskModel:
        """Learn trees and calibration.

        Parameters
        ----------
        X : DataFrame or array (n, features)
            NaN is missing. A level ``account_id`` of the index, where there is one, keeps the snapshots of
            an account in one fold.
        y : array (n,)
            Two classes; the greater is bad.
        sample_weight : array (n,), optional
            Weights of the rows.
        groups : array (n,), optional
            Ids to part by, instead of the index.

        Raises
        ------
        InputError
            ``DLQ-110`` for a protected attribute among the columns.
        GateError
            ``DLQ-302`` when one column alone has an AUC above 0.95 and is not waived.
        """
        names = list(X.columns) if hasattr(X, "columns") else []
        ids = _ids(X, groups)
        self.classes_, X, bad, weight = admit_rows(self, X, y, sample_weight)
        _refuse_leaks(X, bad, names, self.waive)
        self._fit_folds(X, bad, weight, _folds(ids, len(X), self.folds), names)
        return self

    def _fit_folds(self, X, bad, weight, fold, names) -> None:
        monotone = [int(dict(self.signs or {}).get(name, 0)) for name in names] or [0] * X.shape[1]
        parameters = self._parameters(monotone)

        # One table of bins for all folds: a fold without a single missing value in a column would read a
        # missing one as 0 later. Bins look at X alone, so no outcome crosses over.
        everyone = lgb.Dataset(X, bad, weight=weight, params=parameters).construct()

        # One fold after the other: LightGBM keeps its number of threads in a global, so that training in
        # one thread while another predicts writes out of bounds and ends the process.
        boosters, curves = [], []
        for k in range(self.folds):
            inside = fold != k
            data = everyone.subset(np.flatnonzero(inside).tolist(), parameters)
            boosters.append(lgb.train(parameters, data, num_boost_round=self.n_estimators))
            curves.append(_stages(boosters[-1], X[~inside], self._threads()))
        self.n_trees_, raw = _best_length(curves, fold, bad, weight)
        self.trees_ = from_boosters(boosters, num_iteration=self.n_trees_)
        self.calibration_ = choose_calibration(raw, bad, weight, fold, self.calibration)
        self.out_of_fold_ = self.calibration_.probability(raw)
        gain = np.sum([b.feature_importance("gain", self.n_trees_) for b in boosters], axis=0)
        self.importance_ = gain / max(gain.sum(), 1e-300)

    def _parameters(self, monotone: list[int]) -> dict[str, Any]:
        return {
            "objective": "binary",
            "learning_rate": self.learning_rate,
            "num_leaves": self.num_leaves,
            "min_child_samples": self.min_child_samples,
            "feature_fraction": self.feature_fraction,
            "bagging_fraction": self.bagging_fraction,
            "bagging_freq": 1,
            "lambda_l2": self.reg_lambda,
            "monotone_constraints": monotone if any(monotone) else None,
            "max_bin": 255,
            "seed": self.random_state,
            "deterministic": True,
            "force_row_wise": True,
            "num_threads": self._threads(),
            "verbosity": -1,
        }

    def _threads(self) -> int:
        jobs = 1 if self.n_jobs is None else self.n_jobs
        return jobs if jobs > 0 else max(cpu_count() + 1 + jobs, 1)

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the calibrated log-odds of bad (n,)."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        return self.calibration_.log_odds(self.trees_.raw(X))

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n, 2): good, bad."""
        probability = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - probability, probability])

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class; decisions belong to bands and a strategy, not here."""
        late = self.decision_function(X) > 0
        return self.classes_[late.astype(int)]


def importance(model: RiskModel, catalogue: pd.DataFrame) -> pd.DataFrame:
    """Return what a fitted model rests on: ``name, family, sign, share`` of the gain, greatest first.

    Parameters
    ----------
    model : RiskModel
        Fitted on a frame.
    catalogue : DataFrame
        ``name, family, sign`` of its columns.
    """
    names = [str(name) for name in getattr(model, "feature_names_in_", ())]
    table = pd.DataFrame({"name": names, "share": model.importance_})
    table = table.merge(catalogue[["name", "family", "sign"]], on="name", how="left")
    return table.sort_values("share", ascending=False, kind="stable", ignore_index=True)


def admit_rows(
    estimator: Any, X: Any, y: Any, sample_weight: Any
) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """Check what an estimator is to learn from; return its classes, X, bad and weights."""
    refuse_protected(list(getattr(X, "columns", [])))
    _refuse_infinite(X)
    X, y = validate_data(estimator, X, y, dtype="float64", ensure_all_finite="allow-nan")
    check_classification_targets(y)
    classes, bad = np.unique(y, return_inverse=True)
    if len(classes) != 2:
        what = f"Only binary classification is supported: y holds {len(classes)} class"
        raise InputError(Problem("DLQ-103", what, "y", fix="label bad as 1 and good as 0"))
    return classes, X, bad, _check_sample_weight(sample_weight, X, dtype="float64")


def refuse_protected(names: Sequence[Any]) -> None:
    """Raise ``DLQ-110`` when a column's name says a protected attribute."""
    protected = audit_only(names)
    if protected:
        listed = ", ".join(f'"{name}"' for name in protected[:5])
        what = f"{len(protected)} protected attributes among the features: {listed}"
        fix = "drop them; keep them in accounts as audit_only"
        raise InputError(Problem("DLQ-110", what, "X", len(protected), fix))


def _ids(X: Any, groups: Any) -> Any:
    if groups is not None:
        return groups
    index = getattr(X, "index", None)
    if isinstance(index, pd.Index) and "account_id" in index.names:
        return index.get_level_values("account_id")
    return None


def _folds(ids: Any, n: int, folds: int) -> np.ndarray:
    """Return the fold of each row: by the hash of its account, or of its place where there is none."""
    if ids is None:
        ids = np.arange(n)
    fold = np.minimum((hash_share(ids, "fold") * folds).astype(int), folds - 1)
    if len(np.unique(fold)) == folds:
        return fold
    # A handful of accounts may leave a fold empty; then they are dealt out in turn, in the order of
    # their hash, each still with all its rows.
    codes, unique = pd.factorize(pd.Series(ids))
    if len(unique) < folds:
        what = f"{len(unique)} accounts cannot be parted into {folds} folds"
        raise InputError(Problem("DLQ-113", what, "X", len(unique), "give more accounts"))
    return (hash_share(unique, "fold").argsort().argsort() % folds)[codes]


def _refuse_leaks(X: np.ndarray, bad: np.ndarray, names: list[Any], waive: tuple[str, ...]) -> None:
    """Raise when one column alone ranks the outcome almost perfectly: it probably is the outcome."""
    if min(bad.sum(), len(bad) - bad.sum()) < 100 or not names:
        return
    suspects = [
        name
        for name, column in zip(names, X.T, strict=True)
        if name not in waive and abs(_auc(column, bad) - 0.5) > 0.45
    ]
    if suspects:
        listed = ", ".join(f'"{name}"' for name in suspects[:5])
        what = f"{len(suspects)} columns alone reach an AUC above 0.95: {listed}"
        fix = "remove what was known only afterwards, or name them in `waive`"
        raise GateError(Problem("DLQ-302", what, "X", len(suspects), fix))


def _auc(values: np.ndarray, bad: np.ndarray) -> float:
    ranks = pd.Series(values).fillna(-np.inf).rank().to_numpy()
    bads = bad.sum()
    return float((ranks[bad == 1].sum() - bads * (bads + 1) / 2) / (bads * (len(bad) - bads)))


def _stages(booster: lgb.Booster, X: np.ndarray, threads: int, step: int = 10) -> np.ndarray:
    """Return raw scores after every `step` trees (stages, rows)."""
    total = booster.num_trees()
    ends = [*range(step, total, step), total] if total else [0]
    parts = [
        np.asarray(booster.predict(X, start, end - start, raw_score=True, num_threads=threads))
        for start, end in itertools.pairwise([0, *ends])
    ]
    return np.cumsum(np.stack(parts), axis=0)


def _best_length(
    curves: Sequence[np.ndarray],
    fold: np.ndarray,
    bad: np.ndarray,
    weight: np.ndarray,
    step: int = 10,
) -> tuple[int, np.ndarray]:
    """Return the number of trees with the least log-loss out of fold, and the raw scores there."""
    stages = min(len(curve) for curve in curves)
    raw = np.empty((stages, len(bad)))
    for k, curve in enumerate(curves):
        raw[:, fold == k] = curve[:stages]
    loss = ((np.logaddexp(0.0, raw) - bad * raw) * weight).sum(axis=1)
    best = int(np.argmin(loss))
    return (best + 1) * step, raw[best]


def _refuse_infinite(X: Any) -> None:
    if not isinstance(X, pd.DataFrame):
        return  # scikit-learn's own check says the same of plain arrays
    numeric = X.select_dtypes("number")
    wrong = [str(name) for name, column in numeric.items() if np.isinf(column).any()]
    if wrong:
        what = f"{len(wrong)} columns hold infinite values, first {wrong[0]!r}"
        fix = "repair the ratio or overflow that made them"
        raise InputError(Problem("DLQ-105", what, "X", len(wrong), fix))
