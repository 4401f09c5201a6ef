"""A small search over settings, judged on accounts (and dates) that were left out."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from joblib import Parallel, delayed
from sklearn.base import clone
from sklearn.metrics import log_loss, roc_auc_score
from sklearn.model_selection import ParameterGrid

from delinquency.errors import InputError, Problem
from delinquency.scoring._admit import folds_of, ids_of

__all__ = ["Search", "search"]


class Search(NamedTuple):
    """The model with the best settings, not fitted yet, and how all settings did."""

    best: Any
    table: pd.DataFrame


def search(
    model: Any,
    X: pd.DataFrame,
    y: Any,
    space: Mapping[str, Sequence[Any]],
    *,
    cv: Any = 3,
    jobs: int = 1,
) -> Search:
    """Try every combination of a few settings, and return the one with the least log-loss.

    Parameters
    ----------
    model : classifier
        A `RiskModel` or `Scorecard`; cloned for each trial and never fitted itself.
    X : DataFrame (n, features)
        Indexed by account (and snapshot date).
    y : array (n,)
        1 bad, 0 good.
    space : mapping of str to sequence
        Settings and the values to try, for example ``{"num_leaves": [8, 12]}``.
    cv : int or splitter
        So many folds by account; or what parts the rows, for example ``history.AccountTimeSplit()``, which
        judges on later dates and other accounts.
    jobs : int
        Trials at the same time, each in a process of its own with one thread: LightGBM must not train in
        several threads at once. The result does not depend on it.

    Returns
    -------
    Search
        ``best``, and ``table`` with one row a combination: the settings, ``log_loss`` and ``auc``, the means
        over folds, and ``spread``, the standard deviation of the log-loss; the best first. Of equals the one
        that was named first wins.

    Raises
    ------
    InputError
        ``DLQ-103`` for a setting that the model does not have, an empty space, or fewer than two folds.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"dpd_max": rng.poisson(5.0, 900), "paid_to_due": rng.random(900)})
    >>> y = (rng.random(900) < 1 / (1 + np.exp(3 - 0.4 * X["dpd_max"]))).astype(int)
    >>> from delinquency.scoring import Scorecard
    >>> found = search(Scorecard(), X, y, {"max_bins": [2, 6], "ridge": [30.0]})
    >>> found.best, found.table["max_bins"].tolist()
    (Scorecard(max_bins=6), [6, 2])
    """
    unknown = [name for name in space if name not in model.get_params()]
    sequences = all(isinstance(values, Iterable) and len(list(values)) for values in space.values())
    if unknown or not space or not sequences:
        what = f"{len(unknown)} settings that the model does not have, or nothing to try"
        fix = "name settings of the model, each with a list of values to try"
        raise InputError(Problem("DLQ-103", what, "space", len(unknown), fix))
    plain: Any = clone(model)
    trials = list(ParameterGrid({name: list(values) for name, values in space.items()}))
    y = np.asarray(y)
    splits = list(_splits(X, y, cv))
    work = (
        delayed(_tried)(_with(plain, trial), X, y, train, test)
        for trial in trials
        for train, test in splits
    )
    done: Any = Parallel(n_jobs=jobs)(work)
    figures = np.reshape(done, (len(trials), len(splits), 2))
    table = pd.DataFrame(trials)
    table["log_loss"], table["auc"] = figures.mean(axis=1).T
    table["spread"] = figures[:, :, 0].std(axis=1)
    table = table.sort_values("log_loss", kind="stable")
    best = _with(plain, trials[int(table.index[0])])
    return Search(best, table.reset_index(drop=True))


def _with(model: Any, settings: Mapping[str, Any]) -> Any:
    another: Any = clone(model)
    return another.set_params(**settings)


def _splits(X: pd.DataFrame, y: np.ndarray, cv: Any) -> Iterable[tuple[np.ndarray, np.ndarray]]:
    if hasattr(cv, "split") and not isinstance(cv, str):
        return cv.split(X, y)
    if not isinstance(cv, (int, np.integer)) or cv < 2:
        what, fix = "expected a splitter, or at least two folds", "write cv=3"
        raise InputError(Problem("DLQ-103", what, "cv", fix=fix))
    fold = folds_of(ids_of(X, None), len(X), int(cv), "search")
    return [(np.flatnonzero(fold != k), np.flatnonzero(fold == k)) for k in range(cv)]


def _tried(
    model: Any, X: pd.DataFrame, y: np.ndarray, train: np.ndarray, test: np.ndarray
) -> tuple[float, float]:
    """Return log-loss and AUC on the rows left out."""
    p = model.fit(X.iloc[train], y[train]).predict_proba(X.iloc[test])[:, 1]
    bad = y[test] == model.classes_[1]
    auc = float(roc_auc_score(bad, p)) if 0 < bad.sum() < len(bad) else np.nan
    return float(log_loss(bad, p, labels=[False, True])), auc
