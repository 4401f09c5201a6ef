"""The risk model: boosted trees, cross-fitted by account, with a calibration of our own."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import Any

import lightgbm as lgb
import numpy as np
import pandas as pd
from joblib import cpu_count
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from delinquency.errors import InputError, Problem
from delinquency.scoring._admit import admit_rows, folds_of, ids_of, refuse_leaks
from delinquency.scoring._calibrators import choose_calibration
from delinquency.scoring._signs import refuse_breaches
from delinquency.scoring._trees import from_boosters

__all__ = ["RiskModel", "importance"]

_STEP = 10  # trees between two looks at the accounts left out
_BLOCK = 32_768  # rows that are predicted together


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
    learning_rate, num_leaves, min_child_samples, feature_fraction, bagging_fraction, reg_lambda, max_bin
        As in LightGBM.
    folds : int
        How many models; each learns from all accounts but one fold.
    seeds : int
        How often the accounts are parted anew and all folds learnt again. The score is the mean of all
        ``folds * seeds`` models: steadier, and as much slower to train.
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
        max_bin: int = 63,
        folds: int = 5,
        seeds: int = 1,
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
        self.max_bin = max_bin
        self.folds = folds
        self.seeds = seeds
        self.calibration = calibration
        self.waive = waive
        self.random_state = random_state
        self.n_jobs = n_jobs

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, groups: Any = None, later: Any = None
    ) -> RiskModel:
        """Learn trees and calibration.

        Parameters
        ----------
        X : DataFrame or array (n, features)
            NaN is missing. A level ``account_id`` of the index, where there is one, keeps the snapshots of
            an account in one fold.
        y : array (n,)
            Two classes; the greater is bad.
        sample_weight : array (n,), optional
            Weights of the rows, for example less for older snapshots.
        groups : array (n,), optional
            Ids to part by, instead of the index.
        later : (X, y), optional
            A later sample. The number of trees is then the one that predicts it best, instead of the one
            that predicts best the accounts left out. Nothing else is learnt from it.

        Raises
        ------
        InputError
            ``DLQ-110`` for a protected attribute among the columns; ``DLQ-103`` for outcomes that are not
            two classes, fewer than two folds, no trees, or a sign other than 1, 0 and -1; ``DLQ-105`` for
            infinite values; ``DLQ-113`` for fewer accounts than folds.
        GateError
            ``DLQ-302`` when one column alone has an AUC above 0.95 and is not waived; ``DLQ-304`` when a
            fitted tree breaks a sign.
        """
        self._refuse_settings()
        names = list(X.columns) if hasattr(X, "columns") else []
        ids = ids_of(X, groups)
        self.classes_, X, bad, weight = admit_rows(self, X, y, sample_weight)
        refuse_leaks(X, bad, names, self.waive)
        monotone = [int(dict(self.signs or {}).get(name, 0)) for name in names] or [0] * X.shape[1]
        parts = [self._parts(ids, len(X), seed) for seed in range(max(int(self.seeds), 1))]
        boosters, raw = self._grow(X, bad, weight, parts, self._parameters(monotone))
        judged = (raw, bad, weight) if later is None else self._judged(boosters, *later)
        stage = _best_stage(*judged)
        longest = max(booster.num_trees() for booster in boosters)
        self.n_trees_ = min((stage + 1) * _STEP, longest)
        self.trees_ = from_boosters(boosters, num_iteration=self.n_trees_)
        refuse_breaches(self.trees_, names, monotone)
        self.calibration_ = choose_calibration(raw[stage], bad, weight, parts[0], self.calibration)
        self.out_of_fold_ = self.calibration_.probability(raw[stage])
        gain = np.sum([b.feature_importance("gain", self.n_trees_) for b in boosters], axis=0)
        self.importance_ = gain / max(gain.sum(), 1e-300)
        return self

    def _refuse_settings(self) -> None:
        """Raise for what LightGBM would refuse in words of its own, or take as it likes."""
        least = {"folds": 2, "n_estimators": 1, "seeds": 0}
        problems = [
            Problem("DLQ-103", f"expected a whole number of at least {low}", f"RiskModel.{name}")
            for name, low in least.items()
            if not isinstance(getattr(self, name), (int, np.integer)) or getattr(self, name) < low
        ]
        odd = [name for name, sign in dict(self.signs or {}).items() if sign not in (-1, 0, 1)]
        if odd:
            what = f"{len(odd)} signs are not 1, 0 or -1, first of {odd[0]!r}"
            fix = "1 where risk rises with it, -1 where it falls, else 0"
            problems.append(Problem("DLQ-103", what, "RiskModel.signs", len(odd), fix))
        if problems:
            raise InputError(*problems)

    def _parts(self, ids: Any, n: int, seed: int) -> np.ndarray:
        return folds_of(ids, n, self.folds, "fold" if seed == 0 else f"fold {seed}")

    def _grow(
        self,
        X: np.ndarray,
        bad: np.ndarray,
        weight: np.ndarray,
        parts: list[np.ndarray],
        parameters: dict[str, Any],
    ) -> tuple[list[lgb.Booster], np.ndarray]:
        """Return a booster a fold and seed, and the raw scores out of fold by stage (stages, n)."""
        # One table of bins for all folds: a fold without a single missing value in a column would read a
        # missing one as 0 later. Bins look at X alone, so no outcome crosses over.
        everyone = lgb.Dataset(X, bad, weight=weight, params=parameters).construct()
        boosters, raw, shortest = [], np.zeros((self._most_stages(), len(X))), None
        # One fold after the other: LightGBM keeps its number of threads in a global, so that training in
        # one thread while another predicts writes out of bounds and ends the process.
        for seed, fold in enumerate(parts):
            settings = {**parameters, "seed": self.random_state + seed}
            for k in range(self.folds):
                data = everyone.subset(np.flatnonzero(fold != k).tolist(), settings)
                boosters.append(lgb.train(settings, data, num_boost_round=self.n_estimators))
                del data  # before the next fold's bins are made
                reached = _add_stages(raw, boosters[-1], X, fold == k, self._threads())
                shortest = reached if shortest is None else min(shortest, reached)
        raw = raw[:shortest]
        raw /= len(parts)
        return boosters, raw

    def _most_stages(self) -> int:
        return max(-(-int(self.n_estimators) // _STEP), 1)

    def _judged(
        self, boosters: list[lgb.Booster], X: Any, y: Any
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Return raw scores by stage, outcomes and weights of a later sample."""
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        y = np.asarray(y)
        if y.shape != (len(X),) or not np.isin(y, self.classes_).all():
            what = "the later sample needs one outcome a row, of the same two classes"
            raise InputError(Problem("DLQ-103", what, "later"))
        raw, everyone = np.zeros((self._most_stages(), len(X))), np.ones(len(X), dtype=bool)
        reached = [_add_stages(raw, booster, X, everyone, self._threads()) for booster in boosters]
        raw = raw[: min(reached)]
        raw /= len(boosters)
        return raw, (y == self.classes_[1]).astype(float), np.ones(len(X))

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
            # its finer methods break signs where values are missing, as the proof after the fit shows
            "monotone_constraints_method": "basic",
            "max_bin": self.max_bin,
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


def _add_stages(
    raw: np.ndarray, booster: lgb.Booster, X: np.ndarray, wanted: np.ndarray, threads: int
) -> int:
    """Add the raw scores of the wanted rows after every few trees (stages, n); return how many stages."""
    total = booster.num_trees()
    ends = [*range(_STEP, total, _STEP), total] if total else [0]
    places = np.flatnonzero(wanted)
    # block by block: the rows of a fold together would be a second matrix of a fifth of the size
    for rows in np.array_split(places, max(-(-len(places) // _BLOCK), 1)):
        block, score = X[rows], np.zeros(len(rows))
        for stage, (start, end) in enumerate(itertools.pairwise([0, *ends])):
            added = booster.predict(block, start, end - start, raw_score=True, num_threads=threads)
            score += np.asarray(added)
            raw[stage, rows] += score
    return len(ends)


def _best_stage(raw: np.ndarray, bad: np.ndarray, weight: np.ndarray) -> int:
    """Return the stage with the least log-loss."""
    losses = [float((weight * (np.logaddexp(0.0, z) - bad * z)).sum()) for z in raw]
    return int(np.argmin(losses))
