"""Several targets from one call, with probabilities that keep the order their definitions fix."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, clone
from sklearn.utils.validation import check_is_fitted

from delinquency.errors import InputError, Problem, did_you_mean
from delinquency.schema import to_frame
from delinquency.scoring._expit import expit
from delinquency.scoring._model import RiskModel
from delinquency.scoring._points import log_odds

__all__ = ["HorizonModel", "nest_probabilities"]

_LEAST = 100  # rows in which a nesting must show before it is believed without being told
_MOST = 8  # targets: the projection looks at all sets of them
Pairs = tuple[tuple[str, str], ...]


class HorizonModel(BaseEstimator):
    """A probability for each of several targets, such as 30+ days in 3 months and 60+ in 12.

    Each target has a model of its own. Where one target lies within another (who is 60+ within 12 months
    was 30+ within 12 months), no account's probability of the narrower may exceed that of the wider: the
    log-odds of an account that would break this are moved as little as possible, in the sense of least
    squares, until it holds (`nest_probabilities`). All other accounts keep theirs.

    Parameters
    ----------
    estimator : classifier, optional
        Cloned for each target; a `RiskModel` by default.
    nested : "auto" or sequence of (narrow, wide)
        Which targets lie within which. ``auto`` takes every pair that no training row contradicts, with
        at least 100 bads of the narrower one known in both.

    Attributes
    ----------
    models_ : dict of str to classifier
        The fitted model of each target, in the order of the targets.
    nested_ : tuple of (narrow, wide)
        The pairs that are kept.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"dpd_max": rng.poisson(5.0, 900), "paid_to_due": rng.random(900)})
    >>> risk = X["dpd_max"] + rng.logistic(size=900) * 3
    >>> targets = {"60+ in 12": (risk > 8).astype(int), "30+ in 12": (risk > 5).astype(int)}
    >>> model = HorizonModel(RiskModel(n_estimators=30)).fit(X, targets)
    >>> model.nested_
    (('60+ in 12', '30+ in 12'),)
    >>> table = model.predict_proba(X)
    >>> bool((table["60+ in 12"] <= table["30+ in 12"]).all())
    True
    """

    def __init__(
        self, estimator: Any = None, *, nested: str | Sequence[tuple[str, str]] = "auto"
    ) -> None:
        self.estimator = estimator
        self.nested = nested

    def fit(self, X: Any, targets: Any, sample_weight: Any = None) -> HorizonModel:
        """Learn a model of each target.

        Parameters
        ----------
        X : DataFrame (n, features)
            As the estimator takes it.
        targets : mapping of str to array (n,), or DataFrame
            1 bad, 0 good, missing where this target cannot be judged yet: the row then teaches the other
            targets alone.
        sample_weight : array (n,), optional
            Weights of the rows.

        Raises
        ------
        InputError
            ``DLQ-103`` for targets of another length, more than eight, values other than 1 and 0, an
            unknown name in `nested`, weights of another length, or a row that is bad by the narrower
            target and good by the wider.
        """
        table = _admitted(targets, len(X))
        self.nested_ = _pairs(self.nested, table)
        weight = None if sample_weight is None else _numbers(sample_weight, "sample_weight")
        if weight is not None and weight.shape != (len(table),):
            raise InputError(
                Problem(
                    "DLQ-103",
                    "not one weight a row",
                    "sample_weight",
                    fix="give one, in the order of X",
                )
            )
        self.models_ = {}
        for name, bad in table.items():
            known = np.flatnonzero(bad.notna())
            more = {} if weight is None else {"sample_weight": weight[known]}
            rows = X.iloc[known] if hasattr(X, "iloc") else np.asarray(X)[known]
            learner: Any = RiskModel() if self.estimator is None else clone(self.estimator)
            self.models_[str(name)] = learner.fit(rows, bad.iloc[known].astype(int), **more)
        return self

    def predict_proba(self, X: Any) -> pd.DataFrame:
        """Return the probability of bad by each target (n, targets), in the order of the targets."""
        check_is_fitted(self)
        columns = {name: model.predict_proba(X)[:, 1] for name, model in self.models_.items()}
        table = pd.DataFrame(columns, index=getattr(X, "index", None))
        return nest_probabilities(table, self.nested_)


def nest_probabilities(table: pd.DataFrame, nested: Sequence[tuple[str, str]]) -> pd.DataFrame:
    """Return probabilities that respect which targets lie within which.

    Parameters
    ----------
    table : DataFrame (n, targets)
        Probabilities, one column a target; for example of several scorers.
    nested : sequence of (narrow, wide)
        Pairs of columns, so that the first may not exceed the second.

    Returns
    -------
    DataFrame
        The same form. Rows in order are untouched.

    Raises
    ------
    InputError
        ``DLQ-103`` for an unknown column, pairs that go in a circle, more than eight columns, or values
        that are no probabilities. A missing one stays missing; the others of its row are put in order.

    Notes
    -----
    The projection of a row's log-odds on the cone of the order, by the max-min formula of isotonic
    regression on a partial order (Robertson, Wright and Dykstra, "Order Restricted Statistical
    Inference", 1988, theorem 1.4.4): the greatest over the upper sets that hold a target, of the least
    over the lower sets that hold it, of the mean over what the two have in common.

    Examples
    --------
    >>> table = pd.DataFrame(
    ...     {"60+ in 12": [0.1, 0.5], "30+ in 12": [0.2, 0.5], "30+ in 3": [0.1, 0.8]}
    ... )
    >>> pairs = [("60+ in 12", "30+ in 12"), ("30+ in 3", "30+ in 12")]
    >>> nest_probabilities(table, pairs).round(3)
       60+ in 12  30+ in 12  30+ in 3
    0        0.1      0.200     0.100
    1        0.5      0.667     0.667
    """
    table = to_frame(table, "table")
    order = _closed(nested, [str(name) for name in table.columns])
    try:
        out = table.to_numpy(dtype="float64", na_value=np.nan, copy=True)
    except (TypeError, ValueError):
        out = np.full(table.shape, np.inf)
    outside = int(((out < 0) | (out > 1)).sum())
    if outside:
        what = f"{outside:,} values are no probabilities"
        raise InputError(Problem("DLQ-103", what, "table", outside, "pass numbers from 0 to 1"))
    z = log_odds(out)
    broken = np.zeros(len(z), dtype=bool)
    for narrow, wide in np.argwhere(order):
        # neighbouring numbers may have one and the same log-odds
        broken |= (z[:, narrow] > z[:, wide]) | (out[:, narrow] > out[:, wide])
    missing = np.isnan(out)
    for pattern in np.unique(missing[broken], axis=0):
        rows, known = np.flatnonzero(broken & (missing == pattern).all(axis=1)), ~pattern
        within = order[np.ix_(known, known)]
        nested_p = expit(_projected(z[np.ix_(rows, known)], within))
        # the mean of the same numbers in another order may differ in its last digit
        for narrow, wide in np.argwhere(within):
            nested_p[:, narrow] = np.minimum(nested_p[:, narrow], nested_p[:, wide])
        out[np.ix_(rows, known)] = nested_p
    return pd.DataFrame(out, index=table.index, columns=table.columns)


def _projected(z: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return the nearest rows that rise along `order` (narrow, wide)."""
    size = z.shape[1]
    members = (np.arange(2**size)[1:, None] >> np.arange(size)) & 1 > 0
    # an upper set holds whatever is wider than one of its members, a lower set whatever is narrower
    upper = members[~(members @ order & ~members).any(axis=1)]
    lower = members[~(members @ order.T & ~members).any(axis=1)]
    best = np.full(z.shape, -np.inf)
    for above in upper:
        least = np.full(z.shape, np.inf)
        for below in lower:
            if (both := above & below).any():
                mean = z[:, both].mean(axis=1)
                least[:, both] = np.minimum(least[:, both], mean[:, None])
        best[:, above] = np.maximum(best[:, above], least[:, above])
    return best


def _admitted(targets: Any, n: int) -> pd.DataFrame:
    if not isinstance(targets, (Mapping, pd.DataFrame)):
        fix = 'pass {"30+ in 3": y, ...} or a table with one column a target'
        raise InputError(Problem("DLQ-103", "targets need names", "targets", fix=fix))
    columns = {str(name): _numbers(targets[name], f'targets["{name}"]') for name in targets}
    problems = []
    if not 1 <= len(columns) <= _MOST:
        problems.append(Problem("DLQ-103", f"expected 1 to {_MOST} targets", "targets"))
    for name, bad in columns.items():
        if bad.shape != (n,):
            problems.append(
                Problem(
                    "DLQ-103",
                    "not one outcome a row",
                    f'targets["{name}"]',
                    fix="give one, in the order of X",
                )
            )
        elif not np.isin(bad[~np.isnan(bad)], (0.0, 1.0)).all():
            what = "outcomes other than 1, 0 and missing"
            problems.append(Problem("DLQ-103", what, f'targets["{name}"]', fix="1 is bad, 0 good"))
    if problems:
        raise InputError(*problems)
    return pd.DataFrame(columns)


def _numbers(values: Any, where: str) -> np.ndarray:
    try:
        return np.asarray(values, dtype="float64")
    except (TypeError, ValueError):
        raise InputError(
            Problem("DLQ-103", "expected numbers", where, fix="convert them")
        ) from None


def _pairs(nested: Any, table: pd.DataFrame) -> Pairs:
    if nested == "auto":
        names = list(table.columns)
        return tuple(pair for pair in permutations(names, 2) if _shows(table, *pair))
    pairs = tuple((str(narrow), str(wide)) for narrow, wide in nested)
    _closed(pairs, list(table.columns))
    against = [(a, b, int(((table[a] == 1) & (table[b] == 0)).sum())) for a, b in pairs]
    problems = [
        Problem(
            "DLQ-103",
            f'{count:,} rows are bad by "{a}" and good by "{b}"',
            "nested",
            count,
            f'mend the labels, or leave ("{a}", "{b}") out',
        )
        for a, b, count in against
        if count
    ]
    if problems:
        raise InputError(*problems)
    return pairs


def _shows(table: pd.DataFrame, narrow: str, wide: str) -> bool:
    """Return whether enough rows show the first target within the second, and none speaks against it."""
    both = table[[narrow, wide]].dropna()
    bad = both[narrow] == 1
    # of two targets that are the same on all rows neither is the narrower
    return bool(
        bad.sum() >= _LEAST and both.loc[bad, wide].eq(1).all() and bad.sum() < both[wide].sum()
    )


def _closed(nested: Sequence[tuple[str, str]], names: list[str]) -> np.ndarray:
    """Return which target lies within which, directly or through others (targets, targets)."""
    if len(names) > _MOST:
        raise InputError(Problem("DLQ-103", f"expected at most {_MOST} targets", "targets"))
    order = np.zeros((len(names), len(names)), dtype=bool)
    for narrow, wide in nested:
        for name in (narrow, wide):
            if name not in names:
                fix = did_you_mean(str(name), names) or "name two of the targets"
                raise InputError(Problem("DLQ-103", "no target has this name", "nested", fix=fix))
        order[names.index(narrow), names.index(wide)] = True
    for middle in range(len(names)):
        order |= order[:, [middle]] & order[[middle], :]
    if order.diagonal().any():
        raise InputError(
            Problem(
                "DLQ-103", "the pairs go in a circle", "nested", fix="name the narrower one first"
            )
        )
    return order
