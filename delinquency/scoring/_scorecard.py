"""The scorecard: few characteristics, monotone bins, whole points; the benchmark beside every model."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.utils.validation import check_is_fitted, validate_data

from delinquency.errors import InputError, Problem
from delinquency.scoring._admit import admit_rows
from delinquency.scoring._binning import Binning, bin_characteristic
from delinquency.scoring._logistic import fit_nonnegative
from delinquency.scoring._points import PointsScale

__all__ = ["Scorecard"]


class Scorecard(ClassifierMixin, BaseEstimator):
    """Probability of bad from a points card: weights of evidence and a logistic regression.

    Each characteristic is parted into bins whose bad rate goes the way the domain says; missing has a bin
    of its own. Characteristics enter one by one, the one that the outcome asks for most first, each with a
    weight that cannot turn its own bins round. The points of a bin are whole numbers, and the
    probability is that of the points, so the card on paper and the card in a database agree.

    Parameters
    ----------
    signs : mapping of str to int, optional
        Column to +1 (risk rises with the value) or -1; the better direction is taken for the others.
    max_characteristics : int
        Most characteristics of the card.
    max_bins : int
        Most bins of a characteristic, missing aside.
    min_share : float
        Smallest share of accounts in a bin, a matter of judgement.
    min_bads : int
        Fewest bads in a bin, a matter of judgement.
    min_value : float
        Characteristics with less information value are not looked at.
    max_correlation : float
        A characteristic whose weights of evidence correlate more with one on the card stays out.
    max_shift : float
        Where X has several snapshot dates, the greatest population stability index of a characteristic
        between the first half of the dates and the second.
    scale : PointsScale, optional
        600 points at 50 goods to one bad, 20 points double the odds, by default.

    Attributes
    ----------
    characteristics_ : list of str
        In the order in which they entered.
    coefficients_ : ndarray
        Weight of each characteristic's weight of evidence, above 0.
    base_points_ : int
        Points everybody starts with.
    points_ : list of ndarray
        Points of each bin of each characteristic, missing last.
    classes_ : ndarray (2,)
        The greater is bad.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> X = pd.DataFrame({"dpd_max": rng.poisson(5.0, 4000), "paid_to_due": rng.random(4000)})
    >>> y = (rng.random(4000) < 1 / (1 + np.exp(3 - 0.4 * X["dpd_max"]))).astype(int)
    >>> card = Scorecard(signs={"dpd_max": 1, "paid_to_due": -1}).fit(X, y)
    >>> card.characteristics_
    ['dpd_max']
    >>> bool((np.diff(card.points_[0][:-1]) < 0).all())
    True
    """

    def __init__(
        self,
        *,
        signs: Mapping[str, int] | None = None,
        max_characteristics: int = 20,
        max_bins: int = 8,
        min_share: float = 0.03,
        min_bads: int = 30,
        min_value: float = 0.01,
        max_correlation: float = 0.95,
        max_shift: float = 0.25,
        scale: PointsScale | None = None,
    ) -> None:
        self.signs = signs
        self.max_characteristics = max_characteristics
        self.max_bins = max_bins
        self.min_share = min_share
        self.min_bads = min_bads
        self.min_value = min_value
        self.max_correlation = max_correlation
        self.max_shift = max_shift
        self.scale = scale

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.classifier_tags.multi_class = False
        return tags

    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Scorecard:
        """Bin, choose, weigh and round.

        Parameters
        ----------
        X : DataFrame or array (n, features)
            NaN is missing. A level ``snapshot_date`` of the index lets unstable characteristics be left out.
        y : array (n,)
            Two classes; the greater is bad.
        sample_weight : array (n,), optional
            Weights of the rows.

        Raises
        ------
        InputError
            ``DLQ-110`` for a protected attribute among the columns, ``DLQ-105`` for infinite values,
            ``DLQ-103`` unless there are two classes. Where no characteristic says anything the card is
            its base points alone.
        """
        names = [str(name) for name in getattr(X, "columns", [])]
        later = _later_half(X)
        self.classes_, X, bad, weight = admit_rows(self, X, y, sample_weight)
        if len(np.unique(bad[weight > 0])) != 2:
            raise InputError(Problem("DLQ-103", "only one class has weight", "y"))
        names = names or [f"x{k}" for k in range(X.shape[1])]
        self._choose(X, bad, weight, names, later)
        return self

    def _choose(self, X, bad, weight, names, later) -> None:
        binnings = self._binned(X, bad, weight, names, later)
        columns = list(binnings)
        if columns:
            woe = np.column_stack([binnings[k].transform(X[:, k]) for k in columns])
            order, weights, intercept = self._forward(woe, bad, weight)
        else:
            order, weights, intercept = [], np.empty(0), _level(bad, weight)
        self.columns_ = [columns[k] for k in order]
        self.characteristics_ = [names[k] for k in self.columns_]
        self.binnings_ = [binnings[k] for k in self.columns_]
        self.coefficients_ = weights
        self._round(intercept)

    def _binned(self, X, bad, weight, names, later) -> dict[int, Binning]:
        signs = dict(self.signs or {})
        kept = {}
        for k, name in enumerate(names):
            binning = bin_characteristic(
                X[:, k],
                bad,
                weight,
                sign=int(signs.get(name, 0)),
                max_bins=self.max_bins,
                min_share=self.min_share,
                min_bads=self.min_bads,
            )
            if binning is None or binning.value < self.min_value:
                continue
            if later is None or _shift(binning.codes(X[:, k]), later) <= self.max_shift:
                kept[k] = binning
        return kept

    def _forward(self, woe, bad, weight) -> tuple[list[int], np.ndarray, float]:
        """Take characteristics one by one, by the score test, until none adds anything."""
        similar = np.abs(np.atleast_2d(_correlation(woe))) > self.max_correlation
        chosen: list[int] = []
        weights, intercept = np.empty(0), _level(bad, weight)
        while len(chosen) < self.max_characteristics:
            log_odds = intercept - woe[:, chosen] @ weights
            p = 1 / (1 + np.exp(-log_odds))
            # a higher weight of evidence is a lower risk, so what is wanted is a falling residual
            asked = -(woe.T @ (weight * (bad - p)))
            strength = np.where(asked > 0, asked, 0.0) ** 2 / _left(
                woe, chosen, weight * p * (1 - p)
            )
            strength[chosen] = 0.0
            strength[similar[:, chosen].any(axis=1)] = 0.0
            best = int(np.argmax(strength))
            if strength[best] < 3.84:  # the 5% point of chi-square with one degree of freedom
                break
            chosen.append(best)
            weights, intercept = fit_nonnegative(-woe[:, chosen], bad, weight)
        kept = weights > 0.02
        if not kept.all():
            chosen = [k for k, keep in zip(chosen, kept, strict=True) if keep]
            weights, intercept = fit_nonnegative(-woe[:, chosen], bad, weight)
        return chosen, weights, intercept

    def _round(self, intercept: float) -> None:
        scale = self.scale or PointsScale()
        self.points_ = [
            np.rint(scale.factor * w * binning.woe).astype("int64")
            for w, binning in zip(self.coefficients_, self.binnings_, strict=True)
        ]
        self.base_points_ = int(np.rint(scale.offset - scale.factor * intercept))

    def points(self, X: Any) -> np.ndarray:
        """Return whole points (n,); they rise as risk falls."""
        check_is_fitted(self)
        X = validate_data(self, X, dtype="float64", ensure_all_finite="allow-nan", reset=False)
        total = np.full(len(X), self.base_points_, dtype="int64")
        for column, binning, points in zip(
            self.columns_, self.binnings_, self.points_, strict=True
        ):
            total += points[binning.codes(X[:, column])]
        return total

    def decision_function(self, X: Any) -> np.ndarray:
        """Return the log-odds of bad (n,), those of the points."""
        scale = self.scale or PointsScale()
        return (scale.offset - self.points(X)) / scale.factor

    def predict_proba(self, X: Any) -> np.ndarray:
        """Return probabilities (n, 2): good, bad."""
        probability = 1.0 / (1.0 + np.exp(-self.decision_function(X)))
        return np.column_stack([1.0 - probability, probability])

    def predict(self, X: Any) -> np.ndarray:
        """Return the likelier class; decisions belong to bands and a strategy, not here."""
        late = self.decision_function(X) > 0
        return self.classes_[late.astype(int)]

    def table(self) -> pd.DataFrame:
        """Return the card: one row a bin, ``characteristic, above, up_to, accounts, bad_rate, woe, points``.

        The row without edges is that of a missing value.
        """
        check_is_fitted(self)
        rows = []
        for name, binning, points in zip(
            self.characteristics_, self.binnings_, self.points_, strict=True
        ):
            low = [-np.inf, *binning.edges, np.nan]
            high = [*binning.edges, np.inf, np.nan]
            with np.errstate(invalid="ignore"):
                rate = binning.bads / binning.accounts
            columns = (low, high, binning.accounts, rate, binning.woe, points)
            rows += [(name, *row) for row in zip(*columns, strict=True)]
        names = ["characteristic", "above", "up_to", "accounts", "bad_rate", "woe", "points"]
        return pd.DataFrame(rows, columns=names)

    def to_sql(self, table: str = "features") -> str:
        """Return the card as a query of standard SQL: all columns of a table, and ``points``.

        A missing value must be NULL there.
        """
        check_is_fitted(self)
        terms = [
            _case(name, binning.edges, points)
            for name, binning, points in zip(
                self.characteristics_, self.binnings_, self.points_, strict=True
            )
        ]
        total = "\n  + ".join([str(self.base_points_), *terms])
        return f"SELECT *,\n  {total} AS points\nFROM {_identifier(table)}"


def _case(name: str, edges: np.ndarray, points: np.ndarray) -> str:
    column = _identifier(name)
    whens = [f"WHEN {column} IS NULL THEN {points[-1]}"]
    whens += [
        f"WHEN {column} <= {float(e)!r} THEN {p}" for e, p in zip(edges, points, strict=False)
    ]
    return f"CASE {' '.join(whens)} ELSE {points[-2]} END"


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _level(bad: np.ndarray, weight: np.ndarray) -> float:
    rate = float(np.average(bad, weights=weight))
    return float(np.log(rate / (1 - rate)))


def _left(woe: np.ndarray, chosen: list[int], weight: np.ndarray) -> np.ndarray:
    """Return the variance of each column that the chosen ones do not explain (score test)."""
    known = np.column_stack([np.ones(len(woe)), woe[:, chosen]])
    weighted = known * weight[:, None]
    shared = weighted.T @ woe
    explained = (shared * np.linalg.lstsq(weighted.T @ known, shared, rcond=None)[0]).sum(axis=0)
    total = weight @ (woe * woe)
    return np.maximum(total - explained, 1e-6 * total + 1e-300)


def _correlation(woe: np.ndarray) -> np.ndarray:
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", RuntimeWarning)
        return np.nan_to_num(np.corrcoef(woe, rowvar=False))


def _later_half(X: Any) -> np.ndarray | None:
    index = getattr(X, "index", None)
    if not isinstance(index, pd.Index) or "snapshot_date" not in index.names:
        return None
    dates = index.get_level_values("snapshot_date")
    unique = np.sort(dates.unique().to_numpy())
    return None if len(unique) < 2 else (dates >= unique[len(unique) // 2])


def _shift(codes: np.ndarray, later: np.ndarray) -> float:
    """Return the population stability index of the bins between the earlier and the later rows."""
    size = int(codes.max()) + 1
    shares = [
        (np.bincount(codes[part], minlength=size) + 0.5) / (part.sum() + 0.5 * size)
        for part in (~later, later)
    ]
    return float(((shares[1] - shares[0]) * np.log(shares[1] / shares[0])).sum())
